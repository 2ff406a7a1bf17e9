//! What an administrator does on a node after installing, and what takes it back.

use std::fmt;

use super::checkup::shown::{AGENT, Alert, ID};
use super::checkup::timer::Units;
use super::schema::{self, Schema};

/// What there is already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whether the folders of state and history are there and hacluster's.
    pub folders: bool,
    /// What systemd knows.
    pub units: Units,
    /// The alerts in the CIB, where that matters.
    pub alerts: Option<Vec<Alert>>,
    /// Schema of the CIB, where that matters and is known.
    pub schema: Option<Schema>,
    /// Whether pcs is installed.
    pub pcs: bool,
}

/// One thing that is to be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is so already: what is.
    Done(String),
    /// A command makes it so: its name and its arguments.
    Run(Command),
    /// Something must be done first that changes more than this node: the reason and the command.
    Blocked(String),
}

/// A command to run, which shows as one would type it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command(pub Vec<String>);

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.0.iter().enumerate() {
            let space = if index > 0 { " " } else { "" };
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,".contains(c);
            match word.chars().all(plain) {
                true => write!(f, "{space}{word}")?,
                false => write!(f, "{space}'{}'", word.replace('\'', r"'\''"))?,
            }
        }
        Ok(())
    }
}

/// What sets the node up, in this order; with the alert where alerts were asked for.
pub fn plan(found: &Found) -> Vec<Step> {
    let mut steps = vec![match found.folders {
        true => done("the folders are there"),
        false => run(&["systemd-tmpfiles", "--create", "ringcheck.conf"]),
    }];
    let (timer, pacemaker) = (&found.units.timer, &found.units.pacemaker);
    steps.push(match (timer.file == "enabled", pacemaker.is_active()) {
        (true, true) if timer.is_active() => done("ringcheck.timer is enabled and active"),
        (true, false) => done("ringcheck.timer is enabled; it starts with Pacemaker"),
        (_, true) => run(&["systemctl", "enable", "--now", "ringcheck.timer"]),
        (false, false) => run(&["systemctl", "enable", "ringcheck.timer"]),
    });
    if let Some(alerts) = &found.alerts {
        steps.push(match alerts.iter().find(|alert| alert.is_ours()) {
            Some(alert) => done(&format!("alert {} is registered", alert.id)),
            None => match found.schema.as_ref().filter(|s| !s.has_selections()) {
                Some(schema) => too_old(schema, found.pcs),
                None => register(),
            },
        });
    }
    steps
}

/// What takes it back, the alert too where alerts were asked for.
pub fn undo(found: &Found) -> Vec<Step> {
    let Units { timer, clear, .. } = &found.units;
    let mut steps = Vec::new();
    if timer.is_active() || clear.is_active() {
        // By name: systemd does not wait by itself for the unit that deletes the attributes.
        let units = [
            "ringcheck.timer",
            "ringcheck.service",
            "ringcheck-clear.service",
        ];
        steps.push(run(&[["systemctl", "stop"].as_slice(), &units].concat()));
    }
    if timer.file.starts_with("enabled") {
        steps.push(run(&["systemctl", "disable", "ringcheck.timer"]));
    }
    if steps.is_empty() {
        steps.push(done("ringcheck.timer is neither enabled nor active"));
    }
    if let Some(alerts) = &found.alerts {
        let ours = |alert: &&Alert| alert.id == ID && alert.path == AGENT;
        match alerts.iter().find(ours) {
            None => steps.push(done(&format!("no alert {ID} is registered"))),
            Some(_) => {
                let alert = format!(r#"//alert[@id="{ID}"][@path="{AGENT}"]"#);
                steps.push(run(&["cibadmin", "--delete", "--xpath", &alert]));
            }
        }
        if alerts.iter().all(|alert| ours(&alert)) && !alerts.is_empty() {
            let empty = "/cib/configuration/alerts[not(*)]";
            steps.push(run(&["cibadmin", "--delete", "--xpath", empty]));
        }
    }
    steps
}

/// Registers the alert agent for the events that it is for, which pcs has no words for.
fn register() -> Step {
    let alert = format!(
        "<configuration><alerts><alert id=\"{ID}\" path=\"{AGENT}\">\
         <select><select_nodes/></select></alert></alerts></configuration>"
    );
    let scope = "--scope=configuration";
    run(&[
        "cibadmin",
        "--modify",
        "--allow-create",
        scope,
        "--xml-text",
        &alert,
    ])
}

/// Asks for an upgrade of the CIB. It affects the whole cluster, so it is left to the administrator.
fn too_old(schema: &Schema, pcs: bool) -> Step {
    let upgrade = schema::upgrade(pcs);
    Step::Blocked(format!(
        "the CIB is validated with the schema {schema}, in which an alert cannot select node events; type `{upgrade}`, which upgrades it for the whole cluster, and then `ringcheck setup --alert` again"
    ))
}

fn done(what: &str) -> Step {
    Step::Done(what.to_owned())
}

fn run(words: &[&str]) -> Step {
    Step::Run(Command(words.iter().map(|&word| word.to_owned()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::checkup::shown::Agent;
    use crate::model::checkup::timer::Unit;

    fn unit(file: &str, active: &str) -> Unit {
        Unit {
            load: "loaded".into(),
            file: file.into(),
            active: active.into(),
            ..Unit::default()
        }
    }

    fn found(timer: (&str, &str), pacemaker: &str) -> Found {
        Found {
            folders: true,
            units: Units {
                timer: unit(timer.0, timer.1),
                clear: unit("static", timer.1),
                pacemaker: unit("enabled", pacemaker),
                ..Units::default()
            },
            alerts: None,
            schema: None,
            pcs: true,
        }
    }

    fn alert(id: &str, path: &str) -> Alert {
        Alert {
            id: id.into(),
            path: path.into(),
            agent: Agent::Ready,
            selected: None,
            disabled: false,
        }
    }

    fn told(steps: &[Step]) -> Vec<String> {
        let told = steps.iter().map(|step| match step {
            Step::Done(what) => what.clone(),
            Step::Run(command) => format!("# {command}"),
            Step::Blocked(why) => format!("! {why}"),
        });
        told.collect()
    }

    const ENABLE: &str = "# systemctl enable --now ringcheck.timer";

    #[test]
    fn a_fresh_node_needs_the_timer_alone() {
        let node = found(("disabled", "inactive"), "active");
        assert_eq!(told(&plan(&node)), ["the folders are there", ENABLE]);
        let started = found(("disabled", "active"), "active");
        assert_eq!(told(&plan(&started))[1], ENABLE);
        let until_reboot = found(("enabled-runtime", "active"), "active");
        assert_eq!(told(&plan(&until_reboot))[1], ENABLE);
        let failed = found(("enabled", "failed"), "active");
        assert_eq!(told(&plan(&failed))[1], ENABLE);
    }

    #[test]
    fn without_a_cluster_the_timer_is_not_started() {
        let mut node = found(("disabled", "inactive"), "inactive");
        node.folders = false;
        let wanted = [
            "# systemd-tmpfiles --create ringcheck.conf",
            "# systemctl enable ringcheck.timer",
        ];
        assert_eq!(told(&plan(&node)), wanted);
        let enabled = found(("enabled", "inactive"), "inactive");
        let wanted = "ringcheck.timer is enabled; it starts with Pacemaker";
        assert_eq!(told(&plan(&enabled))[1], wanted);
    }

    #[test]
    fn the_alert_is_registered_once() {
        let mut node = found(("enabled", "active"), "active");
        assert_eq!(plan(&node).len(), 2, "only when it is asked for");
        node.alerts = Some(vec![alert("mail", "/usr/local/bin/mail")]);
        let Step::Run(command) = &plan(&node)[2] else {
            panic!("it is not registered");
        };
        assert_eq!(command.0[0], "cibadmin");
        let xml = command.0.last().unwrap();
        let xml = roxmltree::Document::parse(xml).unwrap();
        let made = xml.descendants().find(|e| e.has_tag_name("alert")).unwrap();
        assert_eq!(
            (made.attribute("id"), made.attribute("path")),
            (Some(ID), Some(AGENT))
        );
        node.alerts = Some(vec![alert("own", "/var/lib/pacemaker/ringcheck-alert")]);
        assert_eq!(told(&plan(&node))[2], "alert own is registered");
    }

    #[test]
    fn an_old_schema_is_to_be_upgraded_first() {
        let mut node = found(("enabled", "active"), "active");
        node.alerts = Some(vec![]);
        for (pcs, command) in [
            (true, "`pcs cluster cib-upgrade`"),
            (false, "`cibadmin --upgrade --force`"),
        ] {
            node.pcs = pcs;
            node.schema = Some(Schema("pacemaker-2.5".into()));
            let last = told(&plan(&node)).pop().unwrap();
            assert!(last.starts_with("! ") && last.contains(command), "{last}");
            assert!(last.contains("pacemaker-2.5"), "{last}");
        }
        node.schema = Some(Schema("pacemaker-3.9".into()));
        assert!(matches!(plan(&node)[2], Step::Run(_)));
        node.schema = Some(Schema("pacemaker-2.5".into()));
        node.alerts = Some(vec![alert("own", "/opt/ringcheck-alert")]);
        assert_eq!(told(&plan(&node))[2], "alert own is registered");
    }

    #[test]
    fn undoing_stops_and_disables_what_there_is() {
        let stop = "# systemctl stop ringcheck.timer ringcheck.service ringcheck-clear.service";
        let disable = "# systemctl disable ringcheck.timer";
        let undone = |timer| told(&undo(&found(timer, "active")));
        assert_eq!(undone(("enabled", "active")), [stop, disable]);
        assert_eq!(undone(("enabled", "inactive")), [disable]);
        assert_eq!(undone(("disabled", "active")), [stop]);
        let nothing = "ringcheck.timer is neither enabled nor active";
        assert_eq!(undone(("disabled", "inactive")), [nothing]);
        let mut clearing = found(("disabled", "inactive"), "active");
        clearing.units.clear = unit("static", "active");
        assert_eq!(
            told(&undo(&clearing)),
            [stop],
            "the attributes are still there"
        );
    }

    #[test]
    fn undoing_takes_no_alert_of_others() {
        let mut node = found(("disabled", "inactive"), "active");
        let mut undone = |alerts| {
            node.alerts = Some(alerts);
            told(&undo(&node)).split_off(1)
        };
        let ours = alert(ID, AGENT);
        let delete =
            format!(r#"# cibadmin --delete --xpath '//alert[@id="{ID}"][@path="{AGENT}"]'"#);
        let empty = "# cibadmin --delete --xpath '/cib/configuration/alerts[not(*)]'";
        assert_eq!(undone(vec![ours.clone()]), [delete.as_str(), empty]);
        assert_eq!(undone(vec![ours, alert("mail", "/m")]), [delete.as_str()]);
        let nothing = "no alert ringcheck is registered";
        for others in [vec![], vec![alert("mail", "/m")], vec![alert(ID, "/m")]] {
            assert_eq!(undone(others), [nothing]);
        }
    }

    #[test]
    fn a_command_can_be_typed_as_it_is_shown() {
        let words = ["a", "--b=c", "it's <d/>"].map(str::to_owned);
        assert_eq!(Command(words.into()).to_string(), r"a --b=c 'it'\''s <d/>'");
    }
}
