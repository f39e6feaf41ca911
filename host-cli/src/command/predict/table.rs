//! Predictions as a table for people, and the labels of a picture or text as bars.

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use model_package::{Manifest, Modality};
use predictor_host::{Outcome, Prediction, Predictor};
use serde_json::Value;

use super::{failed_word, top};

/// How many labels are shown if nobody says.
const LABELS: usize = 5;

/// How many characters the bar of a certain label takes.
const BAR: usize = 24;

/// Renders outcomes: for pictures and texts the labels of each, for other models one row each.
pub(super) fn render(
    predictor: &Predictor,
    names: &[String],
    outcomes: &[Outcome],
    top: Option<usize>,
) -> String {
    let task = predictor.manifest().ok().map(|manifest| manifest.task);
    let tabular = task.is_none_or(|task| task.modality() == Modality::Tabular);
    let shown = if tabular {
        rows(predictor, outcomes)
    } else {
        let blocks = outcomes.iter().enumerate().map(|(index, outcome)| {
            let name = match (names.get(index), outcomes.len()) {
                (Some(name), _) => name.clone(),
                (None, 1) => String::new(),
                (None, _) => index.to_string(),
            };
            block(&name, outcome, top.unwrap_or(LABELS))
        });
        blocks.collect::<Vec<_>>().join("\n")
    };
    let description = predictor.description();
    format!(
        "{shown}\n{} {}, {}\ncomponent {}",
        description.name,
        description.version,
        description.package,
        predictor.component().digest()
    )
}

/// One picture's or text's answer.
fn block(name: &str, outcome: &Outcome, top: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    match outcome {
        Ok(prediction) => {
            let parts = [prediction.label.as_deref(), prediction.action.as_deref()];
            let answer = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
            let title = [name, &answer].into_iter().filter(|part| !part.is_empty());
            lines.push(title.collect::<Vec<_>>().join(": "));
            lines.extend(bars(&prediction.json, top));
            lines.extend(found(&prediction.json));
            lines.extend(prediction.warnings.iter().map(|warning| format!("  ! {warning}")));
        }
        Err(error) => lines.push(format!("{name}: {}: {error}", failed_word(error))),
    }
    lines.retain(|line| !line.is_empty());
    lines.push(String::new());
    lines.join("\n")
}

/// The largest probabilities as bars.
fn bars(json: &str, top: usize) -> Vec<String> {
    let labels = top::ranked(json);
    let widest = labels.iter().take(top).map(|(label, _)| label.chars().count()).max();
    let widest = widest.unwrap_or_default();
    let line = |(label, probability): &(String, f32)| {
        format!("  {label:widest$}  {:BAR$}  {:5.1} %", bar(*probability), probability * 100.0)
    };
    labels.iter().take(top).map(line).collect()
}

/// A bar in eighths of a character.
fn bar(share: f32) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * (BAR * 8) as f32).round() as usize;
    "█".repeat(eighths / 8) + PARTS.get(eighths % 8).copied().unwrap_or_default()
}

/// Objects and entities, one a line; of a vector its length.
fn found(json: &str) -> Vec<String> {
    let answer: Value = serde_json::from_str(json).unwrap_or_default();
    let list = |key: &str| answer.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let word = |value: &Value, key: &str| match value.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let objects = list("detections");
    let objects = objects.iter().map(|found| {
        format!("  {}  {}  {}", word(found, "label"), word(found, "score"), word(found, "box"))
    });
    let entities = list("entities");
    let entities = entities.iter().map(|found| {
        let place = format!("{} to {}", word(found, "start"), word(found, "end"));
        format!(
            "  {}  {}  {:?}, {place}",
            word(found, "label"),
            word(found, "score"),
            word(found, "text")
        )
    });
    let size = list("embedding").len();
    let vector = (size > 0).then(|| format!("  a vector of {size} numbers"));
    objects.chain(entities).chain(vector).collect()
}

/// One row each. Columns that no prediction fills are left out.
fn rows(predictor: &Predictor, outcomes: &[Outcome]) -> String {
    let manifest = predictor.manifest().ok();
    let id = manifest.as_ref().and_then(Manifest::id_field).map(|field| field.name.clone());
    let score = manifest.as_ref().and_then(|manifest| manifest.output.score.as_ref());
    let score = score.map_or("score", |score| score.name.as_str());

    let mut columns: Vec<(&str, Vec<String>)> = vec![
        (id.as_deref().unwrap_or("#"), Vec::new()),
        (score, Vec::new()),
        ("label", Vec::new()),
        ("action", Vec::new()),
    ];
    let mut notes = Vec::new();
    for (index, outcome) in outcomes.iter().enumerate() {
        let row = match outcome {
            Ok(prediction) => [
                name(prediction, id.as_deref()).unwrap_or_else(|| index.to_string()),
                prediction.score.map(|score| score.to_string()).unwrap_or_default(),
                prediction.label.clone().unwrap_or_default(),
                prediction.action.clone().unwrap_or_default(),
            ],
            Err(error) => {
                [index.to_string(), String::new(), String::new(), failed_word(error).into()]
            }
        };
        let name = row.first().cloned().unwrap_or_default();
        match outcome {
            Ok(prediction) => {
                notes.extend(
                    prediction.warnings.iter().map(|warning| format!("{name}: {warning}\n")),
                );
            }
            Err(error) => notes.push(format!("{name}: {error}\n")),
        }
        for ((_, cells), cell) in columns.iter_mut().zip(row) {
            cells.push(cell);
        }
    }
    columns.retain(|(_, cells)| cells.iter().any(|cell| !cell.is_empty()));

    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(columns.iter().map(|(title, _)| *title));
    for row in 0..outcomes.len() {
        table.add_row(columns.iter().filter_map(|(_, cells)| cells.get(row)));
    }
    format!("{table}\n{}", notes.concat()).trim_end_matches('\n').to_owned()
}

/// The instance's own name, as the prediction repeats it.
fn name(prediction: &Prediction, id: Option<&str>) -> Option<String> {
    let answer: Value = serde_json::from_str(&prediction.json).ok()?;
    Some(answer.get(id?)?.as_str()?.to_owned())
}
