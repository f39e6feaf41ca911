//! Operators that pick, place and order elements.

mod crop;
mod cumulative;
mod one_hot;
mod pad;
mod scatter;
mod unique;

use super::kernel::{Facts, Kernels};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add("CenterCropPad", crop::center_crop_pad);
    kernels.add("CumSum", cumulative::sum);
    kernels.add("CumProd", cumulative::product);
    kernels.add_planned("OneHot", Facts::By(one_hot::facts), one_hot::one_hot);
    kernels.add("Pad", pad::pad);
    kernels.add_planned("ReverseSequence", Facts::Like, scatter::reverse_sequence);
    kernels.add_planned("TensorScatter", Facts::Like, scatter::tensor_scatter);
    kernels.add("Unique", unique::unique);
}
