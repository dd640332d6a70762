//! Places for connections: how many there are at one time, and how many of them one address may take (decision 0088).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Addresses that share their first bits: `10.1.0.0/16`, or one address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl std::str::FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| ())?;
        if bits > most { Err(()) } else { Ok(Self { address, bits }) }
    }
}

impl Network {
    /// True when an address lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (u32::from(own) ^ u32::from(other)).leading_zeros() >= self.bits
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (u128::from(own) ^ u128::from(other)).leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

/// All places.
#[derive(Debug)]
pub struct Places {
    all: Arc<Semaphore>,
    share: usize,
    /// Proxies, behind which there are many clients.
    trusted: Vec<Network>,
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// A place that a connection holds until it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    address: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// So many, of which one address may take `share`, unless it is of this machine or a trusted proxy's.
    #[must_use]
    pub fn new(count: usize, share: usize, trusted: Vec<Network>) -> Arc<Self> {
        let all = Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { all, share, trusted, held: Mutex::default() })
    }

    /// Waits until one is free.
    pub async fn free(&self) -> Option<OwnedSemaphorePermit> {
        // Never closed.
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// Gives a free one to `peer`; none when it has its share.
    #[must_use]
    pub fn take(self: &Arc<Self>, permit: OwnedSemaphorePermit, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        let places = Arc::clone(self);
        if peer.is_loopback() || self.trusted.iter().any(|network| network.contains(peer)) {
            return Some(Place { places, address: None, _permit: permit });
        }
        let address = owner(peer);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(address).or_default();
        if *count >= self.share {
            return None;
        }
        *count += 1;
        Some(Place { places, address: Some(address), _permit: permit })
    }
}

impl Place {
    /// Whose share it is of; none for this machine and trusted proxies.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut held = self.places.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&address);
            }
        }
    }
}

/// Who an address belongs to: with IPv6 one owner has a whole /64.
fn owner(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(own) => Ipv6Addr::from(u128::from(own) >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn one_address_has_its_share() {
        let places = Places::new(6, 2, vec!["10.1.0.0/16".parse().unwrap()]);
        let take = async |peer: &str| places.take(places.free().await.unwrap(), address(peer));
        let held = [take("192.0.2.1").await, take("::ffff:192.0.2.1").await];
        assert!(held.iter().all(Option::is_some));
        assert!(take("192.0.2.1").await.is_none());
        let others =
            [take("192.0.2.2").await, take("2001:db8::1").await, take("2001:db8::2").await];
        assert!(others.iter().all(Option::is_some));
        assert!(take("2001:db8:0:0:9::9").await.is_none(), "the same owner");
        drop(others);
        let many = [take("10.1.2.3").await, take("10.1.2.3").await, take("10.1.2.3").await];
        assert!(many.iter().all(Option::is_some), "a proxy");
        drop(many);
        let many = [take("127.0.0.1").await, take("127.0.0.1").await, take("::1").await];
        assert!(many.iter().all(Option::is_some), "this machine");
        drop(held);
        assert!(take("192.0.2.1").await.is_some());
        drop(many);
        assert!(places.held.lock().unwrap().is_empty());
        assert_eq!(places.all.available_permits(), 6);
    }

    #[test]
    fn networks() {
        let network = |text: &str| text.parse::<Network>();
        assert!(network("10.0.0.0/8").unwrap().contains(address("10.9.9.9")));
        assert!(!network("10.0.0.0/8").unwrap().contains(address("11.0.0.0")));
        assert!(network("10.0.0.1").unwrap().contains(address("10.0.0.1")));
        assert!(!network("10.0.0.1").unwrap().contains(address("10.0.0.2")));
        assert!(network("0.0.0.0/0").unwrap().contains(address("9.9.9.9")));
        assert!(!network("0.0.0.0/0").unwrap().contains(address("2001:db8::1")));
        assert!(network("2001:db8::/32").unwrap().contains(address("2001:db8:9::1")));
        for text in ["", "10.0.0.0/33", "x", "10.0.0.0/", "10.0.0/8"] {
            assert!(network(text).is_err(), "{text}");
        }
    }
}
