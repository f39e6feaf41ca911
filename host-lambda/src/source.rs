//! Models from a store: the first in init, and later ones beside those that serve.
//!
//! A new version is read, verified, loaded, and answers its reference cases before it serves. Whatever
//! goes wrong on the way leaves what serves as it is, is told (log, metric, event), and is tried again
//! later and later. When this happens is `crate::extension`'s affair: after an answer, while nothing is
//! frozen.

mod rejection;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_call::{Client, Patience};
use model_package::Digest;
use model_store::{
    AliasDocument, Cache, Held, Kind, Pin, Reference, Store, StoreError, Which, now,
};
use predictor_host::{
    Baked, HostError, Predictor, PredictorComponent, Target, WASMTIME, reference,
};

use crate::canary::Trial;
use crate::config::{Config, Wrong};
use crate::loader::{Loader, is_of};
use crate::log::{Level, Log};
use crate::model::Served;
use crate::models::{Models, Serving};
pub(crate) use rejection::Rejection;

/// The longest pause between two attempts after failures.
const LONGEST: Duration = Duration::from_secs(3600);

/// Where models come from, and when they are looked for again.
pub(crate) struct Source {
    store: Store,
    reference: Reference,
    loader: Loader,
    config: Arc<Config>,
    log: Log,
    state: Mutex<State>,
}

struct State {
    /// When to look next; never for what can't change.
    next: Option<Instant>,
    failures: u32,
    /// The counter of an alias that was refused, so that it is not loaded again and again.
    refused: Option<u64>,
}

/// What became of looking for another version.
pub(crate) enum Refreshed {
    /// There is none.
    Unchanged,
    /// It serves.
    Changed(Arc<Served>),
    /// It does not: what served goes on.
    Kept(Rejection),
}

impl Source {
    /// # Errors
    /// If the settings name nobody to trust.
    pub(crate) fn of(
        config: &Arc<Config>,
        reference: Reference,
        client: &Arc<Client>,
    ) -> Result<Self, Wrong> {
        let Some(trust) = config.trust.clone() else {
            return Err(Wrong::one(
                "SAMEBITS_TRUST: is not set; a model from a store has to be trusted: name a public \
                 key, certificates or a policy",
            ));
        };
        let cache = Cache::new(config.cache.clone(), config.cache_bytes);
        let store = Store::new(Arc::clone(client), reference.place.clone(), trust, cache);
        let state = Mutex::new(State { next: None, failures: 0, refused: None });
        let (loader, log, config) = (Loader::new(config), config.log(), Arc::clone(config));
        Ok(Self { store, reference, loader, config, log, state })
    }

    /// What serves first.
    ///
    /// # Errors
    /// If there is nothing that may serve.
    pub(crate) async fn start(&self, patience: Patience) -> Result<Serving, Rejection> {
        let serving = match &self.reference.which {
            Which::Alias(name) => {
                let read = self.store.alias(name, None, now(), patience).await;
                let document = match read {
                    Ok(Some(document)) => document,
                    Ok(None) => return Err(Rejection::Stopped("an alias without content".into())),
                    Err(error) if error.is_outage() => self.last(name, error)?,
                    Err(error) => return Err(error.into()),
                };
                self.serving(document, None, patience).await?
            }
            Which::Version(version) => {
                let package = self.store.version(version, patience).await?;
                Serving::one(self.loaded(package, Some(version), patience).await?)
            }
            Which::Digest(package) => Serving::one(self.loaded(*package, None, patience).await?),
        };
        self.plan(|state, refresh| state.next = refresh.map(|pause| Instant::now() + pause));
        Ok(serving)
    }

    /// The alias that was good last, where S3 can't be asked.
    fn last(&self, name: &str, error: StoreError) -> Result<AliasDocument, StoreError> {
        let Some(document) = self.store.last_alias(name, now()) else { return Err(error) };
        let fields = [
            ("detail", error.to_string().into()),
            ("alias", name.into()),
            ("counter", document.alias.counter.into()),
        ];
        self.log.write(
            Level::Warn,
            None,
            "S3 can't be reached: the last known alias serves",
            fields,
        );
        Ok(document)
    }

    /// Whether it is time to look for another version.
    pub(crate) fn is_due(&self) -> bool {
        self.state().next.is_some_and(|next| next <= Instant::now())
    }

    /// Whether an event is about what this function serves.
    pub(crate) fn is_about(&self, place: &str, alias: &str) -> bool {
        self.reference.place.to_string() == place
            && self.reference.which == Which::Alias(alias.to_owned())
    }

    /// Looks for another version, and lets it serve if it is sound.
    pub(crate) async fn refresh(&self, models: &Models, patience: Patience) -> Refreshed {
        let Which::Alias(name) = &self.reference.which else { return Refreshed::Unchanged };
        let serving = models.now();
        let read = self.store.alias(name, serving.alias.as_ref(), now(), patience).await;
        let document = match read {
            Ok(Some(document)) => document,
            Ok(None) => return self.unchanged(),
            Err(error) => return self.kept(error.into(), None),
        };
        let known = serving.alias.as_ref().map(|known| known.alias.counter);
        let counter = document.alias.counter;
        if known == Some(counter) {
            return self.unchanged();
        }
        let refused = self.state().refused;
        if refused == Some(counter) && !self.is_due() {
            return Refreshed::Unchanged;
        }
        match self.serving(document, Some(&serving), patience).await {
            Ok(new) => {
                let Some((first, _)) = new.shares.first() else { return self.unchanged() };
                let first = Arc::clone(first);
                models.swap(new);
                let fields = [
                    ("version", first.named.version.as_str().into()),
                    ("package", first.named.package.to_string().into()),
                    ("counter", counter.into()),
                ];
                self.log.write(Level::Info, None, "another version serves", fields);
                drop(self.unchanged());
                Refreshed::Changed(first)
            }
            Err(rejection) => self.kept(rejection, Some(counter)),
        }
    }

    fn unchanged(&self) -> Refreshed {
        self.plan(|state, refresh| {
            *state = State {
                next: refresh.map(|pause| Instant::now() + pause),
                failures: 0,
                refused: None,
            };
        });
        Refreshed::Unchanged
    }

    /// Later and later, as long as it fails.
    fn kept(&self, rejection: Rejection, counter: Option<u64>) -> Refreshed {
        self.plan(|state, refresh| {
            state.failures = state.failures.saturating_add(1);
            let pause =
                refresh.unwrap_or(LONGEST).saturating_mul(2_u32.pow(state.failures.min(10)));
            state.next = refresh.map(|refresh| Instant::now() + pause.min(LONGEST.max(refresh)));
            // What could not be had was not refused: it is tried again as soon as somebody asks.
            let refused = counter.filter(|_| !rejection.is_outage());
            state.refused = refused.or(state.refused);
        });
        let level = if rejection.is_outage() { Level::Warn } else { Level::Error };
        let fields = [
            ("model", self.reference.to_string().into()),
            ("code", rejection.code().into()),
            ("counter", counter.into()),
            ("detail", rejection.to_string().into()),
        ];
        let message = match rejection.is_outage() {
            true => "S3 can't be reached: what serves goes on",
            false => "another version is refused: what serves goes on",
        };
        self.log.write(level, None, message, fields);
        Refreshed::Kept(rejection)
    }

    fn plan(&self, change: impl FnOnce(&mut State, Option<Duration>)) {
        let changes = matches!(self.reference.which, Which::Alias(_));
        let refresh = self.config.refresh.filter(|_| changes);
        change(&mut self.state(), refresh);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it was held left it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads all that an alias names. What serves already is not loaded again.
    async fn serving(
        &self,
        document: AliasDocument,
        before: Option<&Serving>,
        patience: Patience,
    ) -> Result<Serving, Rejection> {
        let mut known: Vec<Arc<Served>> = Vec::new();
        if let Some(before) = before {
            known.extend(before.shares.iter().map(|(model, _)| Arc::clone(model)));
            known.extend(before.shadow.clone());
            known.extend(before.trial.iter().map(|trial| Arc::clone(&trial.model)));
        }
        let mut shares = Vec::new();
        for share in document.alias.shares().into_iter().filter(|share| share.weight > 0) {
            let model = self.known_or_loaded(&mut known, &share.pin, patience).await?;
            shares.push((model, share.weight));
        }
        let shadow = match &document.alias.shadow {
            None => None,
            Some(pin) => Some(self.known_or_loaded(&mut known, pin, patience).await?),
        };
        let trial = self.trial(&document, &shares, before, &mut known, patience).await?;
        Ok(Serving { shares, shadow, trial, alias: Some(document) })
    }

    /// What the alias puts on trial. The trial that is under way goes on, and one that has ended here stays
    /// ended. At a start, a challenger that can't be had gets nothing, and the rest serves.
    async fn trial(
        &self,
        document: &AliasDocument,
        shares: &[(Arc<Served>, u32)],
        before: Option<&Serving>,
        known: &mut Vec<Arc<Served>>,
        patience: Patience,
    ) -> Result<Option<Arc<Trial>>, Rejection> {
        let Some(plan) = &document.alias.canary else { return Ok(None) };
        let incumbents: Vec<_> = shares.iter().map(|(model, _)| model.named.package).collect();
        let going = before.and_then(|before| before.trial.as_ref());
        if let Some(trial) = going.filter(|trial| trial.is_of(plan, &incumbents)) {
            return Ok(Some(Arc::clone(trial)));
        }
        match self.known_or_loaded(known, &plan.challenger, patience).await {
            Ok(model) => Ok(Some(Arc::new(Trial::new(plan.clone(), model, incumbents)))),
            Err(rejection) if before.is_none() => {
                let fields = [
                    ("version", plan.challenger.version.as_str().into()),
                    ("package", plan.challenger.package.to_string().into()),
                    ("code", rejection.code().into()),
                    ("detail", rejection.to_string().into()),
                ];
                let message = "a version on trial is refused: the others serve without it";
                self.log.write(Level::Error, None, message, fields);
                Ok(None)
            }
            Err(rejection) => Err(rejection),
        }
    }

    async fn known_or_loaded(
        &self,
        known: &mut Vec<Arc<Served>>,
        pin: &Pin,
        patience: Patience,
    ) -> Result<Arc<Served>, Rejection> {
        if let Some(model) = known.iter().find(|model| model.named.package == pin.package) {
            return Ok(Arc::clone(model));
        }
        let model = self.loaded(pin.package, Some(&pin.version), patience).await?;
        known.push(Arc::clone(&model));
        Ok(model)
    }

    /// Reads, loads and tries a version.
    async fn loaded(
        &self,
        package: Digest,
        version: Option<&str>,
        patience: Patience,
    ) -> Result<Arc<Served>, Rejection> {
        let code = self.loader.component()?;
        let component = code.digest();
        if let Some(folder) = self.baked(package, component, patience).await {
            let ready = self.ready(package, Lies::Baked(folder)).await;
            match ready {
                Ok(model) => return Ok(model),
                Err(error) => {
                    let kind = Kind::Baked { package, component, wasmtime: WASMTIME.into() };
                    drop(self.store.cache().remove(&kind));
                    self.passed_over(package, &error);
                }
            }
        }
        let fetched = self.store.package(package, version, patience, &|_| {}).await?;
        if let Some(detail) = &fetched.uncached {
            let fields =
                [("package", package.to_string().into()), ("detail", detail.as_str().into())];
            let message = "a model can't be cached: it is in memory only";
            self.log.write(Level::Warn, None, message, fields);
        }
        let was_there = fetched.was_there;
        match self.ready(package, Lies::Package(Box::new(code.clone()), fetched.held)).await {
            // Damaged where it lay: once more, from the store.
            Err(Rejection::Host(_)) if was_there => {
                self.store.cache().remove(&Kind::Package(package))?;
                let fetched = self.store.package(package, version, patience, &|_| {}).await?;
                self.ready(package, Lies::Package(Box::new(code), fetched.held)).await
            }
            ready => ready,
        }
    }

    /// The folder of a baked model that fits exactly, if there is one that is trusted.
    async fn baked(
        &self,
        package: Digest,
        component: Digest,
        patience: Patience,
    ) -> Option<PathBuf> {
        let kind = Kind::Baked { package, component, wasmtime: WASMTIME.into() };
        let target = Target::host().ok()?;
        match self.store.baked(&kind, target.triple(), patience, &|_| {}).await {
            Ok(fetched) => fetched.map(|fetched| fetched.folder),
            Err(error) => {
                self.passed_over(package, &error.into());
                None
            }
        }
    }

    fn passed_over(&self, package: Digest, error: &Rejection) {
        let fields = [
            ("package", package.to_string().into()),
            ("code", error.code().into()),
            ("detail", error.to_string().into()),
        ];
        let message = "a baked model is passed over: the package is loaded";
        self.log.write(Level::Warn, None, message, fields);
    }

    /// Loads and tries what was read, on a thread of its own.
    async fn ready(&self, package: Digest, lies: Lies) -> Result<Arc<Served>, Rejection> {
        let (loader, config) = (self.loader.clone(), Arc::clone(&self.config));
        let work = move || {
            let predictor = match lies {
                Lies::Baked(folder) => loader.baked(&Baked::open(&folder)?)?,
                Lies::Package(component, held) => {
                    let contents = held.contents().map_err(HostError::from)?;
                    loader.contents(&component, contents)?
                }
            };
            if !is_of(&predictor, &package) {
                let message = format!("it is another package than {package}");
                return Err(HostError::Engine { message }.into());
            }
            tried(&predictor)?;
            Served::new(Arc::new(predictor), &config)
                .map_err(|wrong| Rejection::Settings(wrong.to_string()))
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| Err(Rejection::Stopped(error.to_string())))
    }
}

/// Where a version is.
enum Lies {
    Baked(PathBuf),
    /// With the component that loads it.
    Package(Box<PredictorComponent>, Held),
}

/// Compares what a model answers with its reference cases, bit by bit.
fn tried(predictor: &Predictor) -> Result<(), Rejection> {
    let differences = reference::check(predictor)?.differences;
    let Some(first) = differences.first() else { return Ok(()) };
    let description = predictor.description();
    Err(Rejection::SelfTest {
        name: description.name.clone(),
        version: description.version.clone(),
        case: first.case.clone(),
        what: first.what.clone(),
        count: differences.len(),
    })
}
