//! Convolutions and poolings whose windows are checked: each extent, step and padding by itself, and
//! their number against the rank of the input.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::of_tract;
use crate::operators::kernel::LARGEST_WINDOW;

pub(super) const WINDOWED: [&str; 6] =
    ["AveragePool", "Conv", "ConvInteger", "ConvTranspose", "MaxPool", "QLinearConv"];

pub(super) fn windowed(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let list = |name: &str, least: i64| -> TractResult<Option<usize>> {
        let Some(values) = node.get_attr_opt_vec::<i64>(name)? else { return Ok(None) };
        let inside = values.iter().all(|value| (least..=LARGEST_WINDOW).contains(value));
        ensure!(inside, "{name} is {values:?}; accepted are {least} to {LARGEST_WINDOW}");
        Ok(Some(values.len()))
    };
    let axes = [
        list("kernel_shape", 1)?,
        list("strides", 1)?,
        list("dilations", 1)?,
        list("output_padding", 0)?,
        list("output_shape", 0)?,
    ];
    let pads = list("pads", 0)?;
    ensure!(pads.is_none_or(|pads| pads % 2 == 0), "pads are two for each axis");
    let mut lengths = axes.into_iter().chain([pads.map(|pads| pads / 2)]).flatten();
    let axes = lengths.next();
    ensure!(lengths.all(|length| Some(length) == axes), "the windows' attributes differ in length");
    let group = node.get_attr_opt::<i64>("group")?.unwrap_or(1);
    ensure!(
        (1..=LARGEST_WINDOW).contains(&group),
        "group is {group}; accepted are 1 to {LARGEST_WINDOW}"
    );
    let transposed =
        (node.op_type == "ConvTranspose").then(|| Transposed::read(node)).transpose()?;
    Ok((expand(Windowed { inner: of_tract(context, node)?, axes, transposed }), Vec::new()))
}

/// An operator with windows of so many axes.
#[derive(Clone, Debug)]
struct Windowed {
    inner: Box<dyn Expansion>,
    axes: Option<usize>,
    transposed: Option<Transposed>,
}

/// What a transposed convolution cuts off of what it makes.
#[derive(Clone, Debug)]
struct Transposed {
    strides: Vec<i64>,
    dilations: Vec<i64>,
    pads: Vec<i64>,
}

impl Transposed {
    fn read(node: &NodeProto) -> TractResult<Self> {
        let list = |name: &str| -> TractResult<Vec<i64>> {
            Ok(node.get_attr_opt_vec(name)?.unwrap_or_default())
        };
        Ok(Self { strides: list("strides")?, dilations: list("dilations")?, pads: list("pads")? })
    }

    /// Something has to be left.
    fn check(&self, model: &TypedModel, inputs: &[OutletId]) -> TractResult<()> {
        let [input, weight, ..] = inputs else { bail!("ConvTranspose lacks an input") };
        let (input, weight) = (model.outlet_fact(*input)?, model.outlet_fact(*weight)?);
        let axes = input.shape.iter().skip(2).zip(weight.shape.iter().skip(2)).enumerate();
        let half = self.pads.len() / 2;
        for (axis, (extent, window)) in axes {
            let (Ok(extent), Ok(window)) = (extent.to_i64(), window.to_i64()) else { continue };
            let own =
                |list: &[i64], place: usize, default| list.get(place).copied().unwrap_or(default);
            let reach = (window - 1) * own(&self.dilations, axis, 1) + 1;
            let made = (extent - 1) * own(&self.strides, axis, 1) + reach;
            let cut = own(&self.pads, axis, 0) + own(&self.pads, half + axis, 0);
            ensure!(cut <= made, "pads of {cut} cut more than the {made} that are there");
        }
        Ok(())
    }
}

impl Windowed {
    fn check(&self, rank: usize) -> TractResult<()> {
        let fits = rank > 2 && self.axes.is_none_or(|axes| axes + 2 == rank);
        ensure!(fits, "windows of {:?} axes for an input of rank {rank}", self.axes.unwrap_or(0));
        Ok(())
    }
}

impl Expansion for Windowed {
    fn name(&self) -> StaticName {
        self.inner.name()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        (*self.inner).nboutputs()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let input = inputs.first().context("the operator has no input")?;
        solver.given(&input.rank, move |_, rank| self.check(usize::try_from(rank)?))?;
        self.inner.rules(solver, inputs, outputs)
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let input = inputs.first().context("the operator has no input")?;
        self.check(model.outlet_fact(*input)?.rank())?;
        self.transposed.iter().try_for_each(|cut| cut.check(model, inputs))?;
        self.inner.wire(prefix, model, inputs)
    }
}
