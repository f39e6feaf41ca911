//! What a graph's inputs are as the columns of a table.

use model_package::{Field, FieldType, GraphInput, GraphInputSource, Limits};
use predictor_host::{Description, ElementType, TensorType};

use super::Left;

/// Operators that know what a missing number is.
const KNOW_NAN: [&str; 5] = [
    "IsNaN",
    "ai.onnx.ml.Imputer",
    "ai.onnx.ml.TreeEnsemble",
    "ai.onnx.ml.TreeEnsembleClassifier",
    "ai.onnx.ml.TreeEnsembleRegressor",
];

/// The fields of an instance, and how they fill the graph's inputs.
pub(super) struct Table {
    pub(super) fields: Vec<Field>,
    pub(super) inputs: Vec<GraphInput>,
    pub(super) notes: Vec<String>,
}

/// Infers the table; `columns` are the names on the command line, for all inputs in their order.
///
/// # Errors
/// Why the inputs are no columns.
pub(super) fn infer(description: &Description, columns: Option<&[String]>) -> Result<Table, Left> {
    let inputs = &description.inputs;
    let widths = inputs.iter().map(width).collect::<Result<Vec<_>, _>>()?;
    let total = widths.iter().fold(0_usize, |total, width| total.saturating_add(*width));
    if total == 0 || total > Limits::DEFAULT.fields {
        return Err(format!("its inputs have {total} columns").into());
    }
    if let Some(columns) = columns
        && columns.len() != total
    {
        let given = columns.len();
        let message = format!("--columns has {given} names, the graph takes {total} columns");
        return Err(Left::Option(message));
    }
    let wide = inputs.iter().zip(&widths).find(|(_, width)| **width > 1);
    if let (None, Some((input, width))) = (columns, wide) {
        return Err(format!(
            "the {width} columns of the input {} have no names; with --columns NAME,NAME,… the \
             package takes an object with a number for each",
            input.name
        )
        .into());
    }
    let mut names = columns.unwrap_or_default().iter().cloned();
    let nullable = description.operators.iter().any(|op| KNOW_NAN.contains(&op.as_str()));
    let mut table = Table { fields: Vec::new(), inputs: Vec::new(), notes: Vec::new() };
    for (input, width) in inputs.iter().zip(widths) {
        let kind = kind(input)?;
        let mut fields = Vec::with_capacity(width);
        for _ in 0..width {
            let name = names.next().unwrap_or_else(|| input.name.clone());
            fields.push(name.clone());
            table.fields.push(field(name, kind, nullable && kind == FieldType::Number));
        }
        let from = GraphInputSource::Fields;
        table.inputs.push(GraphInput { name: input.name.clone(), from, fields });
    }
    if table.fields.iter().any(|field| field.nullable) {
        table.notes.push(
            "numbers may be absent or null, which is NaN to the graph; take \"nullable\" out of \
             manifest.json where a number is required"
                .into(),
        );
    }
    Ok(table)
}

fn field(name: String, kind: FieldType, nullable: bool) -> Field {
    Field {
        name,
        kind,
        role: None,
        min: None,
        max: None,
        values: Vec::new(),
        max_length: None,
        default: None,
        nullable,
        sensitive: false,
        training_range: None,
        unit: None,
        description: None,
    }
}

/// How many columns an input has.
fn width(input: &TensorType) -> Result<usize, String> {
    let shape = input.shape.as_slice();
    let batch = shape.first().is_some_and(|first| first == "1" || first.parse::<usize>().is_err());
    match shape {
        [_] if batch => Ok(1),
        [_, columns] if batch && columns.parse::<usize>().is_ok() => {
            Ok(columns.parse().unwrap_or_default())
        }
        _ => Err(format!("its input {} has the shape [{}]", input.name, shape.join(", "))),
    }
}

fn kind(input: &TensorType) -> Result<FieldType, String> {
    Ok(match input.element_type {
        ElementType::Float32 | ElementType::Float64 => FieldType::Number,
        ElementType::Bool => FieldType::Boolean,
        ElementType::String => FieldType::String,
        ElementType::Uint8
        | ElementType::Uint16
        | ElementType::Uint32
        | ElementType::Uint64
        | ElementType::Int8
        | ElementType::Int16
        | ElementType::Int32
        | ElementType::Int64 => FieldType::Integer,
        other => {
            let kind = predictor_host::element::type_name(other);
            return Err(format!("its input {} is {kind}", input.name));
        }
    })
}
