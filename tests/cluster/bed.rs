//! The cluster that tests run on, with the project's own package installed as an
//! administrator would, and what all tests ask it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail, ensure};
use lab::{Cluster, Node, Spec, wait_until};

/// The timer's interval, as systemd-timers/ringcheck.timer has it.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// The default of the setting recovery-hold.
pub const HOLD: Duration = Duration::from_secs(10);

/// What the attributes' way to another node's crm_mon may take beyond that.
pub const MARGIN: Duration = Duration::from_secs(2);

/// Long enough for anything that is not itself measured.
pub const LONG: Duration = Duration::from_secs(60);

/// The attribute with a node's health.
pub const HEALTH: &str = "#health-ringcheck";

/// Every node's ringcheck attributes by node name and attribute name.
pub type Attributes = BTreeMap<(String, String), String>;

/// A formed cluster with ringcheck on it.
pub struct Bed {
    pub cluster: Cluster,
    pub spec: Spec,
}

impl Bed {
    /// Makes one as the lab of that name; the package is built meanwhile.
    pub fn make(prefix: &str, spec: &Spec) -> Result<Bed> {
        let cluster = thread::scope(|scope| {
            scope.spawn(package);
            let cluster = Cluster::up(prefix, spec)?;
            cluster.form()?;
            anyhow::Ok(cluster)
        })?;
        cluster.install(package()?)?;
        cluster.each(|node| {
            node.run(&["systemctl", "enable", "--now", "ringcheck.timer"])?;
            Ok(())
        })?;
        let agent = "path=/usr/share/ringcheck/alerts/ringcheck-alert";
        cluster
            .node(1)
            .run(&["pcs", "alert", "create", agent, "id=ringcheck"])?;
        Ok(Bed {
            cluster,
            spec: spec.clone(),
        })
    }

    /// Makes all whole again, whatever the test before did, and waits until it shows; the recovery
    /// hold of what was broken is left out.
    pub fn restore(&self) -> Result<()> {
        const CONFIGURATION: &str = "/etc/ringcheck.toml";
        self.cluster.each(|node| {
            if !node.is_up() {
                node.boot()?;
            }
            node.write(CONFIGURATION, "recovery-hold = 0\n")?;
            for &link in &self.spec.links {
                node.heal(link)?;
            }
            node.sh("systemctl start corosync pacemaker ringcheck.timer")?;
            Ok(())
        })?;
        let all: Vec<usize> = (1..=self.spec.nodes).collect();
        self.cluster.wait_online(&all, LONG)?;
        let wanted = self.all("UP");
        self.cluster.each(|node| {
            wait_until("every link UP, and nothing else", LONG, || {
                let seen = self.all_seen_from(node.number())?;
                ensure!(seen == wanted, "{} shows {seen:?}", node.name());
                Ok(Some(()))
            })
        })?;
        self.cluster
            .each(|node| node.run(&["rm", CONFIGURATION]).map(drop))
    }

    pub fn node(&self, n: usize) -> &Node {
        self.cluster.node(n)
    }

    /// The links' states as `crm_mon -A1` shows them on node `n`.
    pub fn seen_from(&self, n: usize) -> Result<Attributes> {
        let mut seen = self.all_seen_from(n)?;
        seen.retain(|(_, name), _| name.starts_with("ringnumber_"));
        Ok(seen)
    }

    /// The same, with all else that ringcheck publishes.
    pub fn all_seen_from(&self, n: usize) -> Result<Attributes> {
        parse(&self.node(n).run(&["crm_mon", "-A1", "--output-as=xml"])?)
    }

    /// Every node's health as the CIB of node `n` has it: crm_mon keeps such attributes to itself.
    pub fn health_seen_from(&self, n: usize) -> Result<Attributes> {
        let xml = self
            .node(n)
            .run(&["cibadmin", "--query", "--scope", "status"])?;
        let document =
            roxmltree::Document::parse(&xml).map_err(|error| anyhow!("{error}: {xml}"))?;
        let pairs = document.descendants().filter(|e| e.has_tag_name("nvpair"));
        let health = pairs.filter(|pair| pair.attribute("name") == Some(HEALTH));
        let health = health.filter_map(|pair| {
            let state = pair.ancestors().find(|e| e.has_tag_name("node_state"))?;
            let key = (state.attribute("uname")?.to_owned(), HEALTH.to_owned());
            Some((key, pair.attribute("value")?.to_owned()))
        });
        Ok(health.collect())
    }

    /// The attributes that would show every link in this state.
    pub fn all(&self, state: &str) -> Attributes {
        let mut attributes = Attributes::new();
        for node in self.cluster.nodes() {
            for &link in &self.spec.links {
                attributes.extend([self.attribute(node.number(), link, state)]);
            }
        }
        attributes
    }

    /// One attribute as it shows this state.
    pub fn attribute(&self, n: usize, link: u8, state: &str) -> ((String, String), String) {
        let node = self.node(n);
        (
            (node.name().to_owned(), format!("ringnumber_{link}")),
            format!("{} is {state}", node.address(link)),
        )
    }

    /// Waits until node `from` shows exactly these attributes; how long that took.
    pub fn wait_on(
        &self,
        from: usize,
        what: &str,
        limit: Duration,
        wanted: &Attributes,
    ) -> Result<Duration> {
        let start = Instant::now();
        wait_until(what, limit, || {
            let seen = self.seen_from(from)?;
            ensure!(seen == *wanted, "node {from} shows {seen:?}");
            Ok(Some(start.elapsed()))
        })
    }

    /// Waits until every node that is up shows exactly these attributes.
    pub fn wait_for(&self, what: &str, limit: Duration, wanted: &Attributes) -> Result<()> {
        for node in self.cluster.nodes().iter().filter(|node| node.is_up()) {
            self.wait_on(node.number(), what, limit, wanted)?;
        }
        Ok(())
    }

    /// What a failed test leaves to read.
    pub fn tell(&self, test: &str) {
        for node in self.cluster.nodes().iter().filter(|node| node.is_up()) {
            let script = "ringcheck; cat /run/ringcheck/state.json; \
                journalctl --no-pager -n 30 -t ringcheck -t systemd; \
                grep 'Setting ringnumber' /var/log/pacemaker/pacemaker.log | tail -n 20";
            let text = node
                .output(&["sh", "-c", script])
                .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
                .unwrap_or_else(|error| format!("{error:#}"));
            eprintln!("--- {test}: {}\n{text}", node.name());
        }
    }
}

/// The project's own package, built once, whoever asks first.
pub fn package() -> Result<&'static Path> {
    static PACKAGE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = PACKAGE.get_or_init(|| lab::build_package().map_err(|e| format!("{e:#}")));
    match built {
        Ok(path) => Ok(path),
        Err(error) => bail!("{error}"),
    }
}

fn parse(xml: &str) -> Result<Attributes> {
    let document = roxmltree::Document::parse(xml).map_err(|error| anyhow!("{error}: {xml}"))?;
    let mut attributes = Attributes::new();
    for attribute in document
        .descendants()
        .filter(|e| e.has_tag_name("attribute"))
    {
        let node = attribute
            .parent_element()
            .and_then(|node| node.attribute("name"));
        let (node, name, value) = (
            node,
            attribute.attribute("name"),
            attribute.attribute("value"),
        );
        if let (Some(node), Some(name), Some(value)) = (node, name, value)
            && name.starts_with("ring")
        {
            attributes.insert((node.to_owned(), name.to_owned()), value.to_owned());
        }
    }
    Ok(attributes)
}
