//! Operators on images and other grids: `[N, C, d1, …]`.

mod affine_grid;
mod batch_norm;
mod col2im;
mod deform_conv;
mod grid_sample;
mod lp_pool;
mod non_max;
mod roi_align;
mod unpool;
mod upsample;

use super::kernel::{Facts, Kernels};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add("AffineGrid", affine_grid::affine_grid);
    kernels.add("BatchNormalization", batch_norm::batch_normalization);
    kernels.add("Col2Im", col2im::col2im);
    kernels.add("DeformConv", deform_conv::deform_conv);
    kernels.add_planned(
        "GridSample",
        Facts::By(grid_sample::grid_sample_facts),
        grid_sample::grid_sample,
    );
    kernels.add("LpPool", lp_pool::lp_pool);
    kernels.add("MaxUnpool", unpool::max_unpool);
    kernels.add("NonMaxSuppression", non_max::non_max_suppression);
    kernels.add("RoiAlign", roi_align::roi_align);
    kernels.add_planned(
        "SpaceToDepth",
        Facts::By(upsample::space_to_depth_facts),
        upsample::space_to_depth,
    );
    kernels.add("Upsample", upsample::upsample);
}
