//! Records of a queue or a stream: all of an invoke go into the model as one batch, and what failed
//! is reported as Lambda wants it (`batchItemFailures`). Where several versions serve, each record gets
//! the one of its key, and each version's records are one batch.
//!
//! Every record is answered or reported exactly once. A record stands or falls as a whole: if one of
//! its instances has no prediction, none of its predictions is given out. Where an error can't be
//! helped by trying again, a setting says whether the record is reported all the same, so that the
//! source's redrive policy keeps it, or its error is its answer.

mod order;

use std::sync::Arc;
use std::time::{Duration, Instant};

use predictor_api::out_of_time;
use predictor_host::{HostError, Instance, Outcome};
use serde_json::{Value, json};

use crate::clock;
use crate::config::Poison;
use crate::event::{Batch, Body, Content, Object, Opener, Order, Record, Source, Unread};
use crate::failure::{Failure, Retry, retry};
use crate::function::{Answered, Function, Work};
use crate::log::Level;
use crate::results::Delivery;
use crate::trace::span::Phase;
use order::hold_back;

/// At most as many records of one invoke are logged one by one.
const LOGGED: usize = 20;

/// A record on its way.
struct Entry {
    record: Record,
    /// The place of the version that answers it, among those of the invoke.
    version: usize,
    instances: Vec<Instance>,
    /// Objects of S3 that it speaks of.
    objects: Vec<Object>,
    outcomes: Vec<Outcome>,
    fate: Fate,
}

/// What becomes of a record.
enum Fate {
    /// Its outcomes are its answer.
    Answered,
    /// It is reported as failed, for this reason.
    Failed(HostError),
    /// It waits for one that failed before it, and comes again.
    HeldBack,
}

#[cfg(feature = "aws")]
impl Fate {
    /// The stable name of why it failed.
    fn error(&self) -> Option<&'static str> {
        match self {
            Self::Failed(error) => Some(error.class().name()),
            Self::Answered | Self::HeldBack => None,
        }
    }
}

/// Answers the records of one invoke.
pub(crate) async fn answer(
    function: &Function,
    work: &mut Work,
    batch: Batch,
) -> Result<String, Failure> {
    let Batch { source, order, records } = batch;
    work.measured.source = Some(source);
    work.measured.records = records.len();
    work.measured.waited = waited(&records);
    let began = Instant::now();
    let mut entries = read(function, work, records);
    work.measured.took(Phase::Preprocess, began);
    predict(function, work, &mut entries).await;
    for entry in &mut entries {
        entry.judge(function.poison);
    }
    hold_back(order, &mut entries);
    read_objects(function, work, &mut entries).await;
    deliver(function, work, source, &mut entries).await;
    hold_back(order, &mut entries);
    let answered = entries.iter().filter(|entry| matches!(entry.fate, Fate::Answered));
    for entry in answered.clone() {
        work.turn_to(entry.version);
        work.measured.outcomes(&entry.outcomes);
    }
    work.turn_to(0);
    let answered = answered.map(|entry| Answered {
        model: Arc::clone(work.version(entry.version)),
        record: Some(&entry.record),
        decided: entry.instances.iter().zip(&entry.outcomes),
    });
    let answered: Vec<_> = answered.collect();
    function.audit(work, source, &answered)?;
    log(function, work, &entries);
    #[cfg(feature = "aws")]
    function.trace_records(work, entries.iter().map(|entry| (&entry.record, entry.fate.error())));
    Ok(json!({"batchItemFailures": reported(order, &entries)}).to_string())
}

/// How long the record that was sent first has waited.
fn waited(records: &[Record]) -> Option<Duration> {
    let first = records.iter().filter_map(|record| record.sent).min()?;
    Some(Duration::from_millis(clock::epoch_milliseconds().saturating_sub(first)))
}

/// Opens the bodies, and reads each for the version that its record gets.
fn read(function: &Function, work: &mut Work, records: Vec<Record>) -> Vec<Entry> {
    let mut opener = Opener::new();
    work.begin_anew();
    let entries = records.into_iter().map(|mut record| {
        let body = std::mem::replace(&mut record.body, Body::Nothing);
        let opened = opener.open(body);
        let version = work.routed(|| function.record_key(&record, opened.as_ref().ok()));
        let model = work.version(version);
        let (mut instances, mut objects, mut fate) = (Vec::new(), Vec::new(), Fate::Answered);
        match opened.and_then(|opened| opened.content(model.modality, &model.fields)) {
            Ok(Content::Request(request)) => instances = request.into_instances(),
            Ok(Content::Objects(found)) => objects = found,
            Ok(Content::Nothing) => {}
            Err(Unread::Refused(error)) => fate = Fate::Failed(error),
            Err(Unread::TooMuch) => fate = Fate::Failed(out_of_time()),
        }
        Entry { record, version, instances, objects, outcomes: Vec::new(), fate }
    });
    let entries = entries.collect();
    work.begin_with_first();
    entries
}

/// Answers records that speak of objects: one after the other, since each streams.
async fn read_objects(function: &Function, work: &mut Work, entries: &mut [Entry]) {
    for entry in entries.iter_mut().filter(|entry| matches!(entry.fate, Fate::Answered)) {
        for object in &entry.objects {
            work.turn_to(entry.version);
            if let Err(error) = function.object(work, object).await {
                entry.fate = Fate::Failed(error);
                break;
            }
        }
    }
    work.turn_to(0);
}

/// Delivers the results of what is answered. What can't be delivered is not.
async fn deliver(function: &Function, work: &mut Work, source: Source, entries: &mut [Entry]) {
    if !function.results.are_wanted() {
        return;
    }
    let began = Instant::now();
    let mut answered: Vec<_> = entries
        .iter_mut()
        .filter(|entry| matches!(entry.fate, Fate::Answered) && !entry.outcomes.is_empty())
        .collect();
    let invocation = &work.invocation;
    let deliveries: Vec<_> = answered
        .iter()
        .map(|entry| {
            let texts = work.version(entry.version).provenance.texts(&entry.outcomes);
            Delivery::new(source, &entry.record, invocation, &texts)
        })
        .collect();
    let delivered = function.results.deliver(&deliveries, work.invocation.deadline).await;
    for (entry, delivered) in answered.iter_mut().zip(delivered) {
        if let Err(error) = delivered {
            entry.fate = Fate::Failed(error);
        }
    }
    work.measured.took(Phase::Postprocess, began);
}

/// Predicts what all of them ask for, in one batch for each version.
async fn predict(function: &Function, work: &mut Work, entries: &mut [Entry]) {
    for version in 0..work.versions() {
        let mut own: Vec<_> = entries.iter_mut().filter(|it| it.version == version).collect();
        let mut instances: Vec<Instance> = Vec::new();
        let counts: Vec<_> = own.iter().map(|entry| entry.instances.len()).collect();
        for entry in &mut own {
            instances.append(&mut entry.instances);
        }
        work.turn_to(version);
        let outcomes = function.predict(work, &instances).await;
        let mut decided = instances.into_iter().zip(outcomes);
        for (entry, count) in own.into_iter().zip(counts) {
            for (instance, outcome) in decided.by_ref().take(count) {
                entry.instances.push(instance);
                entry.outcomes.push(outcome.unwrap_or_else(|| Err(out_of_time())));
            }
        }
    }
    work.turn_to(0);
}

impl Entry {
    /// Decides what becomes of it, by itself.
    fn judge(&mut self, poison: Poison) {
        if let Fate::Failed(error) = &self.fate {
            if poison == Poison::Answer && retry(error.class()) == Retry::Useless {
                let Fate::Failed(error) = std::mem::replace(&mut self.fate, Fate::Answered) else {
                    return;
                };
                // There is no instance to blame, so the record itself has the error.
                self.instances.push(Instance::Json(String::new()));
                self.outcomes.push(Err(error));
            }
            return;
        }
        // An error that may pass counts for more than one that stays.
        let useful = |outcome: &Outcome| {
            outcome.as_ref().is_err_and(|error| retry(error.class()) == Retry::Useful)
        };
        let worst = self.outcomes.iter().position(useful);
        let any = || self.outcomes.iter().position(Result::is_err);
        let fails = match poison {
            Poison::Report => worst.or_else(any),
            Poison::Answer => worst,
        };
        if let Some(place) = fails
            && let Err(error) = self.outcomes.swap_remove(place)
        {
            self.fate = Fate::Failed(error);
        }
    }
}

/// The identifiers of what failed.
fn reported(order: Order, entries: &[Entry]) -> Vec<Value> {
    let reported = entries.iter().filter(|entry| match entry.fate {
        Fate::Answered => false,
        Fate::Failed(_) => true,
        Fate::HeldBack => order == Order::Lane,
    });
    reported.map(|entry| json!({"itemIdentifier": entry.record.identifier})).collect()
}

/// An entry for each record that failed, and one for all of them.
fn log(function: &Function, work: &mut Work, entries: &[Entry]) {
    let (mut failed, mut poison, mut held_back) = (0, 0, 0);
    for entry in entries {
        let error = match &entry.fate {
            Fate::Answered => continue,
            Fate::HeldBack => {
                held_back += 1;
                continue;
            }
            Fate::Failed(error) => error,
        };
        failed += 1;
        let useless = retry(error.class()) == Retry::Useless;
        poison += usize::from(useless);
        work.turn_to(entry.version);
        work.measured.error(error.class().name());
        if failed <= LOGGED {
            let [class, code, field, detail] = function.described(work, error);
            let kind = if useless { "poison" } else { "transient" };
            let about = Some(work.invocation.about());
            let fields = [
                ("record", entry.record.id.as_str().into()),
                ("kind", kind.into()),
                class,
                code,
                field,
                detail,
            ];
            function.log.write(Level::Warn, about, "a record is reported as failed", fields);
        }
    }
    work.turn_to(0);
    work.measured.failed = failed + held_back;
    if failed > 0 {
        let fields = [
            ("records", entries.len().into()),
            ("poison", poison.into()),
            ("transient", (failed - poison).into()),
            ("held_back", held_back.into()),
        ];
        let about = Some(work.invocation.about());
        function.log.write(Level::Warn, about, "records are reported as failed", fields);
    }
}
