//! The network of containers: a pair of links for each, routed without a bridge, so that a kernel needs only `veth`.

mod masquerade;
mod netlink;
mod subnet;

use std::fs::File;
use std::io;
use std::net::Ipv4Addr;

use rustix::thread::LinkNameSpaceType;

pub(super) use masquerade::masquerade;
pub(super) use netlink::Netlink;
pub(super) use subnet::Subnet;

/// Gives the container of process `pid` its address, reachable from the node over the link named `outer`.
///
/// # Errors
/// What the kernel says; the message names what is missing.
pub(super) fn attach(
    outer: &str,
    pid: u32,
    address: Ipv4Addr,
    gateway: Ipv4Addr,
) -> io::Result<()> {
    let mut netlink = Netlink::open()?;
    // Of a run that ended badly.
    if let Ok(index) = netlink.index(outer) {
        netlink.delete(index)?;
    }
    netlink.make_pair(outer, "eth0", pid).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("kernel makes no pair of links (module veth): {error}"),
        )
    })?;
    let index = netlink.index(outer)?;
    netlink.up(index)?;
    netlink.address(index, gateway)?;
    netlink.route(index, Some(address), None)?;
    let space = File::open(format!("/proc/{pid}/ns/net"))?;
    // Only a thread of its own may change sides.
    let inside = std::thread::spawn(move || set_up_inside(&space, address, gateway));
    inside.join().map_err(|_| io::Error::other("network set-up ended early"))?
}

fn set_up_inside(space: &File, address: Ipv4Addr, gateway: Ipv4Addr) -> io::Result<()> {
    use std::os::fd::AsFd as _;
    rustix::thread::move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))?;
    let mut netlink = Netlink::open()?;
    let loopback = netlink.index("lo")?;
    netlink.up(loopback)?;
    let index = netlink.index("eth0")?;
    netlink.address(index, address)?;
    netlink.up(index)?;
    netlink.route(index, Some(gateway), None)?;
    netlink.route(index, None, Some(gateway))
}
