//! A whole cluster: up, formed, down.

use std::env;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::conf;
use crate::guard::Guard;
use crate::host;
use crate::image::{Image, PASSWORD};
use crate::network;
use crate::node::Node;
use crate::place::Place;
use crate::spec::{Form, Spec, Transport};
use crate::wait::wait_until;

const FORM_LIMIT: Duration = Duration::from_secs(120);

/// A cluster of booted nodes.  Dropping it takes it down, and so does its guardian if
/// the owner ends without dropping it.  With `LAB_KEEP` in the environment a cluster
/// dropped by a panic, as of a failed test, stays up to be looked at.
pub struct Cluster {
    place: Place,
    spec: Spec,
    nodes: Vec<Node>,
    /// Of the owner; none if only [attached](Cluster::attach).
    guard: Option<Guard>,
}

impl Cluster {
    /// Makes networks and nodes and waits until every node's systemd is ready.  What an
    /// earlier lab of that name left is removed first; the image is built if need be.
    ///
    /// # Errors
    ///
    /// If the machine lacks something, `spec` makes no cluster, another running program
    /// owns a lab of that name, or a node does not boot.
    pub fn up(prefix: &str, spec: &Spec) -> Result<Self> {
        spec.check()?;
        host::check()?;
        let images = Image::from_environment()?;
        let images = images
            .iter()
            .map(Image::ensure)
            .collect::<Result<Vec<_>>>()?;
        let place = Place::new(prefix)?;
        let guard = place.claim()?;
        let mut cluster = Self::of(place, spec.clone());
        cluster.guard = Some(guard);
        cluster.place.furnish(&images, spec)?;
        cluster.place.script(&network::create(spec))?;
        cluster.nodes.iter().try_for_each(Node::switch_on)?;
        cluster.nodes.iter().try_for_each(Node::wait_ready)?;
        Ok(cluster)
    }

    /// A cluster that is up already; dropping this leaves it so.
    ///
    /// # Errors
    ///
    /// If there is no lab of that name.
    pub fn attach(prefix: &str) -> Result<Self> {
        host::check_root()?;
        let place = Place::new(prefix)?;
        let spec = place.spec()?;
        Ok(Self::of(place, spec))
    }

    fn of(place: Place, spec: Spec) -> Self {
        let nodes = (1..=spec.nodes)
            .map(|n| Node::new(&place, &spec, n))
            .collect();
        Self {
            place,
            spec,
            nodes,
            guard: None,
        }
    }

    /// Makes and starts the cluster; waits until all nodes are online, with quorum and DC.
    ///
    /// # Errors
    ///
    /// If a command fails, or the cluster is not online within two minutes.
    pub fn form(&self) -> Result<()> {
        match self.spec.form {
            Form::Pcs => {
                self.pcs_auth()?;
                self.pcs_setup()?;
                self.pcs_start()
            }
            Form::Conf => self.form_by_conf(),
        }
    }

    fn form_by_conf(&self) -> Result<()> {
        self.each(|node| {
            let conf = conf::corosync(&self.spec);
            node.write("/etc/corosync/corosync.conf", &conf)?;
            seed(node)?;
            node.run(&["systemctl", "start", "corosync", "pacemaker"])?;
            Ok(())
        })?;
        self.settle()
    }

    /// `pcs host auth`: the first step of forming with pcs.
    ///
    /// # Errors
    ///
    /// If pcs fails.
    pub fn pcs_auth(&self) -> Result<()> {
        let mut command = words("pcs host auth");
        for node in &self.nodes {
            command.push(node.name().into());
            command.push(format!("addr={}", node.address(self.spec.links[0])));
        }
        command.extend(["-u", "hacluster", "-p", PASSWORD].map(String::from));
        self.first(&command)
    }

    /// `pcs cluster setup`: the second step of forming with pcs.
    ///
    /// # Errors
    ///
    /// If pcs fails.
    pub fn pcs_setup(&self) -> Result<()> {
        let mut command = words("pcs cluster setup lab");
        for node in &self.nodes {
            command.push(node.name().into());
            for &link in &self.spec.links {
                let address = self.spec.ring_address(node.number(), link);
                command.push(format!("addr={address}"));
            }
        }
        command.extend(words(match self.spec.transport {
            Transport::Knet => "transport knet",
            Transport::Udpu => "transport udpu",
            Transport::Udp => "transport udp",
        }));
        self.first(&command)?;
        self.each(seed)
    }

    /// `pcs cluster start`: the last step of forming with pcs; waits until all are online.
    ///
    /// # Errors
    ///
    /// If pcs fails, or the cluster is not online within two minutes.
    pub fn pcs_start(&self) -> Result<()> {
        self.first(&words("pcs cluster start --all"))?;
        self.settle()
    }

    fn first(&self, command: &[String]) -> Result<()> {
        let argv: Vec<_> = command.iter().map(String::as_str).collect();
        self.nodes[0].run_within(FORM_LIMIT, &argv)?;
        Ok(())
    }

    /// Installs a Debian package on every node.
    ///
    /// # Errors
    ///
    /// If it cannot be read or installed.
    pub fn install(&self, deb: &Path) -> Result<()> {
        const PATH: &str = "/var/tmp/package.deb";
        let package = fs::read(deb).with_context(|| format!("cannot read {}", deb.display()))?;
        self.each(|node| {
            node.write(PATH, &package)?;
            node.run(&["dpkg", "--install", PATH])?;
            node.run(&["rm", PATH])?;
            Ok(())
        })
    }

    /// Waits until each of these nodes (numbers from 1) sees all of them and no other
    /// online, with quorum and a DC.
    ///
    /// # Errors
    ///
    /// After `limit`, with what the node in question saw last.
    pub fn wait_online(&self, nodes: &[usize], limit: Duration) -> Result<()> {
        let mut wanted: Vec<_> = nodes.iter().map(|&n| self.node(n).name()).collect();
        wanted.sort_unstable();
        let what = format!("{} online with quorum and a DC", wanted.join(", "));
        wait_until(&what, limit, || {
            for &n in nodes {
                let node = self.node(n);
                let screen = node.run(&["crm_mon", "-1", "--output-as=xml"])?;
                let online = online(&screen);
                ensure!(online == wanted, "{} sees {online:?}", node.name());
            }
            Ok(Some(()))
        })
    }

    /// Waits until all are online, and then has the CIB speak the newest language, as that of a
    /// fresh cluster does.  The first one speaks one that every Pacemaker knows, and Pacemaker 3
    /// translates it for each crm_mon, at 150 ms of CPU time.
    fn settle(&self) -> Result<()> {
        let all: Vec<_> = (1..=self.nodes.len()).collect();
        self.wait_online(&all, FORM_LIMIT)?;
        self.first(&words("cibadmin --upgrade --force"))
    }

    /// Node `n`, from 1.
    ///
    /// # Panics
    ///
    /// If there is no such node.
    #[must_use]
    pub fn node(&self, n: usize) -> &Node {
        &self.nodes[n - 1]
    }

    /// All nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Does something on all nodes at the same time.
    ///
    /// # Errors
    ///
    /// The first one that any of them had.
    pub fn each(&self, work: impl Fn(&Node) -> Result<()> + Sync) -> Result<()> {
        thread::scope(|scope| {
            let works: Vec<_> = self
                .nodes
                .iter()
                .map(|node| scope.spawn(|| work(node)))
                .collect();
            let results: Vec<_> = works
                .into_iter()
                .map(|work| {
                    work.join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect();
            results.into_iter().collect()
        })
    }

    /// Leaves the cluster up when the program ends; `lab down` takes it down.
    ///
    /// # Errors
    ///
    /// If its guardian is gone.
    pub fn detach(mut self) -> Result<()> {
        self.guard.take().map_or(Ok(()), Guard::release)
    }

    /// Takes it down: every process, mount, network, control group and file.
    ///
    /// # Errors
    ///
    /// If its processes do not end; the guardian then tries again.
    pub fn down(mut self) -> Result<()> {
        self.take_down()
    }

    fn take_down(&mut self) -> Result<()> {
        let Some(guard) = self.guard.take() else {
            return Ok(());
        };
        self.place.teardown()?;
        guard.release()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if thread::panicking() && env::var_os("LAB_KEEP").is_some() {
            eprintln!("lab: `{}` stays up: see `lab --help`", self.place.prefix());
            self.guard.take().map(Guard::release);
        }
        if let Err(error) = self.take_down() {
            eprintln!("lab: {error:#}");
        }
    }
}

/// Puts the first CIB into a node.
fn seed(node: &Node) -> Result<()> {
    const PATH: &str = "/var/lib/pacemaker/cib/cib.xml";
    node.write(PATH, conf::CIB)?;
    node.sh(&format!(
        "chown hacluster:haclient {PATH} && chmod 600 {PATH}"
    ))?;
    Ok(())
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(String::from).collect()
}

/// The names, sorted, of the nodes that crm_mon's XML shows online; none unless the
/// partition has quorum and a DC.
fn online(screen: &str) -> Vec<&str> {
    let is = |line: &str, attribute| line.contains(attribute);
    let with_dc = screen.lines().any(|line| {
        is(line, "<current_dc ") && is(line, "present=\"true\"") && is(line, "with_quorum=\"true\"")
    });
    if !with_dc {
        return Vec::new();
    }
    let mut names: Vec<_> = screen
        .lines()
        .filter(|line| is(line, "online=\"true\"") && !is(line, "pending=\"true\""))
        .filter_map(|line| line.split_once("<node name=\"")?.1.split('"').next())
        .collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(quorum: bool) -> String {
        format!(
            r#"<current_dc present="true" name="n1" id="1" with_quorum="{quorum}"/>
    <node name="n2" id="2" online="true" standby="false" pending="false" type="member"/>
    <node name="n1" id="1" online="true" standby="false" pending="false" type="member"/>
    <node name="n3" id="3" online="true" standby="false" pending="true" type="member"/>
    <node name="n4" id="4" online="false" standby="false" pending="false" type="member"/>
    <node_attributes><node name="n1"></node></node_attributes>"#
        )
    }

    #[test]
    fn online_is_who_has_joined() {
        assert_eq!(online(&screen(true)), ["n1", "n2"]);
    }

    #[test]
    fn nobody_is_online_without_quorum() {
        assert!(online(&screen(false)).is_empty());
    }
}
