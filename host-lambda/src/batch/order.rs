//! What the failure of a record means for those after it.

use std::collections::BTreeSet;

use super::{Entry, Fate};
use crate::event::Order;

/// Holds back what comes after a failed record of its lane.
pub(super) fn hold_back(order: Order, entries: &mut [Entry]) {
    if order == Order::Any {
        return;
    }
    let mut failed = BTreeSet::new();
    for entry in entries {
        let lane = &entry.record.lane;
        if failed.contains(lane) {
            entry.fate = Fate::HeldBack;
        } else if matches!(entry.fate, Fate::Failed(_)) {
            failed.insert(lane.clone());
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use predictor_host::{Class, Instance, Outcome, Prediction};

    use super::super::reported;
    use super::*;
    use crate::config::Poison;
    use crate::event::{Body, Record};
    use crate::failure::refused;

    /// A record `LANE:OUTCOMES`; an outcome is `+` for a prediction, `p` for poison, `t` for an
    /// error that may pass.
    fn entry(index: usize, text: &str) -> Entry {
        let (lane, outcomes) = text.split_once(':').unwrap();
        let record = Record::new(index.to_string(), Body::Nothing);
        let outcomes = outcomes.chars().map(|outcome| -> Outcome {
            match outcome {
                '+' => Ok(Prediction {
                    json: "{}".into(),
                    label: None,
                    score: None,
                    action: None,
                    outputs: Vec::new(),
                    warnings: Vec::new(),
                }),
                'p' => Err(refused(Class::InvalidInput, "wrong-type", "")),
                't' => Err(refused(Class::SandboxFailed, "trap", "")),
                other => panic!("{other}"),
            }
        });
        let outcomes: Vec<_> = outcomes.collect();
        let instances = outcomes.iter().map(|_| Instance::Json("{}".into())).collect();
        let record = Record { lane: lane.into(), ..record };
        Entry { record, version: 0, instances, objects: Vec::new(), outcomes, fate: Fate::Answered }
    }

    /// Which records are answered, and which reported.
    fn decide(order: Order, poison: Poison, records: &[&str]) -> (Vec<usize>, Vec<String>) {
        let entries = records.iter().enumerate().map(|(index, text)| entry(index, text));
        let mut entries: Vec<_> = entries.collect();
        for entry in &mut entries {
            entry.judge(poison);
        }
        hold_back(order, &mut entries);
        let answered = entries.iter().enumerate();
        let answered = answered.filter(|(_, entry)| matches!(entry.fate, Fate::Answered));
        let identifiers = reported(order, &entries).into_iter().map(|failure| {
            failure.pointer("/itemIdentifier").and_then(|id| id.as_str()).unwrap().to_owned()
        });
        (answered.map(|(index, _)| index).collect(), identifiers.collect())
    }

    #[track_caller]
    fn check(order: Order, records: &[&str], answered: &[usize], reported: &str) {
        let (found, identifiers) = decide(order, Poison::Report, records);
        assert_eq!((found.as_slice(), identifiers.join(" ").as_str()), (answered, reported));
    }

    #[test]
    fn without_order_each_record_is_by_itself() {
        check(Order::Any, &["a:+", "a:p", "a:+", "b:t", "b:++"], &[0, 2, 4], "1 3");
        check(Order::Any, &["a:++p"], &[], "0");
        check(Order::Any, &["a:"], &[0], "");
    }

    #[test]
    fn a_group_is_reported_from_its_first_failure_on() {
        check(Order::Lane, &["a:+", "b:+", "a:t", "a:+", "b:+"], &[0, 1, 4], "2 3");
        check(Order::Lane, &["a:p", "a:p", "a:+"], &[], "0 1 2");
    }

    #[test]
    fn a_stream_is_reported_at_its_first_failure() {
        check(Order::Checkpoint, &[":+", ":p", ":+", ":t"], &[0], "1");
        check(Order::Checkpoint, &["x:p", "y:+", "x:+", "y:t"], &[1], "0 3");
    }

    #[test]
    fn poison_may_be_answered_and_what_may_pass_is_not() {
        let records = ["a:p", "a:+p", "a:tp", "a:t"];
        let (answered, reported) = decide(Order::Any, Poison::Answer, &records);
        assert_eq!((answered.as_slice(), reported.join(" ")), (&[0, 1][..], "2 3".to_owned()));
    }

    proptest::proptest! {
        /// Each record is answered, or reported, or comes again behind a reported one of its lane.
        #[test]
        fn no_record_is_lost_and_none_has_two_fates(
            records in proptest::collection::vec("[ab]:[+pt]{0,3}", 0..30),
            order in 0_usize..3,
            answers in proptest::bool::ANY,
        ) {
            let order = [Order::Any, Order::Lane, Order::Checkpoint].get(order).copied().unwrap();
            let poison = if answers { Poison::Answer } else { Poison::Report };
            let records: Vec<_> = records.iter().map(String::as_str).collect();
            let (answered, reported) = decide(order, poison, &records);
            let reported: Vec<usize> = reported.iter().map(|id| id.parse().unwrap()).collect();
            for (index, record) in records.iter().enumerate() {
                let lane = record.split(':').next();
                let behind = reported.iter().any(|first| {
                    *first < index && records.get(*first).unwrap().split(':').next() == lane
                });
                let comes_again = order == Order::Checkpoint && behind;
                let fates = usize::from(answered.contains(&index))
                    + reported.iter().filter(|id| **id == index).count()
                    + usize::from(comes_again);
                proptest::prop_assert_eq!(fates, 1, "{} of {:?}", index, records);
            }
        }
    }
}
