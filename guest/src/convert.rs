//! Conversions between the core's types and those of the interface, field by field.

use inference_core::{
    Description, ElementType, Error, ErrorKind, Instance, Keys, Prediction, Tensor, TensorType,
};

use crate::bindings::exports::samebits::predictor::model as types;

pub(crate) fn instance(instance: types::Instance) -> Instance {
    match instance {
        types::Instance::Json(text) => Instance::Json(text),
        types::Instance::Text(text) => Instance::Text(text),
        types::Instance::Image(bytes) => Instance::Image(bytes),
    }
}

pub(crate) fn prediction(prediction: Prediction) -> types::Prediction {
    types::Prediction {
        json: prediction.json,
        label: prediction.label,
        score: prediction.score,
        action: prediction.action,
        outputs: prediction.outputs.into_iter().map(tensor_out).collect(),
        warnings: prediction.warnings,
    }
}

pub(crate) fn description(description: Description) -> types::Description {
    types::Description {
        name: description.name,
        version: description.version,
        task: description.task.into(),
        package: description.package,
        inputs: description.inputs.into_iter().map(tensor_type).collect(),
        outputs: description.outputs.into_iter().map(tensor_type).collect(),
        labels: description.labels,
        operators: description.operators,
        operations: description.operations,
        manifest: description.manifest,
    }
}

fn tensor_type(declared: TensorType) -> types::TensorType {
    types::TensorType {
        name: declared.name,
        element_type: element_out(declared.element_type),
        shape: declared.shape,
        keys: declared.keys.map(|keys| match keys {
            Keys::Integers(keys) => types::Keys::Integers(keys),
            Keys::Strings(keys) => types::Keys::Strings(keys),
        }),
    }
}

pub(crate) fn tensor_out(tensor: Tensor) -> types::Tensor {
    types::Tensor {
        name: tensor.name,
        element_type: element_out(tensor.element_type),
        shape: tensor.shape.into_iter().map(|extent| extent as u64).collect(),
        data: tensor.data,
    }
}

pub(crate) fn tensor_in(tensor: types::Tensor) -> Result<Tensor, types::Error> {
    let mut shape = Vec::with_capacity(tensor.shape.len());
    for extent in tensor.shape {
        shape.push(usize::try_from(extent).map_err(|_| too_large(&tensor.name, extent))?);
    }
    let element_type = element_in(tensor.element_type);
    Ok(Tensor { name: tensor.name, element_type, shape, data: tensor.data })
}

fn too_large(name: &str, extent: u64) -> types::Error {
    types::Error::InvalidInput(types::Problem {
        message: format!("{name}: the extent {extent} is more than memory holds"),
        code: "wrong-size".into(),
        file: None,
        field: Some(name.into()),
    })
}

pub(crate) fn error(error: Error) -> types::Error {
    let problem = types::Problem {
        message: error.message,
        code: error.code.into(),
        file: error.file,
        field: error.field,
    };
    match error.kind {
        ErrorKind::InvalidInput => types::Error::InvalidInput(problem),
        ErrorKind::UnsupportedInput => types::Error::UnsupportedInput(problem),
        ErrorKind::TooLarge => types::Error::TooLarge(problem),
        ErrorKind::InvalidModel => types::Error::InvalidModel(problem),
        ErrorKind::UnsupportedModel => types::Error::UnsupportedModel(problem),
        ErrorKind::InferenceFailed => types::Error::InferenceFailed(problem),
    }
}

pub(crate) fn state(code: &str, message: &str) -> types::Error {
    types::Error::InvalidState(types::Problem {
        message: message.into(),
        code: code.into(),
        file: None,
        field: None,
    })
}

fn element_out(element: ElementType) -> types::ElementType {
    match element {
        ElementType::Bool => types::ElementType::Bool,
        ElementType::Uint8 => types::ElementType::Uint8,
        ElementType::Uint16 => types::ElementType::Uint16,
        ElementType::Uint32 => types::ElementType::Uint32,
        ElementType::Uint64 => types::ElementType::Uint64,
        ElementType::Int8 => types::ElementType::Int8,
        ElementType::Int16 => types::ElementType::Int16,
        ElementType::Int32 => types::ElementType::Int32,
        ElementType::Int64 => types::ElementType::Int64,
        ElementType::Float16 => types::ElementType::Float16,
        ElementType::Float32 => types::ElementType::Float32,
        ElementType::Float64 => types::ElementType::Float64,
        ElementType::String => types::ElementType::String,
        ElementType::Bfloat16 => types::ElementType::Bfloat16,
        ElementType::Float8e4m3fn => types::ElementType::Float8e4m3fn,
        ElementType::Float8e4m3fnuz => types::ElementType::Float8e4m3fnuz,
        ElementType::Float8e5m2 => types::ElementType::Float8e5m2,
        ElementType::Float8e5m2fnuz => types::ElementType::Float8e5m2fnuz,
        ElementType::Float8e8m0 => types::ElementType::Float8e8m0,
        ElementType::Float4e2m1 => types::ElementType::Float4e2m1,
        ElementType::Int4 => types::ElementType::Int4,
        ElementType::Uint4 => types::ElementType::Uint4,
        ElementType::Int2 => types::ElementType::Int2,
        ElementType::Uint2 => types::ElementType::Uint2,
    }
}

fn element_in(element: types::ElementType) -> ElementType {
    match element {
        types::ElementType::Bool => ElementType::Bool,
        types::ElementType::Uint8 => ElementType::Uint8,
        types::ElementType::Uint16 => ElementType::Uint16,
        types::ElementType::Uint32 => ElementType::Uint32,
        types::ElementType::Uint64 => ElementType::Uint64,
        types::ElementType::Int8 => ElementType::Int8,
        types::ElementType::Int16 => ElementType::Int16,
        types::ElementType::Int32 => ElementType::Int32,
        types::ElementType::Int64 => ElementType::Int64,
        types::ElementType::Float16 => ElementType::Float16,
        types::ElementType::Float32 => ElementType::Float32,
        types::ElementType::Float64 => ElementType::Float64,
        types::ElementType::String => ElementType::String,
        types::ElementType::Bfloat16 => ElementType::Bfloat16,
        types::ElementType::Float8e4m3fn => ElementType::Float8e4m3fn,
        types::ElementType::Float8e4m3fnuz => ElementType::Float8e4m3fnuz,
        types::ElementType::Float8e5m2 => ElementType::Float8e5m2,
        types::ElementType::Float8e5m2fnuz => ElementType::Float8e5m2fnuz,
        types::ElementType::Float8e8m0 => ElementType::Float8e8m0,
        types::ElementType::Float4e2m1 => ElementType::Float4e2m1,
        types::ElementType::Int4 => ElementType::Int4,
        types::ElementType::Uint4 => ElementType::Uint4,
        types::ElementType::Int2 => ElementType::Int2,
        types::ElementType::Uint2 => ElementType::Uint2,
    }
}
