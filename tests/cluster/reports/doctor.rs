//! `ringcheck doctor` on real nodes. Each point is broken, and mended by the very command that
//! doctor prints for it.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use lab::{Cut, Node, wait_until};
use serde_json::Value;

use crate::bed::{Bed, LONG, package};
use crate::node::{Ended, pid, run_as, stop_passes, traced, wait_for_rest};

pub const TESTS: &[(&str, crate::Test)] = &[
    (
        "doctor_finds_nothing_where_all_is_well",
        doctor_finds_nothing_where_all_is_well,
    ),
    ("doctor_warns_of_cut_links", doctor_warns_of_cut_links),
    (
        "doctor_mends_what_is_installed",
        doctor_mends_what_is_installed,
    ),
    (
        "doctor_mends_the_timer_and_the_passes",
        doctor_mends_the_timer_and_the_passes,
    ),
    (
        "doctor_mends_the_alert_and_the_attributes",
        doctor_mends_the_alert_and_the_attributes,
    ),
    ("doctor_is_held_up_by_nothing", doctor_is_held_up_by_nothing),
    (
        "doctor_mends_a_node_without_its_cluster",
        doctor_mends_a_node_without_its_cluster,
    ),
];

/// Where the package's file lies on the node, for the command that installs it again.
const PLACE: &str = "/var/tmp/doctor";

/// What tells where corosync logs to.
const COROSYNC: &str = "/etc/corosync/corosync.conf";

/// What doctor may take in all.
const LIMIT: Duration = Duration::from_secs(20);

/// What doctor found.
struct Report(Value);

impl Report {
    /// Runs doctor on a node, and checks what is always so.
    fn of(node: &Node, user: &str) -> Result<Report> {
        let start = Instant::now();
        let ended = run_as(node, user, &["/usr/sbin/ringcheck", "doctor", "--json"])?;
        let took = start.elapsed();
        ensure!(took < LIMIT, "it took {took:?}");
        let report = Report(serde_json::from_str(&ended.stdout).context(ended.stderr.clone())?);
        let wrong = report.0["grade"] == "wrong";
        ensure!(ended.code == Some(i32::from(wrong)), "{ended:?}");
        ensure!(
            ended.stderr.is_empty() && report.0["version"] == 1,
            "{ended:?}"
        );
        Ok(report)
    }

    fn points(&self) -> impl Iterator<Item = &Value> {
        self.0["points"].as_array().into_iter().flatten()
    }

    /// The grades of a topic, of one point or several.
    fn grades(&self, topic: &str) -> Vec<&str> {
        let points = self.points().filter(|point| point["topic"] == topic);
        points.filter_map(|point| point["grade"].as_str()).collect()
    }

    /// The finding and the command of the point of this topic that says this.
    fn finding(&self, topic: &str, grade: &str, says: &str) -> Result<Option<String>> {
        let mut points = self.points();
        let point = points.find(|point| {
            let finding = point["finding"].as_str().unwrap_or_default();
            point["topic"] == topic && point["grade"] == grade && finding.contains(says)
        });
        let point =
            point.with_context(|| format!("no {topic} `{says}` {grade} in {:#}", self.0))?;
        Ok(point["command"].as_str().map(str::to_owned))
    }

    /// The commands of all that is wrong, in order.
    fn commands(&self) -> Vec<String> {
        let wrong = self.points().filter(|point| point["grade"] == "wrong");
        let commands = wrong.filter_map(|point| point["command"].as_str());
        commands.map(str::to_owned).collect()
    }
}

/// Waits until doctor grades a topic so, in all of its points.
pub(super) fn wait_for(node: &Node, topic: &str, grade: &str) -> Result<()> {
    wait_until(&format!("doctor's {topic} to be {grade}"), LONG, || {
        let report = Report::of(node, "root")?;
        let grades = report.grades(topic);
        ensure!(
            !grades.is_empty() && grades.iter().all(|found| *found == grade),
            "{:#}",
            report.0
        );
        Ok(Some(()))
    })
}

/// Waits until doctor finds this; the command it has for it.
pub(super) fn wait_for_finding(
    node: &Node,
    topic: &str,
    grade: &str,
    says: &str,
) -> Result<Option<String>> {
    wait_until(&format!("doctor to say `{says}`"), LONG, || {
        Report::of(node, "root")?
            .finding(topic, grade, says)
            .map(Some)
    })
}

/// Breaks something, has doctor find it, types its command, and has doctor find it mended.
fn mends(node: &Node, breakage: &str, topic: &str, says: &str, command: &str) -> Result<()> {
    mends_from(node, breakage, topic, "wrong", says, command)
}

fn mends_from(
    node: &Node,
    breakage: &str,
    topic: &str,
    grade: &str,
    says: &str,
    command: &str,
) -> Result<()> {
    wait_for(node, topic, "ok").with_context(|| format!("before `{breakage}`"))?;
    node.sh(breakage)?;
    let printed = wait_for_finding(node, topic, grade, says)?;
    let printed = printed.with_context(|| format!("no command for `{says}`"))?;
    ensure!(printed.contains(command), "`{printed}` for `{says}`");
    node.sh(&format!("mkdir -p {PLACE} && cd {PLACE} && {printed}"))?;
    wait_for(node, topic, "ok").with_context(|| format!("after `{printed}`"))
}

fn place_package(node: &Node) -> Result<()> {
    node.run(&["mkdir", "-p", PLACE])?;
    let file = format!("{PLACE}/ringcheck_0_amd64.deb");
    node.write(&file, fs::read(package()?)?)
}

fn doctor_finds_nothing_where_all_is_well(bed: &Bed) -> Result<()> {
    for node in bed.cluster.nodes() {
        for user in ["root", "hacluster"] {
            let report = Report::of(node, user)?;
            let well = |point: &Value| point["grade"] == "ok" || point["topic"] == "latency";
            let well = report.points().all(well);
            ensure!(well && report.0["grade"] == "ok", "{user}: {:#}", report.0);
        }
    }
    let node = bed.node(1);
    let screen = node.run(&["ringcheck", "doctor"])?;
    note!("\n{screen}");
    ensure!(screen.ends_with("\nall is well\n"), "{screen}");
    ensure!(!screen.contains('\x1b'), "{screen:?}");
    let refused: Ended = run_as(node, "nobody", &["/usr/sbin/ringcheck", "doctor"])?;
    ensure!(
        refused.code == Some(4) && refused.stderr.contains("as root or hacluster"),
        "{refused:?}"
    );
    // corosync's two maps, a connection each and no other one.
    let argv = ["/usr/sbin/ringcheck", "doctor"];
    let connected = traced(node, "connect", &argv)?;
    let cmap = connected.lines().filter(|line| line.contains("@\"cmap"));
    ensure!(cmap.count() == 2, "{connected}");
    let changing = "openat,rename,renameat,unlink,unlinkat,mkdir,chmod,fchmod,chown,fchown";
    let touched = traced(node, changing, &argv)?;
    let reading = |line: &&str| line.contains("openat(") && line.contains("O_RDONLY");
    let harmless = |line: &&str| ["/dev/shm/", "/dev/null"].iter().any(|p| line.contains(p));
    let changed: Vec<&str> = touched
        .lines()
        .filter(|line| line.contains('"') && !reading(line) && !harmless(line))
        .collect();
    ensure!(changed.is_empty(), "it changes {changed:#?}");
    Ok(())
}

fn doctor_warns_of_cut_links(bed: &Bed) -> Result<()> {
    bed.node(3).cut(1, Cut::Carrier)?;
    let without = wait_for_finding(bed.node(1), "links", "warning", "link 1 is FAULTY")?;
    ensure!(without.is_none(), "{without:?} mends no cable");
    wait_for_finding(bed.node(3), "links", "warning", "ring1 has no carrier")?;
    let report = Report::of(bed.node(1), "root")?;
    ensure!(report.0["grade"] == "warning", "{:#}", report.0);
    bed.node(3).heal(1)?;
    wait_for(bed.node(2), "links", "ok")?;
    let (says, command) = ("ring1 is down", "ip link set dev ring1 up");
    let down = "ip link set dev ring1 down";
    mends_from(bed.node(2), down, "links", "warning", says, command)
}

fn doctor_mends_what_is_installed(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    place_package(node)?;
    let file = "/etc/ringcheck.toml";
    for (breakage, says, command) in [
        (
            "echo 'refesh = 20' > FILE",
            "unknown field `refesh`",
            "mv FILE FILE.wrong",
        ),
        (
            "echo 'refresh = 20' > FILE; chmod 600 FILE",
            "Permission denied",
            "chmod a+r FILE",
        ),
        ("rm FILE; mkdir FILE", "cannot read", "mv FILE FILE.wrong"),
    ] {
        let (breakage, command) = (
            breakage.replace("FILE", file),
            command.replace("FILE", file),
        );
        mends(node, &breakage, "configuration", says, &command)?;
        node.run(&["rm", "-rf", "/etc/ringcheck.toml.wrong"])?;
    }
    let unit = "/usr/lib/systemd/system/ringcheck.timer";
    let install = "dpkg --install";
    mends(node, &format!("rm {unit}"), "package", unit, install)?;
    wait_for(node, "timer", "ok")?;
    let agent = "/usr/share/ringcheck/alerts/ringcheck-alert";
    let breakage = format!("chmod 644 {agent}");
    mends(node, &breakage, "package", "is not executable", "chmod 755")?;
    let tool = "/usr/sbin/attrd_updater";
    node.sh(&format!("mv {tool} {tool}.away"))?;
    let report = Report::of(node, "root")?;
    node.sh(&format!("mv {tool}.away {tool}"))?;
    let install = report.finding("tools", "wrong", "no attrd_updater")?;
    ensure!(install.is_some_and(|command| command.starts_with("apt-get install ")));
    // systemd makes the folder right before each pass, so there must be none.
    stop_passes(node)?;
    let make = "install -d";
    for (breakage, says, command) in [
        ("chown root FOLDER", "belongs to uid 0", make),
        ("chgrp root FOLDER", "gid 0", make),
        ("chmod 755 FOLDER", "has mode 0755", make),
        ("rm -r FOLDER", "there is no", make),
        ("rm -r /var/lib/ringcheck", "there is no", make),
        ("rm -r FOLDER; touch FOLDER", "is no folder", "rm "),
        ("touch FOLDER/lock", "lock belongs to uid 0", "rm -r"),
        (
            "rm -f FOLDER/lock; mkdir FOLDER/lock",
            "is no file",
            "rm -r",
        ),
    ] {
        let breakage = breakage.replace("FOLDER", "/run/ringcheck");
        mends(node, &breakage, "folders", says, command)?;
    }
    node.run(&["systemd-tmpfiles", "--create", "ringcheck.conf"])?;
    node.run(&["systemctl", "start", "ringcheck.timer"])?;
    wait_for(node, "attributes", "ok")
}

fn doctor_mends_the_timer_and_the_passes(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    let alter = |timer: &str| {
        format!(
            "mkdir -p /etc/systemd/system/ringcheck.timer.d; \
             printf '[Timer]\\nOnActiveSec=\\nOnUnitActiveSec=\\n{timer}' \
             > /etc/systemd/system/ringcheck.timer.d/override.conf; \
             systemctl daemon-reload; systemctl restart ringcheck.timer"
        )
    };
    let enable = "systemctl enable --now ringcheck.timer";
    for (breakage, says, command) in [
        ("systemctl disable ringcheck.timer", "not enabled", enable),
        ("systemctl stop ringcheck.timer", "is inactive", enable),
        (
            "systemctl mask ringcheck.service",
            "is masked",
            "systemctl unmask ringcheck.service",
        ),
        (
            &alter("OnActiveSec=1s\\n"),
            "will not fire again",
            "systemctl revert ringcheck.timer",
        ),
    ] {
        mends(node, breakage, "timer", says, command)?;
    }
    let slow = alter("OnActiveSec=1s\\nOnUnitActiveSec=2min\\n");
    let (says, command) = ("within 2 min only", "systemctl revert");
    mends_from(node, &slow, "timings", "warning", says, command)?;
    let unit = "ringcheck-clear.service";
    let stop = format!("systemctl stop {unit}");
    let start = format!("systemctl start {unit}");
    mends(node, &stop, "clear-unit", "is not active", &start)?;
    let restart = "systemctl restart ringcheck.path";
    let log = [
        ("systemctl stop ringcheck.path", "is inactive"),
        ("systemctl mask ringcheck.path", "is masked"),
        (
            "sed -i.away s%/var/log/corosync/corosync.log%/var/log/other.log% CONF",
            "nobody watches /var/log/other.log",
        ),
    ];
    for (breakage, says) in log {
        let breakage = breakage.replace("CONF", COROSYNC);
        mends_from(node, &breakage, "log", "warning", says, restart)?;
    }
    node.sh(&format!(
        "mv {COROSYNC}.away {COROSYNC}; systemctl revert ringcheck.path"
    ))?;
    // A failing pass is mended with its cause, and seen to be by a pass.
    node.sh("echo 'refesh = 20' > /etc/ringcheck.toml")?;
    let command = wait_for_finding(node, "passes", "wrong", "unknown field `refesh`")?;
    let command = command.context("no command")?;
    ensure!(run_as(node, "root", &["sh", "-c", &command])?.code == Some(3));
    node.run(&["rm", "/etc/ringcheck.toml"])?;
    node.sh(&command)?;
    wait_for(node, "passes", "ok")
}

fn doctor_mends_the_alert_and_the_attributes(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    let set = |xml: &str| {
        format!("cibadmin --modify --scope alerts --xml-text '<alert id=\"ringcheck\"{xml}'")
    };
    let remove = "cibadmin --delete --xpath '//alert'";
    let moved = set(" path=\"/nowhere\"/>");
    // It is registered for nodes.
    let select = set("><select><select_fencing/></select></alert>");
    let select = format!("cibadmin --delete --xpath '//alert/select'; {select}");
    let disable = set(
        "><meta_attributes id=\"m\"><nvpair id=\"e\" name=\"enabled\" value=\"false\"/></meta_attributes></alert>",
    );
    let plain = set(" path=\"/etc/plain\"/>");
    let plain = format!("touch /etc/plain; chmod 644 /etc/plain; {plain}");
    mends(
        node,
        remove,
        "alert",
        "no alert is registered",
        "ringcheck setup --alert",
    )?;
    let change = |update: &str| -> Result<()> {
        for (breakage, says, command) in [
            (&moved, "there is no /nowhere", update),
            (&plain, "may not execute /etc/plain", update),
            (&select, "selects other events", "/select"),
            (&disable, "is disabled", "meta_attributes"),
        ] {
            mends(node, breakage, "alert", says, command)?;
        }
        Ok(())
    };
    change("pcs alert update ")?;
    node.sh("mv /usr/sbin/pcs /usr/sbin/pcs.away")?;
    let result = change("cibadmin --modify");
    node.sh("mv /usr/sbin/pcs.away /usr/sbin/pcs")?;
    result?;
    node.run(&["rm", "/etc/plain"])?;
    let force = "ringcheck --once --force";
    let delete = "attrd_updater -D -n ringnumber_1";
    // Until then the next pass may mend it first.
    wait_for_rest(node)?;
    mends(node, delete, "attributes", "ringnumber_1 is missing", force)?;
    let lie = "attrd_updater -n ringnumber_0 -U '10.77.0.1 is FAULTY'";
    wait_for_rest(node)?;
    mends(node, lie, "attributes", "not `10.77.0.1 is UP`", force)
}

fn doctor_is_held_up_by_nothing(bed: &Bed) -> Result<()> {
    let node = bed.node(3);
    for (daemon, topics) in [
        ("pacemaker-based", &["alert", "attributes"][..]),
        ("corosync", &["corosync"]),
    ] {
        let pid = pid(node, daemon)?;
        node.run(&["kill", "-STOP", &pid])?;
        let report = Report::of(node, "root");
        node.run(&["kill", "-CONT", &pid])?;
        let report = report.with_context(|| format!("{daemon} is stopped"))?;
        for topic in topics {
            ensure!(report.grades(topic) == ["wrong"], "{:#}", report.0);
        }
    }
    Ok(())
}

fn doctor_mends_a_node_without_its_cluster(bed: &Bed) -> Result<()> {
    let node = bed.node(3);
    let stop = "systemctl stop pacemaker";
    mends(
        node,
        stop,
        "pacemaker",
        "is not running",
        "systemctl start pacemaker",
    )?;
    for topic in ["attributes", "timer", "alert", "passes"] {
        wait_for(node, topic, "ok")?;
    }
    node.run(&["systemctl", "stop", "pacemaker", "corosync"])?;
    let report = Report::of(node, "root")?;
    let expected = ["systemctl start corosync", "systemctl start pacemaker"];
    ensure!(report.commands() == expected, "{:#}", report.0);
    for topic in [
        "timer",
        "clear-unit",
        "passes",
        "alert",
        "attributes",
        "links",
        "timings",
    ] {
        ensure!(
            report.grades(topic) == ["skipped"],
            "{topic}: {:#}",
            report.0
        );
    }
    wait_for_finding(bed.node(1), "links", "ok", "not joined: n3")?;
    // corosync alone accepts hacluster only once Pacemaker has told it to.
    node.sh(expected[0])?;
    let command = wait_for_finding(node, "corosync", "wrong", "refuses hacluster")?;
    ensure!(command.as_deref() == Some(expected[1]), "{command:?}");
    node.sh("cp -p /etc/passwd /etc/passwd.away; sed -i /^hacluster:/d /etc/passwd")?;
    let plain = Report::of(node, "root");
    node.sh("mv /etc/passwd.away /etc/passwd")?;
    let plain = plain?;
    plain.finding("corosync", "ok", "root can read it")?;
    plain.finding("tools", "wrong", "no user hacluster")?;
    for topic in ["folders", "pacemaker", "alert", "attributes"] {
        ensure!(plain.grades(topic) == ["skipped"], "{topic}: {:#}", plain.0);
    }
    node.sh(expected[1])?;
    for topic in ["corosync", "links", "attributes"] {
        wait_for(node, topic, "ok")?;
    }
    Ok(())
}
