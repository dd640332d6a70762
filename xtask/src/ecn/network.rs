//! A container network per gateway, with a subnet that nothing else on this machine uses.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, bail};

use super::state::{GATEWAYS, GatewayNetwork};
use crate::tools::docker::Docker;

/// An IPv4 range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    base: u32,
    prefix: u8,
}

impl Subnet {
    /// The range of this prefix length that holds the address.
    pub fn new(address: Ipv4Addr, prefix: u8) -> Self {
        let prefix = prefix.min(32);
        Self { base: u32::from(address) & Self::mask(prefix), prefix }
    }

    fn mask(prefix: u8) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
    }

    /// Reads `a.b.c.d/n`; `None` for anything else, IPv6 included.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let prefix = prefix.parse().ok().filter(|p| *p <= 32)?;
        Some(Self::new(address.parse().ok()?, prefix))
    }

    /// True when the two share an address.
    pub fn overlaps(&self, other: &Self) -> bool {
        let mask = Self::mask(self.prefix.min(other.prefix));
        self.base & mask == other.base & mask
    }

    /// First address of the range: the host's own in a container network.
    pub fn first(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.base + 1)
    }
}

impl std::fmt::Display for Subnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.prefix)
    }
}

/// Picks a free /24 for each gateway.
///
/// # Errors
/// When the engine does not answer or no range is free.
pub fn choose(docker: &Docker, id: &str) -> Result<Vec<GatewayNetwork>> {
    let mut used = ranges_in_use(docker)?;
    let mut chosen = Vec::new();
    for agent in GATEWAYS {
        let subnet = candidates()
            .find(|candidate| !used.iter().any(|other| other.overlaps(candidate)))
            .context("no free subnet for a container network")?;
        used.push(subnet);
        chosen.push(GatewayNetwork {
            agent: agent.to_owned(),
            network: format!("ecn-{id}-{agent}"),
            subnet: subnet.to_string(),
            address: subnet.first(),
        });
    }
    Ok(chosen)
}

/// Makes sure that a gateway's network exists with its remembered range. Returns true when it was
/// created.
///
/// # Errors
/// When a network of this name has another range, or the range is taken by something else.
pub fn ensure(docker: &Docker, wanted: &GatewayNetwork) -> Result<bool> {
    let networks = docker.networks()?;
    if let Some(found) = networks.iter().find(|n| n.name == wanted.network) {
        let ranges = found.ipam.config.iter().flatten();
        if ranges.filter_map(|c| c.subnet.as_deref()).any(|s| s == wanted.subnet) {
            return Ok(false);
        }
        bail!(
            "container network {} exists with another range than {}",
            wanted.network,
            wanted.subnet
        );
    }
    docker
        .create_network(&wanted.network, &wanted.subnet, &wanted.address.to_string())
        .with_context(|| {
            format!(
                "cannot create container network {} with its range {} again: \
                 free the range, or run `down --purge` to choose another",
                wanted.network, wanted.subnet
            )
        })?;
    Ok(true)
}

/// Private ranges that engines and routers rarely hand out by themselves.
fn candidates() -> impl Iterator<Item = Subnet> {
    (0..=255_u8)
        .map(|third| Subnet::new(Ipv4Addr::new(10, 213, third, 0), 24))
        .chain((0..=255_u8).map(|third| Subnet::new(Ipv4Addr::new(172, 29, third, 0), 24)))
}

fn ranges_in_use(docker: &Docker) -> Result<Vec<Subnet>> {
    let mut used = host_routes(&std::fs::read_to_string("/proc/net/route").unwrap_or_default());
    for network in docker.networks()? {
        for config in network.ipam.config.into_iter().flatten() {
            used.extend(config.subnet.as_deref().and_then(Subnet::parse));
        }
    }
    Ok(used)
}

/// Ranges of the host's routing table, without the default route.
fn host_routes(table: &str) -> Vec<Subnet> {
    let parse = |line: &str| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        // The table shows addresses as little-endian hex.
        let hex = |text: Option<&str>| u32::from_str_radix(text?, 16).ok().map(u32::swap_bytes);
        let destination = hex(fields.next())?;
        let mask = hex(fields.nth(5))?;
        let prefix = u8::try_from(mask.count_ones()).ok()?;
        (prefix > 0).then(|| Subnet::new(Ipv4Addr::from(destination), prefix))
    };
    table.lines().skip(1).filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_is_symmetric_and_exact() {
        let subnet = |text| Subnet::parse(text).unwrap();
        let cases = [
            ("10.213.4.0/24", "10.0.0.0/8", true),
            ("10.213.4.0/24", "10.213.5.0/24", false),
            ("10.213.4.0/24", "10.213.4.128/25", true),
            ("0.0.0.0/0", "192.168.0.0/16", true),
            ("10.213.4.7/32", "10.213.4.0/24", true),
        ];
        for (a, b, expected) in cases {
            assert_eq!(subnet(a).overlaps(&subnet(b)), expected, "{a} {b}");
            assert_eq!(subnet(b).overlaps(&subnet(a)), expected, "{b} {a}");
        }
        assert_eq!(subnet("10.213.4.77/24").to_string(), "10.213.4.0/24");
        assert_eq!(subnet("10.213.4.0/24").first(), Ipv4Addr::new(10, 213, 4, 1));
        for bad in ["fd00::/8", "10.0.0.0", "10.0.0.0/33", "x/8"] {
            assert!(Subnet::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn routes_are_read_without_the_default() {
        let table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n\
                     eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\n\
                     eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n";
        let routes: Vec<String> = host_routes(table).iter().map(Subnet::to_string).collect();
        assert_eq!(routes, ["192.0.2.0/24"]);
    }
}
