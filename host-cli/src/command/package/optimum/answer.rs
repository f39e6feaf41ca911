//! What the graph's outputs mean, from `config.json` and, for embeddings, the files of
//! sentence-transformers.

use std::path::Path;

use anyhow::Result;
use model_package::{
    Activation, Aggregation, Detection, DetectionForm, Embedding, OutputSpec, Pooling, Task,
};
use serde_json::Value;

use super::config::Config;
use super::json_file;
use super::signature::Signature;
use crate::failure::ModelError;

/// The manifest's `output`.
pub(super) fn read(
    folder: &Path,
    config: &Config,
    task: Task,
    signature: &Signature,
) -> Result<OutputSpec> {
    let mut output = OutputSpec::default();
    if task == Task::TextEmbedding {
        output.embedding = Some(embedding(folder, signature)?);
        return Ok(output);
    }
    output.labels = config.labels()?;
    if task == Task::ObjectDetection {
        output.detection = Some(Detection {
            form: DetectionForm::Detr {
                logits: signature.output(&["logits"])?,
                boxes: signature.output(&["pred_boxes"])?,
                activation: Activation::Softmax,
            },
            threshold: 0.5,
            max_overlap: None,
            max_objects: 100,
        });
        return Ok(output);
    }
    output.probabilities = Some(signature.output(&["logits"])?);
    let several = config.text("problem_type") == Some("multi_label_classification");
    output.activation = Some(if several { Activation::Sigmoid } else { Activation::Softmax });
    if task == Task::TokenClassification {
        output.aggregation = Some(Aggregation::Simple);
    } else if several {
        output.each_above = Some(0.5);
    } else if output.labels.len() > 10 {
        output.top = Some(5);
    }
    Ok(output)
}

fn embedding(folder: &Path, signature: &Signature) -> Result<Embedding> {
    let modules = json_file(folder, "modules.json")?.unwrap_or_default();
    let modules = modules.as_array().cloned().unwrap_or_default();
    let kinds = modules.iter().filter_map(|module| module.get("type").and_then(Value::as_str));
    let kinds: Vec<_> = kinds.map(|kind| kind.rsplit('.').next().unwrap_or(kind)).collect();
    let normalize = kinds.contains(&"Normalize");
    if let Ok(output) = signature.output(&["sentence_embedding"]) {
        return Ok(Embedding { output, pooling: Pooling::None, normalize });
    }
    let known = ["Transformer", "Pooling", "Normalize"];
    if let Some(other) = kinds.iter().find(|kind| !known.contains(kind)) {
        let message = format!(
            "modules.json: {other} is no step that a package has; export a graph that has it inside, \
             with an output sentence_embedding"
        );
        return Err(ModelError(message).into());
    }
    let output = signature.output(&["last_hidden_state", "token_embeddings"])?;
    Ok(Embedding { output, pooling: pooling(folder)?, normalize })
}

/// How the states of tokens become one: sentence-transformers names the way, older versions of it have
/// a flag for each.
fn pooling(folder: &Path) -> Result<Pooling> {
    const FILE: &str = "1_Pooling/config.json";
    let settings = json_file(folder, FILE)?.unwrap_or_default();
    let mut ways: Vec<&str> = match settings.get("pooling_mode") {
        Some(Value::String(way)) => vec![way],
        Some(Value::Array(ways)) => ways.iter().filter_map(Value::as_str).collect(),
        _ => {
            let flags = settings.as_object().into_iter().flatten();
            let set = flags.filter(|(_, value)| value.as_bool() == Some(true));
            set.filter_map(|(key, _)| key.strip_prefix("pooling_mode_")).collect()
        }
    };
    if ways.is_empty() {
        ways.push("mean");
    }
    match *ways.as_slice() {
        ["mean" | "mean_tokens"] => Ok(Pooling::Mean),
        ["cls" | "cls_token"] => Ok(Pooling::Cls),
        _ => {
            let found = ways.join(" and ");
            let message = format!("{FILE}: pooling by {found}; a package has mean or cls");
            Err(ModelError(message).into())
        }
    }
}
