//! What a drill makes, as XML for the CIB.
//!
//! The values are explicit wherever `rsc_defaults` or `op_defaults` could turn a drill into
//! harm or keep it from ending.

use super::RESOURCE;

/// How often the resource is monitored: a failure is noticed within this time.
pub const MONITOR_SECONDS: u32 = 5;

/// The value of the drill's own standby. Administrators and their tools say `on` and `true`.
pub const STANDBY: &str = "yes";

/// The ids of constraints.
pub const HERE: &str = "ringcheck-drill-here";
/// The same.
pub const MEMBERS: &str = "ringcheck-drill-members";
/// The same.
pub const AWAY: &str = "ringcheck-drill-away";
/// The mark that the node named in it was put in standby.
pub const STANDBY_MARK: &str = "ringcheck-drill-standby";

/// How much the resource wants to be on the node where the drill runs.
const WISH: i32 = 100;

/// How little it may be where the rule is true. Finite, as rules on links should be.
pub const RULE: i32 = -1000;

/// The resource, not to be started yet.
///
/// - A failed stop blocks it, for the default where there is fencing is to fence the node.
/// - Its priority is lower than the default by as little as can be: it is placed last, so that
///   no other resource makes room for it. A much lower one would count against its node in a
///   fencing race (`priority-fencing-delay`).
pub fn resource() -> String {
    let meta = [
        ("role", "target-role", "Stopped"),
        ("managed", "is-managed", "true"),
        ("priority", "priority", "-1"),
        ("threshold", "migration-threshold", "INFINITY"),
        ("timeout", "failure-timeout", "0"),
        ("stickiness", "resource-stickiness", "0"),
    ];
    let meta = meta.map(|(id, name, value)| {
        format!("<nvpair id=\"{RESOURCE}-meta-{id}\" name=\"{name}\" value=\"{value}\"/>")
    });
    let monitor = format!("{MONITOR_SECONDS}s");
    let operations = [
        ("start", "0", "restart"),
        ("stop", "0", "block"),
        ("monitor", monitor.as_str(), "restart"),
    ];
    let operations = operations.map(|(name, interval, on_fail)| {
        format!(
            "<op id=\"{RESOURCE}-{name}\" name=\"{name}\" interval=\"{interval}\" timeout=\"20s\" on-fail=\"{on_fail}\" enabled=\"true\"/>"
        )
    });
    format!(
        "<primitive id=\"{RESOURCE}\" class=\"ocf\" provider=\"pacemaker\" type=\"Dummy\">\
         <meta_attributes id=\"{RESOURCE}-meta\">{}</meta_attributes>\
         <operations>{}</operations></primitive>",
        meta.concat(),
        operations.concat()
    )
}

/// What has it started, on this node if nothing forbids it. Where resources may run only where
/// a constraint says so, one does.
pub fn start(node: &str, symmetric: bool) -> String {
    let mut constraints = format!(
        "<rsc_location id=\"{HERE}\" rsc=\"{RESOURCE}\" node=\"{}\" score=\"{WISH}\"/>",
        escaped(node)
    );
    // A remote node or a guest need not have the agent.
    let mut rules = vec![("others", "-INFINITY", "ne")];
    if !symmetric {
        rules.push(("all", "0", "eq"));
    }
    for (id, score, operation) in rules {
        constraints += &location(
            &format!("{MEMBERS}-{id}"),
            score,
            "#kind",
            operation,
            "cluster",
        );
    }
    format!(
        "<configuration>{}<constraints>{constraints}</constraints></configuration>",
        role("Started")
    )
}

/// What has it stopped.
pub fn stop() -> String {
    format!("<configuration>{}</configuration>", role("Stopped"))
}

fn role(role: &str) -> String {
    format!(
        "<resources><primitive id=\"{RESOURCE}\"><meta_attributes id=\"{RESOURCE}-meta\">\
         <nvpair id=\"{RESOURCE}-meta-role\" name=\"target-role\" value=\"{role}\"/>\
         </meta_attributes></primitive></resources>"
    )
}

/// The constraint that drives it from the node that has this attribute with this value.
pub fn away(name: &str, value: &str) -> String {
    location(AWAY, &RULE.to_string(), name, "eq", value)
}

/// The constraint that says which node is put in standby, and has no other effect.
pub fn standby_mark(node: &str) -> String {
    format!(
        "<rsc_location id=\"{STANDBY_MARK}\" rsc=\"{RESOURCE}\" node=\"{}\" score=\"0\"/>",
        escaped(node)
    )
}

fn location(id: &str, score: &str, attribute: &str, operation: &str, value: &str) -> String {
    format!(
        "<rsc_location id=\"{id}\" rsc=\"{RESOURCE}\"><rule id=\"{id}-rule\" score=\"{score}\">\
         <expression id=\"{id}-expression\" attribute=\"{}\" operation=\"{operation}\" value=\"{}\" type=\"string\"/>\
         </rule></rsc_location>",
        escaped(attribute),
        escaped(value)
    )
}

/// A text as it stands between quotes in XML.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for char in text.chars() {
        match char {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    fn ids(xml: &str) -> Vec<String> {
        let document = Document::parse(xml).expect("it is XML");
        let ids = document
            .descendants()
            .filter_map(|element| element.attribute("id"));
        ids.map(str::to_owned).collect()
    }

    #[test]
    fn all_that_is_made_has_an_id_of_its_own() {
        let mut seen = Vec::new();
        for xml in [
            resource(),
            start("n1", false),
            away("ringnumber_0", "10.0.0.1 is UP"),
            standby_mark("n1"),
        ] {
            let mut ids = ids(&xml);
            assert!(
                ids.iter().all(|id| id.starts_with(RESOURCE)),
                "cleanup does not find all of {ids:?}"
            );
            // The role is set in what is there already.
            ids.retain(|id| id != RESOURCE && !id.contains("-meta"));
            seen.extend(ids);
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count, "{seen:?}");
    }

    #[test]
    fn nothing_of_it_leads_to_fencing() {
        let xml = resource();
        let document = Document::parse(&xml).unwrap();
        let operations: Vec<_> = document
            .descendants()
            .filter(|element| element.has_tag_name("op"))
            .map(|op| {
                (
                    op.attribute("name").unwrap(),
                    op.attribute("on-fail").unwrap(),
                )
            })
            .collect();
        let expected = [
            ("start", "restart"),
            ("stop", "block"),
            ("monitor", "restart"),
        ];
        assert_eq!(operations, expected);
    }

    #[test]
    fn it_is_permitted_where_it_must_be() {
        let all = format!("{MEMBERS}-all");
        assert!(!ids(&start("n1", true)).contains(&all));
        assert!(ids(&start("n1", false)).contains(&all));
    }

    #[test]
    fn names_and_values_cannot_end_their_quotes() {
        let name = "a\"<b>&'c";
        for xml in [start(name, true), standby_mark(name), away("r", name)] {
            let document = Document::parse(&xml).unwrap();
            let mut attributes = document.descendants().flat_map(|e| e.attributes());
            assert!(
                attributes.any(|attribute| attribute.value() == name),
                "{xml}"
            );
        }
    }
}
