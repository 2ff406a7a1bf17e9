//! `lab`: clusters to play with, and the demonstration.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use lab::place::{DEFAULT_PREFIX, Place};
use lab::{Cluster, Cut, Family, Form, Image, Node, Spec, Steps, Transport};
use rustix::process::{Signal, set_parent_process_death_signal};

/// Real Corosync and Pacemaker clusters on one machine
#[derive(Parser)]
struct Arguments {
    /// The lab's name; labs of different names live side by side
    #[arg(long, global = true, default_value = DEFAULT_PREFIX)]
    prefix: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a cluster and leave it up
    Up(Up),
    /// Take the cluster down
    Down,
    /// Show the nodes
    Status,
    /// Run a command in a node
    Exec {
        /// Name or number of the node
        node: String,
        /// The command and its arguments
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Open a shell in a node
    Shell {
        /// Name or number of the node
        node: String,
    },
    /// Cut a link of a node
    Cut {
        /// Name or number of the node
        node: String,
        /// Number of the link
        link: u8,
        /// Where to cut it
        #[arg(value_enum, default_value = "carrier")]
        how: Cut,
    },
    /// Undo every cut of a link of a node
    Heal {
        /// Name or number of the node
        node: String,
        /// Number of the link
        link: u8,
    },
    /// Take a node's power away
    PowerCut {
        /// Name or number of the node
        node: String,
    },
    /// Shut a node down in order
    PowerOff {
        /// Name or number of the node
        node: String,
    },
    /// Boot a node
    Boot {
        /// Name or number of the node
        node: String,
    },
    /// Build the nodes' images, unless that was done, and print their paths
    Image,
    /// Show what ringcheck does when a cable is pulled
    Demo {
        /// ringcheck's Debian package, built if not given
        #[arg(long)]
        deb: Option<PathBuf>,
    },
}

#[derive(Args)]
struct Up {
    /// Number of nodes, 1 to 5
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// Link numbers
    #[arg(long, value_delimiter = ',', default_value = "0,1")]
    links: Vec<u8>,
    /// Corosync's transport
    #[arg(long, value_enum, default_value = "knet")]
    transport: Transport,
    /// Address family of the links
    #[arg(long, value_enum, default_value = "v4")]
    family: Family,
    /// How the cluster is formed
    #[arg(long, value_enum, default_value = "pcs")]
    form: Form,
    /// Install ringcheck's Debian package (built if no FILE), register its alert, enable its timer
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    deb: Option<Option<PathBuf>>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(Arguments { prefix, command }: Arguments) -> Result<()> {
    match command {
        Command::Up(up) => make(&prefix, up),
        Command::Down => down(&prefix),
        Command::Status => status(&prefix),
        Command::Exec { node, command } => terminal(&prefix, &node, &command),
        Command::Shell { node } => terminal(&prefix, &node, &["bash".into(), "-l".into()]),
        Command::Cut { node, link, how } => on(&prefix, &node, |node| node.cut(link, how)),
        Command::Heal { node, link } => on(&prefix, &node, |node| node.heal(link)),
        Command::PowerCut { node } => on(&prefix, &node, Node::power_cut),
        Command::PowerOff { node } => on(&prefix, &node, Node::power_off),
        Command::Boot { node } => on(&prefix, &node, Node::boot),
        Command::Image => {
            for image in Image::from_environment()? {
                println!("{}", image.ensure()?.display());
            }
            Ok(())
        }
        Command::Demo { deb } => {
            end_with_parent()?;
            lab::demo(&prefix, deb)
        }
    }
}

fn make(prefix: &str, up: Up) -> Result<()> {
    end_with_parent()?;
    let steps = Steps::default();
    let Up {
        nodes,
        links,
        transport,
        family,
        form,
        deb,
    } = up;
    let spec = Spec {
        nodes,
        links,
        transport,
        family,
        form,
        ..Spec::default()
    };
    let deb = deb.map(|given| lab::package(given, &steps)).transpose()?;
    let cluster = lab::up(prefix, &spec, &steps)?;
    if let Some(deb) = deb {
        lab::outfit(&cluster, &deb, &steps)?;
    }
    cluster.detach()?;
    steps.total()?;
    let program = std::env::current_exe()?.display().to_string();
    let lab = match prefix {
        DEFAULT_PREFIX => program,
        _ => format!("{program} --prefix {prefix}"),
    };
    let link = spec.links[0];
    steps.show(&format!(
        "a shell in a node:     {lab} shell n1\n\
         what the cluster says: {lab} exec n1 -- crm_mon -A1\n\
         pull a cable:          {lab} cut n1 {link}\n\
         put it back:           {lab} heal n1 {link}\n\
         take it all down:      {lab} down"
    ))
}

fn down(prefix: &str) -> Result<()> {
    let place = Place::new(prefix)?;
    // Nothing to do needs no right.
    if !place.is_taken() {
        println!("no lab `{prefix}` is up");
        return Ok(());
    }
    Steps::default().step("take everything down", || place.clear())
}

fn status(prefix: &str) -> Result<()> {
    let cluster = Cluster::attach(prefix)?;
    for node in cluster.nodes() {
        let state = if node.is_up() { "up" } else { "off" };
        println!("{}  id {}  {state}", node.name(), node.id());
    }
    Ok(())
}

/// Runs a command in a node in place of this process.
fn terminal(prefix: &str, node: &str, command: &[String]) -> Result<()> {
    let cluster = Cluster::attach(prefix)?;
    let argv: Vec<_> = command.iter().map(String::as_str).collect();
    let error = find(&cluster, node)?.terminal(&argv)?.exec();
    Err(error).context("cannot enter the node")
}

fn on(prefix: &str, node: &str, work: impl FnOnce(&Node) -> Result<()>) -> Result<()> {
    let cluster = Cluster::attach(prefix)?;
    work(find(&cluster, node)?)
}

fn find<'a>(cluster: &'a Cluster, node: &str) -> Result<&'a Node> {
    let nodes = cluster.nodes();
    if let Some(found) = nodes
        .iter()
        .find(|n| n.name() == node || n.number().to_string() == node)
    {
        return Ok(found);
    }
    let names: Vec<_> = nodes.iter().map(Node::name).collect();
    bail!(
        "there is no node `{node}`: the nodes are {}",
        names.join(", ")
    )
}

/// What `make` has started ends with it, even if it is killed.
fn end_with_parent() -> Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::TERM))?)
}
