//! Puts together what Corosync and the kernel say: the facts of a pass.

use std::time::Instant;

use super::Source;
use super::corosync::Corosync;
use super::interface;
use crate::model::failure::{Exit, Failure};
use crate::model::link::{Facts, Interface, LocalLink};
use crate::model::metrics::Traffic;

/// The node that this process runs on.
#[derive(Debug, Default)]
pub struct Observer {
    corosync: Corosync,
    /// What knet counts, as it was last seen, where that is asked for.
    pub traffic: Traffic,
}

impl Observer {
    /// One who also reads what knet counts, which no verdict needs.
    pub fn with_traffic() -> Observer {
        Observer {
            corosync: Corosync::with_traffic(),
            traffic: Traffic::new(),
        }
    }
}

impl Source for Observer {
    fn observe(&mut self, deadline: Instant) -> Result<Facts, Failure> {
        let picture = self.corosync.read(deadline)?;
        self.traffic = picture.traffic;
        let addresses = interface::addresses().map_err(|error| {
            let line = format!("cannot list the network interfaces: {error}");
            Failure::new(Exit::Unreadable, line)
        })?;
        let links = picture.links.into_iter().map(|(number, link)| {
            let interface = match link.ip {
                Some(ip) => addresses.get(&ip).cloned().unwrap_or(Interface::Absent),
                None => Interface::Unknown,
            };
            let link = LocalLink {
                address: link.ip.map_or(link.configured, |ip| ip.to_string()),
                ip: link.ip,
                interface,
                ping_interval: link.ping_interval,
                ping_timeout: link.ping_timeout,
                rrp_faulty: link.rrp_faulty,
            };
            (number, link)
        });
        Ok(Facts {
            node: picture.node,
            name: picture.name,
            transport: picture.transport,
            links: links.collect(),
            peers: picture.peers,
        })
    }
}
