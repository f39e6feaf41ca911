//! Traces through the function, spans that reach a collector, and drift of the model.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::time::{Duration, Instant};

use conformance::collector::{Collector, Manners};
use conformance::function::{
    behind_url, decisions, emulated, fraud_function, good, invoke, lines_with, logged,
};
use conformance::moto::{Moto, credentials};
use conformance::root;
use conformance::surface::{Reply, send};
use lambda_emulator::{Answer, Invocation};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn traceparent(flags: &str) -> String {
    format!("00-{ID}-{SPAN}-{flags}")
}

async fn post(url: &str, traceparent: String, body: String) -> Reply {
    let url = url.to_owned();
    let send = move || {
        let headers = [
            ("content-type", "application/json"),
            ("traceparent", &traceparent),
            ("tracestate", "vendor=1"),
        ];
        send("POST", &url, &headers, body.as_bytes())
    };
    spawn_blocking(send).await.unwrap()
}

/// An attribute of a span or a resource.
fn attribute(of: &Value, name: &str) -> Value {
    let all = of["attributes"].as_array().unwrap();
    let found = all.iter().find(|attribute| attribute["key"] == name);
    let value = found.unwrap_or_else(|| panic!("no {name} in {of:#}"))["value"].as_object();
    value.unwrap().values().next().unwrap().clone()
}

fn named<'a>(spans: &'a [Value], name: &str) -> Vec<&'a Value> {
    spans.iter().filter(|span| span["name"] == name).collect()
}

fn nanoseconds(span: &Value, name: &str) -> u64 {
    span[name].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn spans_of_a_request_reach_the_collector_in_the_callers_trace() {
    let collector = Collector::start(Manners::Good);
    let (emulator, base) = behind_url(fraud_function(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20secret"),
        ("OTEL_SERVICE_NAME", "payments"),
    ]))
    .await;
    let url = format!("{base}/predict");
    assert_eq!(post(&url, traceparent("01"), good().to_string()).await.status, 200);
    // Whoever does not want to be recorded is not.
    assert_eq!(post(&url, traceparent("00"), good().to_string()).await.status, 200);
    assert_eq!(post(&url, traceparent("01"), "{}".into()).await.status, 400);
    let spans = collector.wait(8).await;
    let received = collector.received();
    assert!(received[0].head.starts_with("post /v1/traces http/1.1"), "{}", received[0].head);
    assert!(received[0].head.contains("content-type: application/json"));
    assert!(received[0].head.contains("api-key: a secret"));
    let resource = &received[0].body["resourceSpans"][0]["resource"];
    for (name, expected) in
        [("service.name", "payments"), ("faas.name", "fraud"), ("cloud.platform", "aws_lambda")]
    {
        assert_eq!(attribute(resource, name), expected);
    }
    let whole = named(&spans, "POST /predict");
    assert_eq!(whole.len(), 2, "{spans:#?}");
    let first = whole[0];
    assert_eq!((&first["traceId"], &first["parentSpanId"]), (&json!(ID), &json!(SPAN)));
    assert_eq!((&first["kind"], &first["traceState"]), (&json!(2), &json!("vendor=1")));
    assert_eq!(attribute(first, "http.response.status_code"), "200");
    assert_eq!(attribute(first, "samebits.model.name"), "fraud");
    assert_eq!(attribute(first, "faas.coldstart"), true);
    assert_eq!(attribute(whole[1], "http.response.status_code"), "400");
    for name in ["preprocess", "inference", "postprocess"] {
        let phase = named(&spans, name)[0];
        assert_eq!((&phase["traceId"], &phase["parentSpanId"]), (&json!(ID), &first["spanId"]));
        let within =
            nanoseconds(first, "startTimeUnixNano")..=nanoseconds(first, "endTimeUnixNano");
        let (start, end) =
            (nanoseconds(phase, "startTimeUnixNano"), nanoseconds(phase, "endTimeUnixNano"));
        assert!(start <= end && within.contains(&start) && within.contains(&end), "{spans:#?}");
    }
    let mut ids: Vec<_> = spans.iter().map(|span| span["spanId"].as_str().unwrap()).collect();
    assert!(ids.iter().all(|id| id.len() == 16), "{ids:?}");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), spans.len());
    // Log and audit name the same trace.
    logged(&emulator, "_aws", 3).await;
    assert_eq!(lines_with(&emulator, "_aws")[0]["traceId"], ID);
    assert_eq!(decisions(&emulator)[0].trace.as_deref(), Some(ID));
}

#[tokio::test]
async fn traces_are_recorded_as_the_sampler_says() {
    let collector = Collector::start(Manners::Good);
    let endpoint = collector.endpoint();
    // Of those that nobody has decided about, none.
    let (_emulator, base) = behind_url(fraud_function(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0"),
    ]))
    .await;
    let url = format!("{base}/predict");
    let undecided = json!({"instances": [good(), good()]}).to_string();
    assert_eq!(post(&url, "none".into(), undecided).await.status, 200);
    assert_eq!(post(&url, traceparent("01"), good().to_string()).await.status, 200);
    // Those of the second alone: an invoke and its three phases.
    let spans = collector.wait(4).await;
    assert_eq!(spans.len(), 4, "{spans:#?}");
    assert!(spans.iter().all(|span| span["traceId"] == ID), "{spans:#?}");
}

/// An event with these records: what they have besides their body.
fn sqs_event(records: Vec<Value>) -> String {
    let records = records.into_iter().enumerate().map(|(index, more)| {
        let mut record = json!({
            "messageId": format!("m{index}"), "body": good().to_string(),
            "attributes": {"SentTimestamp": "1545082649183"}, "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:orders"
        });
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    });
    json!({"Records": records.collect::<Vec<_>>()}).to_string()
}

/// A record with a trace of its own in an attribute.
fn with_attribute(flags: &str) -> Value {
    json!({"messageAttributes": {
        "traceparent": {"stringValue": traceparent(flags), "dataType": "String"},
        "tracestate": {"stringValue": "vendor=1", "dataType": "String"},
    }})
}

#[tokio::test]
async fn results_go_on_in_the_trace_of_their_record() {
    const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";
    let Some(moto) = Moto::start() else { return };
    let collector = Collector::start(Manners::Good);
    let url = moto.boto("result = client('sqs').create_queue(QueueName='results')['QueueUrl']");
    let results = format!("sqs:{}", url.as_str().unwrap());
    let mut function = fraud_function(&[
        ("SAMEBITS_RESULTS", &results),
        ("AWS_ENDPOINT_URL", moto.endpoint()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint()),
    ]);
    function.credentials = Some(credentials());
    let emulator = emulated(function).await;
    let x_ray = format!("Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1");
    let mut both = with_attribute("01");
    both["attributes"] = json!({"SentTimestamp": "1545082649183", "AWSTraceHeader": x_ray});
    let header = json!({"attributes": {"AWSTraceHeader": x_ray}});
    let records = vec![both, header, json!({}), with_attribute("00")];
    let mut invocation = Invocation::new(sqs_event(records));
    let own = "1-67891233-abcdef012345678912345678";
    invocation.trace_id = format!("Root={own};Parent=53995c3f42cd8ad9;Sampled=1");
    let reply = emulator.invoke(invocation).await.unwrap();
    reply.finished.await.unwrap();
    let Answer::Payload(answer) = reply.answer else { panic!("{:?}", reply.answer) };
    assert_eq!(&answer[..], br#"{"batchItemFailures":[]}"#);
    // The attribute goes before the header, and both before the invoke's own.
    let traces: Vec<_> = decisions(&emulator).into_iter().map(|it| it.trace.unwrap()).collect();
    assert_eq!(traces, [ID, ROOT, own, ID]);

    let spans = collector.wait(7).await;
    let of_records: Vec<_> = spans.iter().filter(|it| it["name"] == "process sqs").collect();
    // The invoke itself, and the two records that have a trace and want it recorded.
    assert_eq!(of_records.len(), 3, "{spans:#?}");
    let of = |id: &str| *of_records.iter().find(|span| span["traceId"] == id).unwrap();
    let invoke = of("67891233abcdef012345678912345678");
    assert_eq!(invoke["parentSpanId"], "53995c3f42cd8ad9");
    assert_eq!(attribute(invoke, "messaging.batch.message_count"), "4");
    assert_eq!(invoke["links"].as_array().unwrap().len(), 2);
    assert_eq!(of(ID)["parentSpanId"], SPAN);
    assert_eq!(of(ID)["links"][0]["spanId"], invoke["spanId"]);
    assert_eq!(named(&spans, "queue")[0]["parentSpanId"], invoke["spanId"]);

    let sent = moto.boto(&format!(
        "result = {{}}\nfor m in client('sqs').receive_message(QueueUrl={url}, MaxNumberOfMessages=10, \
         MessageAttributeNames=['All'])['Messages']:\n    \
         body = json.loads(m['Body'])\n    \
         result[body['record']] = [m['MessageAttributes']['traceparent']['StringValue'], \
         m['MessageAttributes'].get('tracestate', {{}}).get('StringValue'), body['traceparent']]"
    ));
    let id = |span: &Value| span["spanId"].as_str().unwrap().to_owned();
    for (record, expected, state) in [
        ("m0", format!("00-{ID}-{}-01", id(of(ID))), json!("vendor=1")),
        (
            "m1",
            format!(
                "00-5759e988bd862e3fe1be46a994272793-{}-01",
                id(of("5759e988bd862e3fe1be46a994272793"))
            ),
            Value::Null,
        ),
        ("m2", format!("00-67891233abcdef012345678912345678-{}-01", id(invoke)), Value::Null),
        // What is not recorded is handed on as it came.
        ("m3", traceparent("00"), json!("vendor=1")),
    ] {
        let found = &sent[record];
        assert_eq!((&found[0], &found[1]), (&json!(expected), &state), "{sent:#}");
        assert_eq!(found[0], found[2], "{sent:#}");
    }
}

#[tokio::test]
async fn a_collector_that_never_answers_delays_nothing_and_is_counted() {
    let collector = Collector::start(Manners::Silent);
    let emulator = emulated(fraud_function(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "100"),
    ]))
    .await;
    // More than two thousand spans, of which no more can wait.
    let event = sqs_event(vec![with_attribute("01"); 150]);
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(invoke(&emulator, &event).await.unwrap()["batchItemFailures"], json!([]));
    }
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    logged(&emulator, "_aws", 20).await;
    let metrics = lines_with(&emulator, "_aws");
    let dropped = metrics.iter().filter_map(|line| line["SpansDropped"].as_u64()).sum::<u64>();
    assert!(dropped > 100, "{dropped}");
    let warned = lines_with(&emulator, "message");
    let warned = warned.iter().filter(|line| line["message"] == "spans are not sent").count();
    // After a failure the collector is left in peace for a while.
    assert!((1..10).contains(&warned), "{warned}");
}

#[tokio::test]
async fn what_was_not_taken_is_sent_when_the_environment_ends() {
    let collector = Collector::start(Manners::Refusing(503));
    let endpoint = collector.endpoint();
    let emulator = emulated(fraud_function(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)])).await;
    invoke(&emulator, &good().to_string()).await.unwrap();
    logged(&emulator, "_aws", 1).await;
    assert_eq!(collector.spans().len(), 0);
    collector.set(Manners::Good);
    emulator.shut_down().await;
    let spans = collector.spans();
    assert_eq!(named(&spans, "invoke").len(), 1, "{spans:#?}");
    assert_eq!(named(&spans, "inference").len(), 1, "{spans:#?}");
}

#[tokio::test]
async fn a_model_that_drifts_is_one_event() {
    let Some(moto) = Moto::start() else { return };
    let url = moto.queue_of_events("Model Drift Detected");
    let mut function = fraud_function(&[
        ("SAMEBITS_DRIFT_WINDOW", "200"),
        ("SAMEBITS_ALERTS", "eventbridge:default"),
        ("AWS_ENDPOINT_URL", moto.endpoint()),
    ]);
    function.credentials = Some(credentials());
    let emulator = emulated(function).await;
    let path = root().join("models/fraud/examples/suspicious.json");
    let suspicious: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let window = |suspects: usize| {
        let ordinary = vec![good(); 200 - suspects];
        json!([ordinary, vec![suspicious.clone(); suspects]].concat()).to_string()
    };
    // More fraud than the manifest expects, and then much more.
    for suspects in [10, 10, 150, 150] {
        invoke(&emulator, &window(suspects)).await.unwrap();
    }
    logged(&emulator, "DriftDetected", 4).await;
    let windows = lines_with(&emulator, "DriftDetected");
    let detected: Vec<_> = windows.iter().map(|line| line["DriftDetected"].as_u64()).collect();
    // Those that are expected lie in ten bins, and these in two.
    assert_eq!(detected, [Some(1); 4], "{windows:#?}");
    let index = |place: usize| windows[place]["ScoreDrift"].as_f64().unwrap();
    assert!(index(0) > 1.0 && index(0) == index(1) && index(2) == index(3), "{windows:#?}");
    assert_eq!(
        (&windows[2]["model"], &windows[2]["model_version"]),
        (&json!("fraud"), &windows[0]["model_version"])
    );
    let sent = moto.boto(&format!(
        "result = [json.loads(m['Body']) for m in client('sqs').receive_message(QueueUrl={url}, MaxNumberOfMessages=10)['Messages']]"
    ));
    assert_eq!(sent.as_array().unwrap().len(), 1, "{sent}");
    let event = &sent[0];
    assert_eq!(
        (&event["source"], &event["detail"]["decisions"]),
        (&json!("samebits"), &json!(200))
    );
    assert!(event["detail"]["score_index"].as_f64().unwrap() > 1.0, "{event}");
    assert_eq!(event["detail"]["compared_with"], "the deciles of the manifest");
    assert_eq!(event["detail"]["about"]["model"], "fraud");
    assert!(event["detail"]["traceparent"].as_str().unwrap().starts_with("00-"), "{event}");
}
