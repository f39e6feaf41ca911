//! Events of each source with records of known ids, and what is said of records that fail.

use conformance::function::{good, invoke};
use lambda_emulator::Emulator;
use serde_json::{Map, Value, json};

/// What hands over records, or one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Queue,
    FifoQueue,
    Stream,
    Table,
    Kafka,
    Topic,
    Bus,
}

impl Origin {
    pub(crate) const ALL: [Self; 7] = [
        Self::Queue,
        Self::FifoQueue,
        Self::Stream,
        Self::Table,
        Self::Kafka,
        Self::Topic,
        Self::Bus,
    ];

    /// An event of a case, and the keys of the results of its records.
    pub(crate) fn event(self, case: usize) -> (Value, Vec<String>) {
        let ids: Vec<_> = (0..3).map(|index| format!("{case:03}{index}")).collect();
        let keys = |source: &str| ids.iter().map(|id| format!("{source}:{id}")).collect();
        let records = |record: &dyn Fn(&str) -> Value| json!({"Records": ids.iter().map(|id| record(id)).collect::<Vec<_>>()});
        let body = good().to_string();
        match self {
            Self::Queue | Self::FifoQueue => {
                let end = if self == Self::FifoQueue { ".fifo" } else { "" };
                let record = |id: &str| {
                    json!({"messageId": id, "body": body, "eventSource": "aws:sqs",
                        "attributes": {"MessageGroupId": "g"},
                        "eventSourceARN": format!("arn:aws:sqs:us-east-1:123456789012:orders{end}")})
                };
                (records(&record), keys("sqs"))
            }
            Self::Stream => {
                let record = |id: &str| {
                    json!({"eventSource": "aws:kinesis",
                        "kinesis": {"sequenceNumber": id, "data": base64(body.as_bytes())}})
                };
                (records(&record), keys("kinesis"))
            }
            Self::Table => {
                let record = |id: &str| {
                    json!({"eventSource": "aws:dynamodb", "eventName": "INSERT",
                        "dynamodb": {"SequenceNumber": id, "NewImage": item(&good())}})
                };
                (records(&record), keys("dynamodb"))
            }
            Self::Kafka => {
                let offsets = ids.iter().map(|id| id.parse::<u64>().unwrap());
                let records = offsets.clone().map(|offset| {
                    json!({"topic": "payments", "partition": 0, "offset": offset,
                        "value": base64(body.as_bytes())})
                });
                let records: Vec<_> = records.collect();
                let event = json!({"eventSource": "aws:kafka", "records": {"payments-0": records}});
                (event, offsets.map(|offset| format!("kafka:payments-0:{offset}")).collect())
            }
            Self::Topic => {
                let event = json!({"Records": [{"EventSource": "aws:sns",
                    "Sns": {"MessageId": ids[0], "Message": body}}]});
                (event, vec![format!("sns:{}", ids[0])])
            }
            Self::Bus => {
                let event = json!({"id": ids[0], "source": "my.app", "detail-type": "Paid",
                    "detail": good()});
                (event, vec![format!("eventbridge:{}", ids[0])])
            }
        }
    }

    /// Invokes, and says whether all of the event is done; if not, that all of it comes again. What a stream
    /// reports is where Lambda goes on from.
    pub(crate) async fn is_done(self, emulator: &Emulator, case: usize) -> bool {
        let (event, _) = self.event(case);
        let answer = invoke(emulator, &event.to_string()).await;
        let reported = match (self, answer) {
            (Self::Topic | Self::Bus, Ok(answer)) => {
                assert_eq!(answer["action"], "allow", "{self:?}: {answer}");
                return true;
            }
            (Self::Topic | Self::Bus, Err((kind, message))) => {
                assert_eq!(kind, "internal", "{self:?}: {message}");
                assert!(message.contains("the result can't be delivered: "), "{message}");
                return false;
            }
            (_, answer) => answer.unwrap()["batchItemFailures"].clone(),
        };
        let ids = |count: usize| {
            let ids = (0..count).map(|index| format!("{case:03}{index}"));
            ids.map(|id| json!({"itemIdentifier": id})).collect::<Vec<_>>()
        };
        let all = match self {
            Self::Stream | Self::Table => ids(1),
            Self::Kafka => {
                let offset = case * 10;
                vec![json!({"itemIdentifier": {"partition": "payments-0", "offset": offset}})]
            }
            _ => ids(3),
        };
        let reported = reported.as_array().unwrap();
        assert!(reported.is_empty() || *reported == all, "{self:?} {case}: {reported:?}");
        reported.is_empty()
    }
}

/// An instance as DynamoDB writes it.
fn item(instance: &Value) -> Value {
    let typed = instance.as_object().unwrap().iter().map(|(name, value)| {
        let typed = match value {
            Value::String(text) => json!({"S": text}),
            Value::Bool(truth) => json!({"BOOL": truth}),
            number => json!({"N": number.to_string()}),
        };
        (name.clone(), typed)
    });
    Value::Object(typed.collect::<Map<_, _>>())
}

/// RFC 4648, for the few bytes of a test.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = DIGITS[bits >> (18 - 6 * place) & 63];
            text.push(if place <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}
