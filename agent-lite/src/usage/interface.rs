//! Which address and interface this node uses towards its Controller (agent contract 5.2).

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

/// The selected interface; empty name and no address when none was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkInterface {
    /// Name such as `eth0`.
    pub name: String,
    /// Its address.
    pub address: Option<IpAddr>,
}

/// A documentation address: routed like any outside one, never contacted.
const OUTSIDE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);

impl NetworkInterface {
    /// The bind address if one is set; else the source address that the system would use towards the
    /// Controller, on the interface `wanted` if one is named; else, for a Controller on loopback, towards the
    /// outside. No packet is sent.
    pub fn detect(bind: Option<IpAddr>, wanted: Option<&str>, controller_host: &str) -> Self {
        let address = bind.or_else(|| {
            // Only literal addresses: resolving a name here would block the one thread.
            let literal: Option<IpAddr> = controller_host.trim_matches(['[', ']']).parse().ok();
            let towards = literal.map(|host| SocketAddr::new(host, 9));
            let sources = towards.into_iter().chain([OUTSIDE]);
            sources.filter_map(|to| source_address(to, wanted).ok()).find(|one| !one.is_loopback())
        });
        let routes = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
        let name = match address {
            Some(IpAddr::V4(address)) if address.is_loopback() => "lo".to_owned(),
            Some(IpAddr::V4(address)) => interface_of(&routes, address).unwrap_or_default(),
            _ => String::new(),
        };
        Self { name, address }
    }
}

fn source_address(towards: SocketAddr, interface: Option<&str>) -> io::Result<IpAddr> {
    let socket = Socket::new(Domain::for_address(towards), Type::DGRAM, None)?;
    socket.bind_device(interface.map(str::as_bytes))?;
    socket.connect(&towards.into())?;
    let local = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok(local.ip())
}

/// The interface whose directly connected network holds `address`.
fn interface_of(routes: &str, address: Ipv4Addr) -> Option<String> {
    let number = |text: &str| u32::from_str_radix(text, 16).map(u32::from_be).ok();
    routes.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (destination, mask) = (number(fields.get(1)?)?, number(fields.get(7)?)?);
        let inside = mask != 0 && u32::from(address) & mask == destination;
        inside.then(|| (*fields.first().unwrap_or(&"")).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bind_address_wins_and_loopback_is_named() {
        let bind = "127.0.0.1".parse().ok();
        let found = NetworkInterface::detect(bind, Some("other0"), "10.0.0.1");
        assert_eq!(found, NetworkInterface { name: "lo".into(), address: bind });
    }

    #[test]
    fn an_interface_that_does_not_exist_has_no_address() {
        assert_eq!(
            NetworkInterface::detect(None, Some("nosuch0"), "10.0.0.1"),
            NetworkInterface::default()
        );
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn interface_is_found_by_its_network() {
        let routes = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n\
                      eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\n\
                      br-7\t0005140A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n";
        assert_eq!(interface_of(routes, "10.20.5.1".parse().unwrap()).as_deref(), Some("br-7"));
        assert_eq!(interface_of(routes, "10.20.6.1".parse().unwrap()), None);
    }
}
