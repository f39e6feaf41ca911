//! [`DynamicQuantizeLSTM`](https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#commicrosoftdynamicquantizelstm)
//! of ONNX Runtime: an LSTM whose weights are integers of 8 bits, and whose inputs and states become
//! such integers as they come.
//!
//! The inputs of all sequences and times share a scale, and so do the states of all sequences at one
//! time. A row's answer thus depends on its batch, as it does behind a `DynamicQuantizeLinear`.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::cell::{Cell, Lstm, State};
use super::layer::{Extents, activations, backwards, lengths, states};
use crate::operators::kernel::{Call, Value, at, floats, integers, values_of, volume};
use crate::operators::quantize::to_bytes;

pub(super) fn facts(
    node: &NodeProto,
    inputs: &[Option<&TypedFact>],
) -> TractResult<TVec<TypedFact>> {
    super::facts_of(node, inputs, |shape| {
        let [directions, hidden, _] = shape else { bail!("weights of rank {}", shape.len()) };
        Ok((directions, hidden))
    })
}

/// Integer weights of one direction, `[rows, columns]`, without their zero points.
struct Weights {
    values: Vec<i32>,
    columns: usize,
    /// One for each column, or one for all.
    scales: Vec<f32>,
}

impl Weights {
    /// Those at `place`, their scales and zero points at `scale` and behind it.
    fn read(
        call: &Call,
        place: usize,
        scale: usize,
        direction: usize,
        shape: [usize; 3],
    ) -> TractResult<Self> {
        let tensor = call.tensor(place)?;
        ensure!(
            tensor.shape() == shape,
            "weights of shape {:?}, expected {shape:?}",
            tensor.shape()
        );
        let [directions, rows, columns] = shape;
        let own = |length: usize| -> TractResult<usize> {
            let each = length / directions.max(1);
            let fits = each * directions == length && (each == 1 || each == columns);
            ensure!(fits, "{length} scales or zero points for {columns} columns");
            Ok(each)
        };
        let (scales, zeros) = (floats(call.tensor(scale)?)?, integers(call.tensor(scale + 1)?)?);
        let (each, each_zero) = (own(scales.len())?, own(zeros.len())?);
        let zeros: Vec<_> = zeros.iter().skip(direction * each_zero).take(each_zero).collect();
        let values = integers(tensor)?.into_iter().skip(direction * rows * columns);
        let values = values.take(rows * columns).enumerate().map(|(place, value)| {
            let column = if each_zero == 1 { 0 } else { place % columns.max(1) };
            Ok(i32::try_from(value - **zeros.get(column).context("too few zero points")?)?)
        });
        Ok(Self {
            values: values.collect::<TractResult<_>>()?,
            columns,
            scales: scales.into_iter().skip(direction * each).take(each).collect(),
        })
    }

    /// Rows, which become integers first, times these.
    fn product(&self, rows: &[f32], width: usize) -> TractResult<Vec<f32>> {
        let (bytes, scale, zero) = to_bytes(rows);
        // Nothing but zeros has no scale.
        let scale = if scale == 0.0 { 1.0 } else { scale };
        let zero = i32::from(zero);
        let mut products = Vec::with_capacity(rows.len() / width.max(1) * self.columns);
        for row in bytes.chunks_exact(width) {
            let mut sums = vec![0_i32; self.columns];
            for (value, weights) in row.iter().zip(self.values.chunks_exact(self.columns)) {
                let value = i32::from(*value) - zero;
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = sum.wrapping_add(value * weight);
                }
            }
            for (column, sum) in sums.into_iter().enumerate() {
                let place = if self.scales.len() == 1 { 0 } else { column };
                products.push(sum as f32 * (at(&self.scales, place)? * scale));
            }
        }
        Ok(products)
    }
}

pub(super) fn run(call: &Call) -> TractResult<Vec<Value>> {
    let (input, recurrence) = (call.tensor(0)?, call.tensor(2)?);
    let (&[length, batch, width], &[directions, hidden, columns]) =
        (input.shape(), recurrence.shape())
    else {
        bail!("inputs of shapes {:?} and {:?}", input.shape(), recurrence.shape())
    };
    ensure!(
        columns == Lstm::GATES * hidden && width > 0 && hidden > 0,
        "weights of shape {:?}",
        recurrence.shape()
    );
    let extents = Extents { length, batch, width, directions, hidden, by_batch: false };
    let lengths = lengths(call, &extents)?;
    let (hidden_states, cell_states) = (states(call, 5, &extents)?, states(call, 6, &extents)?);
    let values = floats(input)?;
    let own = |place: usize, size: usize, direction: usize| -> TractResult<Option<Vec<f32>>> {
        let Some(values) = call.floats(place)? else { return Ok(None) };
        ensure!(values.len() == directions * size, "{} values of a direction", values.len());
        Ok(Some(values.into_iter().skip(direction * size).take(size).collect()))
    };
    let shape = [length, directions, batch, hidden];
    volume(DatumType::F32, &shape)?;
    let mut all = vec![0.0; shape.iter().product()];
    let (mut last, mut last_cell) = (Vec::new(), Vec::new());
    for (direction, backwards) in backwards(call, directions)?.iter().enumerate() {
        let weights = Weights::read(call, 1, 8, direction, [directions, width, columns])?;
        let recurrence = Weights::read(call, 2, 10, direction, [directions, hidden, columns])?;
        let bias = own(3, 2 * columns, direction)?.unwrap_or_else(|| vec![0.0; 2 * columns]);
        let (of_input, of_state) = bias.split_at(columns);
        let bias: Vec<f32> = of_input.iter().zip(of_state).map(|(a, b)| a + b).collect();
        let peepholes = own(7, 3 * hidden, direction)?;
        let cell = Lstm::new(call, activations::<Lstm>(call, direction)?)?;
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let given = values.get(..longest * batch * width).context("too few inputs")?;
        let inputs = weights.product(given, width)?;
        let from = direction * batch;
        let starts = hidden_states.iter().zip(&cell_states).skip(from).take(batch);
        let start = |(hidden, cell): (&Vec<f32>, &Vec<f32>)| State {
            hidden: hidden.clone(),
            cell: cell.clone(),
        };
        let mut states: Vec<State> = starts.map(start).collect();
        for step in 0..longest {
            // A sequence's last state still counts at the time after it, and then no more.
            let mut rows = Vec::with_capacity(batch * hidden);
            for (state, own_length) in states.iter().zip(&lengths) {
                match step > *own_length {
                    true => rows.resize(rows.len() + hidden, 0.0),
                    false => rows.extend_from_slice(&state.hidden),
                }
            }
            let recurrent = recurrence.product(&rows, hidden)?;
            let rows = states.iter_mut().zip(recurrent.chunks_exact(columns)).zip(&lengths);
            for (item, ((state, recurrent), own_length)) in rows.enumerate() {
                if step >= *own_length {
                    continue;
                }
                let time = if *backwards { own_length - 1 - step } else { step };
                let place = (time * batch + item) * columns;
                let input = inputs.get(place..place + columns).context("a row outside")?;
                let sums = input.iter().zip(recurrent).zip(&bias).map(|((a, b), c)| a + b + c);
                cell.next(&sums.collect::<Vec<_>>(), peepholes.as_deref(), state)?;
                let target = ((time * directions + direction) * batch + item) * hidden;
                let target = all.get_mut(target..target + hidden).context("a row outside")?;
                target.copy_from_slice(&state.hidden);
            }
        }
        for state in states {
            last.extend(state.hidden);
            last_cell.extend(state.cell);
        }
    }
    let ends = [directions, batch, hidden];
    Ok(vec![
        values_of(&shape, all)?.into(),
        values_of(&ends, last)?.into(),
        values_of(&ends, last_cell)?.into(),
    ])
}
