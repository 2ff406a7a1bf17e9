//! Which alert agents are registered in the CIB, and whether this node can start them.

use std::fs;
use std::time::Instant;

use roxmltree::{Document, Node};
use rustix::fs::{Access, access};

use super::child;
use super::exit_code::NO_SUCH_OBJECT;
use super::pacemaker::explain;
use crate::model::checkup::shown::{Agent, Alert};
use crate::model::failure::{Exit, Failure};
use crate::model::schema::Schema;

const WHAT: &str = "cannot read the registered alerts from the CIB";

/// The registered alerts. Whether an agent can be started is told of the user that asks.
///
/// # Errors
/// When the CIB cannot be asked, or does not answer before the deadline.
pub fn alerts(deadline: Instant) -> Result<Vec<Alert>, Failure> {
    let output = child::run("cibadmin", &["--query", "--xpath", "//alerts"], deadline)?;
    match output.code {
        Some(0) => parse(&output.stdout).ok_or_else(|| {
            let line = format!("{WHAT}: cibadmin's answer is not the XML that was expected");
            Failure::new(Exit::Attribute, line)
        }),
        Some(NO_SUCH_OBJECT) => Ok(Vec::new()),
        _ => Err(explain(WHAT, &output)),
    }
}

/// Returns the schema that the CIB is validated with, if it names one.
///
/// # Errors
/// When the CIB cannot be asked, or does not answer before the deadline.
pub fn schema(deadline: Instant) -> Result<Option<Schema>, Failure> {
    let what = "cannot read the CIB's schema";
    let output = child::run("cibadmin", &["--query", "--no-children"], deadline)?;
    match output.code {
        Some(0) => Ok(validated_with(&output.stdout)),
        _ => Err(explain(what, &output)),
    }
}

fn validated_with(xml: &str) -> Option<Schema> {
    let document = Document::parse(xml).ok()?;
    let name = document.root_element().attribute("validate-with")?;
    Some(Schema(name.to_owned()))
}

fn parse(xml: &str) -> Option<Vec<Alert>> {
    let document = Document::parse(xml).ok()?;
    let alerts = document
        .descendants()
        .filter(|element| element.has_tag_name("alert"));
    // Pacemaker does not start an agent for an alert without an id or a path, either.
    Some(alerts.filter_map(alert).collect())
}

fn alert(element: Node) -> Option<Alert> {
    let path = element.attribute("path")?;
    let select = element.children().find(|e| e.has_tag_name("select"));
    let kinds = select.map(|select| {
        let kinds = select.children().filter(Node::is_element);
        kinds
            .map(|kind| kind.tag_name().name().to_owned())
            .collect()
    });
    let meta = element
        .children()
        .filter(|e| e.has_tag_name("meta_attributes"));
    let mut pairs = meta.flat_map(|meta| meta.children());
    let disabled = pairs.any(|pair| {
        let value = pair.attribute("value").unwrap_or_default();
        pair.attribute("name") == Some("enabled")
            && ["false", "off", "no", "n", "0"].contains(&value.to_lowercase().as_str())
    });
    Some(Alert {
        id: element.attribute("id")?.to_owned(),
        path: path.to_owned(),
        agent: agent(path),
        selected: kinds,
        disabled,
    })
}

fn agent(path: &str) -> Agent {
    let file = fs::metadata(path).is_ok_and(|found| found.is_file());
    match file && access(path, Access::EXEC_OK).is_ok() {
        true => Agent::Ready,
        false if file => Agent::Forbidden,
        false => Agent::Missing,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_is_registered() {
        let xml = r#"<alerts>
          <alert id="a" path="/nowhere/ringcheck-alert"/>
          <alert id="b" path="/bin/sh">
            <select><select_attributes><attribute id="b0" name="x"/></select_attributes></select>
            <meta_attributes id="m"><nvpair id="e" name="enabled" value="False"/></meta_attributes>
            <recipient id="r" value="enabled"/>
          </alert>
          <alert id="c" path="/etc/passwd"><select/></alert>
        </alerts>"#;
        let alerts = parse(xml).unwrap();
        let plain = Alert {
            id: "a".into(),
            path: "/nowhere/ringcheck-alert".into(),
            agent: Agent::Missing,
            selected: None,
            disabled: false,
        };
        let other = Alert {
            id: "b".into(),
            path: "/bin/sh".into(),
            agent: Agent::Ready,
            selected: Some(vec!["select_attributes".into()]),
            disabled: true,
        };
        assert_eq!(alerts[..2], [plain, other]);
        assert_eq!(alerts[2].agent, Agent::Forbidden);
        assert_eq!(alerts[2].selected, Some(vec![]));
        assert_eq!(parse("<alerts/>"), Some(vec![]));
        assert_eq!(parse("<alerts>"), None);
    }

    #[test]
    fn reads_the_schema() {
        let xml = r#"<cib crm_feature_set="3.16.1" validate-with="pacemaker-2.5" epoch="1"/>"#;
        assert_eq!(validated_with(xml), Some(Schema("pacemaker-2.5".into())));
        assert_eq!(validated_with("<cib/>"), None);
        assert_eq!(validated_with("<cib"), None);
    }

    #[test]
    fn one_odd_record_hides_no_other() {
        let xml = r#"<alerts>
          <alert id="a"/><alert path="/b"/><alert/>
          <alert id="c" path="/c"><meta_attributes><nvpair/></meta_attributes></alert>
        </alerts>"#;
        let alerts = parse(xml).unwrap();
        let ids: Vec<_> = alerts.iter().map(|alert| alert.id.as_str()).collect();
        assert_eq!(ids, ["c"]);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(
            xml in "(</?(alerts?|select|meta_attributes|nvpair)( (id|path|name|value)=\"\\PC{0,5}\"){0,2}/?>|\\PC){0,12}"
        ) {
            let _ = parse(&xml);
        }
    }
}
