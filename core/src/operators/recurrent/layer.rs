//! A recurrent layer over its sequences, in one direction or both.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Call, Value, at, floats, values_of, volume};

use super::activation::Activation;
use super::cell::{Cell, State, Weights};

/// The extents of a call.
pub(super) struct Extents {
    pub length: usize,
    pub batch: usize,
    pub width: usize,
    pub directions: usize,
    pub hidden: usize,
    pub by_batch: bool,
}

pub(super) fn run<C: Cell>(call: &Call) -> TractResult<Vec<Value>> {
    let (input, recurrence) = (call.tensor(0)?, call.tensor(2)?);
    let (&[first, second, width], &[directions, _, hidden]) = (input.shape(), recurrence.shape())
    else {
        bail!("inputs of shapes {:?} and {:?}", input.shape(), recurrence.shape())
    };
    let by_batch = call.flag("layout", false)?;
    let (length, batch) = if by_batch { (second, first) } else { (first, second) };
    let extents = Extents { length, batch, width, directions, hidden, by_batch };
    let backwards = backwards(call, directions)?;
    let values = floats(input)?;
    let lengths = lengths(call, &extents)?;
    let hidden_states = states(call, 5, &extents)?;
    let cell_states = if C::HAS_CELL { states(call, 6, &extents)? } else { hidden_states.clone() };
    let size = length * directions * batch * hidden;
    volume(DatumType::F32, &[length, directions, batch, hidden])?;
    let mut all = vec![0.0; size];
    let (mut last, mut last_cell) = (Vec::new(), Vec::new());
    for (direction, backwards) in backwards.iter().enumerate() {
        let weights = weights::<C>(call, &extents, direction)?;
        let cell = C::new(call, activations::<C>(call, direction)?)?;
        for item in 0..batch {
            let place = direction * batch + item;
            let own = |states: &[Vec<f32>]| states.get(place).cloned().unwrap_or_default();
            let mut state = State { hidden: own(&hidden_states), cell: own(&cell_states) };
            let own_length = at(&lengths, item)?;
            for step in 0..own_length {
                let time = if *backwards { own_length - 1 - step } else { step };
                let row = if by_batch { item * length + time } else { time * batch + item };
                let row = values.get(row * width..(row + 1) * width).context("a row outside")?;
                cell.step(&weights, row, &mut state)?;
                let target = if by_batch {
                    (item * length + time) * directions + direction
                } else {
                    (time * directions + direction) * batch + item
                };
                let target = all.get_mut(target * hidden..(target + 1) * hidden);
                target.context("a row outside")?.copy_from_slice(&state.hidden);
            }
            last.push(state.hidden);
            last_cell.push(state.cell);
        }
    }
    let all_shape = match by_batch {
        true => [batch, length, directions, hidden],
        false => [length, directions, batch, hidden],
    };
    let datum = input.datum_type();
    let tensor = |shape: &[usize], values: Vec<f32>| -> TractResult<Value> {
        Ok(values_of(shape, values)?.cast_to_dt(datum)?.into_owned().into())
    };
    let state = |rows: Vec<Vec<f32>>| -> TractResult<Value> {
        if !by_batch {
            return tensor(&[directions, batch, hidden], rows.concat());
        }
        let places = (0..batch).flat_map(|item| (0..directions).map(move |d| d * batch + item));
        let rows = places.filter_map(|place| rows.get(place)).flatten().copied().collect();
        tensor(&[batch, directions, hidden], rows)
    };
    let mut outputs = vec![tensor(&all_shape, all)?, state(last)?];
    if C::HAS_CELL {
        outputs.push(state(last_cell)?);
    }
    Ok(outputs)
}

/// Whether each direction goes backwards.
pub(super) fn backwards(call: &Call, directions: usize) -> TractResult<&'static [bool]> {
    let backwards: &[bool] = match call.text("direction", "forward")?.as_str() {
        "forward" => &[false],
        "reverse" => &[true],
        "bidirectional" => &[false, true],
        other => bail!("direction is {other:?}"),
    };
    ensure!(backwards.len() == directions, "weights for {directions} directions");
    Ok(backwards)
}

/// How long each sequence is.
pub(super) fn lengths(call: &Call, extents: &Extents) -> TractResult<Vec<usize>> {
    let Some(given) = call.integers(4)? else {
        return Ok(vec![extents.length; extents.batch]);
    };
    ensure!(given.len() == extents.batch, "{} lengths of sequences", given.len());
    let inside = |length: &i64| -> TractResult<usize> {
        let length = usize::try_from(*length).ok().filter(|length| *length <= extents.length);
        length.context("a sequence is longer than the input or of negative length")
    };
    given.iter().map(inside).collect()
}

/// The states to begin with, a row for each direction and sequence.
pub(super) fn states(call: &Call, place: usize, extents: &Extents) -> TractResult<Vec<Vec<f32>>> {
    let Extents { batch, directions, hidden, .. } = *extents;
    let Some(tensor) = call.optional(place) else {
        return Ok(vec![vec![0.0; hidden]; directions * batch]);
    };
    let expected =
        if extents.by_batch { [batch, directions, hidden] } else { [directions, batch, hidden] };
    ensure!(tensor.shape() == expected, "a state of shape {:?}", tensor.shape());
    let values = floats(tensor)?;
    let mut rows = Vec::with_capacity(directions * batch);
    for direction in 0..directions {
        for item in 0..batch {
            let row = match extents.by_batch {
                true => item * directions + direction,
                false => direction * batch + item,
            };
            rows.push(values.iter().skip(row * hidden).take(hidden).copied().collect());
        }
    }
    Ok(rows)
}

fn weights<C: Cell>(call: &Call, extents: &Extents, direction: usize) -> TractResult<Weights> {
    let Extents { width, directions, hidden, .. } = *extents;
    let gates = C::GATES * hidden;
    let own = |place: usize, shape: &[usize]| -> TractResult<Option<Vec<f32>>> {
        let Some(tensor) = call.optional(place) else { return Ok(None) };
        ensure!(
            tensor.shape() == shape,
            "weights of shape {:?}, expected {shape:?}",
            tensor.shape()
        );
        let size: usize = shape.iter().skip(1).product();
        Ok(Some(floats(tensor)?.into_iter().skip(direction * size).take(size).collect()))
    };
    let changed_over = |values: Vec<f32>, columns: usize| -> Vec<f32> {
        let column = |column| values.iter().skip(column).step_by(columns.max(1)).copied();
        (0..columns).flat_map(column).collect()
    };
    let input = own(1, &[directions, gates, width])?.context("the weights are missing")?;
    let recurrence = own(2, &[directions, gates, hidden])?.context("the weights are missing")?;
    let mut bias = own(3, &[directions, 2 * gates])?.unwrap_or_else(|| vec![0.0; 2 * gates]);
    let second = bias.split_off(gates);
    Ok(Weights {
        hidden,
        input: changed_over(input, width),
        recurrence: changed_over(recurrence, hidden),
        bias: (bias, second),
        peepholes: if C::HAS_CELL { own(7, &[directions, 3 * hidden])? } else { None },
    })
}

/// The activations of a direction. Parameters are listed for those that have any, in their order.
pub(super) fn activations<C: Cell>(call: &Call, direction: usize) -> TractResult<Vec<Activation>> {
    let names: Option<TVec<String>> = call.node.get_attr_opt_tvec("activations")?;
    let names = names.filter(|names| !names.is_empty());
    let list = |name: &str| -> TractResult<Vec<f32>> {
        Ok(call.node.get_attr_opt_vec(name)?.unwrap_or_default())
    };
    let (alphas, betas) = (list("activation_alpha")?, list("activation_beta")?);
    let count = C::ACTIVATIONS.len();
    (0..count)
        .map(|place| {
            let index = direction * count + place;
            let name = match &names {
                Some(names) => names.get(index).context("too few activations")?.as_str(),
                None => C::ACTIVATIONS.get(place).copied().unwrap_or_default(),
            };
            Activation::read(name, alphas.get(index).copied(), betas.get(index).copied())
        })
        .collect()
}
