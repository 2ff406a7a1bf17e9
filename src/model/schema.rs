//! Schema that the CIB is validated with. An upgraded cluster may still have an old one.

use std::fmt;

/// First schema that has `<select>` in alerts.
const SELECTS: (u32, u32) = (2, 10);

/// A schema by its name in the CIB's `validate-with`, as `pacemaker-3.9`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema(pub String);

impl Schema {
    /// Tells whether an alert may select events. Names without a version (`none`,
    /// `pacemaker-next`) allow it.
    pub fn has_selections(&self) -> bool {
        let version = self.0.strip_prefix("pacemaker-");
        let version = version.and_then(|version| version.split_once('.'));
        let number = |text: &str| text.parse::<u32>().ok();
        let version = version.and_then(|(major, minor)| Some((number(major)?, number(minor)?)));
        version.is_none_or(|version| version >= SELECTS)
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Returns the command that upgrades the CIB to the newest schema. `pcs` tells whether pcs is
/// installed.
pub fn upgrade(pcs: bool) -> &'static str {
    match pcs {
        true => "pcs cluster cib-upgrade",
        false => "cibadmin --upgrade --force",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selections_came_with_2_10() {
        for (name, has) in [
            ("pacemaker-0.7", false),
            ("pacemaker-1.2", false),
            ("pacemaker-2.5", false),
            ("pacemaker-2.9", false),
            ("pacemaker-2.10", true),
            ("pacemaker-3.0", true),
            ("pacemaker-4.0", true),
            ("pacemaker-next", true),
            ("none", true),
            ("", true),
        ] {
            assert_eq!(Schema(name.into()).has_selections(), has, "{name}");
        }
    }
}
