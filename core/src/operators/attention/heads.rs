//! Tensors as `[batch, heads, length, width]`, in float32 with the rounding of their own type.

use std::sync::Arc;

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Narrow, Value, floats, values_of, volume};

/// The type that results are rounded to.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Precision {
    Float16,
    Float32,
    Float64,
    Narrow(Narrow),
}

impl Precision {
    pub fn of(value: &Value) -> TractResult<Self> {
        match (value.narrow, value.tensor.datum_type()) {
            (Some(narrow), _) => Ok(Self::Narrow(narrow)),
            (None, DatumType::F16) => Ok(Self::Float16),
            (None, DatumType::F32) => Ok(Self::Float32),
            (None, DatumType::F64) => Ok(Self::Float64),
            (None, other) => bail!("attention on tensors of type {other:?}"),
        }
    }

    pub fn round(self, value: f32) -> f32 {
        match self {
            Self::Float16 => f16::from_f32(value).to_f32(),
            Self::Float32 | Self::Float64 => value,
            Self::Narrow(narrow) => narrow.decode(narrow.encode(value, false)),
        }
    }

    /// A tensor of this type.
    pub fn value(self, shape: &[usize], values: Vec<f32>) -> TractResult<Value> {
        let tensor = values_of(shape, values)?;
        let datum = match self {
            Self::Narrow(narrow) => {
                let tensor = narrow.narrow(&tensor, false)?;
                return Ok(Value { tensor: Arc::new(tensor), narrow: Some(narrow) });
            }
            Self::Float16 => DatumType::F16,
            Self::Float32 => DatumType::F32,
            Self::Float64 => DatumType::F64,
        };
        Ok(tensor.cast_to_dt(datum)?.into_owned().into())
    }
}

/// A tensor of heads.
pub(super) struct Heads {
    pub batch: usize,
    pub heads: usize,
    pub length: usize,
    pub width: usize,
    pub values: Vec<f32>,
}

impl Heads {
    /// From `[batch, heads, length, width]` or, with a number of heads, from
    /// `[batch, length, heads × width]`.
    pub fn read(value: &Value, heads: Option<usize>) -> TractResult<Self> {
        let tensor = value.widened()?;
        let values = floats(&tensor)?;
        match (tensor.shape(), heads) {
            (&[batch, heads, length, width], _) => Ok(Self { batch, heads, length, width, values }),
            (&[batch, length, all], Some(heads)) => {
                ensure!(heads > 0 && all % heads == 0, "{all} columns do not make {heads} heads");
                let width = all / heads;
                let own = Self { batch, heads: length, length: heads, width, values };
                Ok(own.swapped())
            }
            (other, _) => bail!("attention on a tensor of shape {other:?}"),
        }
    }

    pub fn shape(&self) -> [usize; 4] {
        [self.batch, self.heads, self.length, self.width]
    }

    /// One row of one head.
    pub fn row(&self, batch: usize, head: usize, place: usize) -> TractResult<&[f32]> {
        let start = ((batch * self.heads + head) * self.length + place) * self.width;
        self.values.get(start..start + self.width).context("a row outside of its tensor")
    }

    /// Heads and places changed over.
    pub fn swapped(&self) -> Self {
        let mut values = Vec::with_capacity(self.values.len());
        for batch in 0..self.batch {
            for place in 0..self.length {
                for head in 0..self.heads {
                    values.extend_from_slice(self.row(batch, head, place).unwrap_or_default());
                }
            }
        }
        let (heads, length) = (self.length, self.heads);
        Self { batch: self.batch, heads, length, width: self.width, values }
    }

    /// These places and then those of another tensor.
    pub fn followed_by(&self, next: &Self) -> TractResult<Self> {
        ensure!(
            (self.batch, self.heads, self.width) == (next.batch, next.heads, next.width),
            "a cache of shape {:?} for {:?}",
            self.shape(),
            next.shape()
        );
        let length = self.length + next.length;
        let shape = [self.batch, self.heads, length, self.width];
        let mut values = Vec::with_capacity(volume(DatumType::F32, &shape)?);
        let (own, other) = (self.length * self.width, next.length * next.width);
        for head in 0..self.batch * self.heads {
            values.extend(self.values.iter().skip(head * own).take(own));
            values.extend(next.values.iter().skip(head * other).take(other));
        }
        let [batch, heads, length, width] = shape;
        Ok(Self { batch, heads, length, width, values })
    }
}
