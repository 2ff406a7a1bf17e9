//! What crm_mon's XML (`crm_mon.rng`) and the CIB say.

use std::collections::BTreeMap;

use roxmltree::{Document, Node as Element};

use crate::cluster::records::readable;
use crate::model::attribute::Attributes;
use crate::model::drill::RESOURCE;
use crate::model::drill::plan::STANDBY_MARK;
use crate::model::drill::scene::{Node, Operation, Options, Resource, Scene, Standby, Stored};
use crate::model::gather::Gather;

/// The cluster as crm_mon shows it.
pub fn scene(xml: &str) -> Option<Scene> {
    let document = Document::parse(xml).ok()?;
    let root = document.root_element();
    let section = |name| named(root, name).next();
    let summary = section("summary")?;
    let dc = named(summary, "current_dc").next()?;
    let options = named(summary, "cluster_options").next()?;
    // crm_mon shows both names if Pacemaker knows the newer one.
    let newer = options.attribute("fencing-enabled");
    let nodes = named(section("nodes")?, "node").map(node);
    let resources = section("resources").into_iter().flat_map(|section| {
        let resources = section.descendants();
        resources.filter(|element| element.has_tag_name("resource"))
    });
    let mut attributes = BTreeMap::new();
    let described = section("node_attributes").into_iter();
    for node in described.flat_map(|section| named(section, "node")) {
        attributes.extend(attributes_of(node));
    }
    Some(Scene {
        dc: is(dc, "present"),
        quorum: is(dc, "with_quorum"),
        options: Options {
            maintenance: is(options, "maintenance-mode"),
            stop_all: is(options, "stop-all-resources"),
            // Where it is not said, it is enabled, as it is by default.
            fencing: newer.or(options.attribute("stonith-enabled")) != Some("false"),
            newer_names: newer.is_some(),
            symmetric: is(options, "symmetric-cluster"),
        },
        nodes: readable(nodes)?,
        resources: readable(resources.map(resource))?,
        operations: section("node_history").map_or(Some(Vec::new()), operations)?,
        attributes,
    })
}

fn is(element: Element, name: &str) -> bool {
    element.attribute(name) == Some("true")
}

fn text(element: Element, name: &str) -> Option<String> {
    element.attribute(name).map(str::to_owned)
}

fn named<'a, 'b>(
    parent: Element<'a, 'b>,
    name: &'static str,
) -> impl Iterator<Item = Element<'a, 'b>> {
    let children = parent.children();
    children.filter(move |child| child.has_tag_name(name))
}

fn node(element: Element) -> Option<Node> {
    Some(Node {
        name: text(element, "name")?,
        member: element
            .attribute("type")
            .is_none_or(|kind| kind == "member"),
        online: element.attribute("online")? == "true",
        standby: is(element, "standby") || is(element, "standby_onfail"),
        maintenance: is(element, "maintenance"),
        pending: is(element, "pending"),
        unclean: is(element, "unclean"),
        shutdown: is(element, "shutdown"),
    })
}

fn resource(element: Element) -> Option<Resource> {
    let nodes = named(element, "node").filter_map(|node| text(node, "name"));
    Some(Resource {
        id: text(element, "id")?,
        agent: text(element, "resource_agent")?,
        role: text(element, "role")?,
        active: element.attribute("active")? == "true",
        failed: is(element, "failed"),
        blocked: is(element, "blocked"),
        managed: is(element, "managed"),
        nodes: nodes.collect(),
    })
}

/// The operations of the drill's resource.
fn operations(section: Element) -> Option<Vec<Operation>> {
    let nodes = named(section, "node");
    let operations = nodes.flat_map(|node| {
        let own = named(node, "resource_history").filter(|r| r.attribute("id") == Some(RESOURCE));
        let operations = own.flat_map(|history| named(history, "operation_history"));
        operations.map(move |done| operation(node, done))
    });
    let operations = readable(operations)?;
    // An operation that has only been ordered has no number and no result yet.
    Some(operations.into_iter().flatten().collect())
}

fn operation(node: Element, done: Element) -> Option<Option<Operation>> {
    let call: i64 = done.attribute("call")?.parse().ok()?;
    let operation = Operation {
        node: text(node, "name")?,
        task: text(done, "task")?,
        call: u64::try_from(call).unwrap_or_default(),
        code: done.attribute("rc")?.parse().ok()?,
        text: text(done, "rc_text").unwrap_or_default(),
        recurring: done.attribute("interval").is_some(),
    };
    Some((call >= 0).then_some(operation))
}

fn attributes_of(node: Element) -> Option<(String, Attributes)> {
    let pairs = named(node, "attribute");
    let pairs = pairs.filter_map(|pair| Some((text(pair, "name")?, text(pair, "value")?)));
    Some((text(node, "name")?, pairs.gather()))
}

/// What the CIB says.
pub fn stored(xml: &str) -> Option<Stored> {
    let document = Document::parse(xml).ok()?;
    let cib = document.root_element();
    let configuration = named(cib, "configuration").next()?;
    let status = named(cib, "status").next()?;
    let mut found = Stored {
        // Unset, or set to nothing, there is none.
        watchdog: watchdog(cib, configuration).is_some_and(|value| {
            let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            number.trim() != "0"
        }),
        refreshed: option(configuration, "last-lrm-refresh").map(str::to_owned),
        ..Stored::default()
    };
    let remains = &mut found.remains;
    let mut marked = None;
    for element in configuration.descendants().filter(Element::is_element) {
        let id = element.attribute("id").unwrap_or_default();
        if element.has_tag_name("primitive") && id == RESOURCE {
            remains.resource = true;
        } else if element.has_tag_name("rsc_location") && id.starts_with(RESOURCE) {
            remains.constraints.push(id.to_owned());
            if id == STANDBY_MARK {
                marked = element.attribute("node");
            }
        }
    }
    let mut standby = BTreeMap::new();
    for state in named(status, "node_state") {
        let Some(node) = state.attribute("uname").or(state.attribute("id")) else {
            continue;
        };
        for element in state.descendants() {
            let name = element.attribute("name").unwrap_or_default();
            let own = element.attribute("id") == Some(RESOURCE);
            if element.has_tag_name("lrm_resource") && own {
                remains.history.push(node.to_owned());
            } else if element.has_tag_name("nvpair") && is_failure(name) {
                remains.failures.push(node.to_owned());
            } else if element.has_tag_name("nvpair") && name == "standby" {
                standby.insert(node, element.attribute("value"));
            }
        }
    }
    remains.standby = marked.map(|node| Standby {
        node: node.to_owned(),
        value: standby.get(node).copied().flatten().map(str::to_owned),
    });
    for nodes in [&mut remains.history, &mut remains.failures] {
        nodes.sort();
        nodes.dedup();
    }
    Some(found)
}

/// Whether an attribute counts failures of the resource: `fail-count-ID#monitor_5000` and
/// `last-failure-ID#monitor_5000`.
fn is_failure(name: &str) -> bool {
    let counted = name
        .strip_prefix("fail-count-")
        .or_else(|| name.strip_prefix("last-failure-"));
    let rest = counted.and_then(|name| name.strip_prefix(RESOURCE));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// Timeout of fencing by the watchdog. Since [`NEWER_NAMES`] Pacemaker uses the newer name if it
/// has a value, and else the old one; before that it ignores the newer name.
fn watchdog<'a>(cib: Element, configuration: Element<'a, '_>) -> Option<&'a str> {
    let set = |name| option(configuration, name).filter(|value| !value.is_empty());
    let features = cib.attribute("crm_feature_set").and_then(version);
    let newer = set("fencing-watchdog-timeout");
    let newer = newer.filter(|_| features.is_none_or(|features| features >= NEWER_NAMES));
    newer.or_else(|| set("stonith-watchdog-timeout"))
}

/// Feature set that introduced the newer names of the fencing options (Pacemaker 3.0.2).
const NEWER_NAMES: [u32; 3] = [3, 20, 5];

/// `3.16.1` → 3, 16, 1.
fn version(text: &str) -> Option<[u32; 3]> {
    let mut numbers = text.split('.').map(|number| number.parse().ok());
    let mut next = || numbers.next().flatten();
    Some([next()?, next()?, next()?])
}

/// The value of a cluster option.
fn option<'a>(configuration: Element<'a, '_>, name: &str) -> Option<&'a str> {
    let options = named(configuration, "crm_config").flat_map(|options| options.descendants());
    let mut pairs = options.filter(|pair| pair.has_tag_name("nvpair"));
    let pair = pairs.find(|pair| pair.attribute("name") == Some(name))?;
    pair.attribute("value")
}

#[cfg(test)]
mod tests;
