//! What a function does about other versions of its model: which one a request gets, and when another
//! is looked for.

use std::time::Duration;

use aws_call::Patience;
use model_store::now;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Function, Work};
use crate::clock::Deadline;
use crate::event::{Event, Opened, Promoted, Record};
use crate::failure::Failure;
use crate::log::Level;
use crate::metrics::counted;
use crate::source::{Refreshed, Source};
use crate::trace::Carried;

/// The header whose value keeps a request at one version.
const HEADER: &str = "x-samebits-key";
/// How long looking for another version may take after an answer, and before the invoke's time is up: Lambda
/// ends an environment whose extensions work for longer.
const AFTER: Duration = Duration::from_secs(120);
/// The longest that an answer waits for it, where there is no time after answers; and no longer than half of
/// what the invoke has.
const BEFORE: Duration = Duration::from_secs(30);
/// With less time than this it is left to the next invoke.
const LEAST: Duration = Duration::from_millis(200);

/// Says that an answer was given when it goes, also where there was a panic instead.
pub(super) struct Told<'a> {
    told: &'a watch::Sender<String>,
    request: String,
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.told.send_replace(std::mem::take(&mut self.request));
    }
}

impl Function {
    /// With a store that other versions come from.
    pub(crate) fn with_source(&mut self, source: Source) {
        self.source = Some(source);
    }

    /// What a request's version is chosen by: a header, a field of the first instance, the key of the
    /// object, or where there is none of them, the request's own id.
    pub(super) fn key(&self, event: Option<&Event>, request: &str) -> Vec<u8> {
        let field = |text: &str| field(text, self.config.sticky.as_deref()?);
        let found = match event {
            Some(Event::Http(text)) => header(text, HEADER),
            Some(Event::Direct(request)) => {
                request.instances().first().and_then(first_text).and_then(field)
            }
            Some(Event::Envelope(envelope)) => {
                envelope.request.instances().first().and_then(first_text).and_then(field)
            }
            Some(Event::Objects(objects)) => objects.first().map(|object| object.key.clone()),
            // Records and messages have keys of their own, which are found when they are opened.
            Some(Event::Records(_) | Event::Message(..)) => None,
            Some(Event::WarmUp | Event::Promoted(_)) | None => None,
        };
        found.unwrap_or_else(|| request.to_owned()).into_bytes()
    }

    /// What a record's version is chosen by: a field of its first instance, or its id.
    pub(crate) fn record_key(&self, record: &Record, opened: Option<&Opened>) -> Vec<u8> {
        let sticky = self.config.sticky.as_deref();
        let first = || opened.and_then(Opened::first);
        let found = sticky.and_then(|name| field(&first()?, name));
        found.unwrap_or_else(|| record.id.clone()).into_bytes()
    }

    /// Says in its end that an answer was given, so that the work after it can begin.
    pub(super) fn tell_after(&self, request: &str) -> Option<Told<'_>> {
        let told = self.told.as_ref()?;
        Some(Told { told, request: request.to_owned() })
    }

    /// The work after an answer; `deadline` is that of the invoke.
    pub(crate) async fn after_answer(&self, deadline: Deadline) {
        self.judge_trial(Patience::lasting(AFTER.min(deadline.left()))).await;
        self.shadows.run(&self.models, &self.log, &self.constants, deadline).await;
        self.look(AFTER.min(deadline.left())).await;
    }

    /// The same before an answer, where there is no time after answers.
    pub(super) async fn before_answer(&self, deadline: Deadline) {
        if self.told.is_some() {
            return;
        }
        self.judge_trial(Patience::lasting(BEFORE.min(deadline.left() / 2))).await;
        self.look(BEFORE.min(deadline.left() / 2)).await;
    }

    /// Looks for another version, if it is time and there is some.
    async fn look(&self, time: Duration) {
        let due = self.source.as_ref().filter(|source| time >= LEAST && source.is_due());
        if let Some(source) = due {
            self.refresh(source, Patience::lasting(time), None).await;
        }
    }

    /// Tells the step of the version on trial, and ends its trial in this environment if it does worse
    /// than it may.
    async fn judge_trial(&self, patience: Patience) {
        let serving = self.models.now();
        let Some(trial) = &serving.trial else { return };
        let version = || Value::from(trial.model.named.version.as_str());
        let counter = serving.alias.as_ref().map(|known| known.alias.counter);
        if let Some((step, permille)) = trial.stepped(now()) {
            let fields = [
                ("version", version()),
                ("step", (step + 1).into()),
                ("share", (f64::from(permille) / 1000.0).into()),
                ("counter", counter.into()),
            ];
            self.log.write(Level::Info, None, "a version on trial has another share", fields);
        }
        let Some(verdict) = trial.judge() else { return };
        let fields = [
            ("version", version()),
            ("limit", verdict.limit.into()),
            ("allowed", verdict.allowed.into()),
            ("found", verdict.found.into()),
            ("incumbent", json!(verdict.incumbent)),
            ("challenger", json!(verdict.challenger)),
            ("counter", counter.into()),
        ];
        let message = "the version on trial does worse than it may: it gets nothing more here";
        self.log.write(Level::Error, None, message, fields);
        let named = &trial.model.named;
        drop(crate::log::print(counted(&self.constants, named, "CanaryRolledBack").as_bytes()));
        let detail = json!({
            "schema_version": "1",
            "model": self.config.model.to_string(),
            "counter": counter,
            "challenger": named,
            "verdict": verdict,
        });
        self.send("Canary Rolled Back", &detail, patience).await;
    }

    /// Sends an event where alerts go, if they go anywhere. That it can't be sent fails nothing.
    async fn send(&self, kind: &str, detail: &Value, patience: Patience) {
        let Some((alerts, client)) = &self.alerts else { return };
        let sent = client.put_event(alerts.bus(), "samebits", kind, detail, patience);
        if let Err(error) = sent.await {
            let fields = [("event", kind.into()), ("detail", error.to_string().into())];
            self.log.write(Level::Warn, None, "an event is not sent", fields);
        }
    }

    /// Looks for another version, and tells what became of it; in the trace of whoever asked for it.
    async fn refresh(
        &self,
        source: &Source,
        patience: Patience,
        trace: Option<Carried>,
    ) -> Refreshed {
        let refreshed = source.refresh(&self.models, patience).await;
        let serving = self.models.now();
        let Some((model, _)) = serving.shares.first() else { return refreshed };
        let metric = match &refreshed {
            Refreshed::Unchanged => return refreshed,
            Refreshed::Changed(_) => "ModelChanged",
            Refreshed::Kept(_) => "ModelRejected",
        };
        drop(crate::log::print(counted(&self.constants, &model.named, metric).as_bytes()));
        if let Refreshed::Kept(rejection) = &refreshed {
            let detail = json!({
                "schema_version": "1",
                "model": self.config.model.to_string(),
                "code": rejection.code(),
                "message": rejection.to_string(),
                "serving": model.named,
                "traceparent": trace.map(|trace| trace.parent),
            });
            self.send("Model Rejected", &detail, patience).await;
        }
        refreshed
    }

    /// Answers the event that an alias has changed: looks at once.
    pub(super) async fn promoted(
        &self,
        work: &Work,
        promoted: &Promoted,
    ) -> Result<String, Failure> {
        let Some(source) = &self.source else {
            return Err(Failure::Unsupported(super::NO_SOURCE.into()));
        };
        if !source.is_about(&promoted.place, &promoted.alias) {
            return Ok(json!({"status": "another model"}).to_string());
        }
        let patience = work.invocation.deadline.for_work();
        let trace = work.invocation.carried(None);
        let answer = match self.refresh(source, patience, trace).await {
            Refreshed::Unchanged => json!({"status": "unchanged"}),
            Refreshed::Changed(model) => json!({"status": "changed", "serving": model.named}),
            Refreshed::Kept(rejection) => {
                json!({"status": "kept", "code": rejection.code(), "message": rejection.to_string()})
            }
        };
        Ok(answer.to_string())
    }
}

fn first_text(instance: &predictor_host::Instance) -> Option<&str> {
    match instance {
        predictor_host::Instance::Json(text) => Some(text),
        _ => None,
    }
}

/// The text of a field of a JSON object, as it is written there; of a string, what it says.
fn field(text: &str, name: &str) -> Option<String> {
    let object: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let value = object.get(name)?;
    match serde_json::from_str(value.get()).ok()? {
        Value::String(text) => Some(text),
        Value::Null => None,
        _ => Some(value.get().to_owned()),
    }
}

/// A header of an HTTP event, however its name is written.
fn header(text: &str, name: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Http {
        #[serde(default)]
        headers: Option<std::collections::BTreeMap<String, Value>>,
        #[serde(default, rename = "multiValueHeaders")]
        multiple: Option<std::collections::BTreeMap<String, Vec<String>>>,
    }
    let event: Http = serde_json::from_str(text).ok()?;
    let single = event.headers.into_iter().flatten();
    let single = single.map(|(name, value)| (name, value.as_str().map(str::to_owned)));
    let multiple = event.multiple.into_iter().flatten();
    let multiple = multiple.map(|(name, values)| (name, values.into_iter().next()));
    let mut all = single.chain(multiple);
    all.find_map(|(found, value)| if found.eq_ignore_ascii_case(name) { value } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_request_is_found() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(field(text, "customer_id").as_deref(), expected, "{text}");
        };
        check(r#"{"amount": 1, "customer_id": "c-1"}"#, Some("c-1"));
        check(r#"{"customer_id": 12.50}"#, Some("12.50"));
        check(r#"{"customer_id": null}"#, None);
        check("{}", None);
        check("[]", None);
        let event = r#"{"headers": {"X-Samebits-Key": "c-1"}, "requestContext": {}}"#;
        assert_eq!(header(event, HEADER).as_deref(), Some("c-1"));
        let event = r#"{"headers": null, "multiValueHeaders": {"x-samebits-key": ["c-2", "c-3"]}}"#;
        assert_eq!(header(event, HEADER).as_deref(), Some("c-2"));
        assert_eq!(header("{}", HEADER), None);
    }
}
