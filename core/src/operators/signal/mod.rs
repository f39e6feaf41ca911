//! Signals: the discrete Fourier transform, of a whole signal and of its frames; and the determinant.
//!
//! All are calculated in binary64.

mod determinant;
mod dft;
mod fourier;
mod stft;

use super::kernel::{Facts, Kernels};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add_planned("DFT", Facts::By(dft::facts), dft::dft);
    kernels.add("Det", determinant::determinant);
    kernels.add_planned("STFT", Facts::By(stft::facts), stft::stft);
}
