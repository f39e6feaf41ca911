//! Which keys of `output` each task has, and the rules for those of image and text tasks.

use super::{Checked, fail};
use crate::{Activation, DetectionForm, Limits, OutputSpec, Task};

/// Checks that the keys which the task needs are there, and no others.
pub(super) fn check(task: Task, output: &OutputSpec, limits: &Limits) -> Checked {
    match task {
        Task::TabularClassification => classification(output)?,
        Task::TabularRegression => {
            if output.value.is_none() {
                return fail("output.value", "a regression names its output here");
            }
            if output.probabilities.is_some() || !output.labels.is_empty() {
                return fail("output", "a regression has neither labels nor probabilities");
            }
        }
        Task::ImageClassification | Task::TextClassification => {
            classification(output)?;
            choices(output, limits)?;
        }
        Task::TokenClassification => {
            classification(output)?;
            if output.aggregation.is_none() {
                return fail("output.aggregation", "missing: \"none\" or \"simple\"");
            }
        }
        Task::TextEmbedding => {
            let Some(embedding) = &output.embedding else {
                return fail("output.embedding", "an embedding names its output here");
            };
            if embedding.output.is_empty() {
                return fail("output.embedding.output", "expected the name of an output");
            }
        }
        Task::ObjectDetection => detection(output, limits)?,
        Task::Tensors => {}
    }
    foreign(task, output)
}

fn classification(output: &OutputSpec) -> Checked {
    if output.labels.len() < 2 {
        return fail("output.labels", "a classification needs at least two labels");
    }
    if output.probabilities.is_none() {
        return fail("output.probabilities", "a classification names its output here");
    }
    if output.value.is_some() {
        return fail("output.value", "a classification has no value");
    }
    Ok(())
}

fn choices(output: &OutputSpec, limits: &Limits) -> Checked {
    if let Some(top) = output.top
        && !(1..=output.labels.len()).contains(&(top as usize))
    {
        let count = output.labels.len();
        return fail("output.top", format!("expected 1 to {count} labels, found {top}"));
    }
    if let Some(above) = output.each_above {
        if output.activation == Some(Activation::Softmax) {
            return fail("output.each_above", "with softmax one label holds, not each by itself");
        }
        fraction("output.each_above", above)?;
    }
    let Some(neutral) = &output.neutral else { return Ok(()) };
    fraction("output.neutral.below", neutral.below)?;
    let name = &neutral.label;
    if name.is_empty() || name.len() > limits.name_bytes || output.labels.contains(name) {
        let message = format!(
            "expected 1 to {} bytes that are not one of the labels, found {name:?}",
            limits.name_bytes
        );
        return fail("output.neutral.label", message);
    }
    Ok(())
}

fn detection(output: &OutputSpec, limits: &Limits) -> Checked {
    if output.labels.is_empty() {
        return fail("output.labels", "a detection needs at least one label");
    }
    let Some(detection) = &output.detection else {
        return fail("output.detection", "a detection says here where its boxes are");
    };
    fraction("output.detection.threshold", detection.threshold)?;
    if let Some(overlap) = detection.max_overlap {
        fraction("output.detection.max_overlap", overlap)?;
    }
    if !(1..=limits.objects).contains(&detection.max_objects) {
        let message = format!("expected 1 to {}, found {}", limits.objects, detection.max_objects);
        return fail("output.detection.max_objects", message);
    }
    let named = match &detection.form {
        DetectionForm::Yolo { output, .. } => !output.is_empty(),
        DetectionForm::Detr { logits, boxes, .. } => !logits.is_empty() && !boxes.is_empty(),
    };
    if named { Ok(()) } else { fail("output.detection.form", "expected the names of outputs") }
}

/// Keys of other tasks.
fn foreign(task: Task, output: &OutputSpec) -> Checked {
    use Task::{ImageClassification, ObjectDetection, TextClassification, TokenClassification};
    let chooses = matches!(task, ImageClassification | TextClassification);
    let tokens = task == TokenClassification;
    let tabular = matches!(task, Task::TabularClassification | Task::TabularRegression);
    let embeds = task == Task::TextEmbedding;
    let labelled = !embeds && task != Task::Tensors;
    for (key, there, fits) in [
        ("labels", !output.labels.is_empty(), labelled),
        ("probabilities", output.probabilities.is_some(), chooses || tokens || tabular),
        ("value", output.value.is_some(), tabular),
        ("activation", output.activation.is_some(), chooses || tokens),
        ("top", output.top.is_some(), chooses),
        ("each_above", output.each_above.is_some(), chooses),
        ("neutral", output.neutral.is_some(), chooses),
        ("aggregation", output.aggregation.is_some(), tokens),
        ("embedding", output.embedding.is_some(), embeds),
        ("detection", output.detection.is_some(), task == ObjectDetection),
    ] {
        if there && !fits {
            return fail(format!("output.{key}"), format!("a {} has no {key}", task.name()));
        }
    }
    Ok(())
}

fn fraction(field: &str, value: f64) -> Checked {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    fail(field, format!("expected a number from 0 to 1, found {value}"))
}
