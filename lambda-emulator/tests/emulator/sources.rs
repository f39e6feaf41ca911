//! Queues, streams and subscriptions against moto's server; the ledger says what became of each
//! record.

use std::time::Duration;

use aws_lambda_events::dynamodb::Event as DynamoDbEvent;
use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::kinesis::KinesisEvent;
use aws_lambda_events::s3::S3Event;
use aws_lambda_events::sns::SnsEvent;
use aws_lambda_events::sqs::SqsEvent;
use bytes::Bytes;
use http::Request;
use lambda_emulator::{
    Action, Aws, Credentials, Door, DoorKind, Emulator, Entry, Fate, Function, Options, Point,
    Rule, Source, SqsSource, StreamSource, Trouble,
};
use serde_json::{Value, json};

use crate::doors::check_event;
use crate::support::{Moto, PATIENCE, example, send};

fn options(moto: &Moto, sources: Vec<Source>) -> Options {
    let mut function = Function::new(example("records"));
    function.timeout = Duration::from_secs(1);
    let mut options = Options::new(function);
    options.sources = sources;
    let credentials = Credentials {
        access_key_id: "test".to_owned(),
        secret_access_key: "test".to_owned(),
        session_token: None,
    };
    options.aws = Some(Aws { endpoint: moto.endpoint.clone(), credentials });
    options
}

/// Makes a queue with a visibility timeout of one second and returns its URL.
fn queue(moto: &Moto, name: &str, more: &str) -> String {
    let code = format!(
        "result = client('sqs').create_queue(QueueName={name:?}, Attributes={{'VisibilityTimeout': '1', {more}}})['QueueUrl']"
    );
    moto.boto(&code).as_str().unwrap().to_owned()
}

fn count(entries: &[Entry], fate: Fate) -> usize {
    entries.iter().filter(|entry| entry.fate == fate).count()
}

/// Waits for so many entries of a fate.
async fn wait(emulator: &Emulator, fate: Fate, expected: usize) -> Vec<Entry> {
    match emulator.ledger().wait_for(PATIENCE, |entries| count(entries, fate) >= expected).await {
        Some(entries) => entries,
        None => {
            panic!("{fate:?}: {:#?}\n{:#?}", emulator.ledger().entries(), emulator.log().lines())
        }
    }
}

async fn logged_event(emulator: &Emulator) -> Value {
    let line = emulator.log().wait_for(PATIENCE, |line| line.starts_with("EVENT ")).await.unwrap();
    serde_json::from_str(line.strip_prefix("EVENT ").unwrap()).unwrap()
}

#[tokio::test]
async fn sqs_deletes_what_succeeded_and_brings_back_what_was_reported() {
    let moto = Moto::start().await;
    let url = queue(&moto, "orders", "");
    moto.boto(&format!(
        "for body in ['ok', 'report once', 'ok']:\n    client('sqs').send_message(QueueUrl={url:?}, MessageBody=body, MessageAttributes={{'kind': {{'DataType': 'String', 'StringValue': 'x'}}}})"
    ));
    let source = SqsSource { report_batch_item_failures: true, ..SqsSource::new(&url) };
    let emulator = Emulator::start(options(&moto, vec![Source::Sqs(source)])).await.unwrap();
    let entries = wait(&emulator, Fate::Answered, 3).await;
    assert_eq!(count(&entries, Fate::Failed), 1);
    assert_eq!(count(&entries, Fate::Delivered), 4);
    let again = entries.iter().rfind(|entry| entry.fate == Fate::Answered).unwrap();
    assert_eq!((again.attempt, again.source.as_str()), (2, "sqs:orders"));
    let event = logged_event(&emulator).await;
    check_event::<SqsEvent>(&event, "example-sqs-event.json");
    assert_eq!(event["Records"][0]["messageAttributes"]["kind"]["stringValue"], "x");
    let left = moto.boto(&format!(
        "result = client('sqs').get_queue_attributes(QueueUrl={url:?}, AttributeNames=['All'])['Attributes']"
    ));
    assert_eq!(left["ApproximateNumberOfMessages"], "0");
    assert_eq!(left["ApproximateNumberOfMessagesNotVisible"], "0");
}

#[tokio::test]
async fn sqs_ignores_reports_without_the_setting_and_retries_what_throws() {
    let moto = Moto::start().await;
    let dead = queue(&moto, "dead", "");
    let arn = "arn:aws:sqs:us-east-1:123456789012:dead";
    let redrive = format!(
        "'RedrivePolicy': json.dumps({{'deadLetterTargetArn': {arn:?}, 'maxReceiveCount': 2}})"
    );
    let url = queue(&moto, "orders", &redrive);
    moto.boto(&format!("client('sqs').send_message(QueueUrl={url:?}, MessageBody='report')"));
    let source = Source::Sqs(SqsSource::new(&url));
    let emulator = Emulator::start(options(&moto, vec![source])).await.unwrap();
    let entries = wait(&emulator, Fate::Answered, 1).await;
    assert_eq!(count(&entries, Fate::Failed), 0);
    moto.boto(&format!("client('sqs').send_message(QueueUrl={url:?}, MessageBody='throw')"));
    let entries = wait(&emulator, Fate::DeadLettered, 1).await;
    assert_eq!((count(&entries, Fate::Failed), count(&entries, Fate::Retried)), (2, 1));
    // The queue moves it when the emulator asks for it the third time.
    let moved = async {
        let code = format!(
            "result = [m['Body'] for m in client('sqs').receive_message(QueueUrl={dead:?}, WaitTimeSeconds=1).get('Messages', [])]"
        );
        while moto.boto(&code) != json!(["throw"]) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, moved).await.unwrap();
}

#[tokio::test]
async fn sqs_fifo_keeps_the_order_of_a_group() {
    let moto = Moto::start().await;
    let url =
        queue(&moto, "orders.fifo", "'FifoQueue': 'true', 'ContentBasedDeduplication': 'false'");
    moto.boto(&format!(
        "for index, (group, body) in enumerate([('a', 'ok'), ('a', 'report once'), ('a', 'last of a'), ('b', 'ok')]):\n    client('sqs').send_message(QueueUrl={url:?}, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=str(index))"
    ));
    let source = SqsSource { report_batch_item_failures: true, ..SqsSource::new(&url) };
    let emulator = Emulator::start(options(&moto, vec![Source::Sqs(source)])).await.unwrap();
    let entries = wait(&emulator, Fate::Answered, 4).await;
    assert_eq!(count(&entries, Fate::Failed), 2);
    let lines = emulator.log().lines();
    let seen: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("RECORD ")).collect();
    let last = |text: &str| seen.iter().rposition(|it| *it == text).unwrap();
    assert!(last("report once") < last("last of a"), "{lines:#?}");
}

#[tokio::test]
async fn a_misnamed_identifier_fails_the_whole_sqs_batch() {
    let moto = Moto::start().await;
    let url = queue(&moto, "orders", "");
    moto.boto(&format!(
        "client('sqs').send_message_batch(QueueUrl={url:?}, Entries=[{{'Id': '1', 'MessageBody': 'ok'}}, {{'Id': '2', 'MessageBody': 'answer {{\"batchItemFailures\": [{{\"messageId\": \"1\"}}]}}'}}])"
    ));
    let source = SqsSource { report_batch_item_failures: true, ..SqsSource::new(&url) };
    let emulator = Emulator::start(options(&moto, vec![Source::Sqs(source)])).await.unwrap();
    let entries = wait(&emulator, Fate::Failed, 2).await;
    let failed = entries.iter().find(|entry| entry.fate == Fate::Failed).unwrap();
    assert!(failed.detail.starts_with("no itemIdentifier in"), "{}", failed.detail);
}

#[tokio::test]
async fn a_window_joins_messages_into_one_batch() {
    let moto = Moto::start().await;
    let url = queue(&moto, "orders", "");
    // What waits in the window must not come again meanwhile.
    moto.boto(&format!("client('sqs').set_queue_attributes(QueueUrl={url:?}, Attributes={{'VisibilityTimeout': '120'}})"));
    let source = SqsSource {
        batch_size: 25,
        batching_window: Duration::from_secs(30),
        ..SqsSource::new(&url)
    };
    let emulator = Emulator::start(options(&moto, vec![Source::Sqs(source)])).await.unwrap();
    moto.boto(&format!(
        "sqs = client('sqs')\nfor batch in range(5):\n    sqs.send_message_batch(QueueUrl={url:?}, Entries=[{{'Id': str(i), 'MessageBody': 'ok'}} for i in range(5)])"
    ));
    let entries = wait(&emulator, Fate::Delivered, 25).await;
    let first = &entries[0].request_id;
    assert!(entries.iter().all(|entry| entry.request_id == *first), "{entries:#?}");
}

#[tokio::test]
async fn scripted_trouble_delivers_a_batch_twice() {
    let moto = Moto::start().await;
    let url = queue(&moto, "orders", "");
    moto.boto(&format!("client('sqs').send_message(QueueUrl={url:?}, MessageBody='ok')"));
    let mut options = options(&moto, vec![Source::Sqs(SqsSource::new(&url))]);
    options.trouble =
        Trouble { rules: vec![Rule { at: Point::Batch, nth: Some(1), action: Action::Duplicate }] };
    let ledger = tempfile::NamedTempFile::new().unwrap();
    options.ledger = Some(ledger.path().to_path_buf());
    let emulator = Emulator::start(options).await.unwrap();
    let entries = wait(&emulator, Fate::Answered, 1).await;
    assert_eq!(count(&entries, Fate::Delivered), 2);
    let text = std::fs::read_to_string(ledger.path()).unwrap();
    let fates: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["fate"].to_string())
        .collect();
    assert_eq!(fates, ["\"delivered\"", "\"delivered\"", "\"answered\""]);
}

fn kinesis(moto: &Moto, records: &[&str]) {
    let records = json!(records);
    moto.boto(&format!(
        "import time\nk = client('kinesis')\nk.create_stream(StreamName='clicks', ShardCount=1)\nwhile k.describe_stream_summary(StreamName='clicks')['StreamDescriptionSummary']['StreamStatus'] != 'ACTIVE':\n    time.sleep(0.05)\nfor text in {records}:\n    k.put_record(StreamName='clicks', Data=text.encode(), PartitionKey='p')"
    ));
}

/// The texts of the records of each invoke, in order.
fn batches(emulator: &Emulator) -> Vec<Vec<String>> {
    let mut batches = Vec::new();
    for line in emulator.log().lines() {
        if line.starts_with("EVENT ") {
            batches.push(Vec::new());
        } else if let (Some(text), Some(batch)) = (line.strip_prefix("RECORD "), batches.last_mut())
        {
            batch.push(text.to_owned());
        }
    }
    batches
}

#[tokio::test]
async fn kinesis_goes_on_from_the_lowest_reported_record() {
    let moto = Moto::start().await;
    kinesis(&moto, &["ok", "report once", "after"]);
    let source = StreamSource { report_batch_item_failures: true, ..StreamSource::new("clicks") };
    let emulator = Emulator::start(options(&moto, vec![Source::Kinesis(source)])).await.unwrap();
    let entries = wait(&emulator, Fate::Answered, 3).await;
    assert_eq!(count(&entries, Fate::Failed), 2);
    assert_eq!(
        batches(&emulator),
        [vec!["ok", "report once", "after"], vec!["report once", "after"]]
    );
    check_event::<KinesisEvent>(&logged_event(&emulator).await, "example-kinesis-event.json");
}

#[tokio::test]
async fn kinesis_bisects_retries_and_sends_the_poison_to_its_destination() {
    let moto = Moto::start().await;
    kinesis(&moto, &["ok", "fine", "throw", "good"]);
    let failures = queue(&moto, "failures", "");
    let source = StreamSource {
        bisect: true,
        maximum_retries: Some(1),
        on_failure: Some("arn:aws:sqs:us-east-1:123456789012:failures".to_owned()),
        ..StreamSource::new("clicks")
    };
    let emulator = Emulator::start(options(&moto, vec![Source::Kinesis(source)])).await.unwrap();
    let entries = wait(&emulator, Fate::SentToDestination, 1).await;
    let last = wait(&emulator, Fate::Answered, 3).await;
    assert_eq!(count(&last, Fate::Answered), 3);
    // Four records, then two, then one: halved twice.
    assert_eq!(count(&entries, Fate::Bisected), 4 + 2);
    let message = moto.boto(&format!(
        "result = json.loads(client('sqs').receive_message(QueueUrl={failures:?})['Messages'][0]['Body'])"
    ));
    assert_eq!(message["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(message["requestContext"]["approximateInvokeCount"], 2);
    assert_eq!(message["KinesisBatchInfo"]["batchSize"], 1);
    let sent = entries.iter().find(|entry| entry.fate == Fate::SentToDestination).unwrap();
    assert_eq!(message["KinesisBatchInfo"]["startSequenceNumber"], json!(sent.record));
}

#[tokio::test]
async fn dynamodb_streams_arrive_in_order() {
    let moto = Moto::start().await;
    moto.boto(
        "d = client('dynamodb')\nd.create_table(TableName='people', KeySchema=[{'AttributeName': 'id', 'KeyType': 'HASH'}], AttributeDefinitions=[{'AttributeName': 'id', 'AttributeType': 'S'}], BillingMode='PAY_PER_REQUEST', StreamSpecification={'StreamEnabled': True, 'StreamViewType': 'NEW_AND_OLD_IMAGES'})\nfor index, text in enumerate(['ok', 'report once', 'after']):\n    d.put_item(TableName='people', Item={'id': {'S': str(index)}, 'text': {'S': text}})",
    );
    let source = StreamSource { report_batch_item_failures: true, ..StreamSource::new("people") };
    let emulator = Emulator::start(options(&moto, vec![Source::DynamoDb(source)])).await.unwrap();
    wait(&emulator, Fate::Answered, 3).await;
    assert_eq!(
        batches(&emulator),
        [vec!["ok", "report once", "after"], vec!["report once", "after"]]
    );
    check_event::<DynamoDbEvent>(&logged_event(&emulator).await, "example-dynamodb-event.json");
}

#[tokio::test]
async fn s3_sns_and_eventbridge_invoke_asynchronously() {
    let moto = Moto::start().await;
    moto.boto(
        "client('s3').create_bucket(Bucket='photos')\nclient('sns').create_topic(Name='news')",
    );
    let topic = "arn:aws:sns:us-east-1:123456789012:news";
    let check = async |source: Source, code: &str, name: &str| {
        let emulator = Emulator::start(options(&moto, vec![source])).await.unwrap();
        moto.boto(code);
        let entries = wait(&emulator, Fate::Answered, 1).await;
        assert_eq!(entries[0].source, name);
        logged_event(&emulator).await
    };
    let put = "client('s3').put_object(Bucket='photos', Key='a b+c.txt', Body=b'x')";
    let event = check(Source::S3 { bucket: "photos".to_owned() }, put, "s3:photos").await;
    check_event::<S3Event>(&event, "example-s3-event.json");
    assert_eq!(event["Records"][0]["s3"]["bucket"]["name"], "photos");
    let publish = format!("client('sns').publish(TopicArn={topic:?}, Message='ok', Subject='s')");
    let event = check(Source::Sns { topic_arn: topic.to_owned() }, &publish, "sns:news").await;
    check_event::<SnsEvent>(&event, "example-sns-event.json");
    assert_eq!(event["Records"][0]["Sns"]["Message"], "ok");
    let pattern = r#"{"source": ["my.app"]}"#.to_owned();
    let put = "client('events').put_events(Entries=[{'Source': 'my.app', 'DetailType': 'Order Placed', 'Detail': json.dumps({'a': 1})}])";
    let event = check(Source::EventBridge { pattern }, put, "eventbridge").await;
    check_event::<EventBridgeEvent<Value>>(&event, "example-eventbridge-event-obj.json");
    assert_eq!(
        (&event["detail-type"], &event["detail"]),
        (&json!("Order Placed"), &json!({"a": 1}))
    );
}

#[tokio::test]
async fn an_asynchronous_invoke_is_retried_twice_and_goes_to_its_destinations() {
    let moto = Moto::start().await;
    let (good, bad) = (queue(&moto, "good", ""), queue(&moto, "bad", ""));
    let dead = queue(&moto, "dead", "");
    let arn = |name: &str| Some(format!("arn:aws:sqs:us-east-1:123456789012:{name}"));
    let mut options = options(&moto, Vec::new());
    options.asynchronous.backoff = [Duration::from_millis(10); 2];
    options.asynchronous.on_success = arn("good");
    options.asynchronous.on_failure = arn("bad");
    options.asynchronous.dead_letter = arn("dead");
    options.doors = vec!["invoke".parse::<Door>().unwrap()];
    assert_eq!(options.doors[0].kind, DoorKind::Invoke);
    let emulator = Emulator::start(options).await.unwrap();
    let uri = format!("http://{}/2015-03-31/functions/function/invocations", emulator.doors()[0].1);
    let submit = async |body: &'static str| {
        let request = Request::post(&uri).header("x-amz-invocation-type", "Event");
        let response = send(request.body(Bytes::from(body)).unwrap()).await.unwrap();
        assert_eq!((response.status().as_u16(), response.body().len()), (202, 0));
    };
    let received = |url: &str| {
        let code = format!(
            "m = client('sqs').receive_message(QueueUrl={url:?}, MessageAttributeNames=['All'])['Messages'][0]\nresult = [json.loads(m['Body']), m.get('MessageAttributes')]"
        );
        moto.boto(&code)
    };
    submit(r#"{"text": "ok"}"#).await;
    wait(&emulator, Fate::SentToDestination, 1).await;
    let record = received(&good);
    assert_eq!(record[0]["requestContext"]["condition"], "Success");
    assert_eq!(record[0]["requestPayload"], json!({"text": "ok"}));
    assert_eq!(record[0]["responsePayload"], json!({"batchItemFailures": []}));
    submit(r#"{"text": "throw"}"#).await;
    let entries = wait(&emulator, Fate::DeadLettered, 1).await;
    assert_eq!((count(&entries, Fate::Failed), count(&entries, Fate::Retried)), (3, 2));
    let record = received(&bad);
    assert_eq!(record[0]["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record[0]["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(record[0]["responseContext"]["functionError"], "Unhandled");
    let letter = received(&dead);
    assert_eq!(letter[0], json!({"text": "throw"}));
    assert_eq!(letter[1]["ErrorCode"]["StringValue"], "200");
}

#[tokio::test]
async fn sources_that_cannot_work_are_refused_at_once() {
    let moto = Moto::start().await;
    let url = queue(&moto, "orders", "");
    let check = async |change: &dyn Fn(&mut Options), expected: &str| {
        let mut options = options(&moto, vec![Source::Sqs(SqsSource::new(&url))]);
        change(&mut options);
        let error = Emulator::start(options).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&|it| it.function.timeout = Duration::from_secs(2), "visibility timeout is 1 s").await;
    check(&|it| it.aws = None, "an endpoint, for event sources").await;
    let sqs = |change: fn(&mut SqsSource)| {
        let url = url.clone();
        move |options: &mut Options| {
            let mut source = SqsSource::new(&url);
            change(&mut source);
            options.sources = vec![Source::Sqs(source)];
        }
    };
    check(&sqs(|it| it.batch_size = 11), "at most 10 without a batching window").await;
    check(&sqs(|it| it.queue_url.push('x')), "sqs answered 400 to GetQueueAttributes").await;
    check(&sqs(|it| it.queue_url.push_str(".fifo")), "sqs answered 400").await;
    let gone = "http://127.0.0.1:9".to_owned();
    check(
        &move |it| it.aws.as_mut().unwrap().endpoint.clone_from(&gone),
        "no AWS-compatible endpoint answers at http://127.0.0.1:9",
    )
    .await;
}
