//! The demonstration: what ringcheck shows when a cable is pulled.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::cluster::Cluster;
use crate::host;
use crate::image::Image;
use crate::network::Cut;
use crate::node::Node;
use crate::package::build_package;
use crate::spec::{Form, Spec};
use crate::steps::Steps;
use crate::wait::wait_until;

const ALERT: &str = "path=/usr/share/ringcheck/alerts/ringcheck-alert";
/// Detection, recovery hold and timer together, with room for a slow machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Makes a cluster with the package `deb` (built if none is given), pulls a cable and
/// puts it back, telling each step.
///
/// # Errors
///
/// If a step fails; the cluster is taken down all the same.
pub fn demo(prefix: &str, deb: Option<PathBuf>) -> Result<()> {
    let steps = Steps::default();
    let deb = package(deb, &steps)?;
    let spec = Spec {
        form: Form::Pcs,
        ..Spec::default()
    };
    let cluster = up(prefix, &spec, &steps)?;
    outfit(&cluster, &deb, &steps)?;
    let (n1, n2) = (cluster.node(1), cluster.node(2));
    let all_up: Vec<_> = cluster
        .nodes()
        .iter()
        .flat_map(|node| spec.links.iter().map(|&link| state(node, link, "UP")))
        .collect();
    let watch = |what: &str, states: &[String]| -> Result<()> {
        let screen = steps.step(what, || wait_for(n1, states))?;
        steps.show(&screen)
    };
    watch("see every link UP in `crm_mon -A1` on n1", &all_up)?;
    steps.step("pull n2's cable of link 1", || n2.cut(1, Cut::Carrier))?;
    // A link's fault is seen from both of its ends.
    let faulty: Vec<_> = cluster
        .nodes()
        .iter()
        .map(|node| state(node, 1, "FAULTY"))
        .collect();
    watch("see link 1 FAULTY in `crm_mon -A1` on n1", &faulty)?;
    for node in [n2, n1] {
        let what = format!("ask {} why: ringcheck", node.name());
        let table = steps.step(&what, || node.run(&["ringcheck"]))?;
        steps.show(&table)?;
    }
    steps.step("put the cable back", || n2.heal(1))?;
    watch("see every link UP again, after the recovery hold", &all_up)?;
    steps.step("take everything down", || cluster.down())?;
    steps.total()
}

/// The package that was given, or else a fresh one.
///
/// # Errors
///
/// If it cannot be built.
pub fn package(given: Option<PathBuf>, steps: &Steps) -> Result<PathBuf> {
    host::check()?;
    match given {
        Some(deb) => fs::canonicalize(&deb).with_context(|| format!("no {}", deb.display())),
        None => steps.step("build the Debian package (cargo deb)", build_package),
    }
}

/// Boots and forms a cluster, telling each step.
///
/// # Errors
///
/// If a step fails.
pub fn up(prefix: &str, spec: &Spec, steps: &Steps) -> Result<Cluster> {
    spec.check()?;
    host::check()?;
    for image in Image::from_environment()? {
        if !image.exists() {
            steps.step("build the nodes' image (only once)", || image.ensure())?;
        }
    }
    let boot = format!(
        "boot {} node{}",
        spec.nodes,
        if spec.nodes == 1 { "" } else { "s" }
    );
    let cluster = steps.step(&boot, || Cluster::up(prefix, spec))?;
    match spec.form {
        Form::Pcs => {
            steps.step("pcs host auth", || cluster.pcs_auth())?;
            steps.step("pcs cluster setup", || cluster.pcs_setup())?;
            steps.step("pcs cluster start --all, until all are online", || {
                cluster.pcs_start()
            })?;
        }
        Form::Conf => steps.step("form the cluster", || cluster.form())?,
    }
    Ok(cluster)
}

/// Installs the package on every node, registers its alert and enables its timer.
///
/// # Errors
///
/// If a step fails.
pub fn outfit(cluster: &Cluster, deb: &Path, steps: &Steps) -> Result<()> {
    let package = deb.file_name().unwrap_or_default().display();
    steps.step(&format!("install {package} on every node"), || {
        cluster.install(deb)
    })?;
    steps.step(&format!("pcs alert create {ALERT} id=ringcheck"), || {
        cluster
            .node(1)
            .run(&["pcs", "alert", "create", ALERT, "id=ringcheck"])
    })?;
    steps.step(
        "systemctl enable --now ringcheck.timer on every node",
        || {
            cluster.each(|node| {
                node.run(&["systemctl", "enable", "--now", "ringcheck.timer"])?;
                Ok(())
            })
        },
    )
}

/// What crm_mon shows of a link in that state.
fn state(node: &Node, link: u8, state: &str) -> String {
    format!("ringnumber_{link} : {} is {state}", node.address(link))
}

/// Waits until `watcher` shows all of these states; the node attributes then.
fn wait_for(watcher: &Node, states: &[String]) -> Result<String> {
    let what = format!("crm_mon on {} to show the links so", watcher.name());
    wait_until(&what, LIMIT, || {
        let attributes = attributes(&watcher.run(&["crm_mon", "-A1"])?);
        let shown = single_spaced(&attributes);
        for state in states {
            ensure!(shown.contains(state), "`{state}` is not there");
        }
        Ok(Some(attributes))
    })
}

fn single_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// crm_mon's section of node attributes.
fn attributes(screen: &str) -> String {
    let lines = screen
        .lines()
        .skip_while(|line| !line.starts_with("Node Attributes:"));
    lines
        .take_while(|line| !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: &str = "\
Node List:
  * Online: [ n1 n2 ]

Node Attributes:
  * Node: n1:
    * ringnumber_0                    \t: 10.77.0.1 is UP
  * Node: n2:
    * ringnumber_0                    \t: 10.77.0.2 is UP
    * ringnumber_1                    \t: 10.77.1.2 is FAULTY

Migration Summary:
";

    #[test]
    fn the_section_of_node_attributes_is_found() {
        let section = attributes(SCREEN);
        assert!(section.starts_with("Node Attributes:\n") && !section.contains("Migration"));
        let shown = single_spaced(&section);
        assert!(
            shown.contains("ringnumber_1 : 10.77.1.2 is FAULTY"),
            "{shown}"
        );
    }
}
