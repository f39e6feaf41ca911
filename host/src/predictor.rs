//! A model that answers: a package loaded into a sandbox, or a component that a model was baked
//! into.
//!
//! Calls may come from several threads at once; each has a sandbox to itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model_package::{Limits, Manifest, PackageError, PackageFile, Role};

use crate::bindings::exports::samebits::predictor::model as wit;
use crate::pool::{Making, Pool};
use crate::sandbox::Sandbox;
use crate::spread::spread;
use crate::{Baked, HostError, Policy, PredictorComponent, SandboxLimits};

/// A loaded model.
pub struct Predictor {
    component: PredictorComponent,
    limits: SandboxLimits,
    source: Arc<Source>,
    description: wit::Description,
    pool: Pool,
}

/// What an instance got.
pub type Outcome = Result<wit::Prediction, HostError>;

/// Where a new sandbox gets its model from.
enum Source {
    /// It loads these files.
    Package(Vec<wit::File>),
    /// It has it.
    Baked(Box<Baked>),
}

impl Predictor {
    /// Loads the files of a package. The component verifies them.
    ///
    /// # Errors
    /// If the package or its graph is at fault, with the file and field; or if the sandbox stops.
    pub fn load(
        component: &PredictorComponent,
        files: Vec<PackageFile>,
        limits: SandboxLimits,
        policy: Policy,
    ) -> Result<Self, HostError> {
        let files = files.into_iter().map(Into::into).collect();
        Self::new(component.clone(), Arc::new(Source::Package(files)), limits, policy)
    }

    /// A baked model. Nothing is loaded, and so nothing verified: it was, before it was baked.
    ///
    /// # Errors
    /// If the code can't be mapped, the component holds another model than its record says, or the
    /// sandbox stops.
    pub fn baked(baked: &Baked, limits: SandboxLimits, policy: Policy) -> Result<Self, HostError> {
        let source = Arc::new(Source::Baked(Box::new(baked.clone())));
        let predictor = Self::new(baked.map()?, source, limits, policy)?;
        let (found, expected) = (&predictor.description.package, &baked.record().package);
        if *found != expected.to_string() {
            let message = format!("holds the package {found}, its record says {expected}");
            return Err(HostError::Compiled { path: baked.folder().to_owned(), message });
        }
        Ok(predictor)
    }

    /// The same model in another component, such as one whose code can be stopped.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn moved_to(self, component: &PredictorComponent) -> Result<Self, HostError> {
        Self::new(component.clone(), self.source, self.limits, self.pool.policy())
    }

    fn new(
        component: PredictorComponent,
        source: Arc<Source>,
        limits: SandboxLimits,
        policy: Policy,
    ) -> Result<Self, HostError> {
        let mut sandbox = source.sandbox(&component, limits)?;
        let description = sandbox.describe()?;
        let making = match *source {
            Source::Baked(_) => Making::Ahead,
            Source::Package(_) => Making::AsNeeded,
        };
        let (from, of) = (Arc::clone(&source), component.clone());
        let make = Box::new(move || from.sandbox(&of, limits));
        let pool = Pool::new(policy, making, make, sandbox);
        Ok(Self { component, limits, source, description, pool })
    }

    /// Who the model is and what it takes and gives.
    #[must_use]
    pub fn description(&self) -> &wit::Description {
        &self.description
    }

    /// Its manifest, parsed.
    ///
    /// # Errors
    /// None for a model that the component loaded, since it reads the manifest with the same rules.
    pub fn manifest(&self) -> Result<Manifest, HostError> {
        let manifest = Manifest::parse(self.description.manifest.as_bytes(), &Limits::DEFAULT);
        manifest.map_err(|error| HostError::Store(error.into()))
    }

    /// The component that runs it.
    #[must_use]
    pub fn component(&self) -> &PredictorComponent {
        &self.component
    }

    /// The record of a baked model.
    #[must_use]
    pub fn baked_from(&self) -> Option<&Baked> {
        match &*self.source {
            Source::Package(_) => None,
            Source::Baked(baked) => Some(baked),
        }
    }

    /// The package's file of this role, if it has one.
    ///
    /// # Errors
    /// If it can't be read, or is not the one that the manifest names.
    pub fn file(&self, role: Role) -> Result<Option<PackageFile>, HostError> {
        let manifest = self.manifest()?;
        let Some(entry) = manifest.file(role) else {
            return Ok(None);
        };
        let missing = || PackageError::Missing {
            file: entry.path.clone(),
            named_by: model_package::MANIFEST.into(),
        };
        let content = match &*self.source {
            Source::Package(files) => {
                let file = files.iter().find(|file| file.path == entry.path);
                file.ok_or_else(missing).map_err(store_error)?.content.clone()
            }
            Source::Baked(baked) => baked.file(entry)?,
        };
        Ok(Some(PackageFile { path: entry.path.clone(), content }))
    }

    /// Predicts a batch: one outcome for each instance, in order.
    ///
    /// # Errors
    /// If the call as a whole fails: too many instances, too much work, or the sandbox stopped.
    pub fn predict(&self, instances: &[wit::Instance]) -> Result<Vec<Outcome>, HostError> {
        let outcomes = self.call(|sandbox| sandbox.predict(instances))?;
        Ok(outcomes.into_iter().map(|outcome| outcome.map_err(HostError::from)).collect())
    }

    /// Predicts any number of instances, in batches that the component accepts and on as many
    /// threads as the limits allow and the work is worth. Where a call as a whole fails, its
    /// instances are tried one by one, so that the one at fault is alone with it.
    #[must_use]
    pub fn predict_each(&self, instances: &[wit::Instance]) -> Vec<Outcome> {
        let batch = self.share(instances.len()).clamp(1, Limits::DEFAULT.instances);
        self.spread(instances, batch, |batch| self.predict_batch(batch))
    }

    /// The same for as long as there is time: `left` says how much. A batch is begun only if there
    /// is twice the time for it that the slowest one of this call took for as many instances; what
    /// is not begun has no outcome. The first batches are begun in any case where time is left.
    #[must_use]
    pub fn predict_while(
        &self,
        instances: &[wit::Instance],
        left: impl Fn() -> Duration + Sync,
    ) -> Vec<Option<Outcome>> {
        /// Batches that are worth a new instance many times over, and still take milliseconds.
        const LARGEST: usize = 16;
        let most = self.least().saturating_mul(LARGEST).min(Limits::DEFAULT.instances);
        // Each thread gets as many batches as the others, and all batches are as large.
        let share = self.share(instances.len());
        let batch = share.div_ceil(share.div_ceil(most).max(1));
        let slowest = AtomicU64::new(0);
        self.spread(instances, batch, |batch| {
            let before = left();
            let each = Duration::from_nanos(slowest.load(Ordering::Relaxed));
            let expected = each.saturating_mul(u32::try_from(batch.len()).unwrap_or(u32::MAX));
            if before.is_zero() || expected.saturating_mul(2) > before {
                return batch.iter().map(|_| None).collect();
            }
            let outcomes = self.predict_batch(batch).into_iter().map(Some).collect();
            let took = before.saturating_sub(left()).as_nanos() / batch.len().max(1) as u128;
            slowest.fetch_max(u64::try_from(took).unwrap_or(u64::MAX), Ordering::Relaxed);
            outcomes
        })
    }

    fn spread<R: Send>(
        &self,
        instances: &[wit::Instance],
        batch: usize,
        work: impl Fn(&[wit::Instance]) -> Vec<R> + Sync,
    ) -> Vec<R> {
        let threads = self.limits.threads.min(instances.len().div_ceil(batch.max(1)));
        self.pool.prepare(threads);
        spread(instances, batch, threads, work)
    }

    fn predict_batch(&self, batch: &[wit::Instance]) -> Vec<Outcome> {
        match self.predict(batch) {
            Ok(answers) => answers,
            Err(error) if batch.len() == 1 => vec![Err(error)],
            Err(_) => batch.iter().map(|one| self.predict_one(one)).collect(),
        }
    }

    /// How many of a number of instances one thread should take.
    fn share(&self, instances: usize) -> usize {
        instances.div_ceil(self.limits.threads.max(1)).max(self.least())
    }

    /// How many instances are worth a thread of their own and a new instance of the component.
    fn least(&self) -> usize {
        /// What reading an instance and writing its prediction come to, in operations.
        const AROUND: u64 = 100_000;
        /// Below this, in operations, a thread and a new instance cost more than they save.
        const WORTH_AN_INSTANCE: u64 = 5_000_000;
        /// The same where the new instance loads the model.
        const WORTH_LOADING: u64 = 1_000_000_000;
        let worth = match &*self.source {
            Source::Baked(_) => WORTH_AN_INSTANCE,
            Source::Package(_) => WORTH_LOADING,
        };
        let each = self.description.operations.unwrap_or(0).saturating_add(AROUND);
        usize::try_from(worth / each).unwrap_or(usize::MAX).max(1)
    }

    fn predict_one(&self, instance: &wit::Instance) -> Outcome {
        let answers = self.predict(std::slice::from_ref(instance))?;
        let none = || HostError::Trap { message: "the component gave no answer".into() };
        answers.into_iter().next().ok_or_else(none)?
    }

    /// Runs the graph on raw tensors.
    ///
    /// # Errors
    /// If a tensor does not fit, the graph fails, or the sandbox stops.
    pub fn infer(&self, inputs: &[wit::Tensor]) -> Result<Vec<wit::Tensor>, HostError> {
        self.call(|sandbox| sandbox.infer(inputs))
    }

    fn call<T>(
        &self,
        run: impl FnOnce(&mut Sandbox) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        self.pool.call(run)
    }
}

impl Source {
    /// A new instance with the model in it.
    fn sandbox(
        &self,
        component: &PredictorComponent,
        limits: SandboxLimits,
    ) -> Result<Sandbox, HostError> {
        let mut sandbox = Sandbox::new(component, limits)?;
        match (self, limits.operations) {
            // A model of which no instance may be predicted is refused here.
            (Self::Package(files), operations) => {
                sandbox.load(files)?;
                sandbox.restrict(operations)?;
            }
            (_, Some(_)) => sandbox.restrict(limits.operations)?,
            (_, None) => {}
        }
        Ok(sandbox)
    }
}

impl From<PackageFile> for wit::File {
    fn from(file: PackageFile) -> Self {
        Self { path: file.path, content: file.content }
    }
}

impl std::fmt::Debug for Predictor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Predictor").field("description", &self.description).finish_non_exhaustive()
    }
}

fn store_error(error: PackageError) -> HostError {
    HostError::Store(error.into())
}
