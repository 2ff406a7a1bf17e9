//! What Pacemaker's environment says to an alert agent.
//!
//! Pacemaker passes no arguments, so an alert is recognised by its environment
//! (Pacemaker Explained, "Alerts"). Its values are data, never code: they choose between
//! three things to do, and nothing of them is kept or passed on.

use std::ffi::{OsStr, OsString};

/// What an alert asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {
    /// A node event: a pass, which writes every attribute when a node joined.
    Pass {
        /// Whether to write every attribute.
        force: bool,
    },
    /// Not for us, or not as Pacemaker writes it.
    Ignore,
}

const PREFIX: &str = "CRM_alert_";

/// What the environment asks for; nothing if there is no alert in it.
pub fn recognise(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Option<Alert> {
    let mut variables = environment
        .into_iter()
        .filter(|(name, _)| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()))
        .peekable();
    variables.peek()?;
    let (mut kind, mut desc, mut version) = (None, None, None);
    for (name, value) in variables {
        match name.to_str().and_then(|name| name.strip_prefix(PREFIX)) {
            Some("kind") => kind = Some(value),
            Some("desc") => desc = Some(value),
            Some("version") => version = Some(value),
            Some("node") if !is_plain(&value) => return Some(Alert::Ignore),
            Some("nodeid") if !is_node_id(&value) => return Some(Alert::Ignore),
            _ => {}
        }
    }
    // Pacemaker's own sample agents leave when there is no version.
    let versioned = version.is_some_and(|version| is_plain(&version));
    let node_event = kind.is_some_and(|kind| kind == "node");
    Some(match desc.as_deref().and_then(OsStr::to_str) {
        Some("member") if versioned && node_event => Alert::Pass { force: true },
        Some("lost") if versioned && node_event => Alert::Pass { force: false },
        _ => Alert::Ignore,
    })
}

fn is_plain(value: &OsStr) -> bool {
    value.to_str().is_some_and(|name| {
        !name.is_empty() && name.len() <= 255 && !name.chars().any(char::is_control)
    })
}

fn is_node_id(value: &OsStr) -> bool {
    value.to_str().is_some_and(|id| id.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use proptest::prelude::*;

    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        let mut variables = vec![("PATH".into(), "/usr/bin".into())];
        variables.extend(pairs.iter().map(|(n, v)| (n.into(), v.into())));
        variables
    }

    const MEMBER: [(&str, &str); 5] = [
        ("CRM_alert_kind", "node"),
        ("CRM_alert_version", "2.1.5"),
        ("CRM_alert_node", "n2"),
        ("CRM_alert_nodeid", "2"),
        ("CRM_alert_desc", "member"),
    ];

    fn with(name: &str, value: &str) -> Option<Alert> {
        let mut pairs = MEMBER.to_vec();
        pairs.retain(|(n, _)| *n != name);
        pairs.push((name, value));
        recognise(environment(&pairs))
    }

    #[test]
    fn no_alert_without_its_environment() {
        assert_eq!(recognise(environment(&[])), None);
    }

    #[test]
    fn node_events_ask_for_a_pass() {
        assert_eq!(
            recognise(environment(&MEMBER)),
            Some(Alert::Pass { force: true })
        );
        assert_eq!(
            with("CRM_alert_desc", "lost"),
            Some(Alert::Pass { force: false })
        );
    }

    #[test]
    fn everything_else_is_ignored() {
        for kind in ["fencing", "resource", "attribute", "", "node\n", "Node"] {
            assert_eq!(
                with("CRM_alert_kind", kind),
                Some(Alert::Ignore),
                "{kind:?}"
            );
        }
        for (name, value) in [
            ("CRM_alert_desc", ""),
            ("CRM_alert_desc", "$(reboot)"),
            ("CRM_alert_version", ""),
            ("CRM_alert_node", ""),
            ("CRM_alert_node", "a\nb"),
            ("CRM_alert_nodeid", "-1"),
            ("CRM_alert_nodeid", "1;reboot"),
        ] {
            assert_eq!(with(name, value), Some(Alert::Ignore), "{name}={value:?}");
        }
        let lone = environment(&[("CRM_alert_kind", "node")]);
        assert_eq!(recognise(lone), Some(Alert::Ignore));
    }

    proptest! {
        #[test]
        fn no_environment_makes_it_panic(pairs in proptest::collection::vec(
            ("(CRM_alert_(kind|desc|version|node|nodeid|x)|[A-Z]{1,3})", proptest::collection::vec(1u8.., 0..40)), 0..8)
        ) {
            let pairs = pairs.into_iter().map(|(n, v)| (n.into(), OsString::from_vec(v)));
            recognise(pairs);
        }
    }
}
