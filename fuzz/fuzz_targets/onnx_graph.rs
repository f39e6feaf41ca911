//! Any bytes as an ONNX graph, which is loaded and run once.
//!
//! tract panics on some graphs that are wrong in ways that only it could see. In the component that
//! is a trap, which ends one sandbox and nothing else, so such a panic counts as a refusal here;
//! one anywhere else is a finding.

#![no_main]

use std::panic::{self, AssertUnwindSafe};

use inference_core::graph::Graph;
use inference_core::{ElementType, Tensor, TensorType};
use libfuzzer_sys::fuzz_target;

/// More than this, and running the graph says more about the machine than about the code.
const MOST_ELEMENTS: usize = 1 << 16;

fuzz_target!(
    init: {
        panic::set_hook(Box::new(|info| {
            let tract = info.location().is_some_and(|at| at.file().contains("/tract-"));
            if !tract {
                eprintln!("{info}");
                std::process::abort();
            }
        }));
    },
    |bytes: &[u8]| {
        drop(panic::catch_unwind(AssertUnwindSafe(|| load_and_run(bytes))));
    }
);

fn load_and_run(bytes: &[u8]) {
    let Ok(graph) = Graph::load(bytes) else { return };
    let Some(inputs) = graph.inputs().iter().map(zeros).collect() else { return };
    drop(graph.run(inputs));
}

/// A tensor of zeros, with one row where the graph takes any number.
fn zeros(input: &TensorType) -> Option<Tensor> {
    let extents = input.shape.iter().map(|extent| extent.parse().unwrap_or(1));
    let shape: Vec<usize> = extents.collect();
    let count = shape.iter().try_fold(1_usize, |count, extent| count.checked_mul(*extent))?;
    let size = match input.element_type {
        ElementType::Bool | ElementType::Uint8 | ElementType::Int8 => 1,
        ElementType::Uint16 | ElementType::Int16 | ElementType::Float16 => 2,
        // An empty string is its length alone.
        ElementType::Uint32 | ElementType::Int32 | ElementType::Float32 | ElementType::String => 4,
        ElementType::Uint64 | ElementType::Int64 | ElementType::Float64 => 8,
        // What is left is narrow, and fed as if a byte held one element.
        _ => return None,
    };
    let data = (count <= MOST_ELEMENTS).then(|| vec![0; count * size])?;
    Some(Tensor { name: input.name.clone(), element_type: input.element_type, shape, data })
}
