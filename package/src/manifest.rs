//! The manifest: everything that a host knows about a model without running it.
//!
//! The types mirror `manifest.json` one to one; an unknown key anywhere is an error, so that a
//! misspelt one is never silently ignored. `check.rs` holds the rules that types can't express.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Activation, Aggregation, Detection, Digest, Embedding, Ensemble, Feature, Field, ImageSpec,
    Limits, Neutral, PackageError, TextSpec,
};

/// The manifest's name in a package.
pub const MANIFEST: &str = "manifest.json";

/// The version of the format that this crate reads and writes.
pub const FORMAT: &str = "samebits/1";

/// The content of `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The format's name and major version: `samebits/1`.
    pub format: String,
    /// The model's name: lower-case letters, digits and hyphens, beginning with a letter.
    pub name: String,
    /// The model's version: `MAJOR.MINOR.PATCH`, with an optional pre-release (SemVer 2.0.0).
    pub version: String,
    /// What the model does, which decides what it takes and gives.
    pub task: Task,
    /// What it is for, in a sentence or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The licence of model and package (SPDX expression).
    pub license: String,
    /// Every file of the package but the manifest itself.
    pub files: Vec<FileEntry>,
    /// What other packages it is made of, in the place of a graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensemble: Option<Ensemble>,
    /// What an instance looks like.
    #[serde(default, skip_serializing_if = "InputSpec::is_empty")]
    pub input: InputSpec,
    /// Tabular models: how an instance becomes numbers, in order of computation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<Feature>,
    /// How the numbers enter the graph.
    #[serde(default, skip_serializing_if = "GraphSpec::is_empty")]
    pub graph: GraphSpec,
    /// What the graph's outputs mean.
    #[serde(default, skip_serializing_if = "OutputSpec::is_empty")]
    pub output: OutputSpec,
    /// From the score to an action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// What the model learned from, and how well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Training>,
}

/// What a model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Fields to the probabilities of labels.
    TabularClassification,
    /// Fields to one number.
    TabularRegression,
    /// A picture to the probabilities of labels.
    ImageClassification,
    /// A picture to labelled boxes.
    ObjectDetection,
    /// A text, or two, to the probabilities of labels.
    TextClassification,
    /// A text to a vector.
    TextEmbedding,
    /// A text to labelled parts of it.
    TokenClassification,
    /// The graph's own inputs to its own outputs.
    Tensors,
}

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modality {
    /// A JSON object with the declared fields.
    Tabular,
    /// A picture.
    Image,
    /// A text.
    Text,
    /// The graph's inputs, as nested arrays.
    Tensors,
}

impl Task {
    /// The name in the manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TabularClassification => "tabular-classification",
            Self::TabularRegression => "tabular-regression",
            Self::ImageClassification => "image-classification",
            Self::ObjectDetection => "object-detection",
            Self::TextClassification => "text-classification",
            Self::TextEmbedding => "text-embedding",
            Self::TokenClassification => "token-classification",
            Self::Tensors => "tensors",
        }
    }

    /// What it takes.
    #[must_use]
    pub fn modality(self) -> Modality {
        match self {
            Self::TabularClassification | Self::TabularRegression => Modality::Tabular,
            Self::ImageClassification | Self::ObjectDetection => Modality::Image,
            Self::TextClassification | Self::TextEmbedding | Self::TokenClassification => {
                Modality::Text
            }
            Self::Tensors => Modality::Tensors,
        }
    }
}

/// One file of the package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Path inside the package: relative, `/` between its parts, no `.` or `..`.
    pub path: String,
    /// What the file is.
    pub role: Role,
    /// Its length in bytes.
    pub size: u64,
    /// The digest of its bytes.
    pub sha256: Digest,
}

/// What a file of a package is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The ONNX graph; exactly one, with its weights inside. An ensemble has none.
    Graph,
    /// Inputs with the exact output bits expected; at most one.
    ReferenceCases,
    /// The `tokenizer.json` of a text model; exactly one there, none elsewhere.
    Tokenizer,
    /// Ensembles: a file of a member's package, its manifest among them.
    Member,
}

/// What an instance looks like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Tabular models: the fields of a JSON instance. A key that is not among them is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// Image models: how a picture becomes a tensor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageSpec>,
    /// Text models: how a text becomes tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextSpec>,
}

impl InputSpec {
    /// Whether nothing is said.
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How features enter the graph.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GraphSpec {
    /// The graph's inputs, each filled from the instance.
    pub inputs: Vec<GraphInput>,
}

impl GraphSpec {
    /// Whether nothing is said.
    fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }
}

/// One input of the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GraphInput {
    /// The graph's name for it.
    pub name: String,
    /// What fills it: for tabular models `features`, every feature that is not internal, in declared
    /// order, as a float tensor of shape `[N, features]`; or `fields`.
    pub from: GraphInputSource,
    /// Of an input filled from `fields`, which ones, a column each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// What fills an input of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum GraphInputSource {
    /// The row of features.
    Features,
    /// Fields of the instance as they are: `[N, fields]`, or `[N]` of a single one.
    Fields,
    /// The picture: float32 or uint8, `[N, channels, height, width]` or as `layout` says.
    Pixels,
    /// Ones for every pixel: int64, `[N, height, width]`.
    PixelMask,
    /// The tokens' numbers: int64, `[N, tokens]`, like the next two.
    InputIds,
    /// 1 for a token of the text, 0 for one that only fills up.
    AttentionMask,
    /// 0 for tokens of the first text, 1 for those of the second.
    TokenTypeIds,
}

impl GraphInputSource {
    /// The name in the manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Features => "features",
            Self::Fields => "fields",
            Self::Pixels => "pixels",
            Self::PixelMask => "pixel-mask",
            Self::InputIds => "input-ids",
            Self::AttentionMask => "attention-mask",
            Self::TokenTypeIds => "token-type-ids",
        }
    }
}

/// What the graph's outputs mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// Classification and detection: the labels, in the order of the probabilities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Classification: the output with the probabilities, float, `[N, labels]`; of tokens
    /// `[N, tokens, labels]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probabilities: Option<String>,
    /// Classification of images, texts and tokens: what makes that output probabilities. Absent: it
    /// has them already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
    /// Classification of images and texts: how many probabilities the prediction shows, the largest
    /// first. Absent: all, in declared order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<u32>,
    /// Classification of images and texts, sigmoid: the prediction lists, as `labels`, those with a
    /// probability above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each_above: Option<f64>,
    /// Classification of images and texts: the label for what is not clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neutral: Option<Neutral>,
    /// Token classification: how entities come from tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregation: Option<Aggregation>,
    /// Text embedding: where the vector comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Embedding>,
    /// Object detection: where boxes and scores come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<Detection>,
    /// Regression: the output with the value, float, `[N]` or `[N, 1]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The one number that decisions are made on. Without it a classification's score is the
    /// probability of its most likely label, under the name `score`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<ScoreSpec>,
}

impl OutputSpec {
    /// Whether nothing is said.
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The number that decisions are made on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScoreSpec {
    /// Its key in the prediction.
    pub name: String,
    /// Classification: the label whose probability it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// From the score to an action: the first rule that holds decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The rules, thresholds falling from one to the next.
    pub rules: Vec<Rule>,
    /// The action where no rule holds.
    pub otherwise: String,
}

/// One rule of a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Holds if the score, widened to binary64, is larger than this.
    pub above: f64,
    /// What to do then.
    pub action: String,
}

/// What the model learned from, and how well. For people and dashboards; no prediction depends on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Where the data come from and what they are, in plain words.
    pub data: String,
    /// The time that the data cover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// Figures on data that the model never saw.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
    /// The nine scores that cut those of data that the model never saw into tenths, none below the
    /// one before. A function compares with them whether the scores of requests lie elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_deciles: Option<[f64; 9]>,
    /// The libraries that trained and exported it, with their versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub libraries: BTreeMap<String, String>,
}

impl Manifest {
    /// Parses and checks the bytes of a `manifest.json`.
    ///
    /// # Errors
    /// Names the key at fault, what was found and what is accepted.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, PackageError> {
        let found = bytes.len() as u64;
        if found > limits.manifest_bytes {
            return Err(PackageError::TooLarge {
                file: MANIFEST.into(),
                found,
                limit: limits.manifest_bytes,
            });
        }
        let json = |error| PackageError::Json { file: MANIFEST.into(), error };
        let document = crate::strict_json::value(bytes).map_err(json)?;
        // Before the keys: those of a later format are no mistakes.
        if let Some(found) = document.get("format").and_then(|format| format.as_str())
            && found != FORMAT
        {
            return Err(PackageError::Format { found: found.chars().take(80).collect() });
        }
        let manifest: Self = crate::strict_json::from_value(document).map_err(json)?;
        crate::check::manifest(&manifest, limits)?;
        Ok(manifest)
    }

    /// The entry of the file with this role, if there is one.
    #[must_use]
    pub fn file(&self, role: Role) -> Option<&FileEntry> {
        self.files.iter().find(|file| file.role == role)
    }

    /// The field that names an instance, if there is one.
    #[must_use]
    pub fn id_field(&self) -> Option<&Field> {
        self.input.fields.iter().find(|field| field.role.is_some())
    }

    /// The names of the features that enter the graph, in order.
    pub fn graph_features(&self) -> impl Iterator<Item = &str> {
        self.features.iter().filter(|f| !f.internal).map(|f| f.name.as_str())
    }
}
