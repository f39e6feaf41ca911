//! `Imputer`: puts values in the place of missing ones.
//!
//! [`Imputer`](https://onnx.ai/onnx/operators/onnx_aionnxml_Imputer.html) takes float32, float64,
//! int64 or int32 of rank 1 or more, and gives the same type and shape. What counts as missing is
//! one value, which for floats may be NaN; what replaces it is one value for each feature or one for
//! all. Floats read the `*_float` attributes and integers the `*_int64` ones.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::attribute::Attributes;
use super::tensor::{NUMBERS, cast, expect_type, tensor};
use super::written::{Built, Kernel, Shape, build, inputs};

/// Registers the operator.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("Imputer", imputer);
}

fn imputer(_: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let floats = attributes.floats("imputed_value_floats")?;
    let integers = attributes.ints("imputed_value_int64s")?;
    if floats.is_empty() && integers.is_empty() {
        bail!(
            "attribute imputed_value_floats or imputed_value_int64s is required and must not be empty"
        );
    }
    build(Imputer {
        floats,
        missing_float: attributes.float("replaced_value_float", 0.0)?,
        integers,
        missing_integer: attributes.int("replaced_value_int64", 0)?,
    })
}

#[derive(Debug)]
struct Imputer {
    floats: Vec<f32>,
    missing_float: f32,
    integers: Vec<i64>,
    missing_integer: i64,
}

impl Imputer {
    /// How many values there are for this type.
    fn values(&self, datum_type: DatumType) -> TractResult<usize> {
        let (attribute, found) = if datum_type.is_float() {
            ("imputed_value_floats", self.floats.len())
        } else {
            ("imputed_value_int64s", self.integers.len())
        };
        if found == 0 {
            bail!("Imputer has an input of type {datum_type:?}, but no {attribute}");
        }
        Ok(found)
    }
}

impl Kernel for Imputer {
    fn name(&self) -> &'static str {
        "Imputer"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("Imputer", &types.iter().collect::<Vec<_>>())?;
        expect_type("Imputer", *input, &NUMBERS)?;
        self.values(*input)?;
        Ok(tvec!(*input))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("Imputer", shapes)?;
        Ok(tvec!(input.into()))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("Imputer", tensors)?;
        let (datum_type, shape) = (input.datum_type(), input.shape());
        let features = shape.get(1).or_else(|| shape.first()).copied().unwrap_or(1);
        let values = self.values(datum_type)?;
        if values != 1 && values != features {
            bail!("Imputer has {values} values for rows of {features} features");
        }
        // Each type goes through the wider one of its kind, which loses nothing.
        let filled = if datum_type.is_float() {
            let missing = self.missing_float;
            let fill = |(x, value): (&f64, &f32)| {
                let replace = *x == f64::from(missing) || x.is_nan() && missing.is_nan();
                if replace { f64::from(*value) } else { *x }
            };
            let floats = cast::<f64>(input)?;
            tensor(floats.iter().zip(self.floats.iter().cycle()).map(fill).collect(), shape)?
        } else {
            let fill =
                |(x, value): (&i64, &i64)| if *x == self.missing_integer { *value } else { *x };
            let integers = cast::<i64>(input)?;
            tensor(integers.iter().zip(self.integers.iter().cycle()).map(fill).collect(), shape)?
        };
        Ok(tvec!(filled.cast_to_dt(datum_type)?.into_owned()))
    }
}
