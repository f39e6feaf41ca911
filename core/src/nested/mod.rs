//! Models of bare graphs: from nested JSON arrays to the graph's own inputs, and from its outputs to
//! nested arrays.
//!
//! Nothing is added and nothing taken away: the batch dimension is the caller's, and every instance
//! is one run of the graph.

mod read;
mod write;

use model_package::{Limits, Manifest};

use crate::graph::Graph;
use crate::prediction::{Finding, Found};
use crate::{Error, ErrorKind, Instance, instance};

/// Keys that hosts add to a prediction.
const TAKEN: [&str; 2] = ["provenance", "error"];

/// Checks that each output can have its name in a prediction.
pub(crate) fn check(graph: &Graph) -> Result<(), Error> {
    match graph.outputs().iter().find(|output| TAKEN.contains(&output.name.as_str())) {
        None => Ok(()),
        Some(output) => {
            let message = format!(
                "the output {:?} has the name of a key that hosts add to a prediction; rename it",
                output.name
            );
            Err(Error::new(ErrorKind::UnsupportedModel, "graph-mismatch", message))
        }
    }
}

/// Runs the graph on one instance, a JSON object with an array for each input.
pub(crate) fn find(
    graph: &Graph,
    instance: &Instance,
    manifest: &Manifest,
    limits: &Limits,
    operations: u64,
) -> Result<Found, Error> {
    let json = match instance {
        Instance::Json(json) => json,
        Instance::Text(_) => return Err(unsupported("plain text", manifest)),
        Instance::Image(_) => return Err(unsupported("an image", manifest)),
    };
    let object = instance::object(json, limits.media_json_bytes)?;
    let tensors = read::tensors(object, graph)?;
    let outputs = graph.run_within(tensors, operations)?;
    let json = write::object(&outputs, graph)?;
    Ok(Found { id: None, finding: Finding::Nested(json), outputs, warnings: Vec::new() })
}

fn unsupported(found: &str, manifest: &Manifest) -> Error {
    let message = format!(
        "the model {} takes a JSON object with an array for each input of its graph, found {found}",
        manifest.name
    );
    Error::new(ErrorKind::UnsupportedInput, "unsupported-input", message)
}
