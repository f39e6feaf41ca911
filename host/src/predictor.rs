//! A model that answers: a package loaded into a sandbox.
//!
//! The instance is reused from call to call and replaced when it stops, so the call after a trap
//! is answered as if nothing had happened.

use model_package::{Limits, Manifest, PackageFile};

use crate::bindings::exports::samebits::predictor::model as wit;
use crate::sandbox::Sandbox;
use crate::{HostError, PredictorComponent, SandboxLimits};

/// A loaded model.
pub struct Predictor {
    component: PredictorComponent,
    limits: SandboxLimits,
    files: Vec<wit::File>,
    description: wit::Description,
    /// `None` after a trap, until the next call.
    sandbox: Option<Sandbox>,
}

/// What an instance got.
pub type Outcome = Result<wit::Prediction, HostError>;

impl Predictor {
    /// Loads the files of a package. The component verifies them.
    ///
    /// # Errors
    /// If the package or its graph is at fault, with the file and field; or if the sandbox stops.
    pub fn load(
        component: &PredictorComponent,
        files: Vec<PackageFile>,
        limits: SandboxLimits,
    ) -> Result<Self, HostError> {
        let files: Vec<_> = files
            .into_iter()
            .map(|file| wit::File { path: file.path, content: file.content })
            .collect();
        let mut sandbox = loaded(component, limits, &files)?;
        let description = sandbox.describe()?;
        let component = component.clone();
        Ok(Self { component, limits, files, description, sandbox: Some(sandbox) })
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

    /// The files that it was loaded from.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|file| (file.path.as_str(), file.content.as_slice()))
    }

    /// Predicts a batch: one outcome for each instance, in order.
    ///
    /// # Errors
    /// If the call as a whole fails: too many instances, or the sandbox stopped.
    pub fn predict(&mut self, instances: &[wit::Instance]) -> Result<Vec<Outcome>, HostError> {
        let outcomes = self.call(|sandbox| sandbox.predict(instances))?;
        Ok(outcomes.into_iter().map(|outcome| outcome.map_err(HostError::from)).collect())
    }

    /// Predicts any number of instances, in batches that the component accepts. Where a call as a
    /// whole fails, its instances are tried one by one, so that the one at fault is alone with it.
    pub fn predict_each(&mut self, instances: &[wit::Instance]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(instances.len());
        for batch in instances.chunks(Limits::DEFAULT.instances) {
            match self.predict(batch) {
                Ok(answers) => outcomes.extend(answers),
                Err(error) if batch.len() == 1 => outcomes.push(Err(error)),
                Err(_) => {
                    outcomes.extend(batch.iter().map(|one| self.predict_one(one)));
                }
            }
        }
        outcomes
    }

    fn predict_one(&mut self, instance: &wit::Instance) -> Outcome {
        let answers = self.predict(std::slice::from_ref(instance))?;
        let none = || HostError::Trap { message: "the component gave no answer".into() };
        answers.into_iter().next().ok_or_else(none)?
    }

    /// Runs the graph on raw tensors.
    ///
    /// # Errors
    /// If a tensor does not fit, the graph fails, or the sandbox stops.
    pub fn infer(&mut self, inputs: &[wit::Tensor]) -> Result<Vec<wit::Tensor>, HostError> {
        self.call(|sandbox| sandbox.infer(inputs))
    }

    fn call<T>(
        &mut self,
        run: impl FnOnce(&mut Sandbox) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let mut sandbox = match self.sandbox.take() {
            Some(sandbox) => sandbox,
            None => loaded(&self.component, self.limits, &self.files)?,
        };
        let answer = run(&mut sandbox);
        let stopped = matches!(answer, Err(HostError::Trap { .. } | HostError::Memory { .. }));
        if !stopped {
            self.sandbox = Some(sandbox);
        }
        answer
    }
}

impl std::fmt::Debug for Predictor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Predictor").field("description", &self.description).finish_non_exhaustive()
    }
}

fn loaded(
    component: &PredictorComponent,
    limits: SandboxLimits,
    files: &[wit::File],
) -> Result<Sandbox, HostError> {
    let mut sandbox = Sandbox::new(component, limits)?;
    sandbox.load(files)?;
    Ok(sandbox)
}
