//! A function for HTTP doors: answers with the event as JSON, in the form of its source, or with
//! exactly the answer that the query's `answer` holds.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let event = event.payload;
    let path = ["rawPath", "path"].iter().find_map(|key| event.get(key)).and_then(Value::as_str);
    if path == Some("/fail") {
        return Err("told to fail".into());
    }
    if path == Some("/exact") {
        let body = event.get("body").and_then(Value::as_str).unwrap_or_default();
        return Ok(serde_json::from_str(body)?);
    }
    let body = event.to_string();
    Ok(if event.get("multiValueHeaders").is_some() && event.get("headers").is_none() {
        json!({"statusCode": 200, "statusDescription": "200 OK", "isBase64Encoded": false,
            "multiValueHeaders": {"content-type": ["application/json"], "x-two": ["1", "2"]}, "body": body})
    } else if event.get("version").is_some() {
        json!({"statusCode": 200, "headers": {"content-type": "application/json"},
            "cookies": [], "isBase64Encoded": false, "body": body})
    } else {
        json!({"statusCode": 200, "headers": {"content-type": "application/json"}, "body": body})
    })
}
