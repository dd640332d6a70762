//! Command line of `iofog-router`.

use std::net::IpAddr;
use std::path::PathBuf;

use argh::FromArgs;
use iofog_log_sink::{LevelFilter, Options};

/// Routes AMQP 1.0 messages between clients and other routers.
#[derive(Debug, FromArgs)]
pub(super) struct Arguments {
    /// configuration file: text, JSON, or the Controller's object (default: environment QDROUTERD_CONF)
    #[argh(option, short = 'c')]
    pub(super) config: Option<PathBuf>,
    /// HOST:PORT of the Agent's local API, asked when SELFNAME is set and no configuration is given
    /// (default: port 54321 of the host iofog, where /etc/hosts has it, else of localhost)
    #[argh(option)]
    pub(super) local_api: Option<String>,
    /// address for listeners without a host of their own, and for outgoing connections
    #[argh(option)]
    pub(super) bind: Option<IpAddr>,
    /// read a password from standard input and print what stands behind the name in a users file
    #[argh(switch)]
    pub(super) hash_password: bool,
    /// log level: off, error, warn, info, debug, trace (default: info)
    #[argh(option, default = "LevelFilter::Info")]
    pub(super) log: LevelFilter,
}

impl Arguments {
    pub(super) fn set_up_log(&self) -> Result<(), String> {
        let options = Options { level: self.log, ..Options::default() };
        iofog_log_sink::init(options)
            .map(|_| ())
            .map_err(|error| format!("cannot set up the log: {error:?}"))
    }
}
