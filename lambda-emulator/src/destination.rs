//! Where records of success and failure go: a queue, a topic or an event bus, named by its ARN.

use serde_json::{Map, Value, json};

use crate::aws::{AwsClient, EVENTS, SQS};
use crate::error::Error;
use crate::source::text;

/// Sends `message`; `attributes` become message attributes of the type `String` or `Number`.
pub(crate) async fn send(
    aws: &AwsClient,
    arn: &str,
    message: &Value,
    attributes: &[(&str, &str, &str)],
) -> Result<(), Error> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        [_, _, "sqs", _, account, name] => {
            let owner = json!({"QueueName": name, "QueueOwnerAWSAccountId": account});
            let url = aws.json(SQS, "GetQueueUrl", &owner).await?;
            let attributes: Map<String, Value> = attributes
                .iter()
                .map(|(name, kind, value)| {
                    ((*name).to_owned(), json!({"DataType": kind, "StringValue": value}))
                })
                .collect();
            let body = json!({
                "QueueUrl": text(&url, "QueueUrl"),
                "MessageBody": message.to_string(),
                "MessageAttributes": attributes,
            });
            aws.json(SQS, "SendMessage", &body).await.map(drop)
        }
        [_, _, "sns", ..] => {
            let message = message.to_string();
            let mut fields: Vec<(String, String)> =
                vec![("TopicArn".to_owned(), arn.to_owned()), ("Message".to_owned(), message)];
            for (index, (name, kind, value)) in attributes.iter().enumerate() {
                let prefix = format!("MessageAttributes.entry.{}", index + 1);
                fields.push((format!("{prefix}.Name"), (*name).to_owned()));
                fields.push((format!("{prefix}.Value.DataType"), (*kind).to_owned()));
                fields.push((format!("{prefix}.Value.StringValue"), (*value).to_owned()));
            }
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            aws.sns("Publish", &fields).await.map(drop)
        }
        [_, _, "events", ..] => {
            let success =
                text(message.get("requestContext").unwrap_or(message), "condition") == "Success";
            let outcome = if success { "Success" } else { "Failure" };
            let body = json!({"Entries": [{
                "EventBusName": arn,
                "Source": "lambda",
                "DetailType": format!("Lambda Function Invocation Result - {outcome}"),
                "Detail": message.to_string(),
            }]});
            let answer = aws.json(EVENTS, "PutEvents", &body).await?;
            match answer.get("FailedEntryCount").and_then(Value::as_u64) {
                Some(0) | None => Ok(()),
                Some(_) => Err(Error::Service {
                    service: "events",
                    action: "PutEvents".to_owned(),
                    status: 200,
                    message: answer.to_string(),
                }),
            }
        }
        _ => Err(Error::Option {
            option: "destination",
            found: arn.to_owned(),
            accepted: "the ARN of an SQS queue, an SNS topic or an event bus".to_owned(),
        }),
    }
}
