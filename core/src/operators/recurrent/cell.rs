//! What a recurrent layer does at one place of one sequence.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Call, at};

use super::activation::Activation;

/// The weights of one direction, as the file has them: a row for each gate's each unit.
pub(super) struct Weights {
    pub hidden: usize,
    /// `[gates × hidden, width]`, its axes changed over.
    pub input: Vec<f32>,
    /// `[gates × hidden, hidden]`, its axes changed over.
    pub recurrence: Vec<f32>,
    /// Of the input and of the recurrence, `gates × hidden` each.
    pub bias: (Vec<f32>, Vec<f32>),
    /// `[3 × hidden]`: input, output and forget gate.
    pub peepholes: Option<Vec<f32>>,
}

impl Weights {
    /// A row of the input times its weights, with their bias.
    fn of_input(&self, row: &[f32]) -> Vec<f32> {
        product(row, &self.input, &self.bias.0, 0, self.bias.0.len())
    }

    /// The state times the weights of `count` gates from the gate `first`, with their bias.
    fn of_state(&self, state: &[f32], first: usize, count: usize) -> Vec<f32> {
        let (start, length) = (first * self.hidden, count * self.hidden);
        let bias = self.bias.1.get(start..start + length).unwrap_or_default();
        product(state, &self.recurrence, bias, start, self.bias.1.len())
    }
}

/// `row` times the columns of `weights` from `start` on, `stride` apart, added to the bias.
fn product(row: &[f32], weights: &[f32], bias: &[f32], start: usize, stride: usize) -> Vec<f32> {
    let mut sums = vec![0.0; bias.len()];
    for (value, weights) in row.iter().zip(weights.chunks(stride.max(1))) {
        let weights = weights.iter().skip(start);
        sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
    }
    sums.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias);
    sums
}

/// The state of one sequence.
#[derive(Clone)]
pub(super) struct State {
    pub hidden: Vec<f32>,
    pub cell: Vec<f32>,
}

/// What distinguishes the layers.
pub(super) trait Cell: Sized {
    /// How many gates there are.
    const GATES: usize;
    /// The activations, unless the node names others.
    const ACTIVATIONS: &'static [&'static str];
    /// Whether there is a second state.
    const HAS_CELL: bool;

    fn new(call: &Call, activations: Vec<Activation>) -> TractResult<Self>;

    fn step(&self, weights: &Weights, row: &[f32], state: &mut State) -> TractResult<()>;
}

/// What `clip` leaves of a value before its activation.
fn clipped(call: &Call) -> TractResult<f32> {
    let clip = call.float("clip", 0.0)?;
    Ok(if clip > 0.0 { clip } else { f32::INFINITY })
}

/// `RNN`.
pub(super) struct Simple {
    activation: Activation,
    clip: f32,
}

impl Cell for Simple {
    const GATES: usize = 1;
    const ACTIVATIONS: &'static [&'static str] = &["Tanh"];
    const HAS_CELL: bool = false;

    fn new(call: &Call, activations: Vec<Activation>) -> TractResult<Self> {
        Ok(Self { activation: at(&activations, 0)?, clip: clipped(call)? })
    }

    fn step(&self, weights: &Weights, row: &[f32], state: &mut State) -> TractResult<()> {
        let sums = weights.of_input(row).into_iter();
        let sums = sums.zip(weights.of_state(&state.hidden, 0, 1)).map(|(a, b)| a + b);
        let clip = self.clip;
        state.hidden = sums.map(|x| self.activation.apply(x.clamp(-clip, clip))).collect();
        Ok(())
    }
}

/// `GRU`: gates z, r, h.
pub(super) struct Gru {
    gate: Activation,
    candidate: Activation,
    clip: f32,
    linear_before_reset: bool,
}

impl Cell for Gru {
    const GATES: usize = 3;
    const ACTIVATIONS: &'static [&'static str] = &["Sigmoid", "Tanh"];
    const HAS_CELL: bool = false;

    fn new(call: &Call, activations: Vec<Activation>) -> TractResult<Self> {
        Ok(Self {
            gate: at(&activations, 0)?,
            candidate: at(&activations, 1)?,
            clip: clipped(call)?,
            linear_before_reset: call.flag("linear_before_reset", false)?,
        })
    }

    fn step(&self, weights: &Weights, row: &[f32], state: &mut State) -> TractResult<()> {
        let hidden = weights.hidden;
        let input = weights.of_input(row);
        let recurrence = weights.of_state(&state.hidden, 0, 2);
        let gates = input
            .iter()
            .zip(&recurrence)
            .map(|(a, b)| self.gate.apply((a + b).clamp(-self.clip, self.clip)));
        let gates: Vec<f32> = gates.collect();
        let (update, reset) = gates.split_at(hidden);
        let candidate: Vec<f32> = if self.linear_before_reset {
            let state = weights.of_state(&state.hidden, 2, 1);
            state.iter().zip(reset).map(|(state, reset)| state * reset).collect()
        } else {
            let state = state.hidden.iter().zip(reset).map(|(state, reset)| state * reset);
            weights.of_state(&state.collect::<Vec<_>>(), 2, 1)
        };
        let candidate = input
            .iter()
            .skip(2 * hidden)
            .zip(candidate)
            .map(|(a, b)| self.candidate.apply((a + b).clamp(-self.clip, self.clip)));
        let old = state.hidden.iter().zip(update);
        let next = candidate.zip(old).map(|(new, (old, keep))| (1.0 - keep) * new + keep * old);
        state.hidden = next.collect();
        Ok(())
    }
}

/// `LSTM`: gates i, o, f, c.
pub(super) struct Lstm {
    gate: Activation,
    candidate: Activation,
    output: Activation,
    clip: f32,
    input_forget: bool,
}

impl Cell for Lstm {
    const GATES: usize = 4;
    const ACTIVATIONS: &'static [&'static str] = &["Sigmoid", "Tanh", "Tanh"];
    const HAS_CELL: bool = true;

    fn new(call: &Call, activations: Vec<Activation>) -> TractResult<Self> {
        Ok(Self {
            gate: at(&activations, 0)?,
            candidate: at(&activations, 1)?,
            output: at(&activations, 2)?,
            clip: clipped(call)?,
            input_forget: call.flag("input_forget", false)?,
        })
    }

    fn step(&self, weights: &Weights, row: &[f32], state: &mut State) -> TractResult<()> {
        let sums = weights.of_input(row).into_iter();
        let sums = sums.zip(weights.of_state(&state.hidden, 0, 4)).map(|(a, b)| a + b);
        self.next(&sums.collect::<Vec<_>>(), weights.peepholes.as_deref(), state)
    }
}

impl Lstm {
    /// The next state, of what goes into each gate's units.
    pub fn next(
        &self,
        sums: &[f32],
        peepholes: Option<&[f32]>,
        state: &mut State,
    ) -> TractResult<()> {
        let hidden = state.hidden.len();
        let peephole = |gate: usize, unit: usize| match peepholes {
            Some(peepholes) => at(peepholes, gate * hidden + unit),
            None => Ok(0.0),
        };
        let apply =
            |activation: Activation, x: f32| activation.apply(x.clamp(-self.clip, self.clip));
        for unit in 0..hidden {
            let sum = |gate: usize| at(sums, gate * hidden + unit);
            let old = at(&state.cell, unit)?;
            let input = apply(self.gate, sum(0)? + peephole(0, unit)? * old);
            let forget = if self.input_forget {
                1.0 - input
            } else {
                apply(self.gate, sum(2)? + peephole(2, unit)? * old)
            };
            let cell = forget * old + input * apply(self.candidate, sum(3)?);
            let output = apply(self.gate, sum(1)? + peephole(1, unit)? * cell);
            *crate::operators::kernel::at_mut(&mut state.cell, unit)? = cell;
            *crate::operators::kernel::at_mut(&mut state.hidden, unit)? =
                output * self.output.apply(cell);
        }
        Ok(())
    }
}
