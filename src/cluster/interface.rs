//! The local interfaces: which has an address, and whether it can carry data.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrStorage;

use crate::model::link::Interface;

/// Every local IP address with its interface.
///
/// Carrier is the kernel's operational state (`IFF_RUNNING`, netdevice(7)). An address that
/// several interfaces have counts as that of the best of them.
///
/// # Errors
/// What getifaddrs(3) says.
pub fn addresses() -> io::Result<BTreeMap<IpAddr, Interface>> {
    let mut found = BTreeMap::new();
    for interface in getifaddrs()? {
        let Some(ip) = interface.address.as_ref().and_then(ip) else {
            continue;
        };
        let (name, flags) = (interface.interface_name, interface.flags);
        let state = if !flags.contains(InterfaceFlags::IFF_UP) {
            Interface::Down(name)
        } else if !flags.contains(InterfaceFlags::IFF_RUNNING) {
            Interface::NoCarrier(name)
        } else {
            Interface::Up(name)
        };
        if matches!(state, Interface::Up(_)) || !found.contains_key(&ip) {
            found.insert(ip, state);
        }
    }
    Ok(found)
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| address.ip().into());
    v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().into()))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn the_loopback_address_is_up() {
        let found = addresses().unwrap();
        assert_eq!(
            found.get(&IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Some(&Interface::Up("lo".into()))
        );
    }
}
