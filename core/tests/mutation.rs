//! Graphs with bytes changed: whatever comes of it, this crate never panics.
//!
//! tract does, for some graphs that are wrong in ways that only it could see. In the component that
//! is a trap, which ends one sandbox and nothing else, so such panics count as a refusal here.

use std::cell::Cell;
use std::panic;
use std::sync::Once;

use inference_core::graph::Graph;
use inference_core::{ElementType, Tensor};
use proptest::prelude::*;
use tract_onnx::pb::ModelProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{
    encode, float_list, floats, input, int, integers, ints, model, node, strings, with,
};

/// A small relative of the fraud model: a tree ensemble beside a linear model.
fn relative() -> ModelProto {
    let trees = [
        ints("classlabels_int64s", &[0, 1]),
        ints("nodes_treeids", &[0, 0, 0]),
        ints("nodes_nodeids", &[0, 1, 2]),
        ints("nodes_featureids", &[1, 0, 0]),
        strings("nodes_modes", &["BRANCH_LEQ", "LEAF", "LEAF"]),
        float_list("nodes_values", &[0.5, 0.0, 0.0]),
        ints("nodes_truenodeids", &[1, 0, 0]),
        ints("nodes_falsenodeids", &[2, 0, 0]),
        ints("class_treeids", &[0, 0]),
        ints("class_nodeids", &[1, 2]),
        ints("class_ids", &[0, 0]),
        float_list("class_weights", &[0.25, 0.75]),
    ];
    let nodes = vec![
        with(node("ai.onnx.ml.TreeEnsembleClassifier", &["x"], &["label", "votes"]), trees),
        with(node("Gather", &["votes", "one"], &["vote"]), [int("axis", 1)]),
        node("MatMul", &["x", "w"], &["product"]),
        node("Sigmoid", &["product"], &["logistic"]),
        with(node("Concat", &["logistic", "vote"], &["both"]), [int("axis", 1)]),
        with(node("ReduceMean", &["both"], &["mean"]), [ints("axes", &[1]), int("keepdims", 1)]),
    ];
    let rows = vec![input("x", DataType::Float, &["N", "2"])];
    let constants = vec![floats("w", &[2, 1], &[0.5, -1.0]), integers("one", &[1], &[1])];
    model(nodes, rows, &["mean", "label"], constants)
}

thread_local! {
    /// Where the code under test panicked, while it is being watched.
    static PANIC: Cell<Option<String>> = const { Cell::new(None) };
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `action` and gives the source file of a panic that is not tract's.
fn panic_of_our_own(action: impl FnOnce() + panic::UnwindSafe) -> Option<String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if WATCHED.get() {
                PANIC.set(info.location().map(ToString::to_string));
            } else {
                before(info);
            }
        }));
    });
    WATCHED.set(true);
    let panicked = panic::catch_unwind(action).is_err();
    WATCHED.set(false);
    let location = PANIC.take().unwrap_or_default();
    (panicked && !location.contains("/tract-")).then_some(location)
}

/// Loads and, if that succeeds, runs one row of each input.
fn load_and_run(bytes: &[u8]) {
    let Ok(graph) = Graph::load(bytes) else { return };
    let row = |input: &inference_core::TensorType| {
        let extents = input.shape.iter().map(|extent| extent.parse().unwrap_or(1));
        let shape: Vec<usize> = extents.collect();
        let count = shape.iter().product::<usize>().min(1 << 16);
        let element_type = ElementType::Float32;
        Tensor { name: input.name.clone(), element_type, data: vec![0; 4 * count], shape }
    };
    // A changed graph may fail on it; it must not panic.
    drop(graph.run(graph.inputs().iter().map(row).collect()));
}

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let panic = panic_of_our_own(|| load_and_run(bytes));
    prop_assert_eq!(panic, None);
    Ok(())
}

#[test]
fn the_graph_to_change_is_sound() {
    let graph = Graph::load(encode(&relative())).unwrap();
    assert_eq!(graph.outputs().len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn changed_bytes(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = encode(&relative());
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        check(&bytes)?;
    }

    #[test]
    fn cut_and_repeated(start in any::<prop::sample::Index>(), length in 0_usize..64, at in any::<prop::sample::Index>()) {
        let bytes = encode(&relative());
        let start = start.index(bytes.len());
        let piece = &bytes[start..(start + length).min(bytes.len())];
        let at = at.index(bytes.len());
        check(&[&bytes[..at], piece, &bytes[at..]].concat())?;
        check(&[&bytes[..at], &bytes[(at + length).min(bytes.len())..]].concat())?;
    }
}
