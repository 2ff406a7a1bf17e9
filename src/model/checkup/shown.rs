//! What Pacemaker has been told: the alert agents, and the attributes.

use super::installed::quoted;
use super::{Answer, Point, Topic};
use crate::model::attribute::{self, Attributes, Change};
use crate::model::drill::scene::Remains;
use crate::model::schema::{self, Schema};

/// The alert agent as the package has it.
pub const AGENT: &str = "/usr/share/ringcheck/alerts/ringcheck-alert";

/// The id that it is registered with.
pub const ID: &str = "ringcheck";

/// Whether an agent can be started by hacluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agent {
    /// It can.
    Ready,
    /// There is no such file.
    Missing,
    /// There is, but hacluster may not execute it.
    Forbidden,
}

/// A registered alert of the CIB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its id.
    pub id: String,
    /// The agent's path.
    pub path: String,
    /// Whether the agent can be started on this node.
    pub agent: Agent,
    /// The kinds of events that it is for (`select_nodes` and so on), where they are selected.
    pub selected: Option<Vec<String>>,
    /// Whether the meta attribute `enabled` turns it off.
    pub disabled: bool,
}

impl Alert {
    /// Whether it is the agent that does passes.
    pub fn is_ours(&self) -> bool {
        self.id == ID || self.is_named("ringcheck-alert") || self.is_named("ringcheck")
    }

    fn is_named(&self, name: &str) -> bool {
        self.path.rsplit('/').next() == Some(name)
    }
}

/// The registered agents. `pcs` tells whether pcs is installed; `schema` is the CIB's, if known.
pub fn alerts(alerts: &Answer<Vec<Alert>>, schema: Option<&Schema>, pcs: bool) -> Vec<Point> {
    let alerts = match alerts.known(Topic::Alert) {
        Ok(alerts) => alerts,
        Err(point) => return vec![point.look("systemctl status pacemaker")],
    };
    let ours: Vec<&Alert> = alerts.iter().filter(|alert| alert.is_ours()).collect();
    if ours.is_empty() {
        let why = "no alert is registered: node events are seen only at the timer's next tick";
        let setup = "ringcheck setup --alert";
        return vec![match schema.filter(|schema| !schema.has_selections()) {
            None => Point::wrong(Topic::Alert, why).mend(setup),
            Some(schema) => {
                let why = format!("{why}; the CIB's schema, {schema}, is too old for it");
                let upgrade = schema::upgrade(pcs);
                Point::wrong(Topic::Alert, why).mend(format!("{upgrade} && {setup}"))
            }
        }];
    }
    let faults: Vec<Point> = ours.iter().flat_map(|alert| faults(alert, pcs)).collect();
    if !faults.is_empty() {
        return faults;
    }
    let mut points = Vec::new();
    let (first, more) = (&ours[0], &ours[1..]);
    for alert in more {
        let why = format!(
            "{} and {} are both registered: each event starts two passes",
            first.id, alert.id
        );
        let id = quoted(&alert.id);
        points.push(Point::warning(Topic::Alert, why).mend(match pcs {
            true => format!("pcs alert remove {id}"),
            false => delete(&alert.id, ""),
        }));
    }
    if points.is_empty() {
        let finding = format!("{} is registered for node events", first.path);
        points.push(Point::ok(Topic::Alert, finding));
    }
    points
}

fn faults(alert: &Alert, pcs: bool) -> Vec<Point> {
    let Alert { id, path, .. } = alert;
    let wrong = |why: String| Point::wrong(Topic::Alert, why);
    let mut points = Vec::new();
    let selects_nodes = |kinds: &Vec<String>| kinds.iter().any(|kind| kind == "select_nodes");
    if alert.agent != Agent::Ready && path == AGENT {
        let why = format!("alert {id}: the package's agent cannot be started");
        points.push(Point::skipped(Topic::Alert, why));
    } else if alert.agent != Agent::Ready {
        let why = match alert.agent {
            Agent::Missing => "there is no",
            _ => "hacluster may not execute",
        };
        let command = match pcs {
            true => format!("pcs alert update {} path={AGENT}", quoted(id)),
            false => format!(
                "cibadmin --modify --scope alerts --xml-text '<alert id=\"{id}\" path=\"{AGENT}\"/>'"
            ),
        };
        points.push(wrong(format!("alert {id}: {why} {path}")).mend(command));
    }
    if alert
        .selected
        .as_ref()
        .is_some_and(|kinds| !selects_nodes(kinds))
    {
        let why = format!("alert {id} selects other events than those of nodes");
        points.push(wrong(why).mend(delete(id, "/select")));
    }
    if alert.disabled {
        let why = format!("alert {id} is disabled by its meta attribute `enabled`");
        let command = delete(id, "/meta_attributes/nvpair[@name=\"enabled\"]");
        points.push(wrong(why).mend(command));
    }
    points
}

/// What takes this part of an alert out of the CIB, which pcs has no words for.
fn delete(id: &str, part: &str) -> String {
    let xpath = format!("//alert[@id=\"{id}\"]{part}");
    format!("cibadmin --delete --xpath {}", quoted(&xpath))
}

/// The attributes: what was `published` against what the CIB has.
pub fn attributes(published: &Answer<Attributes>, stored: &Answer<Attributes>) -> Point {
    let both = published
        .known(Topic::Attributes)
        .and_then(|published| Ok((published, stored.known(Topic::Attributes)?)));
    let (published, stored) = match both {
        Ok(both) => both,
        Err(point) => return point.look("systemctl status pacemaker"),
    };
    let changes = attribute::diff(published, stored);
    if changes.is_empty() {
        let values: Vec<String> = stored
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        return match values.is_empty() {
            true => Point::warning(Topic::Attributes, "no pass has published any yet")
                .mend("ringcheck --once"),
            false => Point::ok(
                Topic::Attributes,
                format!("the CIB has what was published: {}", values.join(", ")),
            ),
        };
    }
    let faults: Vec<String> = changes
        .iter()
        .map(|change| match change {
            Change::Delete { name } => format!("{name} was never published"),
            Change::Update { name, value } => match stored.get(name) {
                None => format!("{name} is missing ({value})"),
                Some(other) => format!("{name} is `{other}`, not `{value}`"),
            },
        })
        .collect();
    let why = format!("not as published in the CIB: {}", faults.join("; "));
    Point::wrong(Topic::Attributes, why).mend("ringcheck --once --force")
}

/// What a drill has left; nothing where none has.
pub fn drill(remains: &Remains) -> Option<Point> {
    let left = Some(remains.told()).filter(|told| !told.is_empty())?;
    let why = format!(
        "a drill runs, or was killed and has left: {}",
        left.join("; ")
    );
    Some(Point::warning(Topic::Drill, why).mend("ringcheck drill --cleanup"))
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::*;

    fn alert(id: &str, path: &str) -> Alert {
        Alert {
            id: id.into(),
            path: path.into(),
            agent: Agent::Ready,
            selected: None,
            disabled: false,
        }
    }

    fn judge(list: &[Alert], pcs: bool) -> Vec<(Grade, String)> {
        alerts(&Answer::Known(list.to_vec()), None, pcs)
            .into_iter()
            .map(|point| (point.grade, point.command.unwrap_or_default()))
            .collect()
    }

    fn only(list: &[Alert], pcs: bool) -> (Grade, String) {
        let mut points = judge(list, pcs);
        assert_eq!(points.len(), 1, "{points:?}");
        points.remove(0)
    }

    #[test]
    fn an_alert_is_registered_under_any_id_and_from_any_folder() {
        for one in [
            alert("ringcheck", AGENT),
            alert("a", AGENT),
            alert("b", "/var/lib/pacemaker/ringcheck-alert"),
            alert("c", "/usr/sbin/ringcheck"),
        ] {
            assert_eq!(only(&[one], true).0, Grade::Ok);
        }
        let notify = "/usr/share/ringcheck/alerts/ringcheck-notify";
        for others in [
            &[][..],
            &[alert("mail", "/opt/mail")],
            &[alert("ringcheck-notify", notify)],
        ] {
            let register = (Grade::Wrong, "ringcheck setup --alert".to_owned());
            assert_eq!(only(others, true), register);
        }
    }

    #[test]
    fn an_old_schema_is_upgraded_before_it_is_registered() {
        let judge = |schema: &str, pcs| {
            let schema = Schema(schema.into());
            let mut points = alerts(&Answer::Known(vec![]), Some(&schema), pcs);
            points.remove(0).command.unwrap()
        };
        let pcs = "pcs cluster cib-upgrade && ringcheck setup --alert";
        assert_eq!(judge("pacemaker-2.5", true), pcs);
        let plain = "cibadmin --upgrade --force && ringcheck setup --alert";
        assert_eq!(judge("pacemaker-2.5", false), plain);
        assert_eq!(judge("pacemaker-3.9", true), "ringcheck setup --alert");
    }

    #[test]
    fn its_agent_can_be_started() {
        let mut one = alert("ringcheck", "/nowhere");
        for agent in [Agent::Missing, Agent::Forbidden] {
            one.agent = agent;
            let update = format!("pcs alert update ringcheck path={AGENT}");
            assert_eq!(only(&[one.clone()], true), (Grade::Wrong, update));
            assert!(
                only(&[one.clone()], false)
                    .1
                    .contains("--xml-text '<alert id=\"ringcheck\"")
            );
        }
        one.path = AGENT.into();
        assert_eq!(only(&[one], true).0, Grade::Skipped, "the package says it");
    }

    #[test]
    fn it_is_for_node_events_and_enabled() {
        let mut one = alert("ringcheck", AGENT);
        one.selected = Some(vec!["select_nodes".into(), "select_fencing".into()]);
        assert_eq!(only(&[one.clone()], true).0, Grade::Ok);
        one.selected = Some(vec!["select_fencing".into()]);
        let select = "cibadmin --delete --xpath '//alert[@id=\"ringcheck\"]/select'";
        assert_eq!(
            only(&[one.clone()], true),
            (Grade::Wrong, select.to_owned())
        );
        one.disabled = true;
        let points = judge(&[one], true);
        assert_eq!(points.len(), 2);
        assert!(points[1].1.contains("meta_attributes"), "{points:?}");
    }

    #[test]
    fn it_is_registered_once() {
        let twice = [alert("ringcheck", AGENT), alert("more", AGENT)];
        let remove = (Grade::Warning, "pcs alert remove more".to_owned());
        assert_eq!(only(&twice, true), remove);
        assert_eq!(
            only(&twice, false).1,
            "cibadmin --delete --xpath '//alert[@id=\"more\"]'"
        );
    }

    #[test]
    fn what_was_not_asked_is_skipped() {
        let skipped = alerts(&Answer::Skipped("no cluster".into()), None, true);
        assert_eq!(skipped[0].grade, Grade::Skipped);
        assert_eq!(skipped[0].command, None);
        let failed = alerts(&Answer::Failed("no answer".into()), None, true);
        assert_eq!(failed[0].grade, Grade::Wrong);
    }

    #[test]
    fn a_drill_leaves_nothing() {
        assert_eq!(drill(&Remains::default()), None);
        let remains = Remains {
            resource: true,
            ..Remains::default()
        };
        let point = drill(&remains).expect("a point");
        assert_eq!(point.grade, Grade::Warning);
        assert_eq!(point.command.as_deref(), Some("ringcheck drill --cleanup"));
    }

    #[test]
    fn the_cib_has_what_was_published_and_no_more() {
        let set = |pairs: &[(&str, &str)]| -> Answer<Attributes> {
            let pairs = pairs.iter().map(|(n, v)| (n.to_string(), v.to_string()));
            Answer::Known(pairs.collect())
        };
        let up = [("ringnumber_0", "a is UP"), ("ringnumber_1", "b is UP")];
        assert_eq!(attributes(&set(&up), &set(&up)).grade, Grade::Ok);
        for (stored, fault) in [
            (&up[..1], "ringnumber_1 is missing (b is UP)"),
            (
                &[up[0], ("ringnumber_1", "b is FAULTY")],
                "ringnumber_1 is `b is FAULTY`, not `b is UP`",
            ),
            (
                &[up[0], up[1], ("ringnumber_2", "c is UP")],
                "ringnumber_2 was never published",
            ),
        ] {
            let point = attributes(&set(&up), &set(stored));
            assert_eq!(point.grade, Grade::Wrong);
            assert!(point.finding.ends_with(fault), "{point:?}");
            assert_eq!(point.command.as_deref(), Some("ringcheck --once --force"));
        }
        assert_eq!(attributes(&set(&[]), &set(&[])).grade, Grade::Warning);
        let skipped = Answer::Skipped("no cluster".into());
        assert_eq!(attributes(&set(&up), &skipped).grade, Grade::Skipped);
        assert_eq!(attributes(&skipped, &set(&up)).grade, Grade::Skipped);
    }
}
