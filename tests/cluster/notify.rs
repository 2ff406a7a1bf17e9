//! Pacemaker's attribute alerts and the agent that says them, registered as the man page has it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::{Cut, Node, wait_until};

use crate::bed::{Bed, HOLD, INTERVAL, LONG, MARGIN};

pub const TESTS: &[(&str, crate::Test)] = &[
    (
        "each_change_of_a_link_is_said_once",
        each_change_of_a_link_is_said_once,
    ),
    (
        "another_node_says_it_when_one_leaves",
        another_node_says_it_when_one_leaves,
    ),
];

const PAGE: &str = include_str!("../../man/ringcheck.8");
const FILE: &str = "/var/log/pacemaker/links.log";

/// Keeps the bodies of what is POSTed to it, one a line, on node 1.
const HOOK: &str = r#"
import http.server
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open("/run/hook", "ab") as file:
            file.write(body + b"\n")
        self.send_response(204)
        self.end_headers()
http.server.HTTPServer(("", 8080), Hook).serve_forever()
"#;

fn each_change_of_a_link_is_said_once(bed: &Bed) -> Result<()> {
    tidily(bed, every_change)
}

fn another_node_says_it_when_one_leaves(bed: &Bed) -> Result<()> {
    tidily(bed, a_takeover)
}

fn tidily(bed: &Bed, test: fn(&Bed) -> Result<()>) -> Result<()> {
    let tidy = || -> Result<()> {
        for node in bed.cluster.nodes() {
            node.sh(&format!("rm -f {FILE} /run/hook /run/ringcheck/notified/*"))?;
        }
        bed.node(3)
            .sh("pcs alert remove ringcheck-notify 2> /dev/null || true")?;
        bed.node(1).sh("systemctl stop hook 2> /dev/null || true")?;
        Ok(())
    };
    tidy()?;
    let result = test(bed);
    tidy()?;
    result
}

/// Does what the man page says, with this recipient.
fn register(bed: &Bed, recipient: &str) -> Result<()> {
    for start in ["pcs alert create ", "cibadmin --modify "] {
        bed.node(1).sh(&documented(start)?)?;
    }
    add(bed, recipient)
}

fn add(bed: &Bed, recipient: &str) -> Result<()> {
    let command = documented("pcs alert recipient add ")?;
    bed.node(1).sh(&to(&command, recipient)?)?;
    Ok(())
}

fn to(command: &str, recipient: &str) -> Result<String> {
    ensure!(command.contains("ops@example.com"), "{command}");
    Ok(command.replace("ops@example.com", recipient))
}

fn every_change(bed: &Bed) -> Result<()> {
    let (first, second) = (bed.node(1), bed.node(2));
    first.write("/run/hook.py", HOOK)?;
    first.sh("systemd-run --quiet --unit=hook python3 /run/hook.py")?;
    let hook = format!("http://{}:8080/hook", first.address(0));
    wait_until("the webhook's server", LONG, || {
        let answers = first.run(&["curl", "-s", "-o", "/dev/null", &hook]);
        Ok(answers.is_ok().then_some(()))
    })?;

    register(bed, FILE)?;
    add(bed, &hook)?;
    let alerts = first.run(&["cibadmin", "--query", "--scope", "alerts"])?;
    for link in &bed.spec.links {
        let name = format!("name=\"ringnumber_{link}\"");
        ensure!(alerts.contains(&name), "{name} is not in {alerts}");
    }
    second.sh(&to(&documented("runuser -u hacluster ")?, FILE)?)?;
    let drill = "drill: ringnumber_0 = 192.0.2.1 is FAULTY";
    wait_lines(bed, "the trial", &[drill.to_owned()])?;
    second.run(&["rm", FILE])?;

    // Nothing but an attribute of a link reaches it.
    let starts = starts(bed)?;
    first.sh("pcs resource create said ocf:pacemaker:Dummy && crm_resource --wait --timeout 30")?;
    first.sh("pcs resource delete said --force && crm_resource --wait --timeout 30")?;
    let path = "//nvpair[@name='ringnumber_x']";
    let probe = ["cibadmin", "--query", "--xpath", path];
    for change in ["-U 1", "-D"] {
        first.sh(&format!("attrd_updater -n ringnumber_x {change}"))?;
        let stored = || Ok((first.run(&probe).is_ok() == (change == "-U 1")).then_some(()));
        wait_until("another attribute's change in the CIB", LONG, stored)?;
    }
    ensure!(starts == self::starts(bed)?, "another event has started it");
    // Written again without a change, which is not said, whoever speaks from now on.
    first.run(&["attrd_updater", "-R"])?;
    wait_until("the agent's start", LONG, || {
        Ok((self::starts(bed)? > starts).then_some(()))
    })?;

    let mut wanted = cut(bed)?;
    // One who has said it: written again it is no news to the same one.
    speaker(bed)?.run(&["attrd_updater", "-R"])?;

    second.heal(1)?;
    bed.wait_on(1, "every link UP", LONG + HOLD, &bed.all("UP"))?;
    wanted.extend(lines(bed.cluster.nodes(), "UP"));
    wait_lines(bed, "each UP, once", &wanted)?;

    second.run(&["systemctl", "stop", "ringcheck.timer"])?;
    let mut rest = bed.all("UP");
    rest.retain(|(name, _), _| name != second.name());
    bed.wait_on(1, "the attributes gone", LONG, &rest)?;
    second.run(&["systemctl", "start", "ringcheck.timer"])?;
    bed.wait_on(1, "the attributes back", LONG, &bed.all("UP"))?;
    wait_lines(bed, "nothing for a stop and start", &wanted)?;

    let posted = first.run(&["cat", "/run/hook"])?;
    let mut texts = Vec::new();
    for body in posted.lines() {
        let body: serde_json::Value = serde_json::from_str(body).context(body.to_owned())?;
        ensure!(body["link"] == 1 && body["time"].is_string(), "{body}");
        texts.push(body["text"].as_str().context("no text")?.to_owned());
    }
    ensure!(sorted(texts.clone()) == sorted(wanted), "{texts:#?}");

    first.sh(&documented("pcs alert remove ")?)?;
    let alerts = first.run(&["cibadmin", "--query", "--scope", "alerts"])?;
    ensure!(!alerts.contains("notify"), "left of it: {alerts}");
    Ok(())
}

fn a_takeover(bed: &Bed) -> Result<()> {
    register(bed, FILE)?;
    let mut wanted = cut(bed)?;
    let leaving = speaker(bed)?;
    leaving.run(&["pcs", "cluster", "stop"])?;
    let others = |node: &&Node| node.number() != leaving.number();
    let others: Vec<&Node> = bed.cluster.nodes().iter().filter(others).collect();
    // The one that takes over does not know what was said.
    wanted.extend(lines(others.iter().copied(), "FAULTY"));
    wait_lines(bed, "FAULTY once more", &wanted)?;
    bed.node(2).heal(1)?;
    wanted.extend(lines(others.iter().copied(), "UP"));
    wait_lines(bed, "each UP, once", &wanted)
}

/// Takes link 1 from node 2; what each node's agent together must have said.
fn cut(bed: &Bed) -> Result<Vec<String>> {
    bed.node(2).cut(1, Cut::Carrier)?;
    let broken = bed.all("UP").into_iter();
    let broken = broken.map(|((node, name), value)| match name.as_str() {
        "ringnumber_1" => ((node, name), value.replace("UP", "FAULTY")),
        _ => ((node, name), value),
    });
    let limit = INTERVAL + Duration::from_secs(5) + MARGIN;
    bed.wait_on(1, "link 1 FAULTY everywhere", limit, &broken.collect())?;
    let wanted = lines(bed.cluster.nodes(), "FAULTY");
    wait_lines(bed, "each FAULTY, once", &wanted)?;
    Ok(wanted)
}

/// The node that has said something.
fn speaker(bed: &Bed) -> Result<&Node> {
    let mut nodes = bed.cluster.nodes().iter();
    let speaker = nodes.find(|node| node.run(&["test", "-s", FILE]).is_ok());
    speaker.context("nobody has said anything")
}

/// What is said when link 1 gets this state on these nodes.
fn lines<'a>(nodes: impl IntoIterator<Item = &'a Node>, state: &str) -> Vec<String> {
    let line = |node: &Node| {
        let (name, address) = (node.name(), node.address(1));
        format!("{name}: ringnumber_1 = {address} is {state}")
    };
    nodes.into_iter().map(line).collect()
}

/// Waits until all files together have exactly these lines, and no agent runs any more.
fn wait_lines(bed: &Bed, what: &str, wanted: &[String]) -> Result<()> {
    wait_until(what, LONG, || {
        let mut running = String::new();
        let mut said = Vec::new();
        for node in bed.cluster.nodes() {
            running += &node.sh("pgrep -f '[r]ingcheck-notify' || true")?;
            let text = node.sh(&format!("cat {FILE} 2> /dev/null || true"))?;
            let lines = text.lines().map(|line| line.split_once(' '));
            said.extend(lines.map(|line| line.map_or("", |line| line.1).to_owned()));
        }
        let right = sorted(said.clone()) == sorted(wanted.to_vec());
        ensure!(right && running.is_empty(), "said: {said:#?}");
        Ok(Some(()))
    })
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// How often Pacemaker has started the agent on all nodes, by its log.
fn starts(bed: &Bed) -> Result<usize> {
    let mut starts = 0;
    for node in bed.cluster.nodes() {
        let count =
            "grep -c 'alert via ringcheck-notify to' /var/log/pacemaker/pacemaker.log || true";
        starts += node.sh(count)?.trim().parse::<usize>()?;
    }
    Ok(starts)
}

/// The one command of the man page's section that begins so.
fn documented(start: &str) -> Result<String> {
    let (_, section) = PAGE
        .split_once(".Sh NOTIFICATIONS\n")
        .context("no section")?;
    let (section, _) = section.split_once("\n.Sh ").context("no end")?;
    let commands = section.lines().filter_map(|line| line.strip_prefix("# "));
    let found: Vec<&str> = commands.filter(|line| line.starts_with(start)).collect();
    ensure!(found.len() == 1, "{start}: {found:?}");
    Ok(found[0].replace("\\(aq", "'"))
}
