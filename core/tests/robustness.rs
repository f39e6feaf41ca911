//! Single operators with attributes and inputs that contradict each other: whatever they are, the
//! answer is a result or an error, never a panic.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use inference_core::graph::Graph;
use inference_core::{ElementType, Tensor};
use prost::Message as _;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_shape_proto::Dimension;
use tract_onnx::pb::tensor_shape_proto::dimension::Value::DimParam;
use tract_onnx::pb::type_proto::Value;
use tract_onnx::pb::{AttributeProto, ModelProto};

use crate::support::exported::{Case, cases};

/// Every way to break an attribute that this test knows.
fn broken(attribute: &AttributeProto) -> Vec<AttributeProto> {
    let mut out = Vec::new();
    let mut add = |change: &dyn Fn(&mut AttributeProto)| {
        let mut changed = attribute.clone();
        change(&mut changed);
        out.push(changed);
    };
    match AttributeType::try_from(attribute.r#type) {
        Ok(AttributeType::Int) => {
            for value in [i64::MIN, -1, 0, 2, 1 << 40, i64::MAX] {
                add(&|attribute| attribute.i = value);
            }
        }
        Ok(AttributeType::Float) => {
            for value in [f32::NAN, f32::INFINITY, -1e38] {
                add(&|attribute| attribute.f = value);
            }
        }
        Ok(AttributeType::String) => {
            for value in ["", "LINEAR", "RBF", "SOFTMAX", "((", "\u{10ffff}"] {
                add(&|attribute| attribute.s = value.into());
            }
            add(&|attribute| attribute.s = vec![0xff]);
        }
        Ok(AttributeType::Ints) => {
            add(&|attribute| attribute.ints.clear());
            add(&|attribute| attribute.ints.truncate(1));
            add(&|attribute| attribute.ints.push(0));
            for value in [i64::MIN, -1, 0, 1 << 25, 1 << 40, i64::MAX] {
                add(&|attribute| attribute.ints[0] = value);
                add(&|attribute| attribute.ints.fill(value));
            }
        }
        Ok(AttributeType::Floats) => {
            add(&|attribute| attribute.floats.clear());
            add(&|attribute| attribute.floats.truncate(1));
            add(&|attribute| attribute.floats.push(0.0));
            add(&|attribute| attribute.floats.fill(f32::NAN));
            add(&|attribute| attribute.floats.fill(f32::INFINITY));
        }
        Ok(AttributeType::Strings) => {
            add(&|attribute| attribute.strings.clear());
            add(&|attribute| attribute.strings.truncate(1));
            add(&|attribute| attribute.strings.push(Vec::new()));
            add(&|attribute| attribute.strings.fill(b"same".to_vec()));
            add(&|attribute| attribute.strings.fill(vec![0xff]));
        }
        Ok(AttributeType::Tensor) => {
            add(&|attribute| attribute.t = None);
            add(&|attribute| attribute.t.as_mut().unwrap().data_type = 7);
            add(&|attribute| attribute.t.as_mut().unwrap().raw_data.push(1));
            add(&|attribute| attribute.t.as_mut().unwrap().dims = vec![3]);
        }
        _ => {}
    }
    out
}

/// Single nodes, a few of each operator.
fn operators() -> Vec<(String, Case)> {
    const OF_EACH: usize = 4;
    let mut counts = BTreeMap::new();
    let mut operators: Vec<_> =
        cases().into_iter().filter(|(name, _)| name.starts_with("op_")).collect();
    operators.retain(|(_, case)| {
        let mut model = ModelProto::decode(case.model.as_slice()).unwrap();
        let node = model.graph.as_mut().unwrap().node.remove(0);
        let mut names: Vec<_> = node.attribute.into_iter().map(|a| a.name).collect();
        names.sort();
        let count = counts.entry((node.op_type, names)).or_insert(0);
        *count += 1;
        *count <= OF_EACH
    });
    operators
}

fn attributes(model: &mut ModelProto) -> &mut Vec<AttributeProto> {
    &mut model.graph.as_mut().unwrap().node[0].attribute
}

fn survives(name: &str, change: &str, model: &ModelProto, inputs: &[Tensor]) {
    let run = || Graph::load(model.encode_to_vec()).and_then(|graph| graph.run(inputs.to_vec()));
    let outcome = catch_unwind(AssertUnwindSafe(run));
    assert!(outcome.is_ok(), "{name} panics with {change}");
}

#[test]
fn any_attribute() {
    for (name, case) in operators() {
        let sound = ModelProto::decode(case.model.as_slice()).unwrap();
        let count = sound.graph.as_ref().unwrap().node[0].attribute.len();
        for place in 0..count {
            let mut model = sound.clone();
            let attribute = attributes(&mut model).remove(place);
            survives(&name, &format!("no {}", attribute.name), &model, &case.inputs);
            for changed in broken(&attribute) {
                let mut model = sound.clone();
                let change = format!("{changed:?}");
                attributes(&mut model)[place] = changed;
                survives(&name, &change, &model, &case.inputs);
            }
        }
    }
}

#[test]
fn any_shape() {
    for (name, case) in operators() {
        for rank in 0..4 {
            let mut model = ModelProto::decode(case.model.as_slice()).unwrap();
            for (input, value) in model.graph.as_mut().unwrap().input.iter_mut().enumerate() {
                let r#type = value.r#type.as_mut().unwrap();
                let Some(Value::TensorType(tensor)) = &mut r#type.value else { continue };
                let open = |axis| Dimension {
                    value: Some(DimParam(format!("D{input}_{axis}"))),
                    ..Default::default()
                };
                tensor.shape.as_mut().unwrap().dim = (0..rank).map(open).collect();
            }
            for extent in [0, 1, 2, 5] {
                let inputs: Vec<_> =
                    case.inputs.iter().map(|input| zeros(input, &vec![extent; rank])).collect();
                survives(&name, &format!("rank {rank} and {extent}"), &model, &inputs);
            }
        }
    }
}

/// A tensor of zeros, or of empty strings, with the name and type of another.
fn zeros(like: &Tensor, shape: &[usize]) -> Tensor {
    let size = match like.element_type {
        ElementType::Bool => 1,
        ElementType::Int16 => 2,
        ElementType::Float64 | ElementType::Int64 => 8,
        _ => 4,
    };
    let data = vec![0; shape.iter().product::<usize>() * size];
    Tensor { shape: shape.to_vec(), data, ..like.clone() }
}
