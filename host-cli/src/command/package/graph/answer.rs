//! What a graph's outputs say: labels with probabilities, or one number.

use model_package::{OutputSpec, Task};
use predictor_host::{ElementType, Keys, TensorType};

use super::Left;
use crate::onnx::proto::{GraphProto, NodeProto};

/// The task and the outputs that answers are read from.
pub(super) struct Answer {
    pub(super) task: Task,
    pub(super) output: OutputSpec,
    pub(super) notes: Vec<String>,
}

/// Infers the answer; `labels` are those of the command line.
///
/// # Errors
/// Why the outputs are neither labels with probabilities nor one number.
pub(super) fn infer(
    outputs: &[TensorType],
    graph: &GraphProto,
    labels: Option<&[String]>,
) -> Result<Answer, Left> {
    if let Some(probabilities) = outputs.iter().find(|output| is_probabilities(output, labels)) {
        return classification(probabilities, outputs, graph, labels);
    }
    match outputs {
        [value] if is_value(value) && labels.is_none() => Ok(Answer {
            task: Task::TabularRegression,
            output: OutputSpec { value: Some(value.name.clone()), ..OutputSpec::default() },
            notes: Vec::new(),
        }),
        _ => {
            let shown: Vec<_> = outputs
                .iter()
                .map(|output| {
                    let kind = predictor_host::element::type_name(output.element_type);
                    format!("{}: {kind} [{}]", output.name, output.shape.join(", "))
                })
                .collect();
            Err(Left::Graph(format!(
                "its outputs are neither probabilities nor one value ({})",
                shown.join(", ")
            )))
        }
    }
}

fn classification(
    probabilities: &TensorType,
    outputs: &[TensorType],
    graph: &GraphProto,
    labels: Option<&[String]>,
) -> Result<Answer, Left> {
    let mut notes = Vec::new();
    let given = labels.is_some();
    let known = probabilities.keys.as_ref().map(texts).or_else(|| class_labels(graph));
    let width = probabilities.shape.get(1).and_then(|columns| columns.parse::<usize>().ok());
    let labels = match (labels, known, width) {
        (Some(labels), Some(known), _) if labels.len() != known.len() => {
            let (given, count) = (labels.len(), known.len());
            let named = known.join(", ");
            let message = format!("--labels has {given} labels, the graph has {count}: {named}");
            return Err(Left::Option(message));
        }
        (Some(labels), ..) => labels.to_vec(),
        (None, Some(known), _) => known,
        (None, None, Some(width)) => {
            notes.push(format!(
                "the graph does not name its {width} labels; they are called 0 to {}: name them with \
                 --labels, in the order of the output {}",
                width - 1,
                probabilities.name
            ));
            (0..width).map(|label| label.to_string()).collect()
        }
        (None, None, None) => {
            let reason = "the graph does not say how many labels it has; name them with --labels";
            return Err(Left::Graph(reason.into()));
        }
    };
    if width.is_some_and(|width| width != labels.len()) {
        let (name, count) = (&probabilities.name, labels.len());
        let width = width.unwrap_or_default();
        let reason = format!("the output {name} has {width} columns for {count} labels");
        return Err(if given { Left::Option(reason) } else { Left::Graph(reason) });
    }
    if labels.len() < 2 {
        let reason = "a classification has at least two labels".to_owned();
        return Err(if given { Left::Option(reason) } else { Left::Graph(reason) });
    }
    if outputs.len() > 1 {
        notes.push(format!(
            "the label is the one with the largest probability in {}; the graph's other outputs are in \
             the package, not in the answer",
            probabilities.name
        ));
    }
    let output = OutputSpec {
        labels,
        probabilities: Some(probabilities.name.clone()),
        ..OutputSpec::default()
    };
    Ok(Answer { task: Task::TabularClassification, output, notes })
}

/// Rows of at least two floats. Without keys it takes a label beside it, or labels on the command
/// line, to tell them from other numbers.
fn is_probabilities(output: &TensorType, labels: Option<&[String]>) -> bool {
    let columns = output.shape.get(1);
    let rows = is_float(output) && output.shape.len() == 2;
    let several = columns.is_some_and(|columns| columns != "1");
    rows && several && (output.keys.is_some() || labels.is_some() || output.name.contains("prob"))
}

fn is_value(output: &TensorType) -> bool {
    let narrow = match output.shape.as_slice() {
        [_] => true,
        [_, columns] => columns == "1",
        _ => false,
    };
    is_float(output) && narrow
}

fn is_float(output: &TensorType) -> bool {
    matches!(output.element_type, ElementType::Float32 | ElementType::Float64)
}

/// The labels of the classifier that comes last in the graph.
fn class_labels(graph: &GraphProto) -> Option<Vec<String>> {
    graph.nodes.iter().rev().find_map(labels_of)
}

fn labels_of(node: &NodeProto) -> Option<Vec<String>> {
    let attributes = node.attributes.iter().filter(|attribute| {
        attribute.name.starts_with("classlabels") || attribute.name == "class_labels"
    });
    let mut lists = attributes.map(|attribute| {
        let texts = attribute.strings.iter().map(|text| String::from_utf8_lossy(text).into_owned());
        texts.chain(attribute.integers.iter().map(i64::to_string)).collect::<Vec<_>>()
    });
    lists.find(|list| !list.is_empty())
}

fn texts(keys: &Keys) -> Vec<String> {
    match keys {
        Keys::Integers(keys) => keys.iter().map(i64::to_string).collect(),
        Keys::Strings(keys) => keys.clone(),
    }
}
