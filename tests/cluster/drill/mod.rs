//! `ringcheck drill`: the cluster is afterwards as it was before, however the drill ended.

mod ended;
mod refused;

use anyhow::{Context, Result, anyhow, ensure};
use lab::{Node, wait_until};
use roxmltree::Document;
use serde_json::Value;

use crate::bed::{Bed, LONG};
use crate::node::{Ended, run_as};
use crate::reports::readme;

pub const TESTS: &[(&str, crate::Test)] = &[
    (
        "a_drill_leaves_the_cluster_as_it_was",
        a_drill_leaves_the_cluster_as_it_was,
    ),
    (
        "a_killed_drill_is_repaired",
        ended::a_killed_drill_is_repaired,
    ),
    (
        "an_interrupted_drill_cleans_up_by_itself",
        ended::an_interrupted_drill_cleans_up_by_itself,
    ),
    ("where_no_drill_is_done", refused::where_no_drill_is_done),
];

/// What the lines of each step have in them, in order.
const FIRST: [&str; 5] = [
    "created",
    "started on",
    "stopped by force",
    "failure noticed",
    "recovered",
];
const RING: [&str; 4] = ["rule set", "moved to", "rule removed", "moved back"];
const STANDBY: [&str; 4] = ["standby of n1 begun", "moved to", "ended", "moved back"];

/// The cluster as an administrator knows it, and what its other resources have done.
#[derive(Debug, PartialEq)]
struct Before {
    pcs: String,
    configuration: String,
    others: Vec<[String; 5]>,
}

impl Before {
    fn of(bed: &Bed) -> Result<Before> {
        let node = bed.node(2);
        let status = node.run(&["cibadmin", "--query", "--scope", "status"])?;
        let document = Document::parse(&status).map_err(|error| anyhow!("{error}"))?;
        let operations = document
            .descendants()
            .filter(|e| e.has_tag_name("lrm_rsc_op"));
        let others = operations.map(|operation| {
            ["on_node", "id", "operation", "call-id", "rc-code"]
                .map(|name| operation.attribute(name).unwrap_or_default().to_owned())
        });
        let mut others: Vec<_> = others.collect();
        others.sort();
        Ok(Before {
            pcs: node.run(&["pcs", "config"])?,
            configuration: node.run(&["cibadmin", "--query", "--scope", "configuration"])?,
            others,
        })
    }

    /// That all is as it was, byte for byte, and no trace is left.
    fn is_unchanged(&self, bed: &Bed) -> Result<()> {
        let cib = bed.node(3).run(&["cibadmin", "--query"])?;
        let left: Vec<&str> = cib
            .lines()
            .filter(|l| l.contains("ringcheck-drill"))
            .collect();
        ensure!(left.is_empty(), "left in the CIB: {left:#?}");
        let now = Before::of(bed)?;
        ensure!(now == *self, "it was {self:#?}\nand is {now:#?}");
        let screen = bed.node(1).run(&["crm_mon", "-1", "--output-as=xml"])?;
        ensure!(!screen.contains("standby=\"true\""), "in standby: {screen}");
        Ok(())
    }
}

/// Runs a drill to its end, which must be this exit code.
fn drill(node: &Node, options: &[&str], code: i32) -> Result<Ended> {
    let ended = run_as(node, "root", &[&["ringcheck", "drill"], options].concat())?;
    ensure!(ended.code == Some(code), "{options:?}: {ended:?}");
    Ok(ended)
}

/// That the output has these lines, each once and in this order.
fn has_lines(output: &str, wanted: &[&str]) -> Result<()> {
    let mut lines = output.lines();
    for text in wanted {
        ensure!(
            lines.any(|line| line.contains(text)),
            "no `{text}` in its place:\n{output}"
        );
    }
    Ok(())
}

fn a_drill_leaves_the_cluster_as_it_was(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    // Without stickiness, and one on each node: whatever shifts the balance moves them.
    let all = ["other-1", "other-2", "other-3"];
    for other in all {
        node.run(&["pcs", "resource", "create", other, "ocf:pacemaker:Dummy"])?;
    }
    node.run(&["crm_resource", "--wait", "--timeout=30"])?;
    let before = Before::of(bed)?;
    ensure!(before.others.len() >= 9, "{before:#?}");

    let plain = drill(node, &["--yes"], 0)?;
    note!("\n{}", plain.stdout);
    has_lines(
        &plain.stdout,
        &[&FIRST[..], &["removed: ", "the drill passed"]].concat(),
    )?;
    ensure!(
        !plain.stdout.contains('\x1b') && plain.stderr.is_empty(),
        "{plain:?}"
    );
    before.is_unchanged(bed)?;

    let ended = drill(node, &["--yes", "--move", "--json"], 0)?;
    note!("\n{}", ended.stderr);
    let (_, screen) = readme::screens("ringcheck drill")
        .next()
        .context("no screen")?;
    // Pacemaker 3 begins it with a capital letter.
    let said = ended.stderr.replace("\"Not running\"", "\"not running\"");
    let same = readme::shape(screen) == readme::shape(&said);
    ensure!(
        same,
        "the README has\n{screen}and it says\n{}",
        ended.stderr
    );
    has_lines(
        &ended.stderr,
        &[&FIRST[..], &RING, &["the drill passed"]].concat(),
    )?;
    before.is_unchanged(bed)?;
    reported(&ended.stdout)?;

    let refused = drill(node, &["--yes", "--move=standby"], 1)?;
    ensure!(
        refused.stderr.contains("would also move other-"),
        "{refused:?}"
    );
    for other in all {
        node.run(&["pcs", "resource", "delete", other])?;
    }
    let before = Before::of(bed)?;

    // As an administrator sees it, who is asked.
    let answer = |answer: &str| {
        let script = format!(
            "echo {answer} | script -qec 'stty rows 24 cols 80; ringcheck drill --move=standby' /dev/null"
        );
        run_as(node, "root", &["sh", "-c", &script])
    };
    for no in ["n", "", "yet"] {
        let said = answer(no)?;
        ensure!(
            said.code == Some(1) && said.stdout.contains("no drill was started"),
            "{said:?}"
        );
        before.is_unchanged(bed)?;
    }
    let said = answer("y")?;
    ensure!(said.code == Some(0), "{said:?}");
    has_lines(&said.stdout, &["Start the drill? [y/N]"])?;
    has_lines(
        &said.stdout,
        &[&FIRST[..], &STANDBY, &["the drill passed"]].concat(),
    )?;
    before.is_unchanged(bed)?;

    // In a cluster where nothing runs where nothing is said, and nobody forgets by themselves.
    node.run(&[
        "pcs",
        "property",
        "set",
        "symmetric-cluster=false",
        "stop-orphan-resources=false",
    ])?;
    let before = Before::of(bed)?;
    drill(node, &["--yes", "--move"], 0)?;
    before.is_unchanged(bed)?;
    // Somebody has had a resource forgotten before.
    node.run(&[
        "crm_attribute",
        "-n",
        "last-lrm-refresh",
        "-v",
        "1700000000",
    ])?;
    let before = Before::of(bed)?;
    drill(node, &["--yes"], 0)?;
    before.is_unchanged(bed)?;
    node.run(&["crm_attribute", "-n", "last-lrm-refresh", "-D"])?;
    node.run(&[
        "pcs",
        "property",
        "unset",
        "symmetric-cluster",
        "stop-orphan-resources",
    ])?;
    Ok(())
}

/// That this is the report of a drill that passed and moved by a rule.
fn reported(json: &str) -> Result<()> {
    let report: Value = serde_json::from_str(json).context(json.to_owned())?;
    let names = report["steps"].as_array().context("no steps")?.iter();
    let names: Vec<&str> = names.filter_map(|step| step["name"].as_str()).collect();
    let wanted = [
        "create", "start", "stop", "notice", "recover", "rule", "move", "end", "return",
    ];
    ensure!(names == wanted, "{names:?}");
    let steps = report["steps"].as_array().context("no steps")?;
    let mut last = 0.0;
    for step in steps {
        let at = step["at"].as_f64().context("no time")?;
        let right = at >= last && step["ok"] == true && step["seconds"].as_f64() <= Some(at);
        ensure!(right && step["detail"].is_string(), "{step}");
        last = at;
    }
    ensure!(
        steps[6]["node"] != "n1" && steps[8]["node"] == "n1",
        "{report}"
    );
    for (field, wanted) in [
        ("version", 1.into()),
        ("node", "n1".into()),
        ("move", "ring".into()),
    ] {
        ensure!(report[field] == Value::clone(&wanted), "{field}: {report}");
    }
    ensure!(
        report["result"] == "passed" && report["failure"].is_null(),
        "{report}"
    );
    ensure!(report["cleanup"]["ok"] == true, "{report}");
    ensure!(
        report["time"]
            .as_str()
            .is_some_and(|time| time.contains('T')),
        "{report}"
    );
    Ok(())
}

fn has_standby(bed: &Bed, wanted: bool) -> Result<()> {
    wait_until("the standby", LONG, || {
        let screen = bed.node(3).run(&["crm_mon", "-1", "--output-as=xml"])?;
        let standby = screen.contains("standby=\"true\"");
        Ok((standby == wanted).then_some(()))
    })
}
