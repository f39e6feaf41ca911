//! Models exported by the libraries that people train with, and single operators of `ai.onnx.ml`,
//! against the answers that ONNX Runtime gave. See `exports/README.md`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use inference_core::graph::Graph;
use inference_core::{ErrorKind, Keys, TensorType};

use crate::support::exported::{Case, Tolerance, cases, difference, slice};

const TOLERANCE: Tolerance = Tolerance { relative: 1e-3, absolute: 1e-5 };

/// Runs every case that is wanted and collects what `check` finds wrong, so that one run shows all.
fn each(wanted: impl Fn(&str) -> bool, check: impl Fn(&Case, &Graph) -> Option<String>) {
    let cases: Vec<_> = cases().into_iter().filter(|(name, _)| wanted(name)).collect();
    assert!(cases.len() > 200, "found {} cases", cases.len());
    let problem = |case: &Case| match Graph::load(&case.model) {
        Ok(graph) => check(case, &graph),
        Err(error) => Some(error.to_string()),
    };
    let problems: Vec<_> = cases
        .iter()
        .filter_map(|(name, case)| {
            let found = catch_unwind(AssertUnwindSafe(|| problem(case)));
            let found = found.unwrap_or_else(|_| Some("it panicked".into()));
            found.map(|problem| format!("{name}: {problem}"))
        })
        .collect();
    let (bad, all) = (problems.len(), cases.len());
    assert!(problems.is_empty(), "{bad} of {all} cases differ:\n{}", problems.join("\n"));
}

#[test]
fn answers_are_those_of_onnx_runtime() {
    each(
        |_| true,
        |case, graph| match graph.run(case.inputs.clone()) {
            Ok(outputs) => difference(graph, &outputs, &case.outputs, TOLERANCE),
            Err(error) => Some(error.to_string()),
        },
    );
}

/// Exported models take rows that have nothing to do with each other. Of the single operators some
/// do not: they take vectors, or fill texts up to the longest. In one model a matrix product of two
/// columns differs in its last bits, since tract has a kernel of its own for a single row.
#[test]
fn a_row_has_the_same_bits_in_every_batch() {
    let wanted = |name: &str| {
        !name.starts_with("op_") && !name.starts_with("string_") && name != "mlp_regressor"
    };
    each(wanted, rows_differ);
}

fn rows_differ(case: &Case, graph: &Graph) -> Option<String> {
    let count = case.inputs.first().and_then(|input| input.shape.first()).copied()?;
    let open = |declared: &TensorType| {
        declared.shape.first().is_some_and(|extent| extent.parse::<usize>().is_err())
    };
    if count < 2 || !graph.inputs().iter().chain(graph.outputs()).all(open) {
        return None;
    }
    let together = graph.run(case.inputs.clone()).ok()?;
    (0..count).find_map(|row| {
        let inputs = case.inputs.iter().map(|input| slice(input, row, count)).collect();
        let alone = match graph.run(inputs) {
            Ok(alone) => alone,
            Err(error) => return Some(format!("row {row}: {error}")),
        };
        let mut outputs = alone.iter().zip(&together);
        let differs = outputs.find(|(alone, together)| **alone != slice(together, row, count))?;
        Some(format!("row {row} of {} depends on the batch", differs.0.name))
    })
}

fn case(name: &str) -> Case {
    cases().into_iter().find(|(found, _)| found == name).unwrap().1
}

#[test]
fn maps_and_sequences_are_tensors_at_the_border() {
    let names = |declared: &[TensorType]| {
        declared.iter().map(|tensor| tensor.name.clone()).collect::<Vec<_>>()
    };
    let dictionary = Graph::load(&case("dictionary").model).unwrap();
    assert_eq!(names(dictionary.inputs()), ["X.keys", "X.values"]);
    let several = Graph::load(&case("multi_output_classifier").model).unwrap();
    assert_eq!(names(several.outputs()), ["label", "probabilities[0]", "probabilities[1]"]);
    let zipped = Graph::load(&case("linear_logistic_names").model).unwrap();
    let keys = ["high", "low", "middle"].map(String::from).to_vec();
    let found: Vec<_> = zipped.outputs().iter().map(|output| output.keys.clone()).collect();
    assert_eq!(found, [None, Some(Keys::Strings(keys))]);
}

#[test]
fn a_map_that_goes_elsewhere() {
    let model = case("dictionary").model;
    // The name of the node comes before that of its operator.
    let (from, to) = (b"DictVectorizer", b"DictVectorises");
    let place = model.windows(from.len()).rposition(|bytes| bytes == from).unwrap();
    let model = [&model[..place], to, &model[place + to.len()..]].concat();
    let error = Graph::load(&model).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidModel, "invalid-graph"));
    let message = r#"the input "X" is a map, which "DictVectorises" does not take"#;
    assert_eq!(error.message, message);
}
