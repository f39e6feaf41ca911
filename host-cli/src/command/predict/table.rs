//! Predictions as a table for people.

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use model_package::Manifest;
use predictor_host::{Outcome, Prediction, Predictor};
use serde_json::Value;

use super::failed_word;

/// Renders outcomes, one a row. Columns that no prediction fills are left out.
pub(super) fn render(predictor: &Predictor, outcomes: &[Outcome]) -> String {
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
    let description = predictor.description();
    format!(
        "{table}\n{}{} {}, {}\ncomponent {}",
        notes.concat(),
        description.name,
        description.version,
        description.package,
        predictor.component().digest()
    )
}

/// The instance's own name, as the prediction repeats it.
fn name(prediction: &Prediction, id: Option<&str>) -> Option<String> {
    let answer: Value = serde_json::from_str(&prediction.json).ok()?;
    Some(answer.get(id?)?.as_str()?.to_owned())
}
