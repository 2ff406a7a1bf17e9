//! The drill's own resource, through Pacemaker's tools. pcs and crmsh are each absent somewhere.

mod read;

use std::time::{Duration, Instant};

use super::child::{self, Output};
use super::exit_code::{EXISTS, NO_SUCH_OBJECT};
use super::pacemaker::explain;
use crate::model::drill::RESOURCE;
use crate::model::drill::plan::{self, STANDBY};
use crate::model::drill::scene::{Scene, Stored};
use crate::model::failure::{Exit, Failure};

/// How long a tool may take to answer.
const ANSWER: Duration = Duration::from_secs(15);

/// How long the cluster may take to come to rest.
const REST: Duration = Duration::from_secs(30);

/// The deadline of a tool that is started now.
pub fn soon() -> Instant {
    Instant::now() + ANSWER
}

/// Runs a tool, which no key that is typed at the terminal ends half way.
fn run(tool: &str, arguments: &[&str], deadline: Instant) -> Result<Output, Failure> {
    child::run_apart(tool, arguments, deadline).map_err(no_attribute)
}

/// Runs a tool that must succeed; its output.
fn tool(what: &str, tool: &str, arguments: &[&str]) -> Result<String, Failure> {
    tool_by(soon(), what, tool, arguments)
}

fn tool_by(
    deadline: Instant,
    what: &str,
    tool: &str,
    arguments: &[&str],
) -> Result<String, Failure> {
    let output = run(tool, arguments, deadline)?;
    match output.code {
        Some(0) => Ok(output.stdout),
        _ => Err(failed(what, &output)),
    }
}

fn failed(what: &str, output: &Output) -> Failure {
    no_attribute(explain(what, output))
}

/// What fails here is no attribute that is not written.
fn no_attribute(mut failure: Failure) -> Failure {
    if failure.exit == Exit::Attribute {
        failure.exit = Exit::Failed;
    }
    failure
}

fn unexpected(what: &str, tool: &str) -> Failure {
    let line = format!("{what}: {tool}'s answer is not the XML that was expected");
    Failure::new(Exit::Failed, line)
}

/// This node's name in the cluster.
///
/// # Errors
/// When Pacemaker cannot be asked.
pub fn node_name() -> Result<String, Failure> {
    let what = "cannot ask Pacemaker for this node's name";
    Ok(tool(what, "crm_node", &["--name"])?.trim().to_owned())
}

/// The cluster as it is now.
///
/// # Errors
/// When Pacemaker cannot be asked.
pub fn scene() -> Result<Scene, Failure> {
    let what = "cannot read the state of the cluster";
    let sections = "--include=none,summary,options,dc,nodes,resources,attributes,operations";
    let arguments = ["-1", "--output-as=xml", "--inactive", sections];
    let xml = tool(what, "crm_mon", &arguments)?;
    read::scene(&xml).ok_or_else(|| unexpected(what, "crm_mon"))
}

/// What the CIB says.
///
/// # Errors
/// When the CIB cannot be read, or not before the deadline.
pub fn stored(deadline: Instant) -> Result<Stored, Failure> {
    let what = "cannot read the CIB";
    let xml = tool_by(deadline, what, "cibadmin", &["--query"])?;
    read::stored(&xml).ok_or_else(|| unexpected(what, "cibadmin"))
}

/// Creates the resource, stopped. Whether it is new: of several that try, one succeeds.
///
/// # Errors
/// When the CIB does not take it.
pub fn create() -> Result<bool, Failure> {
    let xml = plan::resource();
    let arguments = ["--create", "--scope", "resources", "--xml-text", &xml];
    let output = run("cibadmin", &arguments, soon()).map_err(|mut failure| {
        // Whose it is, if it is there, nobody knows then.
        failure.line +=
            &format!("; if {RESOURCE} is there, `ringcheck drill --cleanup` removes it");
        failure
    })?;
    match output.code {
        Some(0) => Ok(true),
        Some(EXISTS) => Ok(false),
        _ => Err(failed(&format!("cannot create {RESOURCE}"), &output)),
    }
}

/// Changes the configuration to what this XML says, from `<configuration>` on.
///
/// # Errors
/// When the CIB does not take it.
pub fn change(xml: &str) -> Result<(), Failure> {
    let scope = ["--modify", "--allow-create", "--scope", "configuration"];
    let arguments = [&scope[..], &["--xml-text", xml]].concat();
    tool("cannot change the configuration", "cibadmin", &arguments).map(drop)
}

/// Adds a constraint.
///
/// # Errors
/// When the CIB does not take it.
pub fn constrain(xml: &str) -> Result<(), Failure> {
    let arguments = ["--create", "--scope", "constraints", "--xml-text", xml];
    tool("cannot add a constraint", "cibadmin", &arguments).map(drop)
}

/// Removes one of the drill's constraints, if it is there.
///
/// # Errors
/// When the CIB does not take it.
pub fn release(id: &str) -> Result<(), Failure> {
    remove(&format!("constraints/rsc_location[@id='{id}']"))
}

/// Removes the resource, if it is there, which no constraint may name any more.
///
/// # Errors
/// When the CIB does not take it.
pub fn delete() -> Result<(), Failure> {
    remove(&format!("resources/primitive[@id='{RESOURCE}']"))
}

fn remove(path: &str) -> Result<(), Failure> {
    let xpath = format!("/cib/configuration/{path}");
    let arguments = ["--delete", "--xpath", &xpath];
    tool(&format!("cannot remove {path}"), "cibadmin", &arguments).map(drop)
}

/// Stops the resource on this node behind the cluster's back.
///
/// # Errors
/// When the agent or the tool fails.
pub fn force_stop() -> Result<(), Failure> {
    let what = format!("cannot stop {RESOURCE} by force");
    let arguments = ["--resource", RESOURCE, "--force-stop"];
    tool(&what, "crm_resource", &arguments).map(drop)
}

/// Puts a node in standby for as long as it stays in the cluster.
///
/// # Errors
/// When the attribute manager does not take it.
pub fn begin_standby(node: &str) -> Result<(), Failure> {
    standby(node, &["--update", STANDBY])
}

/// Ends that.
///
/// # Errors
/// When the attribute manager does not take it.
pub fn end_standby(node: &str) -> Result<(), Failure> {
    standby(node, &["--delete"])
}

fn standby(node: &str, change: &[&str]) -> Result<(), Failure> {
    let what = format!("cannot change the standby of {node}");
    let attribute = ["--lifetime", "reboot", "--node", node, "--name", "standby"];
    let arguments = [&attribute[..], change].concat();
    tool(&what, "crm_attribute", &arguments).map(drop)
}

/// Has all nodes forget the resource, which is not configured any more.
///
/// # Errors
/// When Pacemaker cannot be asked.
pub fn forget() -> Result<(), Failure> {
    let arguments = ["--refresh", "--resource", RESOURCE];
    let output = run("crm_resource", &arguments, soon())?;
    match output.code {
        Some(0 | NO_SUCH_OBJECT) => Ok(()),
        _ => Err(failed(&format!("cannot refresh {RESOURCE}"), &output)),
    }
}

/// Gives `last-lrm-refresh` the value that it had, or none.
///
/// # Errors
/// When the CIB does not take it.
pub fn restore(refreshed: Option<&str>) -> Result<(), Failure> {
    let option = ["--type", "crm_config", "--name", "last-lrm-refresh"];
    let change = refreshed.map_or(vec!["--delete"], |value| vec!["--update", value]);
    let arguments = [&option[..], &change].concat();
    tool(
        "cannot restore last-lrm-refresh",
        "crm_attribute",
        &arguments,
    )
    .map(drop)
}

/// Waits until the cluster has nothing to do. Whether it has not, after half a minute.
///
/// # Errors
/// When Pacemaker cannot be asked.
pub fn rest() -> Result<bool, Failure> {
    let timeout = format!("--timeout={}s", REST.as_secs());
    let arguments = ["--wait", timeout.as_str()];
    let output = run("crm_resource", &arguments, soon() + REST)?;
    Ok(output.code == Some(0))
}
