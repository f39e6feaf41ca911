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
    let normalize = kinds.into_iter().any(|kind| kind.ends_with(".Normalize"));
    if let Ok(output) = signature.output(&["sentence_embedding"]) {
        return Ok(Embedding { output, pooling: Pooling::None, normalize });
    }
    let settings = json_file(folder, "1_Pooling/config.json")?.unwrap_or_default();
    let cls = settings.get("pooling_mode_cls_token").and_then(Value::as_bool);
    let pooling = if cls.unwrap_or(false) { Pooling::Cls } else { Pooling::Mean };
    let output = signature.output(&["last_hidden_state", "token_embeddings"])?;
    Ok(Embedding { output, pooling, normalize })
}
