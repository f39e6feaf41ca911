//! What was done to a chain is seen, and what was left alone is good.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use decision_audit::{Chain, Decision, Fault, Model, Outcome, Predicted, Span, Verifier};
use model_package::Digest;

/// Between a record's text and its hash.
const SEAL: &str = ",\"hash\":\"";

fn decision(index: u64) -> Decision<'static> {
    let outcome = match index % 2 {
        0 => Outcome::Error(Fault {
            class: "invalid-input".into(),
            code: "wrong-type".into(),
            field: Some("amount".into()),
        }),
        _ => Outcome::Prediction(Predicted {
            label: Some("fraud".into()),
            score: Some("3f7c663a".into()),
            action: Some("block".into()),
            outputs: [("probabilities".into(), "3c6671563f7c663a".to_owned())].into(),
        }),
    };
    Decision {
        time: "2026-03-14T02:11:09.123Z".into(),
        source: "sqs".into(),
        request: "8f507cfc".into(),
        record: Some("m-1".into()),
        index,
        principal: Some("AIDA:sender".into()),
        trace: None,
        model: Cow::Owned(Model {
            name: "fraud".into(),
            version: "1.0.0".into(),
            package: Digest::of(b"package"),
            component: Digest::of(b"component"),
        }),
        input: Some(serde_json::json!({"amount": 1249.5, "customer_id": "***"})),
        input_hash: None,
        outcome,
    }
}

fn lines(chain: &str, count: u64) -> Vec<String> {
    let mut chain = Chain::new(chain.into());
    let mut lines = Vec::new();
    for index in 0..count {
        chain.seal(&decision(index), &mut lines).unwrap();
    }
    String::from_utf8(lines).unwrap().lines().map(str::to_owned).collect()
}

/// All of the errors that verifying these lines gives.
fn errors(lines: &[String]) -> Vec<String> {
    let mut verifier = Verifier::default();
    let errors = lines.iter().filter_map(|line| verifier.line(line).err());
    errors.map(|error| error.to_string()).collect()
}

#[track_caller]
fn check(lines: &[String], expected: &[&str]) {
    let found = errors(lines);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn chains_that_were_left_alone_are_good() {
    let (a, b) = (lines("a", 5), lines("b", 3));
    let mixed: Vec<_> =
        [&a[0], &b[0], &a[1], &a[2], &b[1], &b[2], &a[3], &a[4]].into_iter().cloned().collect();
    check(&mixed, &[]);
    // A log may begin in the middle of a chain.
    check(&a[2..], &[]);
    let mut verifier = Verifier::default();
    let read = verifier.line(&a[0]).unwrap();
    assert_eq!(read.decision, decision(0));
    let span = Span { first: 1, last: 1, hash: read.hash };
    assert_eq!(verifier.chains(), &BTreeMap::from([("a".to_owned(), span)]));
}

#[test]
fn what_was_done_to_a_chain_is_named() {
    let good = lines("a", 5);
    let without = |index: usize| {
        let mut lines = good.clone();
        lines.remove(index);
        lines
    };
    check(&without(2), &["goes from record 2 to 4; expected 3"]);
    let swapped: Vec<_> = [0, 2, 1, 3].map(|index: usize| good[index].clone()).into();
    check(&swapped, &["from record 1 to 3", "from record 3 to 2", "from record 2 to 4"]);
    let twice = vec![good[0].clone(), good[0].clone()];
    check(&twice, &["from record 1 to 1; expected 2"]);

    let mut changed = good.clone();
    changed[1] = changed[1].replace("\"block\"", "\"allow\"");
    check(&changed, &["record 2 of chain a was changed", "from record 1 to 3"]);

    // A changed record with a hash that fits it breaks the link after it.
    let mut forged = good.clone();
    let text = changed[1].rsplit_once(SEAL).unwrap().0.to_owned();
    forged[1] = format!("{text}{SEAL}{}\"}}", Digest::of(text.as_bytes()));
    check(&forged, &["record 3 of chain a does not follow the record before it"]);

    let other = lines("other", 2);
    let grafted = other[1].replace("\"other\"", "\"a\"");
    check(&[good[0].clone(), grafted], &["was changed"]);
}

#[test]
fn what_is_no_record_is_refused() {
    let good = lines("a", 1).remove(0);
    let check = |line: &str, expected: &str| check(&[line.to_owned()], &[expected]);
    check("", "not an audit record: not valid JSON");
    check("{}", "missing field `audit`");
    check("START RequestId: 1", "not valid JSON");
    check(&good.replace("audit/1", "audit/2"), "expected the format samebits-audit/1");
    check(&good.replacen('{', "{\"audit\":\"x\",", 1), "occurs twice");
    check(&good.replacen('{', "{\"more\":1,", 1), "unknown field `more`");
    check(&good.replacen("{\"audit\"", "{ \"audit\"", 1), "was changed");
    check(&good.replacen("\"}", "\" }", 1), "was changed");
    check(&good.replace(",\"hash\"", ", \"hash\""), "its last key is not hash");
    check(&" ".repeat(8).replace(' ', &"x".repeat(1 << 18)), "at most 1048576 are read");
    let (text, seal) = good.rsplit_once(SEAL).unwrap();
    let moved = format!("{{\"hash\":\"{}{}", seal.replace('}', ","), &text[1..]);
    check(&format!("{moved}}}"), "its last key is not hash");
}

proptest::proptest! {
    /// Whatever one byte is changed to: it is no longer the record it was.
    #[test]
    fn no_byte_can_be_changed(place in 0_usize..400, byte in 32_u8..127) {
        let good = lines("a", 1).remove(0);
        let place = place % good.len();
        let mut bytes = good.clone().into_bytes();
        let was = std::mem::replace(&mut bytes[place], byte);
        let line = String::from_utf8(bytes).unwrap();
        proptest::prop_assert_eq!(errors(&[line]).is_empty(), was == byte);
    }
}
