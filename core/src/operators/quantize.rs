//! Quantisation: [`QuantizeLinear`](https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html),
//! [`DequantizeLinear`](https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html),
//! [`DynamicQuantizeLinear`](https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html) and
//! [`QLinearMatMul`](https://onnx.ai/onnx/operators/onnx__QLinearMatMul.html).
//!
//! In plans `QuantizeLinear` is the kernel here: tract multiplies by the reciprocal of the scale, which
//! rounds differently, takes no 16 bits, and makes a table of 256 values of whatever lies between a
//! `DequantizeLinear` and its own, as if a `Softmax` looked at one element at a time. tract's
//! `DequantizeLinear` stays for 8 bits.
//!
//! Scale and zero point belong to the whole tensor, to each place along an axis, or to each block of
//! an axis. Halves are rounded to even.

use std::sync::Arc;

use tract_onnx::Onnx;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::tract_hir::internal::*;

use super::checked::{expansion, of_tract};
use super::dequantized::weights;
use super::kernel::{
    Call, Facts, Kernels, Narrow, Value, at, axis, broadcast, each_index, floats, from_doubles,
    offset, read, stretched, strides, values_of, volume,
};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add_narrow_planned("QuantizeLinear", Facts::By(quantize_facts), quantize);
    kernels.add_narrow_planned("DequantizeLinear", Facts::By(dequantize_facts), dequantize);
    kernels.add("DynamicQuantizeLinear", dynamic_quantize);
    kernels.add("QLinearMatMul", matmul);
}

/// Puts tract's `DequantizeLinear` back for what it takes.
pub(super) fn register_planned(onnx: &mut Onnx) {
    onnx.op_register.insert("DequantizeLinear", dequantize_linear);
}

fn dequantize_linear(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let own = expansion(read(context, node)?.0)?;
    match of_tract(context, node) {
        Ok(inner) => {
            let axis = node.get_attr_opt("axis")?.unwrap_or(1);
            Ok((expand(Dequantize { inner, own, axis }), Vec::new()))
        }
        // tract refuses blocks.
        Err(_) => read(context, node),
    }
}

/// tract's operator for integers of 8 and 32 bits, and the kernel for others. Weights are dequantised at once.
#[derive(Clone, Debug)]
struct Dequantize {
    inner: Box<dyn Expansion>,
    own: Box<dyn Expansion>,
    axis: i64,
}

impl Expansion for Dequantize {
    as_inner!();

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let first = inputs.first().context("DequantizeLinear lacks its input")?;
        let known = inputs.iter().map(|input| Ok(model.outlet_fact(*input)?.konst.clone()));
        if let Some(weights) = weights(self.axis, &known.collect::<TractResult<TVec<_>>>()?)? {
            return Ok(tvec!(model.add_const(prefix, weights)?));
        }
        match model.outlet_fact(*first)?.datum_type {
            DatumType::U16 | DatumType::I16 => self.own.wire(prefix, model, inputs),
            _ => self.inner.wire(prefix, model, inputs),
        }
    }
}

fn quantize_facts(node: &NodeProto, inputs: &[Option<&TypedFact>]) -> TractResult<TVec<TypedFact>> {
    let fact = |place: usize| inputs.get(place).copied().flatten();
    let input = fact(0).context("QuantizeLinear lacks its input")?;
    let zero_point = fact(2).map(|fact| Quantised::of_datum(fact.datum_type)).transpose()?;
    match Quantised::target(zero_point, node.get_attr_opt("output_dtype")?.unwrap_or(0))? {
        Quantised::Integer(datum, ..) => Ok(tvec!(datum.fact(input.shape.clone()))),
        Quantised::Narrow(_) => bail!("no plan has this type"),
    }
}

fn dequantize_facts(
    node: &NodeProto,
    inputs: &[Option<&TypedFact>],
) -> TractResult<TVec<TypedFact>> {
    let [Some(input), Some(scale), ..] = inputs else { bail!("DequantizeLinear lacks an input") };
    let own = matches!(node.get_attr_opt::<i64>("output_dtype")?, None | Some(0));
    ensure!(own, "no plan has another type than that of the scale");
    Ok(tvec!(scale.datum_type.fact(input.shape.clone())))
}

/// A quantised type.
#[derive(Clone, Copy)]
enum Quantised {
    Integer(DatumType, f32, f32),
    Narrow(Narrow),
}

impl Quantised {
    fn of_datum(datum: DatumType) -> TractResult<Self> {
        let (low, high) = match datum {
            DatumType::U8 => (0.0, 255.0),
            DatumType::I8 => (-128.0, 127.0),
            DatumType::U16 => (0.0, 65535.0),
            DatumType::I16 => (-32768.0, 32767.0),
            other => bail!("{other:?} is not a quantised type"),
        };
        Ok(Self::Integer(datum, low, high))
    }

    fn of(value: &Value) -> TractResult<Self> {
        match value.narrow {
            Some(narrow) => Ok(Self::Narrow(narrow)),
            None => Self::of_datum(value.tensor.datum_type()),
        }
    }

    /// That of the zero point, or what `output_dtype` says, which is uint8 where it is 0.
    fn target(zero_point: Option<Self>, output_dtype: i64) -> TractResult<Self> {
        match (zero_point, output_dtype) {
            (Some(own), _) => Ok(own),
            (None, 0) => Self::of_datum(DatumType::U8),
            (None, number) => Self::from_onnx(number),
        }
    }

    fn from_onnx(number: i64) -> TractResult<Self> {
        let number = i32::try_from(number)?;
        if let Some(narrow) = Narrow::from_onnx(number) {
            return Ok(Self::Narrow(narrow));
        }
        let known = DataType::try_from(number).map_err(|_| format_err!("no type {number}"))?;
        Self::of_datum(known.try_into()?)
    }
}

/// Which element of a scale belongs to each element of a tensor.
struct Blocks {
    axis: usize,
    size: usize,
    strides: Vec<usize>,
    kind: Kind,
}

enum Kind {
    Whole,
    Axis,
    Blocked,
}

impl Blocks {
    fn new(call: &Call, shape: &[usize], scale: &Tensor) -> TractResult<Self> {
        let size = usize::try_from(call.int("block_size", 0)?).context("block_size is negative")?;
        let strides = strides(scale.shape());
        if scale.len() == 1 {
            return Ok(Self { axis: 0, size, strides, kind: Kind::Whole });
        }
        let axis = axis(call.int("axis", 1)?, shape.len())?;
        let extent = at(shape, axis)?;
        if size == 0 {
            ensure!(
                scale.shape() == [extent],
                "a scale of shape {:?} for an axis of {extent}",
                scale.shape()
            );
            return Ok(Self { axis, size, strides, kind: Kind::Axis });
        }
        let mut expected = shape.to_vec();
        if let Some(blocks) = expected.get_mut(axis) {
            *blocks = extent.div_ceil(size);
        }
        ensure!(
            scale.shape() == expected,
            "a scale of shape {:?}, expected {expected:?}",
            scale.shape()
        );
        Ok(Self { axis, size, strides, kind: Kind::Blocked })
    }

    /// Calls `visit` with the place in the scale of each element of a tensor of this shape.
    fn each(
        &self,
        shape: &[usize],
        mut visit: impl FnMut(usize) -> TractResult<()>,
    ) -> TractResult<()> {
        match self.kind {
            Kind::Whole => (0..shape.iter().product::<usize>()).try_for_each(|_| visit(0)),
            _ => each_index(shape, |index| visit(self.place(index))),
        }
    }

    fn place(&self, index: &[usize]) -> usize {
        let along = index.get(self.axis).copied().unwrap_or(0);
        match self.kind {
            Kind::Whole => 0,
            Kind::Axis => along,
            Kind::Blocked => {
                let behind = along - along / self.size;
                offset(index, &self.strides)
                    - behind * self.strides.get(self.axis).copied().unwrap_or(0)
            }
        }
    }
}

fn quantize(call: &Call) -> TractResult<Vec<Value>> {
    let (input, scale) = (call.value(0)?.widened()?, call.value(1)?.widened()?);
    let zero_point = call.inputs.get(2).and_then(Option::as_ref);
    let own = zero_point.map(Quantised::of).transpose()?;
    let target = Quantised::target(own, call.int("output_dtype", 0)?)?;
    let saturate = call.flag("saturate", true)?;
    let shape = input.shape();
    let blocks = Blocks::new(call, shape, &scale)?;
    let (values, scales) = (floats(&input)?, floats(&scale)?);
    let zeros = zero_point.map(|value| floats(&*value.widened()?)).transpose()?;
    // The division is rounded to the type that both sides share.
    let half = input.datum_type() == DatumType::F16 && scale.datum_type() == DatumType::F16;
    let mut quotients = Vec::with_capacity(values.len());
    let mut offsets = Vec::with_capacity(values.len());
    let mut next = values.iter();
    blocks.each(shape, |place| {
        let quotient = next.next().context("too few values")? / at(&scales, place)?;
        quotients.push(if half { f16::from_f32(quotient).to_f32() } else { quotient });
        offsets.push(zeros.as_ref().map_or(Ok(0.0), |zeros| at(zeros, place))?);
        Ok(())
    })?;
    let rounded = quotients.iter().zip(&offsets);
    Ok(vec![match target {
        Quantised::Integer(datum, low, high) => {
            let whole = rounded.map(|(value, zero)| (libm::rintf(*value) + zero).clamp(low, high));
            values_of(shape, whole.collect::<Vec<f32>>())?.cast_to_dt(datum)?.into_owned().into()
        }
        Quantised::Narrow(narrow) => {
            let codes = rounded.map(|(value, zero)| match narrow.integer_range() {
                Some((low, high)) => {
                    narrow.encode((libm::rintf(*value) + zero).clamp(low, high), true)
                }
                None => narrow.encode(*value + zero, saturate),
            });
            let tensor = narrow.stored(shape, codes.collect())?;
            Value { tensor: Arc::new(tensor), narrow: Some(narrow) }
        }
    }])
}

fn dequantize(call: &Call) -> TractResult<Vec<Value>> {
    let (input, given) = (call.value(0)?.widened()?, call.value(1)?);
    let scale = given.widened()?;
    let shape = input.shape();
    let blocks = Blocks::new(call, shape, &scale)?;
    let scales = floats(&scale)?;
    let zero_point = call.inputs.get(2).and_then(Option::as_ref);
    let zeros = match zero_point {
        Some(value) => {
            let zeros = value.widened()?;
            // Of an int32, every bit counts: the difference is taken in binary64.
            Some(super::kernel::doubles(&zeros)?)
        }
        None => None,
    };
    let values = super::kernel::doubles(&input)?;
    let mut results = Vec::with_capacity(values.len());
    let mut next = values.iter();
    blocks.each(shape, |place| {
        let zero = zeros.as_ref().map_or(Ok(0.0), |zeros| at(zeros, place))?;
        let difference = (next.next().context("too few values")? - zero) as f32;
        results.push(difference * at(&scales, place)?);
        Ok(())
    })?;
    let result = values_of(shape, results)?;
    let wanted = call.int("output_dtype", 0)?;
    let narrow = match i32::try_from(wanted)? {
        0 => given.narrow,
        number => Narrow::from_onnx(number),
    };
    if let Some(narrow) = narrow {
        let tensor = narrow.narrow(&result, true)?;
        return Ok(vec![Value { tensor: Arc::new(tensor), narrow: Some(narrow) }]);
    }
    let datum = match wanted {
        0 => scale.datum_type(),
        number => {
            let known = DataType::try_from(i32::try_from(number)?);
            known.map_err(|_| format_err!("no type {number}"))?.try_into()?
        }
    };
    Ok(vec![result.cast_to_dt(datum)?.into_owned().into()])
}

/// To uint8, with the scale and zero point that the values call for.
fn dynamic_quantize(call: &Call) -> TractResult<Vec<Value>> {
    let values = floats(call.tensor(0)?)?;
    let (bytes, scale, zero) = to_bytes(&values);
    let tensor = values_of(call.tensor(0)?.shape(), bytes)?;
    Ok(vec![tensor.into(), tensor0(scale).into(), tensor0(zero).into()])
}

/// Values as integers, with the scale and the zero point that they call for.
pub(super) fn to_bytes(values: &[f32]) -> (Vec<u8>, f32, u8) {
    let low = values.iter().copied().fold(0.0, f32::min);
    let high = values.iter().copied().fold(0.0, f32::max);
    let scale = (high - low) / 255.0;
    let zero = if scale == 0.0 { 0.0 } else { libm::rintf(-low / scale).clamp(0.0, 255.0) };
    let byte = |value: &f32| {
        if scale == 0.0 { 0 } else { (libm::rintf(value / scale) + zero).clamp(0.0, 255.0) as u8 }
    };
    (values.iter().map(byte).collect(), scale, zero as u8)
}

/// A matrix of integers without its zero point: one for all, or one for each row or column.
struct Matrix {
    shape: Vec<usize>,
    values: Vec<i64>,
    scales: Vec<f32>,
}

fn matrix(call: &Call, first: usize, by_row: bool) -> TractResult<Matrix> {
    let tensor = call.tensor(first)?;
    let mut shape = tensor.shape().to_vec();
    let vector = shape.len() == 1;
    if vector {
        shape.insert(usize::from(!by_row), 1);
    }
    ensure!(shape.len() >= 2, "a product of matrices has a scalar");
    let axis = shape.len() - if by_row { 2 } else { 1 };
    let extent = at(&shape, axis)?;
    let scales = floats(call.tensor(first + 1)?)?;
    let zeros = super::kernel::integers(call.tensor(first + 2)?)?;
    for (what, length) in [("scale", scales.len()), ("zero point", zeros.len())] {
        ensure!(length == 1 || length == extent, "a {what} of {length} for an axis of {extent}");
    }
    let mut values = super::kernel::integers(tensor)?;
    let step = if by_row { at(&shape, shape.len() - 1)? } else { 1 };
    for (place, value) in values.iter_mut().enumerate() {
        let along = if zeros.len() == 1 { 0 } else { place / step % extent };
        *value -= at(&zeros, along)?;
    }
    Ok(Matrix { shape, values, scales })
}

fn matmul(call: &Call) -> TractResult<Vec<Value>> {
    let (a, b) = (matrix(call, 0, true)?, matrix(call, 3, false)?);
    let (scale, zero) = (floats(call.tensor(6)?)?, super::kernel::integers(call.tensor(7)?)?);
    let (scale, zero) = (at(&scale, 0)?, at(&zero, 0)?);
    let split = |shape: &[usize]| -> TractResult<(Vec<usize>, usize, usize)> {
        let (batch, last) = shape.split_at(shape.len() - 2);
        Ok((batch.to_vec(), at(last, 0)?, at(last, 1)?))
    };
    let ((batch_a, rows, inner), (batch_b, inner_b, columns)) =
        (split(&a.shape)?, split(&b.shape)?);
    ensure!(inner == inner_b, "matrices of {inner} columns and {inner_b} rows");
    let batch = broadcast(&batch_a, &batch_b)?;
    let mut shape = batch.clone();
    shape.extend([rows, columns]);
    let target = call.tensor(7)?.datum_type();
    let Quantised::Integer(_, low, high) = Quantised::of_datum(target)? else {
        bail!("{target:?} is not a quantised type")
    };
    let mut results = Vec::with_capacity(volume(DatumType::F64, &shape)?);
    let (steps_a, steps_b) = (stretched(&batch_a, &batch)?, stretched(&batch_b, &batch)?);
    each_index(&batch, |index| {
        let from_a = offset(index, &steps_a) * rows * inner;
        let from_b = offset(index, &steps_b) * inner * columns;
        for row in 0..rows {
            let left = a.values.get(from_a + row * inner..).context("too few values")?;
            for column in 0..columns {
                let right = b.values.get(from_b + column..).unwrap_or_default();
                let right = right.iter().step_by(columns.max(1));
                let sum: i64 = left.iter().take(inner).zip(right).map(|(a, b)| a * b).sum();
                let own =
                    |scales: &[f32], place| at(scales, if scales.len() == 1 { 0 } else { place });
                let factor = own(&a.scales, row)? * own(&b.scales, column)? / scale;
                let value = libm::rint(sum as f64 * f64::from(factor)) + zero as f64;
                results.push(value.clamp(f64::from(low), f64::from(high)));
            }
        }
        Ok(())
    })?;
    if call.tensor(0)?.rank() == 1 {
        shape.remove(shape.len() - 2);
    }
    if call.tensor(3)?.rank() == 1 {
        shape.pop();
    }
    Ok(vec![from_doubles(target, &shape, results)?.into()])
}
