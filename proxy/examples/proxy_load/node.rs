//! A router with its proxies in one process and on one thread, as the Agent runs them.

use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use iofog_amqp_client::{BoxStream, Dial, DialFuture};
use iofog_proxy::{ProxyConfig, ProxyOptions};
use iofog_router::{RouterConfig, RouterHandle, RuntimeOptions};

struct Inside(RouterHandle);

impl Dial for Inside {
    fn dial(&self) -> DialFuture<'_> {
        let stream: BoxStream = Box::new(self.0.connect_local());
        Box::pin(std::future::ready(Ok(stream)))
    }
}

/// Runs for ever.
pub(crate) fn run(router: &str, mappings: &[String]) {
    // As the programs do.
    iofog_heap::keep_reserve();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let config = RouterConfig::from_controller_json(router).unwrap();
        let router = iofog_router::start(config, RuntimeOptions::default()).await.unwrap();
        let dial: Option<Rc<dyn Dial>> = Some(Rc::new(Inside(router)));
        let options = ProxyOptions {
            listen_host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            target_host: "127.0.0.1".to_owned(),
            dial,
            ..ProxyOptions::default()
        };
        let config = ProxyConfig { mappings: mappings.to_vec(), ..ProxyConfig::default() };
        let _proxy = iofog_proxy::start(config, options);
        std::future::pending::<()>().await;
    });
}
