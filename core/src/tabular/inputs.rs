//! How records enter the graph: as rows of features, or with fields as columns.

use model_package::{FieldType, GraphInputSource, Manifest};

use crate::features::Features;
use crate::graph::Graph;
use crate::instance::FieldValue;
use crate::tensor::push_string;
use crate::{ElementType, Error, Tensor, TensorType};

/// The graph's inputs and what fills each.
#[derive(Debug)]
pub(super) struct Inputs(Vec<Input>);

#[derive(Debug)]
struct Input {
    name: String,
    element_type: ElementType,
    /// Columns; `None` where the input has one value for each record, and no dimension for it.
    width: Option<usize>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Features(Features),
    Fields(Vec<Column>),
}

/// A field that fills a column: its place, and a category's values.
#[derive(Debug)]
struct Column {
    place: usize,
    values: Vec<String>,
}

/// How many records the graph takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Batch {
    Any,
    One,
}

/// Records as the graph takes them.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// For each input of the graph the bytes of all records, and where those of each end.
    inputs: Vec<(Vec<u8>, Vec<usize>)>,
    /// Memory to compute features in.
    scratch: Scratch,
}

#[derive(Debug, Default)]
struct Scratch {
    done: Vec<f64>,
    row: Vec<f32>,
}

impl Rows {
    /// How many records there are.
    pub(super) fn count(&self) -> usize {
        self.inputs.first().map_or(0, |(_, ends)| ends.len())
    }
}

impl Inputs {
    /// Checks that manifest and graph speak of the same inputs.
    pub(super) fn load(manifest: &Manifest, graph: &Graph) -> Result<(Self, Batch), Error> {
        let declared = same_names(manifest, graph)?;
        let mut inputs = Vec::with_capacity(declared.len());
        let mut batch = Batch::Any;
        for (index, (given, declared)) in manifest.graph.inputs.iter().zip(declared).enumerate() {
            let at = format!("graph.inputs[{index}]");
            let source = match given.from {
                GraphInputSource::Fields => fields(manifest, &given.fields, declared)
                    .map_err(|message| super::mismatch(format!("{at}.fields"), message))?,
                _ if declared.element_type == ElementType::Float32 => {
                    Source::Features(Features::compile(manifest)?)
                }
                _ => {
                    let (name, found) = (&given.name, declared.element_type);
                    let message =
                        format!("the graph's input {name:?} is {found}, features are float32");
                    return Err(super::mismatch(at, message));
                }
            };
            let width = match &source {
                Source::Features(features) => features.width(),
                Source::Fields(columns) => columns.len(),
            };
            if rows(declared, width, &source, index)? == Batch::One {
                batch = Batch::One;
            }
            inputs.push(Input {
                name: declared.name.clone(),
                element_type: declared.element_type,
                width: (declared.shape.len() > 1).then_some(width),
                source,
            });
        }
        Ok((Self(inputs), batch))
    }

    /// Appends a record; on failure `rows` is as it was.
    pub(super) fn append(&self, values: &[FieldValue<'_>], rows: &mut Rows) -> Result<(), Error> {
        rows.inputs.resize_with(self.0.len(), Default::default);
        let mut failed = None;
        for (input, (data, ends)) in self.0.iter().zip(&mut rows.inputs) {
            if let Err(error) = input.append(values, &mut rows.scratch, data) {
                failed = Some((error, ends.len()));
                break;
            }
            ends.push(data.len());
        }
        let Some((error, count)) = failed else { return Ok(()) };
        for (data, ends) in &mut rows.inputs {
            ends.truncate(count);
            data.truncate(ends.last().copied().unwrap_or(0));
        }
        Err(error)
    }

    /// The tensors of `count` records from the one at `first` on.
    pub(super) fn tensors(&self, rows: &Rows, first: usize, count: usize) -> Vec<Tensor> {
        let tensor = |(input, (data, ends)): (&Input, &(Vec<u8>, Vec<usize>))| {
            let end = |place: usize| ends.get(place).copied().unwrap_or(data.len());
            let start = if first == 0 { 0 } else { end(first - 1) };
            let until = if count == 0 { start } else { end(first + count - 1) };
            Tensor {
                name: input.name.clone(),
                element_type: input.element_type,
                shape: std::iter::once(count).chain(input.width).collect(),
                data: data.get(start..until).unwrap_or_default().to_vec(),
            }
        };
        self.0.iter().zip(&rows.inputs).map(tensor).collect()
    }
}

impl Input {
    fn append(
        &self,
        values: &[FieldValue<'_>],
        scratch: &mut Scratch,
        data: &mut Vec<u8>,
    ) -> Result<(), Error> {
        match &self.source {
            Source::Features(features) => {
                let Scratch { done, row } = scratch;
                row.clear();
                features.evaluate(values, done, row)?;
                data.extend(row.iter().flat_map(|value| value.to_le_bytes()));
            }
            Source::Fields(columns) => {
                for column in columns {
                    if let Some(value) = values.get(column.place) {
                        self.encode(value, &column.values, data)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Appends a value whose field fits the input; `values` are those of a category.
    fn encode(
        &self,
        value: &FieldValue<'_>,
        values: &[String],
        data: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let value = match value {
            FieldValue::Number(value) => *value,
            FieldValue::Text(text) => {
                push_string(data, text);
                return Ok(());
            }
            FieldValue::Category(code) => {
                push_string(data, values.get(*code).map_or("", String::as_str));
                return Ok(());
            }
            FieldValue::Time(_) => return Ok(()),
        };
        let outside = || {
            let (name, kind) = (&self.name, self.element_type);
            let message = format!("{value} is no {kind}, which the graph's input {name} takes");
            Error::input("out-of-range", message).at(name)
        };
        /// The little-endian bytes of a whole number of this type.
        macro_rules! integer {
            ($kind:ty) => {{
                // Integers of fields have at most 53 bits.
                let found = <$kind>::try_from(value as i64).map_err(|_| outside())?;
                data.extend_from_slice(&found.to_le_bytes());
            }};
        }
        match self.element_type {
            ElementType::Float64 => data.extend_from_slice(&value.to_le_bytes()),
            ElementType::Bool => data.push(u8::from(value != 0.0)),
            ElementType::Uint8 => integer!(u8),
            ElementType::Uint16 => integer!(u16),
            ElementType::Uint32 => integer!(u32),
            ElementType::Uint64 => integer!(u64),
            ElementType::Int8 => integer!(i8),
            ElementType::Int16 => integer!(i16),
            ElementType::Int32 => integer!(i32),
            ElementType::Int64 => integer!(i64),
            _ => {
                let single = value as f32;
                if value.is_finite() && !single.is_finite() {
                    return Err(outside());
                }
                data.extend_from_slice(&single.to_le_bytes());
            }
        }
        Ok(())
    }
}

/// The graph's inputs in the order of the manifest, each named there.
fn same_names<'a>(manifest: &Manifest, graph: &'a Graph) -> Result<Vec<&'a TensorType>, Error> {
    let given = &manifest.graph.inputs;
    let known = || super::names(graph.inputs());
    let mut found = Vec::with_capacity(given.len());
    for (index, input) in given.iter().enumerate() {
        let declared = graph.inputs().iter().find(|declared| declared.name == input.name);
        let missing = || {
            let message =
                format!("the graph has no input {:?}, its inputs are {}", input.name, known());
            super::mismatch(format!("graph.inputs[{index}].name"), message)
        };
        found.push(declared.ok_or_else(missing)?);
    }
    let filled = |declared: &&TensorType| given.iter().any(|input| input.name == declared.name);
    match graph.inputs().iter().find(|declared| !filled(declared)) {
        None => Ok(found),
        Some(declared) => {
            let message = format!(
                "nothing fills the graph's input {:?}; its inputs are {}",
                declared.name,
                known()
            );
            Err(super::mismatch("graph.inputs", message))
        }
    }
}

/// The fields with these names, whose types the input takes.
fn fields(manifest: &Manifest, names: &[String], declared: &TensorType) -> Result<Source, String> {
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let all = manifest.input.fields.iter().enumerate();
        let Some((place, field)) = all.into_iter().find(|(_, field)| field.name == *name) else {
            return Err(format!("{name:?} is not a field"));
        };
        if !takes(declared.element_type, field.kind) {
            let (kind, element) = (field.kind.name(), declared.element_type);
            return Err(format!(
                "the field {name:?} is a {kind}, the graph's input {:?} takes {element}",
                declared.name
            ));
        }
        columns.push(Column { place, values: field.values.clone() });
    }
    Ok(Source::Fields(columns))
}

fn takes(element: ElementType, kind: FieldType) -> bool {
    use ElementType::{
        Bool, Float32, Float64, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64,
    };
    let float = matches!(element, Float32 | Float64);
    let integer =
        matches!(element, Int8 | Int16 | Int32 | Int64 | Uint8 | Uint16 | Uint32 | Uint64);
    match kind {
        FieldType::Number => float,
        FieldType::Integer => float || integer,
        FieldType::Boolean => float || integer || element == Bool,
        FieldType::String | FieldType::Category => element == ElementType::String,
        FieldType::Timestamp => false,
    }
}

/// How many records an input takes: its shape is a row, or a value, for each.
fn rows(
    declared: &TensorType,
    width: usize,
    source: &Source,
    index: usize,
) -> Result<Batch, Error> {
    let name = &declared.name;
    let open = |extent: &String| extent.parse::<usize>().is_err();
    let fits = match (declared.shape.as_slice(), source) {
        ([_], Source::Fields(_)) => width == 1,
        ([_, columns], _) => open(columns) || *columns == width.to_string(),
        _ => false,
    };
    let found = declared.shape.join(", ");
    if !fits {
        let message = format!(
            "the graph's input {name:?} has the shape [{found}], the manifest fills [N, {width}]"
        );
        let field = match source {
            Source::Features(_) => "features".into(),
            Source::Fields(_) => format!("graph.inputs[{index}].fields"),
        };
        return Err(super::mismatch(field, message));
    }
    match declared.shape.first() {
        Some(first) if open(first) => Ok(Batch::Any),
        Some(first) if first == "1" => Ok(Batch::One),
        _ => {
            let message = format!(
                "the graph takes batches of {} only; export it with an open batch dimension",
                declared.shape.join(" x ")
            );
            Err(super::mismatch(format!("graph.inputs[{index}]"), message))
        }
    }
}
