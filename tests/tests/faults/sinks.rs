//! Results of records and messages that can't be delivered, or not at once.

use std::collections::BTreeMap;

use conformance::faults::Fault;
use conformance::function::{decisions, emulated, good, invoke};
use conformance::sinks::Sink;
use serde_json::json;

use crate::events::Origin;
use crate::{FAULTS, Place, environments};

/// Events of these sources with each fault: the first case has the number `first`.
async fn check(place: &Place, sink: &Sink, sources: &[Origin], first: usize) {
    let emulator = emulated(place.function(&[("SAMEBITS_RESULTS", &sink.setting)])).await;
    let faults = [&FAULTS[..], &[(Fault::RefuseEntries, false)]].concat();
    let cases = faults.iter().flat_map(|fault| sources.iter().map(move |from| (fault, from)));
    let mut expected = BTreeMap::new();
    for (case, ((fault, gets_there), from)) in (first..).zip(cases) {
        let what = format!("{from:?} to {}, {fault:?}", sink.setting);
        place.proxy.set(*fault);
        let before = decisions(&emulator).len();
        assert_eq!(from.is_done(&emulator, case).await, *gets_there, "{what}");
        place.proxy.set(Fault::None);
        let (_, keys) = from.event(case);
        if !gets_there {
            // Nothing was written down of what was not given out. It comes again.
            assert_eq!(decisions(&emulator).len(), before, "{what}");
            assert!(from.is_done(&emulator, case).await, "{what}");
        }
        assert_eq!(decisions(&emulator).len(), before + keys.len(), "{what}");
        expected.extend(keys.into_iter().map(|key| (key, 1)));
    }
    let mut arrived = BTreeMap::new();
    for result in sink.arrived(&place.moto) {
        let key = result["key"].as_str().unwrap().to_owned();
        if expected.contains_key(&key) {
            *arrived.entry(key).or_insert(0) += 1;
        }
    }
    assert_eq!(arrived, expected, "{}", sink.setting);
    assert_eq!(environments(&emulator), 1, "{:#?}", emulator.log().lines());
}

#[tokio::test]
async fn a_result_that_gets_nowhere_brings_its_record_again() {
    let Some(place) = Place::open() else { return };
    for sink in Sink::all(&place.moto) {
        check(&place, &sink, &[Origin::Queue], 0).await;
    }
}

#[tokio::test]
async fn every_source_brings_again_what_got_nowhere() {
    let Some(place) = Place::open() else { return };
    let [_, _, stream, ..] = Sink::all(&place.moto);
    check(&place, &stream, &Origin::ALL, 100).await;
}

/// Many results, of which each would wait for as long as the first.
#[tokio::test]
async fn many_results_take_no_longer_than_a_few_where_nothing_answers() {
    let Some(place) = Place::open() else { return };
    for sink in Sink::all(&place.moto) {
        let emulator = emulated(place.function(&[("SAMEBITS_RESULTS", &sink.setting)])).await;
        place.proxy.set(Fault::RefuseAll(503));
        let before = place.proxy.requests();
        let records: Vec<_> = (0..60)
            .map(|index| {
                json!({"messageId": format!("m{index}"), "eventSource": "aws:sqs",
                    "body": good().to_string()})
            })
            .collect();
        let event = json!({"Records": records}).to_string();
        let answer = invoke(&emulator, &event).await.unwrap();
        assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 60, "{}", sink.setting);
        // One call, tried three times.
        assert_eq!(place.proxy.requests() - before, 3, "{}", sink.setting);
        place.proxy.set(Fault::None);
        let answer = invoke(&emulator, &event).await.unwrap();
        assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 0, "{}", sink.setting);
        assert_eq!(sink.arrived(&place.moto).len(), 60, "{}", sink.setting);
    }
}
