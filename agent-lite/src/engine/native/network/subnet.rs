//! Which addresses the containers of this Agent have: 253 of one /24, chosen once and kept.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use iofog_sorted::SortedSet;
use serde::{Deserialize, Serialize};

use crate::disk;

/// The network of this Agent's containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subnet {
    /// Address of the node towards its containers; the others follow it.
    pub gateway: Ipv4Addr,
}

// === impl Subnet ===

impl Subnet {
    /// The network kept in `file`, or a new one of 10.87.0.0/16 that no route of this machine leads to.
    ///
    /// # Errors
    /// When the choice cannot be kept.
    pub(crate) fn load(file: &Path, wish: u8) -> io::Result<Self> {
        let kept = fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
        let subnet = Self::choose(&routes, wish);
        disk::write_atomically(file, &serde_json::to_vec(&subnet)?)?;
        Ok(subnet)
    }

    /// The first free network from `wish` on.
    fn choose(routes: &str, wish: u8) -> Self {
        let candidates = (0..=u8::MAX).map(|step| wish.wrapping_add(step));
        let taken = taken(routes);
        let free = |third: &u8| {
            !taken.iter().any(|(network, mask)| {
                u32::from(Ipv4Addr::new(10, 87, *third, 0)) & mask == *network
                    || *network & 0xffff_ff00 == u32::from(Ipv4Addr::new(10, 87, *third, 0))
            })
        };
        let third = candidates.clone().find(free).unwrap_or(wish);
        Self { gateway: Ipv4Addr::new(10, 87, third, 1) }
    }

    /// The whole network, as firewalls write it.
    pub(crate) fn cidr(&self) -> String {
        let [a, b, c, _] = self.gateway.octets();
        format!("{a}.{b}.{c}.0/24")
    }

    /// The lowest address that nobody has.
    pub(crate) fn free(&self, used: &SortedSet<Ipv4Addr>) -> Option<Ipv4Addr> {
        let [a, b, c, _] = self.gateway.octets();
        (2..=254).map(|last| Ipv4Addr::new(a, b, c, last)).find(|address| !used.contains(address))
    }
}

/// Networks of the routing table, without the default route.
fn taken(routes: &str) -> Vec<(u32, u32)> {
    let number = |text: &str| u32::from_str_radix(text, 16).map(u32::from_be).ok();
    let line = |line: &str| {
        let mut fields = line.split_whitespace();
        Some((number(fields.nth(1)?)?, number(fields.nth(5)?)?))
    };
    routes.lines().skip(1).filter_map(line).filter(|(_, mask)| *mask != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn networks_that_are_in_use_are_passed_over() {
        let routes = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n\
                      eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\n\
                      veth1\t0203570A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\n";
        assert_eq!(Subnet::choose(routes, 3).gateway, Ipv4Addr::new(10, 87, 4, 1));
        assert_eq!(Subnet::choose(routes, 9).cidr(), "10.87.9.0/24");
        let used = SortedSet::from([Ipv4Addr::new(10, 87, 9, 2)]);
        assert_eq!(Subnet::choose(routes, 9).free(&used), Some(Ipv4Addr::new(10, 87, 9, 3)));
        let full = (2..=254).map(|last| Ipv4Addr::new(10, 87, 9, last)).collect();
        assert_eq!(Subnet::choose(routes, 9).free(&full), None);
    }
}
