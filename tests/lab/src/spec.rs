//! What a cluster looks like: nodes, links, names and addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Result, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Corosync's transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Transport {
    /// Kronosnet: one or more links.
    Knet,
    /// UDP unicast: one link.
    Udpu,
    /// UDP multicast: one link.
    Udp,
}

/// Address family of the links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Family {
    /// 10.77.`<link>`.`<node>`/24
    V4,
    /// fd77:`<link>`::`<node>`/64
    V6,
}

/// How the cluster is formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Form {
    /// As an administrator does it: `pcs host auth`, `pcs cluster setup`, `pcs cluster start`.
    Pcs,
    /// By a corosync.conf put into each node: quicker, and free in ids and totem options.
    Conf,
}

/// A cluster to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// Number of nodes, 1 to 5.
    pub nodes: usize,
    /// Link numbers, 0 to 7; gaps are allowed, but not with [`Form::Pcs`].
    pub links: Vec<u8>,
    /// Corosync's transport.
    pub transport: Transport,
    /// Address family of the links.
    pub family: Family,
    /// Node names (which are the host names too); n1, n2, … if not given.
    pub names: Option<Vec<String>>,
    /// Node ids; 1, 2, … if not given.  Only with [`Form::Conf`].
    pub ids: Option<Vec<u32>>,
    /// Whether `ringX_addr` are host names (`<node>-ringX`, in /etc/hosts) and not addresses.
    pub host_names: bool,
    /// Whether Corosync makes the node ids of the first link's addresses.  Only with
    /// [`Form::Conf`], IPv4, and not with [`Transport::Knet`].
    pub generated_ids: bool,
    /// How the cluster is formed.
    pub form: Form,
    /// More options of corosync.conf's totem section.  Only with [`Form::Conf`].
    pub totem: Vec<(String, String)>,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            nodes: 3,
            links: vec![0, 1],
            transport: Transport::Knet,
            family: Family::V4,
            names: None,
            ids: None,
            host_names: false,
            generated_ids: false,
            form: Form::Conf,
            totem: Vec::new(),
        }
    }
}

impl Spec {
    /// Whether such a cluster can be made.
    pub(crate) fn check(&self) -> Result<()> {
        let all = |given: Option<usize>| given.is_none_or(|count| count == self.nodes);
        ensure!(
            (1..=5).contains(&self.nodes),
            "a lab has 1 to 5 nodes, not {}",
            self.nodes
        );
        ensure!(!self.links.is_empty(), "a cluster needs at least one link");
        ensure!(
            self.links.is_sorted_by(|a, b| a < b),
            "link numbers must ascend"
        );
        ensure!(
            self.links.iter().all(|&link| link < 8),
            "link numbers are 0 to 7"
        );
        ensure!(
            all(self.names.as_ref().map(Vec::len)),
            "there must be one name for each node"
        );
        ensure!(
            all(self.ids.as_ref().map(Vec::len)),
            "there must be one id for each node"
        );
        let knet = self.transport == Transport::Knet;
        ensure!(
            knet || self.links == [0],
            "udp and udpu have one link, number 0"
        );
        ensure!(
            !self.generated_ids || (!knet && self.ids.is_none() && self.family == Family::V4),
            "knet and IPv6 need node ids"
        );
        if self.form == Form::Pcs {
            let gapless = self.links.iter().copied().eq(0..small(self.links.len()));
            ensure!(
                gapless,
                "pcs numbers links 0, 1, …: for others take the form `conf`"
            );
            ensure!(
                self.transport != Transport::Udp,
                "pcs knows no udp: take the form `conf`"
            );
            ensure!(
                self.ids.is_none(),
                "pcs chooses node ids: for others take the form `conf`"
            );
            ensure!(
                self.totem.is_empty(),
                "for totem options take the form `conf`"
            );
        }
        Ok(())
    }

    /// The name of node `n` (1-based).
    pub(crate) fn name(&self, n: usize) -> String {
        self.names
            .as_ref()
            .map_or_else(|| format!("n{n}"), |names| names[n - 1].clone())
    }

    /// The Corosync id of node `n`.
    pub(crate) fn id(&self, n: usize) -> u32 {
        match (&self.ids, self.address(n, 0)) {
            (Some(ids), _) => ids[n - 1],
            (None, IpAddr::V4(address)) if self.generated_ids => address.into(),
            (None, _) => small(n).into(),
        }
    }

    /// The address of node `n` on `link`.
    pub(crate) fn address(&self, n: usize, link: u8) -> IpAddr {
        match self.family {
            Family::V4 => Ipv4Addr::new(10, 77, link, small(n)).into(),
            Family::V6 => Ipv6Addr::new(0xfd77, link.into(), 0, 0, 0, 0, 0, small(n).into()).into(),
        }
    }

    /// The network of `link`, which udp finds its interface by.
    pub(crate) fn network(&self, link: u8) -> IpAddr {
        match self.family {
            Family::V4 => Ipv4Addr::new(10, 77, link, 0).into(),
            Family::V6 => Ipv6Addr::new(0xfd77, link.into(), 0, 0, 0, 0, 0, 0).into(),
        }
    }

    /// The length of a link's network prefix.
    pub(crate) fn prefix_length(&self) -> u8 {
        match self.family {
            Family::V4 => 24,
            Family::V6 => 64,
        }
    }

    /// What `ringX_addr` says for node `n`.
    pub(crate) fn ring_address(&self, n: usize, link: u8) -> String {
        if self.host_names {
            host_name(&self.name(n), link)
        } else {
            self.address(n, link).to_string()
        }
    }

    /// The nodes' /etc/hosts: a node's name is its address on the first link.
    pub(crate) fn hosts(&self) -> String {
        let mut text = String::from("127.0.0.1 localhost\n::1 localhost\n");
        for n in 1..=self.nodes {
            let name = self.name(n);
            for (position, &link) in self.links.iter().enumerate() {
                let node = if position == 0 {
                    format!(" {name}")
                } else {
                    String::new()
                };
                let address = self.address(n, link);
                text += &format!("{address}{node} {}\n", host_name(&name, link));
            }
        }
        text
    }
}

fn host_name(node: &str, link: u8) -> String {
    format!("{node}-ring{link}")
}

fn small(n: usize) -> u8 {
    u8::try_from(n).expect("few nodes and links")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_carry_link_and_node() {
        let v4 = Spec::default();
        let v6 = Spec {
            family: Family::V6,
            ..Spec::default()
        };
        assert_eq!(v4.address(3, 1).to_string(), "10.77.1.3");
        assert_eq!(v6.address(3, 1).to_string(), "fd77:1::3");
    }

    #[test]
    fn hosts_name_every_link_and_the_node_itself() {
        let spec = Spec {
            nodes: 1,
            links: vec![0, 2],
            ..Spec::default()
        };
        let hosts = "127.0.0.1 localhost\n::1 localhost\n\
                     10.77.0.1 n1 n1-ring0\n10.77.2.1 n1-ring2\n";
        assert_eq!(spec.hosts(), hosts);
    }

    #[test]
    fn ring_addresses_are_addresses_or_host_names() {
        let named = Spec {
            host_names: true,
            ..Spec::default()
        };
        assert_eq!(Spec::default().ring_address(2, 0), "10.77.0.2");
        assert_eq!(named.ring_address(2, 0), "n2-ring0");
    }

    #[test]
    fn impossible_clusters_are_refused() {
        let wrong = [
            Spec {
                nodes: 0,
                ..Spec::default()
            },
            Spec {
                nodes: 6,
                ..Spec::default()
            },
            Spec {
                links: vec![],
                ..Spec::default()
            },
            Spec {
                links: vec![1, 0],
                ..Spec::default()
            },
            Spec {
                names: Some(vec!["a".into()]),
                ..Spec::default()
            },
            Spec {
                transport: Transport::Udpu,
                ..Spec::default()
            },
            Spec {
                generated_ids: true,
                ..Spec::default()
            },
            Spec {
                links: vec![0, 2],
                form: Form::Pcs,
                ..Spec::default()
            },
            Spec {
                ids: Some(vec![7, 8, 9]),
                form: Form::Pcs,
                ..Spec::default()
            },
        ];
        for spec in wrong {
            assert!(spec.check().is_err(), "{spec:?}");
        }
        assert!(Spec::default().check().is_ok());
    }
}
