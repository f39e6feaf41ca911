//! The models of an API, by their names.

use std::sync::{Arc, OnceLock};

use model_package::{Manifest, Modality};
use predictor_host::{Predictor, Provenance};

use crate::ModelsError;
use crate::description;
use crate::document::Document;
use crate::problem::{Kind, Problem};

/// One model.
#[derive(Debug)]
pub(crate) struct Model {
    predictor: Arc<Predictor>,
    provenance: Provenance,
    /// Read when first needed: a function that only predicts does without.
    manifest: OnceLock<Option<Manifest>>,
    document: OnceLock<Document>,
}

impl Model {
    fn new(predictor: Arc<Predictor>) -> Self {
        let provenance = Provenance::of(&predictor);
        Self { predictor, provenance, manifest: OnceLock::new(), document: OnceLock::new() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.predictor.description().name
    }

    pub(crate) fn version(&self) -> &str {
        &self.predictor.description().version
    }

    pub(crate) fn predictor(&self) -> &Predictor {
        &self.predictor
    }

    pub(crate) fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// There for every model that the component loaded.
    pub(crate) fn manifest(&self) -> Option<&Manifest> {
        self.manifest.get_or_init(|| self.predictor.manifest().ok()).as_ref()
    }

    pub(crate) fn modality(&self) -> Modality {
        self.manifest().map_or(Modality::Tabular, |manifest| manifest.task.modality())
    }

    /// What it is, in full.
    pub(crate) fn document(&self) -> &Document {
        self.document.get_or_init(|| Document::new(description::full(self)))
    }
}

/// Several, in order; at least one.
#[derive(Debug)]
pub(crate) struct Models {
    models: Vec<Model>,
    default: Option<usize>,
}

impl Models {
    pub(crate) fn new(
        predictors: Vec<Arc<Predictor>>,
        default: Option<&str>,
    ) -> Result<Self, ModelsError> {
        let models: Vec<_> = predictors.into_iter().map(Model::new).collect();
        let named = |name: &str| models.iter().position(|model| model.name() == name);
        if let Some((_, model)) =
            models.iter().enumerate().find(|(index, model)| named(model.name()) != Some(*index))
        {
            return Err(ModelsError::Twice { name: model.name().to_owned() });
        }
        let default = match (default, models.len()) {
            (_, 0) => return Err(ModelsError::None),
            (Some(name), _) => Some(named(name).ok_or_else(|| ModelsError::NoDefault {
                name: name.to_owned(),
                known: models.iter().map(Model::name).collect::<Vec<_>>().join(", "),
            })?),
            (None, 1) => Some(0),
            (None, _) => None,
        };
        Ok(Self { models, default })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Model> {
        self.models.iter()
    }

    /// The model where none is named.
    pub(crate) fn default(&self) -> Option<&Model> {
        self.models.get(self.default?)
    }

    /// # Errors
    /// 404, with the names that there are.
    pub(crate) fn named(&self, name: &str) -> Result<&Model, Problem> {
        self.models.iter().find(|model| model.name() == name).ok_or_else(|| {
            let shown: String = name.chars().take(100).collect();
            self.not_found(&format!("there is no model {shown:?}"))
        })
    }

    /// The model of this name, in this version if one is named.
    pub(crate) fn version(&self, name: &str, version: Option<&str>) -> Result<&Model, Problem> {
        let model = self.named(name)?;
        match version {
            Some(version) if version != model.version() => {
                let shown: String = version.chars().take(100).collect();
                let here = model.version();
                let message = format!("{name} is here as version {here}, not {shown:?}");
                Err(Problem::new(Kind::ModelNotFound, message))
            }
            _ => Ok(model),
        }
    }

    pub(crate) fn not_found(&self, what: &str) -> Problem {
        let known = self.models.iter().map(Model::name).collect::<Vec<_>>().join(", ");
        Problem::new(Kind::ModelNotFound, format!("{what}; there are {known}"))
    }
}
