//! A function that streams its answer as function URLs expect it, on Rust's `lambda_runtime`: the
//! event's `parts` one after the other.

use http::{HeaderMap, HeaderValue, StatusCode};
use lambda_runtime::streaming::{Body, Response, channel};
use lambda_runtime::{Error, LambdaEvent, MetadataPrelude, run, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Response<Body>, Error> {
    let parts: Vec<String> = match event.payload.get("rawQueryString").and_then(Value::as_str) {
        Some(query) => query.split('&').map(str::to_owned).collect(),
        None => vec!["no".to_owned(), "query".to_owned()],
    };
    let (mut sender, stream) = channel();
    tokio::spawn(async move {
        for part in parts {
            if sender.send_data(part.into()).await.is_err() {
                return;
            }
        }
    });
    let headers = HeaderMap::from_iter([(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    )]);
    let metadata_prelude = MetadataPrelude {
        status_code: StatusCode::ACCEPTED,
        headers,
        cookies: vec!["a=1".to_owned(), "b=2".to_owned()],
    };
    Ok(Response { metadata_prelude, stream })
}
