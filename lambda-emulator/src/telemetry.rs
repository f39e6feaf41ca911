//! The Telemetry API (2022-07-01): subscriptions of extensions, and delivery of platform events and
//! log lines over HTTP, in batches.
//!
//! Schema: "Lambda Telemetry API Event schema reference". What happens before a subscription is
//! kept for it, as Lambda does.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::exchange::Exchange;
use crate::extensions_api::{error, identifier};
use crate::http_client::HttpClient;
use crate::invocation::timestamp;
use crate::report::{InvokeStatus, Report};
use crate::server::{Body, OwnedTask, response};

/// Events kept for subscribers that come later, and waiting for each one.
const KEPT_EVENTS: usize = 10_000;
const KEPT_BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    history: Vec<Event>,
    history_bytes: usize,
    subscribers: Vec<Subscriber>,
}

impl Inner {
    /// The subscribers to events of a category.
    fn wanting(&self, category: Category) -> impl Iterator<Item = &Subscriber> {
        self.subscribers.iter().filter(move |it| it.categories.contains(&category))
    }
}

#[derive(Debug, Clone)]
struct Event {
    category: Category,
    value: Value,
}

#[derive(Debug)]
struct Subscriber {
    categories: Vec<Category>,
    events: mpsc::Sender<Value>,
    _delivery: OwnedTask,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Category {
    Platform,
    Function,
    Extension,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    schema_version: String,
    types: Vec<Category>,
    #[serde(default)]
    buffering: Buffering,
    destination: Destination,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Buffering {
    max_items: usize,
    max_bytes: usize,
    timeout_ms: u64,
}

impl Default for Buffering {
    fn default() -> Self {
        Self { max_items: 10_000, max_bytes: 262_144, timeout_ms: 1000 }
    }
}

#[derive(Debug, Deserialize)]
struct Destination {
    protocol: String,
    #[serde(rename = "URI")]
    uri: String,
}

impl Telemetry {
    /// A platform event, as in `platform.start`.
    pub(crate) fn platform(&self, kind: &str, record: Value) {
        self.emit(Category::Platform, kind, record);
    }

    /// What an invoke is to subscribers when it is over; `failed` where the function answered with
    /// an error.
    pub(crate) fn report(&self, report: &Report, failed: bool) {
        let status = match &report.status {
            InvokeStatus::Success if failed => "error",
            status => status.as_str(),
        };
        let duration = crate::report::milliseconds(report.duration);
        self.platform(
            "platform.runtimeDone",
            json!({
                "requestId": report.request_id,
                "status": status,
                "metrics": {"durationMs": duration},
            }),
        );
        let mut metrics = json!({
            "durationMs": duration,
            "billedDurationMs": u64::try_from(report.billed_ms()).unwrap_or(u64::MAX),
            "memorySizeMB": report.memory_mb,
            "maxMemoryUsedMB": report.peak_mb(),
        });
        if let (Some(init), Some(fields)) = (report.init, metrics.as_object_mut()) {
            fields.insert("initDurationMs".to_owned(), json!(crate::report::milliseconds(init)));
        }
        self.platform(
            "platform.report",
            json!({"requestId": report.request_id, "status": status, "metrics": metrics}),
        );
    }

    /// A line of the function's or of an extension's.
    pub(crate) fn line(&self, category: Category, line: &str) {
        let kind = match category {
            Category::Extension => "extension",
            Category::Function | Category::Platform => "function",
        };
        self.emit(category, kind, json!(line));
    }

    fn emit(&self, category: Category, kind: &str, record: Value) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let keeps = inner.history.len() < KEPT_EVENTS;
        let mut wanting = inner.wanting(category).peekable();
        if !keeps && wanting.peek().is_none() {
            return;
        }
        let value = json!({"time": timestamp(), "type": kind, "record": record});
        for subscriber in wanting {
            if subscriber.events.try_send(value.clone()).is_err() {
                tracing::warn!("a telemetry subscriber is too slow; an event was dropped");
            }
        }
        if keeps {
            let bytes = value.to_string().len();
            if inner.history_bytes + bytes < KEPT_BYTES {
                inner.history_bytes += bytes;
                inner.history.push(Event { category, value });
            }
        }
    }

    /// `PUT /2022-07-01/telemetry`.
    pub(crate) fn subscribe(
        &self,
        exchange: &Exchange,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Response<Body> {
        let Some(name) = identifier(headers).and_then(|id| exchange.extension_name(id)) else {
            return error(
                StatusCode::FORBIDDEN,
                "Extension.UnknownExtensionIdentifier",
                "the header Lambda-Extension-Identifier names no registered extension",
            );
        };
        let subscription: Subscription = match serde_json::from_slice(body) {
            Ok(subscription) => subscription,
            Err(reason) => {
                return error(StatusCode::BAD_REQUEST, "ValidationError", &reason.to_string());
            }
        };
        if let Err(reason) = subscription.check() {
            return error(StatusCode::BAD_REQUEST, "ValidationError", &reason);
        }
        let types: Vec<String> = subscription
            .types
            .iter()
            .map(|category| format!("{category:?}").to_lowercase())
            .collect();
        self.add(subscription);
        let record = json!({"name": name, "state": "Subscribed", "types": types});
        self.platform("platform.telemetrySubscription", record);
        response(StatusCode::OK, "text/plain", "OK")
    }

    fn add(&self, subscription: Subscription) {
        // Inside Lambda this name leads to the environment itself.
        let uri = subscription.destination.uri.replace("sandbox.localdomain", "127.0.0.1");
        let (sender, receiver) = mpsc::channel(KEPT_EVENTS);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        for event in &inner.history {
            if subscription.types.contains(&event.category) {
                // The channel holds as many as the history.
                sender.try_send(event.value.clone()).ok();
            }
        }
        inner.subscribers.push(Subscriber {
            categories: subscription.types,
            events: sender,
            _delivery: OwnedTask::spawn(deliver(uri, subscription.buffering, receiver)),
        });
    }
}

impl Subscription {
    fn check(&self) -> Result<(), String> {
        const VERSIONS: [&str; 3] = ["2022-07-01", "2022-12-13", "2025-01-29"];
        let Buffering { max_items, max_bytes, timeout_ms } = self.buffering;
        if !VERSIONS.contains(&self.schema_version.as_str()) {
            return Err(format!("schemaVersion is not one of {VERSIONS:?}"));
        }
        if self.destination.protocol != "HTTP" {
            return Err("the emulator delivers telemetry over HTTP only".to_owned());
        }
        if !(1_000..=10_000).contains(&max_items)
            || !(262_144..=1_048_576).contains(&max_bytes)
            || !(25..=30_000).contains(&timeout_ms)
        {
            return Err("buffering: maxItems 1000 to 10000, maxBytes 262144 to 1048576, timeoutMs 25 to 30000".to_owned());
        }
        Ok(())
    }
}

async fn deliver(uri: String, buffering: Buffering, mut events: mpsc::Receiver<Value>) {
    let client = HttpClient::new();
    while let Some(first) = events.recv().await {
        let mut size = first.to_string().len();
        let mut batch = vec![first];
        let end = tokio::time::Instant::now() + Duration::from_millis(buffering.timeout_ms);
        while batch.len() < buffering.max_items && size < buffering.max_bytes {
            match tokio::time::timeout_at(end, events.recv()).await {
                Ok(Some(event)) => {
                    size += event.to_string().len();
                    batch.push(event);
                }
                Ok(None) | Err(_) => break,
            }
        }
        let request = Request::post(&uri)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(Value::Array(batch).to_string()));
        let sent = match request {
            Ok(request) => client.send(request).await.map(drop),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = sent {
            tracing::warn!(%uri, %error, "telemetry could not be delivered");
        }
    }
}
