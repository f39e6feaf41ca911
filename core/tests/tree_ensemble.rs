//! Tree ensembles against ONNX Runtime: `onnxruntime/cases.jsonl` holds graphs, inputs and the
//! answers to expect.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use inference_core::graph::Graph;
use inference_core::{ElementType, Tensor};
use serde_json::Value;

/// How far a float may be off where transcendental functions take part, relative to numbers from 1.
const TOLERANCE: f64 = 1e-6;

struct Case {
    name: String,
    exact: bool,
    model: Vec<u8>,
    input: Tensor,
    outputs: Vec<Tensor>,
}

fn cases() -> Vec<Case> {
    let bytes = |value: &Value| BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap();
    let tensor = |value: &Value| Tensor {
        name: value["name"].as_str().unwrap().into(),
        element_type: match value["type"].as_str().unwrap() {
            "float32" => ElementType::Float32,
            "float64" => ElementType::Float64,
            "int32" => ElementType::Int32,
            "int64" => ElementType::Int64,
            "string" => ElementType::String,
            other => panic!("no case should have elements of type {other}"),
        },
        shape: serde_json::from_value(value["shape"].clone()).unwrap(),
        data: bytes(&value["data"]),
    };
    let case = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap();
        Case {
            name: value["name"].as_str().unwrap().into(),
            exact: value["exact"].as_bool().unwrap(),
            model: bytes(&value["model"]),
            input: tensor(&value["input"]),
            outputs: value["outputs"].as_array().unwrap().iter().map(tensor).collect(),
        }
    };
    let cases: Vec<_> = include_str!("onnxruntime/cases.jsonl").lines().map(case).collect();
    assert!(cases.len() > 200, "found {} cases", cases.len());
    cases
}

fn floats(tensor: &Tensor) -> Vec<f64> {
    match tensor.element_type {
        ElementType::Float32 => {
            let bits = tensor.data.as_chunks().0.iter();
            bits.map(|bytes| f32::from_le_bytes(*bytes).into()).collect()
        }
        ElementType::Float64 => {
            tensor.data.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
        }
        _ => Vec::new(),
    }
}

/// The first difference between what was found and what was expected.
fn difference(found: &Tensor, expected: &Tensor, exact: bool) -> Option<String> {
    let of = |tensor: &Tensor| (tensor.name.clone(), tensor.element_type, tensor.shape.clone());
    if of(found) != of(expected) {
        return Some(format!("{:?}, expected {:?}", of(found), of(expected)));
    }
    let floating = matches!(found.element_type, ElementType::Float32 | ElementType::Float64);
    if exact || !floating {
        return (found.data != expected.data).then(|| {
            let (name, found_floats, expected_floats) =
                (&found.name, floats(found), floats(expected));
            if floating {
                format!("{name}: {found_floats:?}, expected {expected_floats:?}")
            } else {
                format!("{name}: {:?}, expected {:?}", found.data, expected.data)
            }
        });
    }
    let close = |(found, expected): (&f64, &f64)| {
        found == expected
            || found.is_nan() && expected.is_nan()
            || (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0)
    };
    let (found, expected) = (floats(found), floats(expected));
    let same = found.len() == expected.len() && found.iter().zip(&expected).all(close);
    (!same).then(|| format!("{found:?}, expected {expected:?}"))
}

fn answer(case: &Case, graph: &Graph, input: Tensor) -> Result<Vec<Tensor>, String> {
    graph.run(vec![input]).map_err(|error| format!("{}: {error}", case.name))
}

/// Loads and runs each case and collects what `check` finds wrong, so that one run shows all.
fn check_each(check: impl Fn(&Case, &Graph) -> Result<(), String>) {
    let problems: Vec<_> = cases()
        .iter()
        .filter_map(|case| {
            let graph = Graph::load(&case.model).map_err(|error| error.to_string());
            let checked = graph.and_then(|graph| check(case, &graph));
            checked.err().map(|problem| format!("{}: {problem}", case.name))
        })
        .collect();
    assert!(problems.is_empty(), "{} cases differ:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn answers_are_those_of_onnx_runtime() {
    check_each(|case, graph| {
        let outputs = answer(case, graph, case.input.clone())?;
        if outputs.len() != case.outputs.len() {
            return Err(format!("{} outputs, expected {}", outputs.len(), case.outputs.len()));
        }
        let differences = outputs.iter().zip(&case.outputs);
        let mut differences = differences.filter_map(|(f, e)| difference(f, e, case.exact));
        differences.next().map_or(Ok(()), Err)
    });
}

#[test]
fn a_row_has_the_same_bits_in_every_batch() {
    check_each(|case, graph| {
        let together = answer(case, graph, case.input.clone())?;
        let count = case.input.shape.first().copied().unwrap_or_default();
        let mut alone: Vec<Vec<u8>> = vec![Vec::new(); together.len()];
        for row in case.input.data.chunks((case.input.data.len() / count.max(1)).max(1)) {
            let mut input = Tensor { data: row.to_vec(), ..case.input.clone() };
            input.shape[0] = 1;
            for (data, output) in alone.iter_mut().zip(answer(case, graph, input)?) {
                data.extend(output.data);
            }
        }
        let together: Vec<_> = together.into_iter().map(|output| output.data).collect();
        if together == alone { Ok(()) } else { Err("the batch changes the bits".into()) }
    });
}
