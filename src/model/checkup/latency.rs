//! Advice on knet's latencies: by default its running average soon hardly changes.

use std::collections::BTreeSet;

use super::{Answer, Point, Topic};
use crate::model::gather::Gather;
use crate::model::link::{Facts, LinkNumber, Transport};
use crate::model::verdict::Judgement;

/// Finds the links that have a `knet_ping_precision` in the text of corosync.conf(5).
pub fn precise(configuration: &str) -> BTreeSet<LinkNumber> {
    let (mut sections, mut links) = (Vec::new(), BTreeSet::new());
    let (mut number, mut is_set) = (LinkNumber(0), false);
    for line in configuration.lines().map(str::trim) {
        if line.starts_with('#') {
            continue;
        } else if let Some((name, _)) = line.split_once('{') {
            sections.push(name.trim());
            // The default link number is 0.
            (number, is_set) = (LinkNumber(0), false);
        } else if line.starts_with('}') {
            if sections == ["totem", "interface"] && is_set {
                links.insert(number);
            }
            sections.pop();
        } else if let (["totem", "interface"], Some((key, value))) =
            (&sections[..], line.split_once(':'))
        {
            match key.trim() {
                "linknumber" | "ringnumber" => {
                    number = value.trim().parse().map_or(number, LinkNumber);
                }
                "knet_ping_precision" => is_set = true,
                _ => {}
            }
        }
    }
    links
}

/// Advises a precision if there are several links. `precise` has the links with a precision; none
/// if corosync.conf cannot be read.
pub fn latency(
    seen: &Answer<(Facts, Judgement)>,
    precise: Option<&BTreeSet<LinkNumber>>,
) -> Option<Point> {
    let (Answer::Known((facts, _)), Some(precise)) = (seen, precise) else {
        return None;
    };
    if facts.transport != Transport::Knet || facts.links.len() < 2 {
        return None;
    }
    let links = facts.links.keys().filter(|link| !precise.contains(link));
    let links: Vec<String> = links.map(LinkNumber::to_string).gather();
    if links.is_empty() {
        let finding = "knet's average latencies cover about the last minute";
        return Some(Point::ok(Topic::Latency, finding));
    }
    let which = match links.as_slice() {
        [link] => format!("link {link}"),
        links => format!("links {}", links.join(", ")),
    };
    let finding = format!(
        "knet's average latencies hardly change after some thousand pings; for current ones add `knet_ping_precision: 64` for {which} to corosync.conf (MONITORING in man 8 ringcheck)"
    );
    Some(Point::note(Topic::Latency, finding))
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::super::links::tests::seen;
    use super::*;

    const CONFIGURATION: &str = "\
totem {
    transport: knet
    interface {
        knet_ping_precision: 64
        linknumber: 1
    }
    interface {
        #knet_ping_precision: 64
        linknumber: 2
    }
    interface {
        knet_ping_precision:64
    }
}
logging {
    interface {
        linknumber: 3
        knet_ping_precision: 64
    }
}
";

    #[test]
    fn finds_the_links_that_have_a_precision() {
        let links = [LinkNumber(0), LinkNumber(1)];
        assert_eq!(precise(CONFIGURATION), BTreeSet::from(links));
        for nothing in ["", "}}", "{", "knet_ping_precision: 64"] {
            assert_eq!(precise(nothing), BTreeSet::new(), "{nothing}");
        }
    }

    #[test]
    fn the_precision_is_advised_where_several_links_lack_it() {
        let judge = |links: u8, precise: &[u8]| {
            let precise = precise.iter().copied().map(LinkNumber).collect();
            latency(&Answer::Known(seen(links)), Some(&precise))
        };
        let note = judge(2, &[]).expect("a point");
        assert_eq!((note.grade, note.command), (Grade::Note, None));
        let line = "add `knet_ping_precision: 64` for links 0, 1 to corosync.conf";
        assert!(note.finding.contains(line), "{}", note.finding);
        let one = judge(2, &[0]).expect("a point");
        assert!(one.finding.contains(" for link 1 "), "{}", one.finding);
        assert_eq!(judge(2, &[0, 1]).expect("a point").grade, Grade::Ok);
        assert_eq!(judge(1, &[]), None);
        let unknown = Answer::Skipped(String::new());
        assert_eq!(latency(&unknown, Some(&BTreeSet::new())), None);
        assert_eq!(latency(&Answer::Known(seen(2)), None), None);
    }
}
