//! The local interfaces: which has an address, and whether it can carry data.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use getifaddrs::InterfaceFlags;

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
    for interface in getifaddrs::getifaddrs()? {
        let Some(ip) = interface.address.ip_addr() else {
            continue;
        };
        let state = if !interface.flags.contains(InterfaceFlags::UP) {
            Interface::Down(interface.name)
        } else if !interface.flags.contains(InterfaceFlags::RUNNING) {
            Interface::NoCarrier(interface.name)
        } else {
            Interface::Up(interface.name)
        };
        if matches!(state, Interface::Up(_)) || !found.contains_key(&ip) {
            found.insert(ip, state);
        }
    }
    Ok(found)
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
