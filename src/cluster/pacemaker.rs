//! Pacemaker's attribute manager and CIB, through its command-line tools: there is no stable
//! C interface, and the IPC format differs between versions.

use std::time::Instant;

use roxmltree::Document;

use super::Registry;
use super::child::{self, Output};
use super::exit_code::{self, Meaning, NO_SUCH_OBJECT};
use crate::model::attribute::{self, Attributes, Change};
use crate::model::failure::{Exit, Failure};
use crate::model::link::NodeId;

/// Pacemaker as `attrd_updater` and `cibadmin` reach it.
#[derive(Clone, Copy, Debug)]
pub struct Pacemaker;

impl Registry for Pacemaker {
    fn query(&mut self, node: NodeId, deadline: Instant) -> Result<Attributes, Failure> {
        let ours = attribute::BEGINNINGS.map(|name| format!("starts-with(@name,'{name}')"));
        let xpath = format!(
            "//node_state[@id='{node}']/transient_attributes//nvpair[{}]",
            ours.join(" or ")
        );
        let output = child::run("cibadmin", &["--query", "--xpath", &xpath], deadline)?;
        match output.code {
            Some(0) => parse(&output.stdout).ok_or_else(|| {
                let line = "cannot read the node attributes from the CIB: cibadmin's answer is not the XML that was expected";
                Failure::new(Exit::Attribute, line)
            }),
            Some(NO_SUCH_OBJECT) => Ok(Attributes::new()),
            _ => Err(explain("cannot read the node attributes from the CIB", &output)),
        }
    }

    fn write(&mut self, change: &Change, deadline: Instant) -> Result<(), Failure> {
        let output = match change {
            Change::Update { name, value } => {
                child::run("attrd_updater", &["-n", name, "-U", value], deadline)
            }
            Change::Delete { name } => child::run("attrd_updater", &["-n", name, "-D"], deadline),
        }?;
        match output.code {
            Some(0) => Ok(()),
            _ => Err(explain(
                &format!("cannot write node attribute {}", change.name()),
                &output,
            )),
        }
    }

    fn refresh(&mut self, deadline: Instant) -> Result<(), Failure> {
        let output = child::run("attrd_updater", &["-R"], deadline)?;
        match output.code {
            Some(0) => Ok(()),
            _ => Err(explain(
                "cannot refresh the node attributes in the CIB",
                &output,
            )),
        }
    }
}

/// What it means that one of the tools ended so.
pub fn explain(what: &str, output: &Output) -> Failure {
    let (ended, meaning) = match output.code {
        Some(code) => (format!("exit code {code}"), exit_code::explain(code)),
        None => ("a signal ended the tool".to_owned(), exit_code::explain(1)),
    };
    let Meaning { exit, why, remedy } = meaning;
    let why = match (why, output.complaint.as_str()) {
        ("", "") => ended,
        ("", complaint) => format!("{complaint} ({ended})"),
        (why, "") => why.to_owned(),
        (why, complaint) if exit == Exit::Attribute => format!("{why}: {complaint}"),
        // For these codes the tool's own message is less clear.
        (why, _) => why.to_owned(),
    };
    Failure::new(exit, format!("{what}: {why}; {remedy}"))
}

/// The attributes in cibadmin's answer: one `nvpair`, or several in an `xpath-query`.
fn parse(xml: &str) -> Option<Attributes> {
    let document = Document::parse(xml).ok()?;
    let mut attributes = Attributes::new();
    let pairs = document.descendants().filter(|e| e.has_tag_name("nvpair"));
    for pair in pairs.filter(|pair| pair.attribute("name").is_some_and(attribute::is_ours)) {
        // A pair without a value is kept, so that one that was never published gets deleted.
        let text = |name| pair.attribute(name).unwrap_or_default().to_owned();
        attributes.insert(text("name"), text("value"));
    }
    Some(attributes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_read_is_ours(
            xml in "(<xpath-query>|</xpath-query>|<nvpair (name|value|id)=\"(ringnumber_[0-9]|\\PC{0,3})\"|/>|\\PC){0,12}"
        ) {
            for name in parse(&xml).unwrap_or_default().keys() {
                prop_assert!(attribute::is_ours(name), "{}", name);
            }
        }
    }

    #[test]
    fn a_tool_that_failed_is_explained_and_says_what_to_do() {
        let explained = |code, complaint: &str| {
            let output = Output {
                code,
                stdout: String::new(),
                complaint: complaint.into(),
            };
            explain("cannot ask", &output).line
        };
        let log = "look at `journalctl -u pacemaker`";
        for (code, complaint, why) in [
            (Some(1), "broken", "broken (exit code 1)"),
            (Some(1), "", "exit code 1"),
            (None, "", "a signal ended the tool"),
        ] {
            let line = format!("cannot ask: {why}; {log}");
            assert_eq!(explained(code, complaint), line);
        }
        let refused = "cannot ask: Pacemaker refused this user; run ringcheck as root or hacluster";
        assert_eq!(explained(Some(4), "Permission denied"), refused);
        let schema = explained(Some(78), "Update does not conform");
        let start = "cannot ask: the CIB does not take it: Update does not conform; ";
        assert!(schema.starts_with(start), "{schema}");
    }

    #[test]
    fn reads_one_and_several_attributes() {
        let one =
            r#"<nvpair id="status-1-ringnumber_0" name="ringnumber_0" value="10.0.0.1 is UP"/>"#;
        let other = r#"<nvpair id="status-1-ringnumber_1" name="ringnumber_1" value="10.1.0.1 is FAULTY"/>"#;
        let foreign = r#"<nvpair id="x" name="ringnumber_x" value="1"/>"#;
        assert_eq!(parse(one).unwrap().len(), 1);
        let several = format!("<xpath-query>\n{one}\n{other}\n{foreign}</xpath-query>\n");
        assert_eq!(
            parse(&several).unwrap().into_iter().collect::<Vec<_>>(),
            [
                ("ringnumber_0".into(), "10.0.0.1 is UP".into()),
                ("ringnumber_1".into(), "10.1.0.1 is FAULTY".into())
            ]
        );
    }

    #[test]
    fn takes_no_half_answer() {
        assert_eq!(parse("<xpath-query><nvpair name="), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn one_odd_record_hides_no_other() {
        let xml = r#"<xpath-query>
          <nvpair id="a" name="ringnumber_0"/>
          <nvpair id="b"/>
          <nvpair id="c" name="ringnumber_1" value="10.1.0.1 is UP"/>
        </xpath-query>"#;
        let expected = [("ringnumber_0", ""), ("ringnumber_1", "10.1.0.1 is UP")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parse(xml), Some(Attributes::from(expected)));
    }
}
