//! Puts together what Corosync and the kernel say: the facts of a pass.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Source;
use super::corosync::{CONFIGURATION, Corosync};
use super::interface;
use crate::model::failure::{Exit, Failure};
use crate::model::gather::Gather;
use crate::model::link::{Facts, Interface, LocalLink};
use crate::model::metrics::Traffic;
use crate::model::outline::Outline;

/// How long after the configuration file was written its reload is expected.
const RELOAD: Duration = Duration::from_secs(60);

/// The node that this process runs on.
#[derive(Default)]
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

    fn look(&mut self, deadline: Instant, known: Option<&Outline>) -> Result<Facts, Failure> {
        let picture = self.corosync.read(deadline, known)?;
        self.traffic = picture.traffic;
        let addresses = interface::addresses().map_err(|error| {
            let remedy = "is AF_NETLINK allowed (RestrictAddressFamilies=)?";
            let line = format!("cannot list the network interfaces: {error}; {remedy}");
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
            memberships: picture.memberships,
            links: links.gather(),
            peers: picture.peers,
            failed_reload: picture.failed_reload,
        })
    }
}

impl Source for Observer {
    fn observe(&mut self, deadline: Instant, known: Option<&Outline>) -> Result<Facts, Failure> {
        let known = known.filter(|_| !is_being_configured());
        let facts = self.look(deadline, known)?;
        // The address that is missing may have been taken out of use.
        match known.is_some() && facts.links.values().any(|l| l.interface.is_broken()) {
            true => self.look(deadline, None),
            false => Ok(facts),
        }
    }
}

/// Whether Corosync's configuration file was written lately, so that a reload may follow, which
/// changes links without any other sign.
fn is_being_configured() -> bool {
    let Ok(file) = fs::metadata(CONFIGURATION) else {
        return false;
    };
    // Nobody can set the time of a change, as `cp -p` and rsync set that of the modification.
    let written = UNIX_EPOCH + Duration::from_secs(file.ctime().max(0) as u64);
    let age = SystemTime::now().duration_since(written);
    age.is_ok_and(|age| age < RELOAD)
}
