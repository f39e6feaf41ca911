//! `CDist`: distances between the rows of two tensors. It is not of the standard, but scikit-learn's
//! neighbours and Gaussian processes may be exported with it.
//!
//! [`CDist`](https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#commicrosoftcdist)
//! takes float32 or float64 `[M, K]` and `[N, K]` and gives `[M, N]` of the same type: Euclidean
//! distances or their squares, summed in binary64.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::attribute::Attributes;
use super::tensor::{cast, expect_size, expect_type, tensor};
use super::written::{Built, Kernel, Shape, build, inputs};

/// Registers the operator.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("CDist", cdist);
}

fn cdist(_: &ParsingContext, node: &NodeProto) -> Built {
    build(match Attributes(node).text("metric", "sqeuclidean")? {
        "euclidean" => Distance::Euclidean,
        "sqeuclidean" => Distance::Squared,
        other => bail!(
            "attribute metric is {:?}; accepted are euclidean and sqeuclidean",
            other.chars().take(32).collect::<String>()
        ),
    })
}

#[derive(Debug)]
enum Distance {
    Euclidean,
    Squared,
}

impl Kernel for Distance {
    fn name(&self) -> &'static str {
        "CDist"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [left, right] = inputs("CDist", &types.iter().collect::<Vec<_>>())?;
        expect_type("CDist", *left, &[DatumType::F32, DatumType::F64])?;
        expect_type("CDist", *right, &[*left])?;
        Ok(tvec!(*left))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        match inputs("CDist", shapes)? {
            [[rows, _], [columns, _]] => Ok(tvec!(tvec!(rows.clone(), columns.clone()))),
            _ => bail!("CDist has inputs that are no matrices"),
        }
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [left, right] = inputs("CDist", tensors)?;
        let ([rows, width], [columns, other]) = (left.shape(), right.shape()) else {
            bail!("CDist has inputs that are no matrices")
        };
        if width != other {
            bail!("CDist has rows of {width} and of {other} elements");
        }
        expect_size("CDist", *rows, *columns)?;
        let distance = |left: &[f64], right: &[f64]| {
            let squares = left.iter().zip(right).map(|(x, y)| (x - y) * (x - y));
            let sum: f64 = squares.sum();
            match self {
                Self::Euclidean => sum.sqrt(),
                Self::Squared => sum,
            }
        };
        let (lefts, rights) = (cast::<f64>(left)?, cast::<f64>(right)?);
        let distances = if *width == 0 {
            vec![0.0; rows * columns]
        } else {
            let rows = lefts.chunks_exact(*width);
            rows.flat_map(|left| {
                rights.chunks_exact(*width).map(move |right| distance(left, right))
            })
            .collect()
        };
        let distances = tensor(distances, &[*rows, *columns])?;
        Ok(tvec!(distances.cast_to_dt(left.datum_type())?.into_owned()))
    }
}
