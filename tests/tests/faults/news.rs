//! Alerts that can't be sent: they fail nothing, and nobody waits long for them.

use conformance::faults::{Fault, NOTHING, PAGE};
use conformance::function::{emulated, invoke, lines_with};
use conformance::root;

use crate::{Place, environments};

#[tokio::test]
async fn an_alert_that_gets_nowhere_fails_nothing() {
    let Some(place) = Place::open() else { return };
    let url = place.moto.queue_of_events("Prediction Alert");
    let path = root().join("models/fraud/examples/suspicious.json");
    let suspicious = std::fs::read_to_string(path).unwrap();
    let faults = [
        (Fault::None, true),
        (Fault::Once(503), true),
        (Fault::RefuseAll(503), false),
        (Fault::Hang, false),
        (Fault::Down, false),
        (Fault::RefuseEntries, false),
        (PAGE, false),
        (NOTHING, false),
    ];
    let mut expected = None;
    for (fault, gets_there) in faults {
        // An environment sends one a minute.
        let variables = [("SAMEBITS_ALERTS", "eventbridge:default"), ("SAMEBITS_ALERT_AFTER", "1")];
        let emulator = emulated(place.function(&variables)).await;
        place.proxy.set(fault);
        for _ in 0..2 {
            let answer = invoke(&emulator, &suspicious).await.unwrap();
            assert_eq!(answer, *expected.get_or_insert_with(|| answer.clone()), "{fault:?}");
        }
        let unsent = lines_with(&emulator, "detail");
        let told = unsent.iter().filter(|line| line["message"] == "an alert is not sent").count();
        assert_eq!(told, usize::from(!gets_there), "{fault:?}: {unsent:#?}");
        assert_eq!(environments(&emulator), 1, "{fault:?}");
        let arrived = place.moto.boto(&format!(
            "sqs = client('sqs')\nfound = sqs.receive_message(QueueUrl={url}).get('Messages', [])\n\
             for m in found:\n    sqs.delete_message(QueueUrl={url}, ReceiptHandle=m['ReceiptHandle'])\n\
             result = len(found)"
        ));
        assert_eq!(arrived, usize::from(gets_there), "{fault:?}");
    }
}
