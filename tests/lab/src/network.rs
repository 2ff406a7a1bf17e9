//! The links: one bridge each, all nodes plugged in; and how they are cut.
//!
//! The network namespaces are named in the holder's own /run/netns: `sw` holds the
//! bridges `br<link>` with a port `n<node>-r<link>` for each node, `n<node>` is the
//! node's with its end of the cable, `ring<link>`.

use clap::ValueEnum;

use crate::spec::{Family, Spec};

/// A way to cut a link of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Cut {
    /// The cable is pulled: the interface is up and loses its carrier.
    Carrier,
    /// The interface is set down in the node (an IPv6 one loses its addresses).
    Interface,
    /// Packets to the node are lost.
    DropIn,
    /// Packets from the node are lost.
    DropOut,
    /// Packets in both directions are lost.
    DropBoth,
}

/// A script that makes bridges, namespaces and cables.
pub(crate) fn create(spec: &Spec) -> String {
    let mut script = String::from("ip netns add sw\n");
    for link in &spec.links {
        script += &format!(
            "ip -n sw link add br{link} type bridge forward_delay 0 stp_state 0 mcast_snooping 0\n\
             ip -n sw link set br{link} up\n"
        );
    }
    for n in 1..=spec.nodes {
        script += &format!("ip netns add n{n}\nip -n n{n} link set lo up\n");
        for &link in &spec.links {
            script += &format!(
                "ip -n sw link add n{n}-r{link} type veth peer name ring{link} netns n{n}\n\
                 ip -n sw link set n{n}-r{link} up\n"
            );
            script += &interface_up(spec, n, link);
        }
    }
    script
}

/// A script that plugs the cables of node `n` into the bridges, or unplugs them there,
/// which its carrier does not show: a dead node answers nobody.
pub(crate) fn plug(spec: &Spec, n: usize, plugged: bool) -> String {
    let line = |link| match plugged {
        true => format!("ip -n sw link set n{n}-r{link} master br{link}\n"),
        false => format!("ip -n sw link set n{n}-r{link} nomaster\n"),
    };
    spec.links.iter().map(line).collect()
}

/// A script that sets the interface of node `n` up, with its address.
pub(crate) fn interface_up(spec: &Spec, n: usize, link: u8) -> String {
    let (address, length) = (spec.address(n, link), spec.prefix_length());
    let option = match spec.family {
        Family::V4 => "",
        Family::V6 => " nodad",
    };
    format!(
        "ip -n n{n} link set ring{link} up\n\
         ip -n n{n} address replace {address}/{length} dev ring{link}{option}\n"
    )
}

/// A script that cuts `link` of node `n`.
pub(crate) fn cut(n: usize, link: u8, how: Cut) -> String {
    let input = "add chain inet $t in { type filter hook input priority 0; }
add rule inet $t in iifname ring$l drop\n";
    let output = "add chain inet $t out { type filter hook output priority 0; }
add rule inet $t out oifname ring$l drop\n";
    let rules = match how {
        Cut::Carrier => return format!("ip -n sw link set n{n}-r{link} down\n"),
        Cut::Interface => return format!("ip -n n{n} link set ring{link} down\n"),
        Cut::DropIn => input.to_owned(),
        Cut::DropOut => output.to_owned(),
        Cut::DropBoth => format!("{input}{output}"),
    };
    format!("t=cut{link} l={link}\nip netns exec n{n} nft -f - <<E\nadd table inet $t\n{rules}E\n")
}

/// A script that undoes every cut of `link` of node `n`.
pub(crate) fn heal(spec: &Spec, n: usize, link: u8) -> String {
    format!(
        "ip netns exec n{n} nft -f - <<E\nadd table inet cut{link}\ndelete table inet cut{link}\nE\n\
         ip -n sw link set n{n}-r{link} up\n{}",
        interface_up(spec, n, link)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_addresses_are_usable_at_once() {
        let spec = Spec {
            family: Family::V6,
            ..Spec::default()
        };
        let script = interface_up(&spec, 2, 1);
        assert!(
            script.contains("address replace fd77:1::2/64 dev ring1 nodad\n"),
            "{script}"
        );
    }

    #[test]
    fn one_way_loss_drops_one_way_only() {
        let (input, output) = (cut(1, 0, Cut::DropIn), cut(1, 0, Cut::DropOut));
        assert!(input.contains("hook input") && !input.contains("hook output"));
        assert!(output.contains("hook output") && !output.contains("hook input"));
    }
}
