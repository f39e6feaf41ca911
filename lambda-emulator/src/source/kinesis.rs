//! Kinesis data streams, from the oldest record on, one task per shard.

use std::sync::Arc;

use serde_json::{Value, json};

use super::stream::{Shard, ShardReader, StreamRecord, check};
use super::{Feed, text};
use crate::aws::KINESIS;
use crate::error::Error;
use crate::options::StreamSource;
use crate::server::OwnedTask;

struct Reader {
    feed: Arc<Feed>,
    stream_arn: String,
    shard_id: String,
    iterator: Option<String>,
}

pub(crate) async fn open(feed: &Arc<Feed>, source: &StreamSource) -> Result<Vec<OwnedTask>, Error> {
    check(source)?;
    let body = json!({"StreamName": source.name});
    let summary = feed.aws.json(KINESIS, "DescribeStreamSummary", &body).await?;
    let stream_arn = summary
        .get("StreamDescriptionSummary")
        .map_or_else(String::new, |summary| text(summary, "StreamARN").to_owned());
    let shards = feed.aws.json(KINESIS, "ListShards", &body).await?;
    let mut tasks = Vec::new();
    for shard in shards.get("Shards").and_then(Value::as_array).into_iter().flatten() {
        let shard_id = text(shard, "ShardId").to_owned();
        let body = json!({
            "StreamName": source.name,
            "ShardId": shard_id,
            "ShardIteratorType": "TRIM_HORIZON",
        });
        let answer = feed.aws.json(KINESIS, "GetShardIterator", &body).await?;
        let reader = Reader {
            feed: Arc::clone(feed),
            stream_arn: stream_arn.clone(),
            shard_id: shard_id.clone(),
            iterator: Some(text(&answer, "ShardIterator").to_owned()),
        };
        let shard = Shard {
            feed: Arc::clone(feed),
            source: source.clone(),
            name: format!("kinesis:{}", source.name),
            stream_arn: stream_arn.clone(),
            shard_id,
            batch_info_key: "KinesisBatchInfo",
        };
        tasks.push(OwnedTask::spawn(shard.poll(reader)));
    }
    Ok(tasks)
}

impl ShardReader for Reader {
    async fn read(&mut self, limit: usize) -> Result<Option<Vec<StreamRecord>>, Error> {
        let Some(iterator) = &self.iterator else { return Ok(None) };
        let body = json!({"ShardIterator": iterator, "Limit": limit});
        let answer = self.feed.aws.json(KINESIS, "GetRecords", &body).await?;
        self.iterator = answer.get("NextShardIterator").and_then(Value::as_str).map(str::to_owned);
        let records = answer.get("Records").and_then(Value::as_array).into_iter().flatten();
        Ok(Some(records.map(|record| self.record(record)).collect()))
    }
}

impl Reader {
    fn record(&self, record: &Value) -> StreamRecord {
        let sequence_number = text(record, "SequenceNumber").to_owned();
        let arrived = record.get("ApproximateArrivalTimestamp").and_then(Value::as_f64);
        let arrived = arrived.unwrap_or_default();
        let function = &self.feed.function;
        let event = json!({
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record.get("PartitionKey"),
                "sequenceNumber": sequence_number,
                "data": record.get("Data"),
                "approximateArrivalTimestamp": arrived,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": format!("{}:{sequence_number}", self.shard_id),
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": format!("arn:aws:iam::{}:role/{}", function.account, function.name),
            "awsRegion": function.region,
            "eventSourceARN": self.stream_arn,
        });
        StreamRecord { sequence_number, arrived_ms: milliseconds(arrived), event }
    }
}

/// Seconds since the epoch with a fraction, in whole milliseconds.
pub(super) fn milliseconds(seconds: f64) -> u64 {
    std::time::Duration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|duration| u64::try_from(duration.as_millis()).ok())
        .unwrap_or(0)
}
