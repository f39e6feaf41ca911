//! Models of pictures and texts: from an instance to the graph's inputs, and from its outputs to
//! what was found.
//!
//! Instances run one at a time, each with its own size or length. Filling texts up to the longest of
//! a batch would save little and change bits: sums in the graph would run over other lengths.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model_package::{GraphInputSource, Layout, Limits, Manifest, Modality, OutputSpec, Task};
use serde_json::{Map, Value};

use crate::detection::{View, detect};
use crate::error::excerpt;
use crate::graph::Graph;
use crate::image::{Pipeline, Prepared};
use crate::instance::{describe, object};
use crate::prediction::{Finding, activate};
use crate::text::{Reader, Tokens, entities, pool};
use crate::{ElementType, Error, ErrorKind, Instance, Tensor, TensorType};

/// What stands before and behind the graph.
#[derive(Debug)]
pub(crate) struct Media {
    sense: Sense,
    inputs: Vec<Input>,
}

#[derive(Debug)]
enum Sense {
    Image(Pipeline),
    Text(Box<Reader>),
}

/// An input of the graph and what fills it.
#[derive(Debug)]
struct Input {
    declared: TensorType,
    source: GraphInputSource,
}

/// An instance as the graph takes it, and what is needed to understand the answer.
pub(crate) struct Sensed {
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) warnings: Vec<String>,
    context: Context,
}

enum Context {
    Image(View),
    Text { text: String, tokens: Tokens },
}

impl Media {
    /// Reads the manifest's sections, and checks that they fit the graph.
    pub(crate) fn load(
        manifest: &Manifest,
        graph: &Graph,
        tokenizer: Option<Vec<u8>>,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let missing = |section: &str| Error::model("invalid-manifest", format!("no {section}"));
        let sense = match manifest.task.modality() {
            Modality::Text => {
                let spec = manifest.input.text.as_ref().ok_or_else(|| missing("input.text"))?;
                let json = tokenizer.ok_or_else(|| missing("tokenizer"))?;
                let file = manifest.file(model_package::Role::Tokenizer);
                let path = file.map(|entry| entry.path.clone()).unwrap_or_default();
                let reader = Reader::load(&json, spec).map_err(|error| match error.field {
                    Some(_) => error.in_file(model_package::MANIFEST),
                    None => error.in_file(path),
                })?;
                Sense::Text(Box::new(reader))
            }
            _ => {
                let spec = manifest.input.image.as_ref().ok_or_else(|| missing("input.image"))?;
                Sense::Image(Pipeline::new(spec, limits))
            }
        };
        let mut inputs = Vec::new();
        for (index, input) in manifest.graph.inputs.iter().enumerate() {
            let at = format!("graph.inputs[{index}]");
            let declared = graph.inputs().iter().find(|declared| declared.name == input.name);
            let Some(declared) = declared.cloned() else {
                let message = format!(
                    "the graph has no input {:?}, its inputs are {}",
                    input.name,
                    names(graph.inputs())
                );
                return Err(mismatch(format!("{at}.name"), message));
            };
            fits(&sense, input.from, &declared).map_err(|message| mismatch(at, message))?;
            inputs.push(Input { declared, source: input.from });
        }
        let unfilled = graph
            .inputs()
            .iter()
            .find(|declared| !inputs.iter().any(|input| input.declared.name == declared.name));
        if let Some(unfilled) = unfilled {
            let message = format!("nothing fills the graph's input {:?}", unfilled.name);
            return Err(mismatch("graph.inputs", message));
        }
        for (field, name) in answer_outputs(manifest.task, &manifest.output) {
            let Some(output) = graph.outputs().iter().find(|output| output.name == name) else {
                let known = names(graph.outputs());
                let message = format!("the graph has no output {name:?}, its outputs are {known}");
                return Err(mismatch(field, message));
            };
            if output.element_type != ElementType::Float32 {
                let found = output.element_type;
                let message = format!("the output {name:?} is {found}, expected float32");
                return Err(mismatch(field, message));
            }
        }
        Ok(Self { sense, inputs })
    }

    /// From an instance to the graph's inputs.
    pub(crate) fn sense(
        &self,
        instance: &Instance,
        manifest: &Manifest,
        limits: &Limits,
    ) -> Result<Sensed, Error> {
        match &self.sense {
            Sense::Image(pipeline) => {
                let bytes = picture(instance, manifest, limits)?;
                let prepared = self.see(pipeline, &bytes)?;
                let Prepared { extent, placement, warnings, .. } = &prepared;
                let context = Context::Image(View { placement: *placement, extent: *extent });
                let warnings = warnings.clone();
                let tensors = self.inputs.iter().map(|input| pixels(input, pipeline, &prepared));
                Ok(Sensed { tensors: tensors.collect(), warnings, context })
            }
            Sense::Text(reader) => {
                let (text, pair) = texts(instance, manifest, limits)?;
                let length = self.inputs.iter().find_map(|input| extent(&input.declared, 1));
                let tokens = reader.read(&text, pair.as_deref(), length)?;
                let tensors = self.inputs.iter().map(|input| numbers(input, &tokens)).collect();
                let warnings = tokens.warnings();
                Ok(Sensed { tensors, warnings, context: Context::Text { text, tokens } })
            }
        }
    }

    fn see(&self, pipeline: &Pipeline, bytes: &[u8]) -> Result<Prepared, Error> {
        let is_pixels = |input: &&Input| input.source == GraphInputSource::Pixels;
        let declared = self.inputs.iter().find(is_pixels).map(|input| &input.declared);
        let element = declared.map_or(ElementType::Float32, |declared| declared.element_type);
        pipeline.run(bytes, element)
    }
}

impl Sensed {
    /// What the outputs of one instance, without the batch dimension, say.
    pub(crate) fn find(&self, manifest: &Manifest, outputs: &[Tensor]) -> Result<Finding, Error> {
        let spec = &manifest.output;
        let elements: Vec<(&str, Vec<f32>, &[usize])> = answer_outputs(manifest.task, spec)
            .into_iter()
            .filter_map(|(_, name)| {
                let tensor = outputs.iter().find(|tensor| tensor.name == name)?;
                Some((name, floats(tensor), tensor.shape.as_slice()))
            })
            .collect();
        let of = |name: &str| {
            let found = elements.iter().find(|(known, _, _)| *known == name)?;
            Some((found.1.as_slice(), found.2))
        };
        let first = elements.first().map_or(&[][..], |(_, elements, _)| elements.as_slice());
        let finding = match (&self.context, manifest.task) {
            (Context::Image(view), Task::ObjectDetection) => {
                let detection = spec.detection.as_ref();
                let objects = detection.and_then(|detection| detect(spec, detection, *view, of));
                objects.map(Finding::Objects)
            }
            (Context::Text { tokens, .. }, Task::TextEmbedding) => {
                let pooled = spec.embedding.as_ref().and_then(|spec| pool(spec, tokens, first));
                pooled.map(Finding::Embedding)
            }
            (Context::Text { text, tokens }, Task::TokenClassification) => {
                let labels = spec.labels.len();
                let complete = first.len() == labels * tokens.ids.len();
                let rows: Vec<_> = first
                    .chunks_exact(labels.max(1))
                    .map(|row| activate(row, spec.activation))
                    .collect();
                let rows = rows.iter().map(Vec::as_slice);
                let aggregation = spec.aggregation.filter(|_| complete);
                crate::prediction::finite(first)?;
                aggregation.map(|aggregation| {
                    Finding::Entities(entities(text, tokens, rows, &spec.labels, aggregation))
                })
            }
            _ => (first.len() == spec.labels.len()).then(|| Finding::Labels(first.to_vec())),
        };
        finding.ok_or_else(|| {
            let shapes: Vec<_> = outputs
                .iter()
                .map(|tensor| format!("{} {:?}", tensor.name, tensor.shape))
                .collect();
            let message = format!(
                "the outputs of an instance do not have the shape that the manifest declares: {}",
                shapes.join(", ")
            );
            Error::new(ErrorKind::InferenceFailed, "unexpected-output", message)
        })
    }
}

/// The outputs that answers are read from, and the keys that name them.
fn answer_outputs(task: Task, spec: &OutputSpec) -> Vec<(&'static str, &str)> {
    use model_package::DetectionForm::{Detr, Yolo};
    match task {
        Task::ObjectDetection => match spec.detection.as_ref().map(|detection| &detection.form) {
            Some(Yolo { output, .. }) => vec![("output.detection.form.output", output)],
            Some(Detr { logits, boxes, .. }) => vec![
                ("output.detection.form.logits", logits),
                ("output.detection.form.boxes", boxes),
            ],
            None => Vec::new(),
        },
        Task::TextEmbedding => {
            let output = spec.embedding.as_ref().map(|spec| spec.output.as_str());
            output.map(|output| ("output.embedding.output", output)).into_iter().collect()
        }
        _ => {
            let output = spec.probabilities.as_deref();
            output.map(|output| ("output.probabilities", output)).into_iter().collect()
        }
    }
}

fn mismatch(field: impl Into<String>, message: impl Into<String>) -> Error {
    Error::model("graph-mismatch", message).at(field)
}

fn names(types: &[TensorType]) -> String {
    types.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The extent of a dimension, where it is a number.
fn extent(declared: &TensorType, axis: usize) -> Option<usize> {
    declared.shape.get(axis)?.parse().ok()
}

/// Whether an input can take what fills it.
fn fits(sense: &Sense, source: GraphInputSource, declared: &TensorType) -> Result<(), String> {
    let TensorType { name, element_type, shape, .. } = declared;
    let integers = [ElementType::Int64, ElementType::Int32];
    let (accepted, expected): (&[ElementType], Vec<Option<usize>>) = match (sense, source) {
        (Sense::Image(pipeline), GraphInputSource::Pixels) => {
            let (width, height) = pipeline.extent().unzip();
            let (channels, layout) = pipeline.layout();
            let shape = match layout {
                Layout::Nchw => vec![Some(1), Some(channels), height, width],
                Layout::Nhwc => vec![Some(1), height, width, Some(channels)],
            };
            let raw = pipeline.keeps_values();
            let accepted: &[ElementType] = if raw {
                &[ElementType::Float32, ElementType::Uint8]
            } else {
                &[ElementType::Float32]
            };
            (accepted, shape)
        }
        (Sense::Image(pipeline), _) => {
            let (width, height) = pipeline.extent().unzip();
            (&integers, vec![Some(1), height, width])
        }
        (Sense::Text(_), _) => (&integers, vec![Some(1), None]),
    };
    if !accepted.contains(element_type) {
        let accepted: Vec<_> = accepted.iter().map(ToString::to_string).collect();
        let accepted = accepted.join(" or ");
        return Err(format!("the graph's input {name:?} is {element_type}, expected {accepted}"));
    }
    let found = shape.join(", ");
    let same = |(axis, expected): (usize, &Option<usize>)| match (extent(declared, axis), expected)
    {
        (None, _) => true,
        // A text is filled up to the length that the graph takes.
        (Some(_), None) => matches!(sense, Sense::Text(_)),
        (Some(found), Some(expected)) => found == *expected,
    };
    if shape.len() == expected.len() && expected.iter().enumerate().all(same) {
        return Ok(());
    }
    let shown = |extent: &Option<usize>| extent.map_or("any".into(), |extent| extent.to_string());
    let expected = expected.iter().map(shown).collect::<Vec<_>>().join(", ");
    Err(format!(
        "the graph's input {name:?} has the shape [{found}], the manifest fills [{expected}]"
    ))
}

/// The encoded bytes of an instance's picture.
fn picture<'a>(
    instance: &'a Instance,
    manifest: &Manifest,
    limits: &Limits,
) -> Result<Cow<'a, [u8]>, Error> {
    let bytes: Cow<[u8]> = match instance {
        Instance::Image(bytes) => bytes.as_slice().into(),
        Instance::Json(json) => {
            let object = object(json, limits.media_json_bytes)?;
            let encoded = only_texts(&object, &["image"], "the base64 of a picture")?;
            let encoded = encoded.into_iter().next().flatten().unwrap_or_default();
            // As in a `data:` address, which is what browsers have at hand.
            let encoded = match encoded.split_once(";base64,") {
                Some((head, rest)) if head.starts_with("data:") => rest,
                _ => encoded,
            };
            let decoded = STANDARD.decode(encoded).map_err(|error| {
                let message = format!("image: not base64 as in RFC 4648: {error}");
                Error::input("invalid-value", message).at("image")
            })?;
            decoded.into()
        }
        Instance::Text(_) => return Err(unsupported("an image", "plain text", manifest)),
    };
    within(bytes.len(), limits.image_bytes, "the picture")?;
    Ok(bytes)
}

/// The text of an instance, and the second one where the model takes two.
fn texts(
    instance: &Instance,
    manifest: &Manifest,
    limits: &Limits,
) -> Result<(String, Option<String>), Error> {
    let pair = manifest.input.text.as_ref().is_some_and(|spec| spec.pair);
    let (text, second) = match instance {
        Instance::Text(_) if pair => {
            let wants = "a JSON object with text and text_pair";
            return Err(unsupported(wants, "plain text", manifest));
        }
        Instance::Text(text) => (text.clone(), None),
        Instance::Json(json) => {
            let object = object(json, limits.media_json_bytes)?;
            let keys: &[&str] = if pair { &["text", "text_pair"] } else { &["text"] };
            let mut texts = only_texts(&object, keys, "a text")?.into_iter().flatten();
            let text = texts.next().unwrap_or_default().to_owned();
            (text, texts.next().map(str::to_owned))
        }
        Instance::Image(_) => return Err(unsupported("text", "an image", manifest)),
    };
    within(text.len(), limits.text_bytes, "the text")?;
    within(second.as_ref().map_or(0, String::len), limits.text_bytes, "text_pair")?;
    Ok((text, second))
}

fn within(found: usize, limit: usize, what: &str) -> Result<(), Error> {
    if found <= limit {
        return Ok(());
    }
    let message = format!("{what} has {found} bytes, at most {limit} are accepted");
    Err(Error::new(ErrorKind::TooLarge, "instance-too-large", message))
}

fn unsupported(wanted: &str, found: &str, manifest: &Manifest) -> Error {
    let name = &manifest.name;
    let message = format!("the model {name} wants {wanted}, found {found}");
    Error::new(ErrorKind::UnsupportedInput, "unsupported-input", message)
}

/// The strings under exactly these keys.
fn only_texts<'a>(
    object: &'a Map<String, Value>,
    keys: &[&str],
    what: &str,
) -> Result<Vec<Option<&'a str>>, Error> {
    if let Some(key) = object.keys().find(|key| !keys.contains(&key.as_str())) {
        let known = keys.join(", ");
        let message =
            format!("{} is not a field of this model; the fields are {known}", excerpt(key));
        let field: String = key.chars().take(60).collect();
        return Err(Error::input("unknown-field", message).at(field));
    }
    let text = |key: &&str| match object.get(*key) {
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        None | Some(Value::Null) => {
            Err(Error::input("missing-field", format!("{key}: missing; expected {what}")).at(*key))
        }
        Some(other) => {
            let found = describe(other);
            let message = format!("{key}: expected {what} as a string, found {found}");
            Err(Error::input("wrong-type", message).at(*key))
        }
    };
    keys.iter().map(text).collect()
}

fn pixels(input: &Input, pipeline: &Pipeline, prepared: &Prepared) -> Tensor {
    let (width, height) = prepared.extent;
    let (name, element_type) = (input.declared.name.clone(), input.declared.element_type);
    if input.source == GraphInputSource::PixelMask {
        let ones = vec![1; width * height];
        return Tensor {
            name,
            element_type,
            shape: vec![1, height, width],
            data: bytes(&ones, element_type),
        };
    }
    let (channels, layout) = pipeline.layout();
    let shape = match layout {
        Layout::Nchw => vec![1, channels, height, width],
        Layout::Nhwc => vec![1, height, width, channels],
    };
    Tensor { name, element_type, shape, data: prepared.data.clone() }
}

fn numbers(input: &Input, tokens: &Tokens) -> Tensor {
    let values = match input.source {
        GraphInputSource::AttentionMask => &tokens.attention,
        GraphInputSource::TokenTypeIds => &tokens.types,
        _ => &tokens.ids,
    };
    let (name, element_type) = (input.declared.name.clone(), input.declared.element_type);
    Tensor { name, element_type, shape: vec![1, values.len()], data: bytes(values, element_type) }
}

fn bytes(values: &[i64], element_type: ElementType) -> Vec<u8> {
    if element_type == ElementType::Int32 {
        return values.iter().flat_map(|value| (*value as i32).to_le_bytes()).collect();
    }
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    tensor.data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}
