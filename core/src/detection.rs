//! From a detector's outputs to labelled boxes in the picture's own pixels.

use model_package::{Activation, Detection, DetectionForm, OutputSpec};
use serde::Serialize;

use crate::image::Placement;
use crate::prediction::{activate, largest};

/// One object.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Object {
    pub(crate) label: String,
    pub(crate) score: f32,
    /// Left, top, right and bottom in pixels of the upright picture.
    #[serde(rename = "box")]
    pub(crate) corners: [f32; 4],
}

/// A box that may be an object.
struct Candidate {
    label: usize,
    score: f32,
    corners: [f64; 4],
}

/// Where a picture lies in the tensor, and the tensor's extent.
#[derive(Clone, Copy)]
pub(crate) struct View {
    pub(crate) placement: Placement,
    pub(crate) extent: (usize, usize),
}

/// Finds the objects. `output` gives one instance's elements and shape of an output by its name;
/// `None` if an output does not have the declared form.
pub(crate) fn detect<'a>(
    spec: &OutputSpec,
    detection: &Detection,
    view: View,
    output: impl Fn(&str) -> Option<(&'a [f32], &'a [usize])>,
) -> Option<Vec<Object>> {
    let labels = spec.labels.len();
    let threshold = detection.threshold;
    let mut candidates = match &detection.form {
        DetectionForm::Yolo { output: name, objectness, transposed } => {
            let (elements, shape) = output(name)?;
            let width = 4 + usize::from(*objectness) + labels;
            let rows = rows(elements, shape, width, *transposed)?;
            yolo(&rows, width, *objectness, threshold)
        }
        DetectionForm::Detr { logits, boxes, activation } => {
            let columns = labels + usize::from(*activation == Activation::Softmax);
            let (logits, shape) = output(logits)?;
            let logits = rows(logits, shape, columns, false)?;
            let (boxes, shape) = output(boxes)?;
            let boxes = rows(boxes, shape, 4, false)?;
            let queries = logits.chunks_exact(columns).zip(boxes.chunks_exact(4));
            let size = (view.extent.0 as f64, view.extent.1 as f64);
            queries
                .filter_map(|(row, center)| detr(row, center, *activation, labels, size))
                .collect()
        }
    };
    candidates.retain(|found| f64::from(found.score) >= threshold);
    // Of equal scores, the earlier box comes first: the sort is stable.
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let kept = suppress(candidates, detection);
    Some(kept.into_iter().filter_map(|found| object(&found, spec, view.placement)).collect())
}

/// The elements as rows of `width`, whichever way round they lie.
fn rows(elements: &[f32], shape: &[usize], width: usize, transposed: bool) -> Option<Vec<f32>> {
    let [first, second] = *shape else { return None };
    let (count, found) = if transposed { (second, first) } else { (first, second) };
    if found != width || elements.len() != first.checked_mul(second)? {
        return None;
    }
    if !transposed {
        return Some(elements.to_vec());
    }
    let element = |row: usize, column: usize| elements.get(column * count + row).copied();
    (0..count).flat_map(|row| (0..width).map(move |column| element(row, column))).collect()
}

fn yolo(rows: &[f32], width: usize, objectness: bool, threshold: f64) -> Vec<Candidate> {
    let candidate = |row: &[f32]| {
        let (center, rest) = row.split_first_chunk::<4>()?;
        let (factor, scores) = if objectness { rest.split_first()? } else { (&1.0, rest) };
        let label = largest(scores);
        let score = scores.get(label)? * factor;
        (f64::from(score) >= threshold).then(|| Candidate {
            label,
            score,
            corners: corners(*center, (1.0, 1.0)),
        })
    };
    rows.chunks_exact(width).filter_map(candidate).collect()
}

fn detr(
    row: &[f32],
    center: &[f32],
    activation: Activation,
    labels: usize,
    size: (f64, f64),
) -> Option<Candidate> {
    let scores = activate(row, Some(activation));
    // Behind the labels, softmax has the column of no object.
    let scores = scores.get(..labels)?;
    let label = largest(scores);
    let score = *scores.get(label)?;
    Some(Candidate { label, score, corners: corners(*center.first_chunk()?, size) })
}

/// Left, top, right, bottom.
fn corners([x, y, width, height]: [f32; 4], size: (f64, f64)) -> [f64; 4] {
    let [x, y, width, height] = [x, y, width, height].map(f64::from);
    let (across, down) = (width / 2.0, height / 2.0);
    [(x - across) * size.0, (y - down) * size.1, (x + across) * size.0, (y + down) * size.1]
}

/// Non-maximum suppression by label. `candidates` fall in score.
fn suppress(candidates: Vec<Candidate>, detection: &Detection) -> Vec<Candidate> {
    let most = detection.max_objects as usize;
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if kept.len() == most {
            break;
        }
        let hidden = detection.max_overlap.is_some_and(|limit| {
            kept.iter().any(|other| {
                other.label == candidate.label && overlap(other.corners, candidate.corners) > limit
            })
        });
        if !hidden {
            kept.push(candidate);
        }
    }
    kept
}

/// Intersection over union.
fn overlap(a: [f64; 4], b: [f64; 4]) -> f64 {
    let area =
        |[left, top, right, bottom]: [f64; 4]| (right - left).max(0.0) * (bottom - top).max(0.0);
    let shared = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    let union = area(a) + area(b) - shared;
    if union > 0.0 { shared / union } else { 0.0 }
}

/// Back to the picture's own pixels, and inside of it. `None` for numbers that are no box.
fn object(found: &Candidate, spec: &OutputSpec, placement: Placement) -> Option<Object> {
    let Placement { original: (width, height), scale, offset } = placement;
    let across = |x: f64| ((x - offset.0) / scale.0).clamp(0.0, width as f64) as f32;
    let down = |y: f64| ((y - offset.1) / scale.1).clamp(0.0, height as f64) as f32;
    let [left, top, right, bottom] = found.corners;
    let corners = [across(left), down(top), across(right), down(bottom)];
    if corners.iter().any(|edge| edge.is_nan()) {
        return None;
    }
    let label = spec.labels.get(found.label)?.clone();
    Some(Object { label, score: found.score, corners })
}
