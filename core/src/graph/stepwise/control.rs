//! Nodes with graphs inside: [`If`](https://onnx.ai/onnx/operators/onnx__If.html),
//! [`Loop`](https://onnx.ai/onnx/operators/onnx__Loop.html) and
//! [`Scan`](https://onnx.ai/onnx/operators/onnx__Scan.html).

use std::sync::Arc;

use tract_onnx::pb::{GraphProto, NodeProto};
use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Value, axis};

use super::Frame;
use super::body::{Body, Builder};
use super::item::Item;

/// One of two graphs is run.
pub(super) struct Branch {
    then: Body,
    otherwise: Body,
}

impl Branch {
    pub fn new<'a>(builder: &Builder<'a>, node: &'a NodeProto) -> TractResult<Self> {
        let then: &GraphProto = node.get_attr("then_branch")?;
        let otherwise: &GraphProto = node.get_attr("else_branch")?;
        Ok(Self { then: builder.body(then)?, otherwise: builder.body(otherwise)? })
    }

    pub fn run(&self, inputs: &[Option<Item>], frame: &Frame) -> TractResult<Vec<Item>> {
        let condition = inputs.first().and_then(Option::as_ref).context("no condition")?;
        let body = if truth(condition)? { &self.then } else { &self.otherwise };
        body.run(Vec::new(), Some(frame), frame.steps)
    }
}

/// A graph is run again and again.
pub(super) struct Loop {
    body: Body,
}

impl Loop {
    pub fn new<'a>(builder: &Builder<'a>, node: &'a NodeProto) -> TractResult<Self> {
        let body: &GraphProto = node.get_attr("body")?;
        Ok(Self { body: builder.body(body)? })
    }

    pub fn run(&self, inputs: &[Option<Item>], frame: &Frame) -> TractResult<Vec<Item>> {
        let trips = inputs.first().and_then(Option::as_ref).map(Item::tensor).transpose()?;
        let trips = trips.map(|value| value.tensor.cast_to_scalar::<i64>()).transpose()?;
        let mut condition = match inputs.get(1).and_then(Option::as_ref) {
            Some(condition) => truth(condition)?,
            None => true,
        };
        let mut carried: Vec<_> = inputs.iter().skip(2).flatten().cloned().collect();
        let count = carried.len();
        let scans = self.body.outputs.len().checked_sub(count + 1);
        let mut scanned = vec![Vec::new(); scans.context("the body gives too few outputs")?];
        let mut trip = 0;
        while condition && trips.is_none_or(|trips| trip < trips) {
            frame.step()?;
            let mut arguments = vec![Item::from(tensor0(trip)), Item::from(tensor0(condition))];
            arguments.append(&mut carried);
            let mut outputs = self.body.run(arguments, Some(frame), frame.steps)?.into_iter();
            condition = truth(&outputs.next().context("the body gives no condition")?)?;
            carried.extend(outputs.by_ref().take(count));
            for (all, item) in scanned.iter_mut().zip(outputs) {
                all.push(item.tensor()?.clone());
            }
            trip += 1;
        }
        for values in scanned {
            carried.push(stack(&values, 0, false)?.into());
        }
        Ok(carried)
    }
}

/// A graph is run on each slice of its inputs.
pub(super) struct Scan {
    body: Body,
    inputs: usize,
    input_axes: Vec<i64>,
    input_directions: Vec<i64>,
    output_axes: Vec<i64>,
    output_directions: Vec<i64>,
    /// Version 8 has a batch in front of everything, and lengths as its first input.
    batched: bool,
}

impl Scan {
    pub fn new<'a>(builder: &Builder<'a>, node: &'a NodeProto, opset: i64) -> TractResult<Self> {
        let body: &GraphProto = node.get_attr("body")?;
        let batched = opset < 9;
        let list = |name: &str| -> TractResult<Vec<i64>> {
            Ok(node.get_attr_opt_vec(name)?.unwrap_or_default())
        };
        let directions = if batched { "directions" } else { "scan_input_directions" };
        Ok(Self {
            body: builder.body(body)?,
            inputs: node.get_attr("num_scan_inputs")?,
            input_axes: list("scan_input_axes")?,
            input_directions: list(directions)?,
            output_axes: list("scan_output_axes")?,
            output_directions: list("scan_output_directions")?,
            batched,
        })
    }

    pub fn run(&self, mut inputs: Vec<Option<Value>>, frame: &Frame) -> TractResult<Vec<Value>> {
        if !self.batched {
            let inputs = inputs.into_iter().flatten().collect();
            return self.sequence(inputs, frame);
        }
        let lengths = if inputs.is_empty() { None } else { inputs.remove(0) };
        ensure!(lengths.is_none(), "Scan of version 8 with sequence_lens is not supported");
        let inputs: Vec<_> = inputs.into_iter().flatten().collect();
        let batch = inputs.first().and_then(|value| value.tensor.shape().first().copied());
        let mut results: Vec<Vec<Value>> = Vec::new();
        for item in 0..batch.context("Scan has no batch")? {
            let own =
                inputs.iter().map(|value| slice(value, 0, item)).collect::<TractResult<_>>()?;
            let outputs = self.sequence(own, frame)?;
            results.resize(outputs.len(), Vec::new());
            results.iter_mut().zip(outputs).for_each(|(all, value)| all.push(value));
        }
        results.iter().map(|values| stack(values, 0, false)).collect()
    }

    fn sequence(&self, mut inputs: Vec<Value>, frame: &Frame) -> TractResult<Vec<Value>> {
        let states = inputs.len().checked_sub(self.inputs).context("Scan has too few inputs")?;
        let sequences = inputs.split_off(states);
        let mut axes = Vec::with_capacity(sequences.len());
        let mut length = None;
        for (place, sequence) in sequences.iter().enumerate() {
            let given = self.input_axes.get(place).copied().unwrap_or(0);
            let axis = axis(given, sequence.tensor.rank())?;
            let extent = sequence.tensor.shape().get(axis).copied().unwrap_or(0);
            ensure!(*length.get_or_insert(extent) == extent, "Scan has inputs of unequal length");
            axes.push((axis, self.input_directions.get(place) == Some(&1)));
        }
        let length = length.context("Scan has nothing to scan")?;
        let scans = self.body.outputs.len().checked_sub(states);
        let mut scanned = vec![Vec::new(); scans.context("the body gives too few outputs")?];
        let mut state = inputs;
        for step in 0..length {
            frame.step()?;
            for (sequence, (axis, backwards)) in sequences.iter().zip(&axes) {
                let place = if *backwards { length - 1 - step } else { step };
                state.push(slice(sequence, *axis, place)?);
            }
            let state_items = state.into_iter().map(Item::from).collect();
            let outputs = self.body.run(state_items, Some(frame), frame.steps)?;
            let outputs = outputs.iter().map(|item| item.tensor().cloned());
            let mut outputs = outputs.collect::<TractResult<Vec<_>>>()?.into_iter();
            state = outputs.by_ref().take(states).collect();
            scanned.iter_mut().zip(outputs).for_each(|(all, value)| all.push(value));
        }
        for (place, values) in scanned.iter().enumerate() {
            let backwards = self.output_directions.get(place) == Some(&1);
            let axis = self.output_axes.get(place).copied().unwrap_or(0);
            state.push(stack(values, axis, backwards)?);
        }
        Ok(state)
    }
}

fn truth(item: &Item) -> TractResult<bool> {
    let elements = item.tensor()?.tensor.cast_to::<bool>()?;
    let elements = elements.try_as_plain_ram()?;
    match elements.as_slice::<bool>()? {
        [truth] => Ok(*truth),
        other => bail!("a condition of {} elements, not 1", other.len()),
    }
}

/// The slice at a place of an axis, without that axis.
fn slice(value: &Value, axis: usize, place: usize) -> TractResult<Value> {
    let mut tensor = value.tensor.slice(axis, place, place + 1)?;
    tensor.remove_axis(axis)?;
    Ok(Value { tensor: Arc::new(tensor), narrow: value.narrow })
}

/// Slices put together along a new axis.
fn stack(values: &[Value], place: i64, backwards: bool) -> TractResult<Value> {
    let Some(first) = values.first() else {
        // What a slice would have looked like is not known.
        return Ok(Value::from(Tensor::zero::<f32>(&[0])?));
    };
    let axis = axis(place, first.tensor.rank() + 1)?;
    let mut slices = Vec::with_capacity(values.len());
    for value in values {
        ensure!(
            value.tensor.shape() == first.tensor.shape()
                && value.tensor.datum_type() == first.tensor.datum_type(),
            "a graph in a loop gives unlike slices"
        );
        let mut tensor = (*value.tensor).clone();
        tensor.insert_axis(axis)?;
        slices.push(tensor);
    }
    if backwards {
        slices.reverse();
    }
    let tensor = Tensor::stack_tensors(axis, &slices)?;
    Ok(Value { tensor: Arc::new(tensor), narrow: first.narrow })
}
