//! Sequences of tensors and optional values:
//! [`SequenceConstruct`](https://onnx.ai/onnx/operators/onnx__SequenceConstruct.html) and its kin,
//! [`SplitToSequence`](https://onnx.ai/onnx/operators/onnx__SplitToSequence.html),
//! [`ConcatFromSequence`](https://onnx.ai/onnx/operators/onnx__ConcatFromSequence.html), and
//! [`Optional`](https://onnx.ai/onnx/operators/onnx__Optional.html) and its kin.
//!
//! What enters or leaves a graph is tensors all the same, see [`super::super::port`].

use std::sync::Arc;

use tract_onnx::pb::{GraphProto, NodeProto};
use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Value, axis, integers};

use super::Frame;
use super::body::{Body, Builder};
use super::item::Item;

/// The operators here.
pub(super) const SEQUENCES: [&str; 13] = [
    "ConcatFromSequence",
    "Optional",
    "OptionalGetElement",
    "OptionalHasElement",
    "SequenceAt",
    "SequenceConstruct",
    "SequenceEmpty",
    "SequenceErase",
    "SequenceInsert",
    "SequenceLength",
    "SequenceMap",
    "SplitToSequence",
    "Identity",
];

/// A node of one of these operators. What one of a plain name does follows from its inputs.
pub(super) enum Sequence {
    At,
    Concat { axis: i64, new: bool },
    Construct,
    Erase,
    Insert,
    Length,
    Map(Body),
    Split { axis: i64, keep: bool },
    Optional,
    GetElement,
    HasElement,
    Identity,
}

impl Sequence {
    /// Reads a node; `None` if its operator is another one.
    pub fn new<'a>(builder: &Builder<'a>, node: &'a NodeProto) -> TractResult<Option<Self>> {
        let flag = |name: &str, default: i64| -> TractResult<bool> {
            Ok(node.get_attr_opt(name)?.unwrap_or(default) != 0)
        };
        Ok(Some(match node.op_type.as_str() {
            "SequenceAt" => Self::At,
            "ConcatFromSequence" => {
                Self::Concat { axis: node.get_attr("axis")?, new: flag("new_axis", 0)? }
            }
            // An empty one is one of no elements; what type they would be does not matter here.
            "SequenceConstruct" | "SequenceEmpty" => Self::Construct,
            "SequenceErase" => Self::Erase,
            "SequenceInsert" => Self::Insert,
            "SequenceLength" => Self::Length,
            "SequenceMap" => {
                let body: &GraphProto = node.get_attr("body")?;
                Self::Map(builder.body(body)?)
            }
            "SplitToSequence" => Self::Split {
                axis: node.get_attr_opt("axis")?.unwrap_or(0),
                keep: flag("keepdims", 1)?,
            },
            "Optional" => Self::Optional,
            "OptionalGetElement" => Self::GetElement,
            "OptionalHasElement" => Self::HasElement,
            "Identity" => Self::Identity,
            _ => return Ok(None),
        }))
    }

    pub fn run(&self, inputs: &[Option<Item>], frame: &Frame) -> TractResult<Vec<Item>> {
        let given = |place: usize| inputs.get(place).and_then(Option::as_ref);
        let input = |place: usize| given(place).with_context(|| format!("no input {place}"));
        let output = match self {
            Self::Construct => {
                let items = inputs.iter().flatten();
                let elements = items.map(|item| item.tensor().cloned());
                Item::sequence(elements.collect::<TractResult<_>>()?)?
            }
            Self::At => {
                let elements = input(0)?.elements()?;
                let place = place(input(1)?, elements.len())?;
                elements.get(place).cloned().context("no such element")?.into()
            }
            Self::Insert => {
                let mut elements = input(0)?.elements()?.to_vec();
                let end = elements.len();
                let place = given(2).map_or(Ok(end), |item| place(item, end + 1))?;
                elements.insert(place, input(1)?.tensor()?.clone());
                Item::sequence(elements)?
            }
            Self::Erase => {
                let mut elements = input(0)?.elements()?.to_vec();
                let count = elements.len();
                ensure!(count > 0, "nothing is there to erase");
                let place = given(1).map_or(Ok(count - 1), |item| place(item, count))?;
                elements.remove(place);
                Item::sequence(elements)?
            }
            Self::Length => tensor0(i64::try_from(input(0)?.elements()?.len())?).into(),
            Self::Concat { axis, new } => concat(input(0)?.elements()?, *axis, *new)?.into(),
            Self::Split { axis, keep } => split(input(0)?.tensor()?, given(1), *axis, *keep)?,
            Self::Map(body) => return map(body, inputs, frame),
            Self::Optional => given(0).cloned().unwrap_or(Item::Absent),
            Self::GetElement | Self::Identity => match input(0)? {
                Item::Absent if matches!(self, Self::GetElement) => {
                    bail!("the optional value is not there")
                }
                item => item.clone(),
            },
            Self::HasElement => {
                tensor0(given(0).is_some_and(|item| !matches!(item, Item::Absent))).into()
            }
        };
        Ok(vec![output])
    }
}

/// A place among `count`, counted from the end where it is negative.
fn place(item: &Item, count: usize) -> TractResult<usize> {
    match *integers(&item.tensor()?.tensor)? {
        // As for an axis.
        [place] => axis(place, count),
        ref other => bail!("a position of {} elements, not 1", other.len()),
    }
}

/// The elements joined along an axis, which a new one may be.
fn concat(elements: &[Value], place: i64, new: bool) -> TractResult<Value> {
    let first = elements.first().context("an empty sequence can't be joined")?;
    let rank = first.tensor.rank();
    let axis = axis(place, rank + usize::from(new))?;
    let mut parts = Vec::with_capacity(elements.len());
    for element in elements {
        let (one, other) = (&element.tensor, &first.tensor);
        let mut extents = one.shape().iter().zip(other.shape()).enumerate();
        let alike = one.rank() == rank
            && one.datum_type() == other.datum_type()
            && element.narrow == first.narrow
            && extents.all(|(at, (one, other))| one == other || (at == axis && !new));
        ensure!(alike, "elements of {:?} and {:?} can't be joined", other.shape(), one.shape());
        let mut part = (**one).clone();
        if new {
            part.insert_axis(axis)?;
        }
        parts.push(part);
    }
    let tensor = Tensor::stack_tensors(axis, &parts)?;
    Ok(Value { tensor: Arc::new(tensor), narrow: first.narrow })
}

/// A tensor cut along an axis: in pieces of one, of a given length each, or of given lengths.
fn split(value: &Value, lengths: Option<&Item>, place: i64, keep: bool) -> TractResult<Item> {
    let tensor = &value.tensor;
    let axis = axis(place, tensor.rank())?;
    let extent = *tensor.shape().get(axis).context("the axis was just checked")?;
    // Without lengths, pieces of one may lose their axis.
    let flat = lengths.is_none() && !keep;
    let lengths = match lengths {
        None => vec![1; extent],
        Some(item) => {
            let given = &item.tensor()?.tensor;
            let lengths = integers(given)?;
            match (given.rank(), lengths.as_slice()) {
                (0, [each]) => {
                    let each = usize::try_from(*each).ok().filter(|each| *each > 0);
                    let each = each.context("pieces of no length")?;
                    (0..extent).step_by(each).map(|start| each.min(extent - start)).collect()
                }
                _ => {
                    let lengths = lengths.iter().map(|length| usize::try_from(*length));
                    lengths.collect::<Result<Vec<_>, _>>().context("pieces of negative length")?
                }
            }
        }
    };
    let sum = lengths.iter().try_fold(0_usize, |sum, length| sum.checked_add(*length));
    ensure!(sum == Some(extent), "pieces of {sum:?} in all for an axis of {extent}");
    let mut pieces = Vec::with_capacity(lengths.len());
    let mut start = 0;
    for length in lengths {
        let mut piece = tensor.slice(axis, start, start + length)?;
        if flat {
            piece.remove_axis(axis)?;
        }
        pieces.push(Value { tensor: Arc::new(piece), narrow: value.narrow });
        start += length;
    }
    Item::sequence(pieces)
}

/// Runs a graph on each element of the first input, with that of the other sequences at its place.
fn map(body: &Body, inputs: &[Option<Item>], frame: &Frame) -> TractResult<Vec<Item>> {
    let first = inputs.first().and_then(Option::as_ref).context("no input 0")?;
    let mut results = vec![Vec::new(); body.outputs.len()];
    for place in 0..first.elements()?.len() {
        frame.step()?;
        let mut own = Vec::with_capacity(inputs.len());
        for item in inputs.iter().flatten() {
            own.push(match item {
                Item::Sequence(elements) => {
                    elements.get(place).cloned().context("a sequence that is shorter")?.into()
                }
                other => other.clone(),
            });
        }
        let outputs = body.run(own, Some(frame), frame.steps)?;
        for (all, output) in results.iter_mut().zip(outputs) {
            all.push(output.tensor()?.clone());
        }
    }
    results.into_iter().map(Item::sequence).collect()
}
