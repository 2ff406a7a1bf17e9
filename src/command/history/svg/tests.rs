//! The picture is XML, whatever is on record, and has all of it.

use proptest::prelude::*;

use super::super::stretch::{Lasting, stretches};
use super::super::tests::{at, record};
use super::*;
use crate::model::link::LinkState::{Faulty, Up};
use crate::store::history::Record;

fn picture(node: &str, records: &[Record]) -> String {
    let lasting: Lasting = (0..2).map(|link| (LinkNumber(link), at(3600))).collect();
    let links = stretches(records, &lasting, at(3600));
    svg(node, &links, Span::until(at(3600), Some(at(-86_400))))
}

/// Every text of the picture.
fn texts(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).expect("valid XML");
    let texts = document.descendants().filter_map(|node| node.text());
    texts.map(str::to_owned).collect()
}

#[test]
fn it_tells_what_was_and_when() {
    let records = [
        record(0, 0, None, Some(Up)),
        record(1, 0, None, Some(Up)),
        record(1, 1800, Some(Up), Some(Faulty)),
        record(1, 1805, Some(Faulty), Some(Up)),
    ];
    let svg = picture("n2", &records);
    let texts = texts(&svg);
    for text in [
        "Corosync links of n2, 2026-11-21 12:00:00 to 2026-11-22 13:00:00",
        "link 0",
        "link 1",
        "10.77.1.2 is FAULTY, 2026-11-22 12:30:00 to 2026-11-22 12:30:05, 5s: \
         interface ring1 has no carrier",
        "FAULTY",
    ] {
        assert!(
            texts.iter().any(|found| found == text),
            "{text}: {texts:#?}"
        );
    }
    assert!(
        !svg.contains("http") || svg.matches("http").count() == 1,
        "it needs nothing else"
    );
}

#[test]
fn a_short_fault_is_wide_enough_to_be_seen() {
    let records = [
        record(1, -86_000, None, Some(Up)),
        record(1, 3599, Some(Up), Some(Faulty)),
        record(1, 3600, Some(Faulty), Some(Up)),
    ];
    let svg = picture("n2", &records);
    let document = roxmltree::Document::parse(&svg).unwrap();
    let number =
        |node: roxmltree::Node, name| -> f64 { node.attribute(name).unwrap().parse().unwrap() };
    let told = |node: &roxmltree::Node| {
        let title = node.first_element_child().and_then(|title| title.text());
        title.is_some_and(|title| title.contains("is FAULTY"))
    };
    let rectangle = document.descendants().find(told).unwrap();
    assert!(number(rectangle, "width") >= LEAST);
    let right = number(rectangle, "x") + number(rectangle, "width");
    assert!(right <= (LEFT + BAR) as f64 + 0.1, "{right}");
}

#[test]
fn nothing_on_record_is_a_picture_that_says_so() {
    let texts = texts(&picture("n2", &[]));
    let line = "no change of a link is on record";
    assert!(texts.iter().any(|text| text == line), "{texts:#?}");
}

proptest! {
    #[test]
    fn it_is_xml_whatever_is_on_record(node in any::<String>(), text in any::<String>()) {
        let mut record = record(1, 0, None, Some(Faulty));
        record.reason = text.clone() + "<&>]]>\"'\u{0}\u{1b}\u{fffe}";
        record.address = text;
        let svg = picture(&node, &[record]);
        prop_assert!(roxmltree::Document::parse(&svg).is_ok(), "{}", svg);
    }
}
