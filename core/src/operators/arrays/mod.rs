//! Operators that pick, place and order elements.

mod crop;
mod cumulative;
mod indexed;
mod one_hot;
mod order;
mod pad;
mod ranked;
mod scatter;
mod unique;

use super::kernel::{Facts, Kernels};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add_planned("ArgMax", Facts::By(ranked::best_facts), ranked::greatest);
    kernels.add_planned("ArgMin", Facts::By(ranked::best_facts), ranked::least);
    kernels.add("CenterCropPad", crop::center_crop_pad);
    kernels.add_planned("CumSum", Facts::Like, cumulative::sum);
    kernels.add_planned("CumProd", Facts::Like, cumulative::product);
    kernels.add_planned(
        "GatherElements",
        Facts::By(indexed::gather_elements_facts),
        indexed::gather_elements,
    );
    kernels.add_planned("GatherND", Facts::By(indexed::gather_nd_facts), indexed::gather_nd);
    kernels.add_planned("Scatter", Facts::Like, indexed::scatter_elements);
    kernels.add_planned("ScatterElements", Facts::Like, indexed::scatter_elements);
    kernels.add_planned("ScatterND", Facts::Like, indexed::scatter_nd);
    kernels.add_planned("Hardmax", Facts::Like, ranked::hardmax);
    kernels.add_planned("OneHot", Facts::By(one_hot::facts), one_hot::one_hot);
    kernels.add("Pad", pad::pad);
    kernels.add_planned("ReverseSequence", Facts::Like, scatter::reverse_sequence);
    kernels.add_planned("TensorScatter", Facts::Like, scatter::tensor_scatter);
    kernels.add_planned("TopK", Facts::By(ranked::top_facts), ranked::top);
    kernels.add("Unique", unique::unique);
}
