//! Where results of records may go, in moto's server: queues, a stream, a bus, a bucket; and what arrived there.

use serde_json::Value;

use crate::moto::Moto;

/// A place for results.
#[derive(Clone, Debug)]
pub struct Sink {
    /// `SAMEBITS_RESULTS`.
    pub setting: String,
    /// Python that reads what arrived.
    read: String,
}

impl Sink {
    /// A standard queue, a FIFO queue, a stream, a bus, a bucket.
    ///
    /// # Panics
    /// If they can't be made.
    #[must_use]
    pub fn all(moto: &Moto) -> [Self; 5] {
        let urls = moto.boto(
            "import time\n\
             sqs = client('sqs')\n\
             plain = sqs.create_queue(QueueName='results')['QueueUrl']\n\
             fifo = sqs.create_queue(QueueName='results.fifo', Attributes={'FifoQueue': 'true'})['QueueUrl']\n\
             bus = sqs.create_queue(QueueName='bus')['QueueUrl']\n\
             events = client('events')\n\
             events.put_rule(Name='all', EventPattern=json.dumps({'source': ['samebits']}))\n\
             events.put_targets(Rule='all', Targets=[{'Id': '1', 'Arn': 'arn:aws:sqs:us-east-1:123456789012:bus'}])\n\
             client('s3').create_bucket(Bucket='answers')\n\
             k = client('kinesis')\nk.create_stream(StreamName='results', ShardCount=1)\n\
             while k.describe_stream_summary(StreamName='results')['StreamDescriptionSummary']['StreamStatus'] != 'ACTIVE':\n    time.sleep(0.05)\n\
             result = [plain, fifo, bus]",
        );
        let received = |url: &Value| {
            format!(
                "result = []\nwhile True:\n    \
                 found = client('sqs').receive_message(QueueUrl={url}, MaxNumberOfMessages=10).get('Messages', [])\n    \
                 result += [json.loads(m['Body']) for m in found]\n    \
                 for m in found:\n        client('sqs').delete_message(QueueUrl={url}, ReceiptHandle=m['ReceiptHandle'])\n    \
                 if not found:\n        break"
            )
        };
        let queue = |url: &Value| Self {
            setting: format!("sqs:{}", url.as_str().expect("a URL")),
            read: received(url),
        };
        let stream = "k = client('kinesis')\n\
             it = k.get_shard_iterator(StreamName='results', ShardId='shardId-000000000000', ShardIteratorType='TRIM_HORIZON')['ShardIterator']\n\
             result = [json.loads(r['Data']) for r in k.get_records(ShardIterator=it)['Records']]";
        let bucket = "s3 = client('s3')\n\
             result = [json.loads(s3.get_object(Bucket='answers', Key=o['Key'])['Body'].read()) for o in s3.list_objects_v2(Bucket='answers', Prefix='out/').get('Contents', [])]";
        let bus = format!("{}\nresult = [event['detail'] for event in result]", received(&urls[2]));
        let sink = |setting: &str, read: &str| Self { setting: setting.into(), read: read.into() };
        [
            queue(&urls[0]),
            queue(&urls[1]),
            sink("kinesis:results", stream),
            sink("eventbridge:default", &bus),
            sink("s3://answers/out", bucket),
        ]
    }

    /// What arrived: in queues since this was asked last, elsewhere since ever.
    ///
    /// # Panics
    /// If it can't be read.
    #[must_use]
    pub fn arrived(&self, moto: &Moto) -> Vec<Value> {
        moto.boto(&self.read).as_array().expect("a list").clone()
    }
}
