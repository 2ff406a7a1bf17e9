//! What Pacemaker knows of all nodes: who is online, and what each has published.
//!
//! crm_mon's XML is documented (`crm_mon.rng`) and tells who is online by Pacemaker's own rules.
//! In the CIB that is spread over attributes of `node_state` whose values differ between
//! versions.

use std::collections::BTreeMap;
use std::time::Instant;

use roxmltree::{Document, Node};

use super::child;
use super::pacemaker::explain;
use super::records::readable;
use crate::model::attribute::Attributes;
use crate::model::failure::{Exit, Failure};
use crate::model::gather::Gather;
use crate::model::link::NodeId;
use crate::model::member::Member;

/// Asks Pacemaker once: all nodes, by node id, those without one last. Remote nodes and guests, which run no corosync,
/// are none of them.
///
/// # Errors
/// When Pacemaker cannot be asked, or does not answer before the deadline.
pub fn ask(deadline: Instant) -> Result<Vec<Member>, Failure> {
    let sections = "--include=none,nodes,attributes";
    let output = child::run("crm_mon", &["-1", "--output-as=xml", sections], deadline)?;
    let what = "cannot read the nodes and their attributes";
    match output.code {
        Some(0) => parse(&output.stdout).ok_or_else(|| {
            let line = format!("{what}: crm_mon's answer is not the XML that was expected");
            Failure::new(Exit::Attribute, line)
        }),
        _ => Err(explain(what, &output)),
    }
}

fn parse(xml: &str) -> Option<Vec<Member>> {
    let document = Document::parse(xml).ok()?;
    let section = |name| {
        let root = document.root_element();
        let section = root.children().find(|child| child.has_tag_name(name));
        let children = section.into_iter().flat_map(|section| section.children());
        children.filter(|child| child.has_tag_name("node"))
    };
    let mut attributes: BTreeMap<&str, Attributes> = BTreeMap::new();
    for node in section("node_attributes") {
        let pairs = node.children().filter_map(|pair| {
            let text = |name| pair.attribute(name).map(str::to_owned);
            Some((text("name")?, text("value")?))
        });
        // Attributes of a node without a name match no node.
        attributes.insert(node.attribute("name").unwrap_or_default(), pairs.gather());
    }
    let none = Attributes::new();
    let member = |node: Node| {
        let name = node.attribute("name")?;
        let id = node.attribute("id")?.parse().ok().map(NodeId);
        let online = node.attribute("online")? == "true";
        let attributes = attributes.get(name).unwrap_or(&none);
        Some(Member::new(id, name, online, attributes))
    };
    let kind = |node: &Node| node.attribute("type").is_none_or(|kind| kind == "member");
    let mut members = readable(section("nodes").filter(kind).map(member))?;
    members.sort_by(|a, b| (a.id.is_none(), a.id, &a.name).cmp(&(b.id.is_none(), b.id, &b.name)));
    (!members.is_empty()).then_some(members)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANSWER: &str = r#"<pacemaker-result api-version="2.25" request="crm_mon">
  <pacemakerd sys_from="pacemakerd" state="running"/>
  <nodes>
    <node name="n2" id="2" online="false" standby="false" type="member"/>
    <node name="n1" id="1" online="true" standby="false" type="member"/>
    <node name="far" id="far" online="true" standby="false" type="remote"/>
  </nodes>
  <node_attributes>
    <node name="n1">
      <attribute name="ringnumber_0" value="10.77.0.1 is UP"/>
      <attribute name="pingd" value="100" expected="200"/>
    </node>
    <node name="far"><attribute name="ringnumber_0" value="10.0.0.9 is UP"/></node>
  </node_attributes>
  <status code="0" message="OK"/>
</pacemaker-result>"#;

    #[test]
    fn reads_who_is_online_and_what_each_publishes() {
        let members = parse(ANSWER).unwrap();
        let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["n1", "n2"], "a remote node has no links");
        assert!(members[0].online && !members[1].online);
        assert_eq!(members[0].links.len(), 1);
        assert!(members[1].links.is_empty());
    }

    #[test]
    fn one_odd_record_hides_no_other() {
        let (head, tail) = ANSWER.split_once("    <node name=\"n1\"").unwrap();
        let odd = r#"    <node name="old1" id="old1" online="false" type="member"/>
    <node id="4" online="true" type="member"/>
    <node name="n5" id="5" type="member"/>
"#;
        let xml = format!("{head}{odd}    <node name=\"n1\"{tail}").replacen(
            "<node_attributes>",
            "<node_attributes><node><attribute name=\"ringnumber_0\" value=\"x\"/></node>",
            1,
        );
        let members = parse(&xml).unwrap();
        let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["n1", "n2", "old1"]);
        assert_eq!((members[2].id, members[2].online), (None, false));
        assert_eq!(members[0].links.len(), 1);
    }

    #[test]
    fn takes_no_half_answer() {
        assert_eq!(parse(&ANSWER[..ANSWER.len() / 2]), None);
        assert_eq!(parse(&ANSWER.replace("online", "onlin")), None);
        assert_eq!(parse("<pacemaker-result/>"), None);
    }

    proptest! {
        #[test]
        fn no_xml_makes_it_panic(
            xml in "(</?(nodes|node|node_attributes|attribute)( (name|id|online)=\"[a-z0-9]{0,3}\")*/?>|\\PC){0,20}"
        ) {
            let _ = parse(&xml);
            let _ = parse(&format!("<pacemaker-result>{xml}</pacemaker-result>"));
        }
    }
}
