//! The full sequence of attribute values: pacemaker-attrd logs every one that it takes, on
//! every node (`Setting ringnumber_1[n2]: 10.77.1.2 is UP -> 10.77.1.2 is FAULTY`).

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use crate::bed::Bed;

pub const LOG: &str = "/var/log/pacemaker/pacemaker.log";

/// How long each node's log was when the record was begun.
pub struct Record {
    lines: BTreeMap<usize, usize>,
}

impl Record {
    /// Begins a record.
    pub fn begin(bed: &Bed) -> Result<Record> {
        let mut lines = BTreeMap::new();
        for node in bed.cluster.nodes() {
            let count = node.sh(&format!("wc -l < {LOG}"))?;
            lines.insert(node.number(), count.trim().parse()?);
        }
        Ok(Record { lines })
    }

    /// What any node's attribute manager has set since: attribute, node and new value.
    pub fn values(&self, bed: &Bed) -> Result<Vec<String>> {
        let mut values = Vec::new();
        for node in bed.cluster.nodes().iter().filter(|node| node.is_up()) {
            let script = format!(
                "tail -n +{} {LOG} | grep 'Setting ringnumber_' || true",
                self.lines[&node.number()] + 1
            );
            for line in node.sh(&script)?.lines() {
                let (name, of, value) = set(line)?;
                values.push(format!("{name}[{of}] = {value}"));
            }
        }
        Ok(values)
    }

    /// That no link was shown FAULTY since, not even for a moment.
    pub fn has_no_faulty(&self, bed: &Bed) -> Result<()> {
        let values = self.values(bed)?;
        ensure!(
            !values.is_empty(),
            "the record is empty: is the log where it was?"
        );
        let wrong: Vec<_> = values
            .iter()
            .filter(|value| value.contains("FAULTY"))
            .collect();
        ensure!(wrong.is_empty(), "a link was shown FAULTY: {wrong:?}");
        Ok(())
    }
}

/// What such a line says: attribute, node and new value. Pacemaker 3 names the attribute's set,
/// too: `Setting ringnumber_1[n2] in instance_attributes: …`.
pub fn set(line: &str) -> Result<(&str, &str, &str)> {
    let parts = || {
        let (_, set) = line.split_once("Setting ")?;
        let (name, rest) = set.split_once('[')?;
        let (node, rest) = rest.split_once(']')?;
        let (_, value) = rest.split_once(" -> ")?;
        Some((name, node, value.split(" |").next()?))
    };
    parts().with_context(|| format!("cannot read `{line}`"))
}
