//! What a function tells about its invokes besides log and metrics: spans, alerts, and whether its
//! model drifts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_call::Patience;
use decision_audit::Chain;
use serde_json::json;

use super::{Function, Work};
use crate::audit::Copies;
use crate::clock::Deadline;
use crate::drift::Compared;
use crate::event::{Record, Source};
use crate::failure::Failure;
use crate::invocation::new_span;
use crate::log::Level;
use crate::metrics::{Constants, Http, compared};
use crate::model::Served;
use crate::trace::Trace;
use crate::trace::span::{Kind, Span, Value};

/// The most records of an invoke that have a span of their own (OpenTelemetry's limit of links).
const RECORDS: usize = 128;
/// The longest that an answer waits for the event of an alert or a drift, whose loss fails nothing.
const NEWS: Duration = Duration::from_secs(1);
/// What Lambda leaves to a process that it ends, with something to spare of its 500 ms.
const LAST: Duration = Duration::from_millis(400);

impl Function {
    /// Has no spans from now on, since there is no time to send them.
    pub(crate) fn without_spans(&mut self) {
        self.exporter = None;
    }

    /// Begins the trace of an invoke whose caller began none, where spans go anywhere.
    pub(super) fn begin_trace(&self, work: &mut Work) {
        let Some(exporter) = &self.exporter else { return };
        let invocation = &mut work.invocation;
        invocation.trace = invocation.trace.take().or_else(Trace::begun);
        invocation.sampler = Some(exporter.sampler());
    }

    /// Has spans of records that came with traces of their own, each as part of its trace. `error`
    /// is the stable name of why a record failed.
    pub(crate) fn trace_records<'a>(
        &self,
        work: &mut Work,
        records: impl Iterator<Item = (&'a Record, Option<&'static str>)>,
    ) {
        let Some(exporter) = &self.exporter else { return };
        let invocation = &work.invocation;
        let own = |record: &'a Record| record.trace.as_deref().filter(|it| invocation.records(it));
        let traced = records.filter_map(|(record, error)| Some((record, own(record)?, error)));
        let ended = moment(work, Instant::now());
        let invoke =
            invocation.trace.as_ref().map(|trace| (trace.id.clone(), invocation.span.clone()));
        let spans = traced.take(RECORDS).map(|(record, trace, error)| Span {
            trace: trace.id.clone(),
            id: invocation.span_of(record),
            parent: trace.parent.clone(),
            state: trace.state.clone(),
            name: format!("process {}", work.measured.source.map_or("record", Source::name)),
            kind: Kind::Consumer,
            start: moment(work, invocation.deadline.began()),
            end: ended,
            attributes: vec![("messaging.message.id", Value::Text(record.id.clone()))],
            links: invoke.clone().into_iter().collect(),
            error: error.map(str::to_owned),
        });
        let spans: Vec<_> = spans.collect();
        work.links = spans.iter().map(|span| (span.trace.clone(), span.id.clone())).collect();
        exporter.add(spans);
    }

    /// Has the spans of an invoke that is over, if they are wanted.
    pub(super) fn trace_invoke(&self, work: &mut Work, cold: bool, failure: Option<&Failure>) {
        let Some(exporter) = &self.exporter else { return };
        let invocation = &work.invocation;
        let Some(trace) = invocation.trace.as_ref().filter(|it| invocation.records(it)) else {
            return;
        };
        let began = moment(work, invocation.deadline.began());
        let ended = moment(work, Instant::now());
        let of = |name: &str, kind, start, end| Span {
            trace: trace.id.clone(),
            id: String::new(),
            parent: Some(invocation.span.clone()),
            state: trace.state.clone(),
            name: name.to_owned(),
            kind,
            start,
            end,
            attributes: Vec::new(),
            links: Vec::new(),
            error: None,
        };
        let (name, kind) = named(work.measured.source, work.measured.http.as_ref());
        let links = std::mem::take(&mut work.links);
        let whole = Span {
            id: invocation.span.clone(),
            parent: trace.parent.clone(),
            attributes: self.attributes(work, cold),
            links,
            error: failure.map(|failure| failure.kind().to_owned()).or_else(|| {
                let http = work.measured.http.as_ref()?;
                (http.status >= 500).then(|| http.status.to_string())
            }),
            ..of(&name, kind, began, ended)
        };
        let mut spans = vec![whole];
        if let Some(waited) = work.measured.waited {
            let sent = began.saturating_sub(nanoseconds(waited));
            spans.push(of("queue", Kind::Internal, sent, began));
        }
        for stretch in work.measured.stretches() {
            let (from, to) = (moment(work, stretch.from), moment(work, stretch.to));
            spans.push(of(stretch.phase.name(), Kind::Internal, from, to));
        }
        for span in spans.iter_mut().filter(|span| span.id.is_empty()) {
            span.id = new_span();
        }
        exporter.add(spans);
    }

    fn attributes(&self, work: &Work, cold: bool) -> Vec<(&'static str, Value)> {
        let (measured, named) = (&work.measured, &work.model.named);
        let mut attributes = vec![
            ("faas.invocation_id", Value::Text(work.invocation.request.clone())),
            ("faas.coldstart", Value::Truth(cold)),
            ("samebits.model.name", Value::Text(named.name.clone())),
            ("samebits.model.version", Value::Text(named.version.clone())),
            ("samebits.instances", Value::Number(measured.instances() as u64)),
        ];
        if let Some(source) = measured.source {
            attributes.push(("samebits.source", Value::Text(source.name().into())));
        }
        if measured.records > 0 {
            let count = Value::Number(measured.records as u64);
            attributes.push(("messaging.batch.message_count", count));
        }
        if let Some(Http { method, path, status }) = &measured.http {
            attributes.push(("http.request.method", Value::Text(method.clone())));
            attributes.push(("url.path", Value::Text(path.clone())));
            attributes.push(("http.response.status_code", Value::Number((*status).into())));
        }
        attributes
    }

    /// Sends the spans that wait, if there is time before `deadline`. That a collector does not take them fails
    /// nothing.
    pub(crate) async fn send_spans(&self, deadline: Deadline) {
        let Some(exporter) = &self.exporter else { return };
        if let Err(error) = exporter.send(deadline.left()).await {
            self.unsent(&error);
        }
    }

    /// The same when the process is about to end.
    pub(crate) async fn send_last_spans(&self) {
        let Some(exporter) = &self.exporter else { return };
        if let Err(error) = exporter.send_last(Patience::lasting(LAST)).await {
            self.unsent(&error);
        }
    }

    /// Lets a copy of an audit record wait, where copies go anywhere.
    pub(super) fn copy(&self, chain: &Chain, line: &[u8]) {
        if let Some(copies) = &self.copies {
            copies.add(chain, line);
        }
    }

    /// Sends the copies of audit records that wait. That they are not taken fails nothing: the log has them.
    pub(crate) async fn send_copies(&self, deadline: Deadline) {
        let Some(copies) = &self.copies else { return };
        if let Err(error) = copies.send(deadline.left()).await {
            self.uncopied(&error);
        }
    }

    /// The same before an answer, where there is no time after answers.
    pub(super) async fn send_copies_before_answer(&self, deadline: Deadline) {
        if self.told.is_none() {
            self.send_copies(deadline).await;
        }
    }

    /// The same in the middle of an invoke, if they are many.
    pub(crate) async fn send_many_copies(&self, deadline: Deadline) {
        if self.copies.as_ref().is_some_and(Copies::are_many) {
            self.send_copies(deadline).await;
        }
    }

    /// The same when the process is about to end.
    pub(crate) async fn send_last_copies(&self) {
        let Some(copies) = &self.copies else { return };
        if let Err(error) = copies.send_last(Patience::lasting(LAST)).await {
            self.uncopied(&error);
        }
    }

    fn uncopied(&self, error: &aws_call::AwsError) {
        let fields = [("detail", error.to_string().into())];
        self.log.write(Level::Error, None, "copies of audit records are not sent", fields);
    }

    fn unsent(&self, error: &aws_call::AwsError) {
        let fields = [("detail", error.to_string().into())];
        self.log.write(Level::Warn, None, "spans are not sent", fields);
    }

    /// Raises an alert where it is time for one. That it can't be sent fails nothing.
    pub(super) async fn alert(&self, work: &Work) {
        let Some((alerts, client)) = &self.alerts else { return };
        let severe = work.model.severe.as_deref();
        let mut counts = crate::alert::Counts::default();
        for (model, measured) in work.answered() {
            counts.add(measured.counts(model.severe.as_deref()));
        }
        let Some(counts) = alerts.add(counts, Instant::now()) else { return };
        let Constants { service, function, .. } = &self.constants;
        let named = &work.model.named;
        let about = json!({
            "service": service, "function": function,
            "model": named.name, "model_version": named.version, "request": work.invocation.request,
        });
        let patience = patience(work);
        let trace = work.invocation.carried(None);
        let trace = trace.as_ref().map(|trace| trace.parent.as_str());
        if let Err(error) = alerts.send(client, severe, counts, about, trace, patience).await {
            let fields = [("detail", error.to_string().into())];
            self.log.write(
                Level::Warn,
                Some(work.invocation.about()),
                "an alert is not sent",
                fields,
            );
        }
    }

    /// Compares the windows of decisions that an invoke fills, one for each version that answered, and
    /// tells of a drift.
    pub(super) async fn compare(&self, work: &mut Work) {
        let now = Instant::now();
        let full = work.answered().filter_map(|(model, measured)| {
            let (scores, decisions, outside) = measured.decided();
            let drift = model.drift.as_ref()?;
            Some((Arc::clone(model), drift.add(scores, decisions, outside, now)?))
        });
        let full: Vec<_> = full.collect();
        for (model, found) in full {
            self.compared(work, &model, &found).await;
        }
    }

    async fn compared(&self, work: &mut Work, model: &Served, found: &Compared) {
        let Some(drift) = &model.drift else { return };
        let named = &model.named;
        if self.config.metrics == crate::config::Switch::On {
            work.lines.add(&compared(&self.constants, named, found));
        }
        if !found.is_drift {
            return;
        }
        let about = Some(work.invocation.about());
        let fields = [
            ("decisions", found.decisions.into()),
            ("score_index", found.index.into()),
            ("out_of_training_range_share", found.outside.into()),
        ];
        self.log.write(Level::Warn, about, "the model drifts", fields);
        let (Some((alerts, client)), true) = (&self.alerts, found.is_news) else { return };
        let thresholds = drift.thresholds();
        let detail = json!({
            "schema_version": "1",
            "decisions": found.decisions,
            "score_index": found.index,
            "score_index_threshold": thresholds.index,
            "compared_with": drift.compared_with(),
            "out_of_training_range_share": found.outside,
            "out_of_training_range_threshold": thresholds.outside,
            "traceparent": work.invocation.carried(None).map(|trace| trace.parent),
            "about": {
                "service": self.constants.service, "function": self.constants.function,
                "model": named.name, "model_version": named.version,
                "package": named.package.to_string(), "request": work.invocation.request,
            },
        });
        let patience = patience(work);
        let sent =
            client.put_event(alerts.bus(), "samebits", "Model Drift Detected", &detail, patience);
        if let Err(error) = sent.await {
            let fields = [("detail", error.to_string().into())];
            self.log.write(Level::Warn, about, "an event is not sent", fields);
        }
    }
}

/// How long an answer waits for an event that is sent before it.
fn patience(work: &Work) -> Patience {
    Patience::lasting(NEWS.min(work.invocation.deadline.for_answer().left()))
}

/// What an invoke's span is called, and what kind it is.
fn named(source: Option<Source>, http: Option<&Http>) -> (String, Kind) {
    match (source, http) {
        (_, Some(http)) => (format!("{} {}", http.method, http.path), Kind::Server),
        (None | Some(Source::Direct | Source::Envelope | Source::Http), None) => {
            ("invoke".into(), Kind::Server)
        }
        (Some(source), None) => (format!("process {}", source.name()), Kind::Consumer),
    }
}

/// A moment of an invoke in nanoseconds since 1970.
fn moment(work: &Work, at: Instant) -> u64 {
    let invocation = &work.invocation;
    let since = at.saturating_duration_since(invocation.deadline.began());
    let began = invocation.began.duration_since(std::time::SystemTime::UNIX_EPOCH);
    nanoseconds(began.unwrap_or_default() + since)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
