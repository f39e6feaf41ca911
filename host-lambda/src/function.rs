//! The function: what init made, and the way of an invoke from its event to its answer.

#[cfg(feature = "aws")]
mod telemetry;
#[cfg(feature = "aws")]
mod versions;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[cfg(not(feature = "aws"))]
use decision_audit::Chain;
use lambda_runtime::LambdaEvent;
use predictor_host::envelope::explained;
use predictor_host::{Class, HostError, Instance, Outcome};
use serde_json::Value;
use serde_json::value::RawValue;

#[cfg(feature = "aws")]
use crate::alert::Alerts;
#[cfg(feature = "aws")]
use crate::audit::Copies;
use crate::audit::{AuditLog, Decided, Whose};
use crate::config::{BasePath, Config, Poison, Switch, Wrong};
use crate::event::{Event, Payload, Record, Source};

use crate::failure::{Failure, refused};
use crate::invocation::Invocation;
use crate::log::{Level, Log};
use crate::metrics::{Constants, Totals};
use crate::model::Served;
use crate::models::Models;
use crate::price::Prices;
use crate::results::Results;
#[cfg(feature = "aws")]
use crate::results::Target;
use crate::trace::Trace;
#[cfg(feature = "aws")]
use crate::trace::export::Exporter;
use crate::trace::span::Phase;
use crate::watch::Watch;
pub(crate) use crate::work::Work;
use crate::{answer, batch, http};
#[cfg(feature = "aws")]
use aws_call::Client;

/// What the event that a model was promoted gets, where it is part of the function.
const NO_SOURCE: &str = "the event Model Package Promoted: this function can't change its model; \
     deploy it with the new one";
/// The most bytes of an answer (AWS Lambda quotas: 6 MB, as the service counts them).
const ANSWER_BYTES: usize = 6_291_556;

/// Everything that lives longer than an invoke.
pub(crate) struct Function {
    pub(crate) models: Models,
    pub(crate) poison: Poison,
    pub(crate) results: Results,
    pub(crate) log: Log,
    pub(crate) base_path: BasePath,
    pub(crate) config: Arc<Config>,
    constants: Constants,
    prices: Prices,
    audit: Mutex<AuditLog>,
    pub(crate) watch: Watch,
    /// How long init took, until the first invoke has told.
    cold: Mutex<Option<Duration>>,
    /// Where other versions come from.
    #[cfg(feature = "aws")]
    source: Option<crate::source::Source>,
    /// Is told whose answer was given, where there is work after answers.
    #[cfg(feature = "aws")]
    told: Option<tokio::sync::watch::Sender<String>>,
    #[cfg(feature = "aws")]
    shadows: crate::shadow::Shadows,
    #[cfg(feature = "aws")]
    alerts: Option<(Alerts, Arc<Client>)>,
    #[cfg(feature = "aws")]
    exporter: Option<Exporter>,
    #[cfg(feature = "aws")]
    copies: Option<Copies>,
}

/// What a request, or one of its records, was answered.
pub(crate) struct Answered<'a, Decisions> {
    /// The version that answered.
    pub(crate) model: Arc<Served>,
    pub(crate) record: Option<&'a Record>,
    /// Its instances, each with its outcome.
    pub(crate) decided: Decisions,
}

impl Function {
    /// # Errors
    /// If settings don't fit the model.
    pub(crate) fn new(config: Arc<Config>, models: Models, began: Instant) -> Result<Self, Wrong> {
        let log = config.log();
        for name in &config.unknown {
            let message = format!("{name} is not a setting; see docs/lambda.md");
            log.write(Level::Warn, None, &message, []);
        }
        #[cfg(feature = "aws")]
        let client = client(&config)?;
        let init = began.elapsed();
        let serving = models.now();
        let (first, _) = serving.shares.first().ok_or_else(|| Wrong::one("no model serves"))?;
        let named = first.named.clone();
        let ready = [
            ("model", named.name.into()),
            ("version", named.version.into()),
            ("package", named.package.to_string().into()),
            ("component", named.component.to_string().into()),
            ("milliseconds", (init.as_secs_f64() * 1000.0).into()),
        ];
        log.write(Level::Info, None, "ready", ready);
        Ok(Self {
            models,
            poison: config.poison,
            #[cfg(feature = "aws")]
            results: Results::new(config.results.clone(), client.clone()),
            #[cfg(not(feature = "aws"))]
            results: Results::new(config.results.clone()),
            #[cfg(feature = "aws")]
            alerts: alerts(&config).zip(client.clone()),
            #[cfg(feature = "aws")]
            copies: config
                .audit_copy
                .clone()
                .zip(client.clone())
                .map(|(to, it)| Copies::new(to, it)),
            #[cfg(feature = "aws")]
            exporter: config.otlp.clone().zip(client).map(|(otlp, it)| Exporter::new(otlp, it)),
            log,
            base_path: config.base_path.clone(),
            constants: Constants {
                namespace: config.namespace.clone(),
                service: config.service.clone(),
                function: config.function.name.clone(),
            },
            prices: config.prices,
            audit: Mutex::new(AuditLog::new(config.audit)),
            watch: Watch::default(),
            cold: Mutex::new(Some(init)),
            #[cfg(feature = "aws")]
            source: None,
            #[cfg(feature = "aws")]
            told: None,
            #[cfg(feature = "aws")]
            shadows: crate::shadow::Shadows::default(),
            config,
        })
    }

    /// With work after answers: `told` is where it is said whose answer was given.
    #[cfg(feature = "aws")]
    pub(crate) fn with_work_after(&mut self, told: tokio::sync::watch::Sender<String>) {
        self.told = Some(told);
    }

    /// Answers an invoke.
    ///
    /// # Errors
    /// Why there is no answer. Lambda counts the invoke as failed, and whoever sent the event may
    /// send it again.
    pub(crate) async fn answer(
        &self,
        event: LambdaEvent<Payload>,
    ) -> Result<Box<RawValue>, Failure> {
        // Whatever happens, the work after the answer has to begin.
        #[cfg(feature = "aws")]
        let _told = self.tell_after(&event.context.request_id);
        self.reply(event).await
    }

    async fn reply(&self, event: LambdaEvent<Payload>) -> Result<Box<RawValue>, Failure> {
        let Payload { event: read, began } = event.payload;
        let invocation = Invocation::new(&event.context, &self.config, began);
        if let Ok(Event::WarmUp) = read {
            // Nobody is served by it, so it is not counted.
            return raw(r#"{"status":"warm"}"#.into());
        }
        #[cfg(feature = "aws")]
        self.before_answer(invocation.deadline).await;
        let serving = self.models.now();
        let key = || self.key(read.as_ref().ok(), &invocation.request);
        let Some(model) = serving.chosen(key) else {
            return Err(Failure::Audit("no model serves".into()));
        };
        let mut work = Work::new(invocation, serving, model);
        #[cfg(feature = "aws")]
        self.begin_trace(&mut work);
        work.measured.took(Phase::Preprocess, began);
        let answer = match read {
            Ok(read) => self.dispatch(read, &mut work).await,
            Err(failure) => Err(failure),
        };
        let answer = answer.and_then(raw);
        #[cfg(feature = "aws")]
        {
            self.alert(&work).await;
            self.compare(&mut work).await;
        }
        self.report(&mut work, answer.as_ref().err());
        let written = work.lines.flush();
        #[cfg(feature = "aws")]
        self.send_copies_before_answer(work.invocation.deadline).await;
        written.and(answer)
    }

    /// The JSON text of the answer.
    async fn dispatch(&self, event: Event, work: &mut Work) -> Result<String, Failure> {
        match event {
            Event::Http(text) => http::answer(self, work, &text).await,
            Event::Records(batch) => batch::answer(self, work, batch).await,
            Event::Message(source, record) => answer::message(self, work, source, record).await,
            Event::Objects(objects) => {
                for object in objects {
                    self.object(work, &object).await?;
                }
                Ok("null".into())
            }
            // Answered before anything is counted.
            Event::WarmUp => Ok(String::new()),
            Event::Promoted(promoted) => self.promoted(work, &promoted).await,
            Event::Direct(request) => answer::direct(self, work, &request).await,
            Event::Envelope(envelope) => answer::envelope(self, work, &envelope).await,
        }
    }

    /// Predicts what is in an object of S3, and writes the results there.
    #[cfg(feature = "aws")]
    pub(crate) async fn object(
        &self,
        work: &mut Work,
        object: &crate::event::Object,
    ) -> Result<(), HostError> {
        work.measured.source.get_or_insert(Source::S3);
        let Some((client, place)) = self.results.place_of_objects() else {
            let message = "an object of S3, and no place for its results; set SAMEBITS_RESULTS to \
                           s3://BUCKET/PREFIX";
            return Err(refused(Class::Internal, "no-place", message));
        };
        crate::object::answer(self, work, client, place, object).await
    }

    /// Refuses an object of S3.
    #[cfg(not(feature = "aws"))]
    pub(crate) async fn object(
        &self,
        _: &mut Work,
        _: &crate::event::Object,
    ) -> Result<(), HostError> {
        let message = "an object of S3: this function was built without AWS's services";
        Err(refused(Class::Internal, "unsupported-event", message))
    }

    /// Predicts as long as there is time.
    pub(crate) async fn predict(
        &self,
        work: &mut Work,
        instances: &[Instance],
    ) -> Vec<Option<Outcome>> {
        let began = Instant::now();
        let deadline = work.invocation.deadline;
        let outcomes = if work.model.is_quick(deadline.left()) {
            work.model.predictor.predict_while(instances, || deadline.left())
        } else {
            let (model, asked) = (Arc::clone(&work.model), instances.to_vec());
            let predict = move || model.predictor.predict_while(&asked, || deadline.left());
            let outcomes = self.watch.within(deadline, predict).await;
            outcomes.unwrap_or_else(|| instances.iter().map(|_| None).collect())
        };
        work.measured.took(Phase::Inference, began);
        let outcomes = instances.iter().zip(outcomes);
        let outcomes: Vec<_> =
            outcomes.map(|(it, outcome)| Some(explained(it, outcome?))).collect();
        #[cfg(feature = "aws")]
        if let Some(trial) = &work.serving.trial {
            let given: Vec<_> = outcomes.iter().flatten().collect();
            trial.saw(&work.model.named.package, given.into_iter(), began.elapsed());
        }
        outcomes
    }

    /// Writes the audit records of what was decided.
    pub(crate) fn audit<'i>(
        &self,
        work: &mut Work,
        source: Source,
        answered: &[Answered<'i, impl Iterator<Item = (&'i Instance, &'i Outcome)> + Clone>],
    ) -> Result<(), Failure> {
        let began = Instant::now();
        #[cfg(feature = "aws")]
        for Answered { model, decided, .. } in answered {
            self.shadows.watched(&self.models, model, decided.clone());
        }
        let Work { invocation, lines, .. } = &mut *work;
        let invocation = &*invocation;
        let decided = answered.iter().flat_map(|Answered { model, record, decided }| {
            let principal = record.and_then(|record| record.principal.as_deref());
            let trace = record.and_then(|record| record.trace.as_deref());
            let whose = Whose {
                source,
                request: &invocation.request,
                record: record.map(|record| record.id.as_str()),
                principal: principal.or(invocation.principal.as_deref()),
                trace: trace.or(invocation.trace.as_ref()).map(Trace::shown),
            };
            decided.clone().enumerate().map(move |(index, (instance, outcome))| Decided {
                served: model,
                whose,
                index,
                instance,
                outcome,
            })
        });
        lock(&self.audit).lines(decided, lines, |chain, line| self.copy(chain, line))?;
        work.measured.took(Phase::Postprocess, began);
        Ok(())
    }

    /// An error's fields in the log.
    pub(crate) fn described(&self, work: &Work, error: &HostError) -> [(&'static str, Value); 4] {
        [
            ("class", error.class().name().into()),
            ("code", error.code().into()),
            ("field", error.field().into()),
            ("detail", work.model.privacy.message(error).into()),
        ]
    }

    /// The log's entry of a failed invoke, and the metrics.
    fn report(&self, work: &mut Work, failure: Option<&Failure>) {
        work.turn_to(0);
        match failure {
            Some(Failure::Host(error)) => {
                let about = Some(work.invocation.about());
                let fields = self.described(work, error);
                self.log.write(Level::Error, about, "the invoke failed", fields);
                // What an instance got is counted where it got it.
                if work.measured.is_without_errors() {
                    work.measured.error(error.class().name());
                }
            }
            Some(failure) => {
                let about = Some(work.invocation.about());
                let fields =
                    [("class", failure.kind().into()), ("detail", failure.to_string().into())];
                self.log.write(Level::Error, about, "the invoke failed", fields);
                work.measured.error(failure.kind());
            }
            None => {}
        }
        let cold = lock(&self.cold).take();
        #[cfg(feature = "aws")]
        {
            self.trace_invoke(work, cold.is_some(), failure);
            let dropped = self.exporter.as_ref().map(Exporter::take_dropped);
            work.measured.spans_dropped = dropped.unwrap_or_default();
            let left_out = self.copies.as_ref().map(Copies::take_left_out);
            work.measured.uncopied = left_out.unwrap_or_default();
        }
        if self.config.metrics == Switch::Off {
            return;
        }
        let duration = work.invocation.deadline.elapsed();
        // Lambda bills init, too.
        let billed = duration + cold.unwrap_or_default();
        let totals = Totals {
            request: &work.invocation.request,
            trace: work.invocation.trace.as_ref().map(Trace::shown),
            duration,
            cold,
            cost: self.prices.of_invoke(billed, self.config.function.memory_mb),
            elsewhere: work.others.iter().map(|(_, measured)| measured.predictions()).sum(),
        };
        let line = work.measured.line(&self.constants, &work.model.named, &totals);
        work.lines.add(&line);
        for (model, measured) in &mut work.others {
            let line = measured.part(&self.constants, &model.named, &work.invocation.request);
            work.lines.add(&line);
        }
    }
}

#[cfg(not(feature = "aws"))]
impl Function {
    #[expect(clippy::unused_self, reason = "there is nowhere to copy it to")]
    fn copy(&self, _: &Chain, _: &[u8]) {}

    #[expect(clippy::unused_self, reason = "there is one version, whatever the key")]
    fn key(&self, _: Option<&Event>, _: &str) -> Vec<u8> {
        Vec::new()
    }

    #[expect(clippy::unused_self, reason = "there is one version, whatever the key")]
    pub(crate) fn record_key(&self, _: &Record, _: Option<&crate::event::Opened>) -> Vec<u8> {
        Vec::new()
    }

    #[expect(clippy::unused_async, reason = "as with AWS's services")]
    async fn promoted(&self, _: &Work, _: &crate::event::Promoted) -> Result<String, Failure> {
        Err(Failure::Unsupported(NO_SOURCE.into()))
    }
}

/// The client, where something needs one. It is made in init, which has the whole processor.
#[cfg(feature = "aws")]
fn client(config: &Config) -> Result<Option<Arc<Client>>, Wrong> {
    let wanted = config.results != Target::Logs
        || config.alerts.is_some()
        || config.otlp.is_some()
        || config.audit_copy.is_some();
    if !wanted {
        return Ok(None);
    }
    Client::new(&config.aws).map(|client| Some(Arc::new(client))).map_err(Wrong::one)
}

#[cfg(feature = "aws")]
fn alerts(config: &Config) -> Option<Alerts> {
    Some(Alerts::new(config.alerts.as_ref()?.0.clone(), config.alert_after))
}

/// A JSON text as an answer, if Lambda can carry it.
fn raw(text: String) -> Result<Box<RawValue>, Failure> {
    if text.len() > ANSWER_BYTES {
        return Err(Failure::TooLong { found: text.len(), limit: ANSWER_BYTES });
    }
    RawValue::from_string(text).map_err(Failure::Answer)
}

/// A panic while it was held left it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
