//! Work after an answer: an extension inside this process (AWS Lambda's Extensions API, 2020-01-01).
//!
//! Lambda hands the answer to the caller when the function gives it, but freezes the environment only
//! when its extensions are done, too, and sends it nothing else until then. So what is done there
//! delays no answer, and is never frozen half-way.

use std::future::pending;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use tokio::sync::watch;

/// The largest event.
const EVENT_BYTES: usize = 1 << 20;
const IDENTIFIER: &str = "lambda-extension-identifier";

/// A registered extension.
pub(crate) struct Extension {
    api: String,
    identifier: String,
    events: Client<HttpConnector, Empty<Bytes>>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "requestId")]
    request: Option<String>,
    /// When the invoke must be done, this work included, in milliseconds since 1970.
    #[serde(default, rename = "deadlineMs")]
    deadline: u64,
}

impl Extension {
    /// Registers; has to be done in init. `api` is `AWS_LAMBDA_RUNTIME_API`.
    ///
    /// # Errors
    /// If the API does not take it.
    pub(crate) async fn register(api: &str) -> Result<Self, String> {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let body = Full::new(Bytes::from_static(br#"{"events":["INVOKE"]}"#));
        let request = Request::post(format!("http://{api}/2020-01-01/extension/register"))
            .header("lambda-extension-name", "samebits")
            .body(body)
            .map_err(|error| error.to_string())?;
        let response = answered(&client, request).await?;
        let identifier = response.headers().get(IDENTIFIER).and_then(|id| id.to_str().ok());
        let identifier = identifier.ok_or("no identifier came back")?.to_owned();
        let events = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { api: api.to_owned(), identifier, events })
    }

    /// Does `work` after each answer, for ever; `answered` says whose was given last. `work` gets when the invoke
    /// must be done, in milliseconds since 1970.
    pub(crate) async fn run<F: Future<Output = ()>>(
        self,
        mut answered: watch::Receiver<String>,
        work: impl Fn(u64) -> F,
    ) {
        loop {
            match self.next().await {
                Ok(Event { request: Some(request), deadline }) => {
                    let given = answered.wait_for(|last| *last == request).await.is_ok();
                    if !given {
                        return;
                    }
                    work(deadline).await;
                }
                Ok(Event { request: None, .. }) => {}
                // The environment ends, or is none that has extensions: answers go on without.
                Err(_) => return pending().await,
            }
        }
    }

    async fn next(&self) -> Result<Event, String> {
        let request = Request::get(format!("http://{}/2020-01-01/extension/event/next", self.api))
            .header(IDENTIFIER, &self.identifier)
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let response = answered(&self.events, request).await?;
        let body = Limited::new(response.into_body(), EVENT_BYTES).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        serde_json::from_slice(&body).map_err(|error| error.to_string())
    }
}

async fn answered<B>(
    client: &Client<HttpConnector, B>,
    request: Request<B>,
) -> Result<Response<Incoming>, String>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let response = client.request(request).await.map_err(|error| aws_call::reasons(&error))?;
    match response.status().is_success() {
        true => Ok(response),
        false => Err(format!("answered {}", response.status())),
    }
}
