//! DynamoDB streams, from the oldest record on, one task per shard.

use std::sync::Arc;

use serde_json::{Value, json};

use super::kinesis::milliseconds;
use super::stream::{Shard, ShardReader, StreamRecord, check};
use super::{Feed, text};
use crate::aws::{DYNAMODB, DYNAMODB_STREAMS};
use crate::error::Error;
use crate::options::StreamSource;
use crate::server::OwnedTask;

struct Reader {
    feed: Arc<Feed>,
    stream_arn: String,
    iterator: Option<String>,
}

pub(crate) async fn open(feed: &Arc<Feed>, source: &StreamSource) -> Result<Vec<OwnedTask>, Error> {
    check(source)?;
    let body = json!({"TableName": source.name});
    let table = feed.aws.json(DYNAMODB, "DescribeTable", &body).await?;
    let stream_arn =
        table.get("Table").map_or_else(String::new, |it| text(it, "LatestStreamArn").to_owned());
    if stream_arn.is_empty() {
        return Err(Error::Option {
            option: "event source",
            found: format!("table {}, which has no stream", source.name),
            accepted: "a table with StreamSpecification.StreamEnabled".to_owned(),
        });
    }
    let body = json!({"StreamArn": stream_arn});
    let stream = feed.aws.json(DYNAMODB_STREAMS, "DescribeStream", &body).await?;
    let shards = stream.get("StreamDescription").and_then(|stream| stream.get("Shards"));
    let mut tasks = Vec::new();
    for shard in shards.and_then(Value::as_array).into_iter().flatten() {
        let shard_id = text(shard, "ShardId").to_owned();
        let body = json!({
            "StreamArn": stream_arn,
            "ShardId": shard_id,
            "ShardIteratorType": "TRIM_HORIZON",
        });
        let answer = feed.aws.json(DYNAMODB_STREAMS, "GetShardIterator", &body).await?;
        let reader = Reader {
            feed: Arc::clone(feed),
            stream_arn: stream_arn.clone(),
            iterator: Some(text(&answer, "ShardIterator").to_owned()),
        };
        let shard = Shard {
            feed: Arc::clone(feed),
            source: source.clone(),
            name: format!("dynamodb:{}", source.name),
            stream_arn: stream_arn.clone(),
            shard_id,
            batch_info_key: "DDBStreamBatchInfo",
        };
        tasks.push(OwnedTask::spawn(shard.poll(reader)));
    }
    Ok(tasks)
}

impl ShardReader for Reader {
    async fn read(&mut self, limit: usize) -> Result<Option<Vec<StreamRecord>>, Error> {
        let Some(iterator) = &self.iterator else { return Ok(None) };
        // GetRecords takes a limit of 1,000 at most.
        let body = json!({"ShardIterator": iterator, "Limit": limit.min(1000)});
        let mut answer = self.feed.aws.json(DYNAMODB_STREAMS, "GetRecords", &body).await?;
        self.iterator = answer.get("NextShardIterator").and_then(Value::as_str).map(str::to_owned);
        let records = match answer.get_mut("Records").map(Value::take) {
            Some(Value::Array(records)) => records,
            _ => Vec::new(),
        };
        Ok(Some(records.into_iter().map(|record| self.record(record)).collect()))
    }
}

impl Reader {
    /// The stream's record is the event's, with the stream's ARN beside it.
    fn record(&self, mut event: Value) -> StreamRecord {
        let inner = event.get("dynamodb").cloned().unwrap_or_default();
        let arrived = inner.get("ApproximateCreationDateTime").and_then(Value::as_f64);
        // AWS gives whole seconds.
        if let (Some(arrived), Some(field)) =
            (arrived, event.pointer_mut("/dynamodb/ApproximateCreationDateTime"))
        {
            *field = json!(milliseconds(arrived) / 1000);
        }
        if let Some(fields) = event.as_object_mut() {
            fields.insert("eventSourceARN".to_owned(), json!(self.stream_arn));
        }
        StreamRecord {
            sequence_number: text(&inner, "SequenceNumber").to_owned(),
            arrived_ms: milliseconds(arrived.unwrap_or_default()),
            event,
        }
    }
}
