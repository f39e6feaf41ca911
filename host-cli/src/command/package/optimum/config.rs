//! `config.json`: what the model does and what its labels are called.

use std::path::Path;

use anyhow::Result;
use model_package::Task;
use serde_json::Value;

use super::json_file;
use crate::failure::ModelError;

/// The content of a `config.json`.
pub(super) struct Config(Value);

impl Config {
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let missing = || ModelError(format!("{} has no config.json", folder.display()));
        Ok(Self(json_file(folder, "config.json")?.ok_or_else(missing)?))
    }

    /// A whole number.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.0.get(key)?.as_u64()
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    /// The task, from the architecture's name.
    pub(super) fn task(&self) -> Result<Task> {
        let architecture = self.0.pointer("/architectures/0").and_then(Value::as_str);
        let name = architecture.unwrap_or_default();
        let tasks = [
            ("ForSequenceClassification", Task::TextClassification),
            ("ForTokenClassification", Task::TokenClassification),
            ("ForImageClassification", Task::ImageClassification),
            ("ForObjectDetection", Task::ObjectDetection),
            ("Model", Task::TextEmbedding),
            ("ForMaskedLM", Task::TextEmbedding),
        ];
        let found = tasks.into_iter().find(|(end, _)| name.ends_with(end));
        let message = || {
            ModelError(format!(
                "config.json: architectures: found {name:?}, which says no task; name it with --task"
            ))
        };
        Ok(found.map(|(_, task)| task).ok_or_else(message)?)
    }

    /// The labels, in the order of the graph's output.
    pub(super) fn labels(&self) -> Result<Vec<String>> {
        let names = self.0.get("id2label").and_then(Value::as_object);
        let names = names.ok_or_else(|| ModelError("config.json: id2label: missing".into()))?;
        let mut labels = Vec::with_capacity(names.len());
        for place in 0..names.len() {
            let label = names.get(&place.to_string()).and_then(Value::as_str);
            let message = || ModelError(format!("config.json: id2label: no name for {place}"));
            labels.push(label.ok_or_else(message)?.to_owned());
        }
        Ok(labels)
    }
}
