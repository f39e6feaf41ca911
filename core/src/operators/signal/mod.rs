//! Signals: the discrete Fourier transform, of a whole signal and of its frames; and the determinant.
//!
//! All are calculated in binary64.

mod determinant;
mod dft;
mod fourier;
mod stft;

use tract_onnx::tract_hir::internal::*;

use super::kernel::{Facts, Kernels};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add_planned("DFT", Facts::By(dft::facts), dft::dft);
    kernels.add("Det", determinant::determinant);
    kernels.add_planned("STFT", Facts::By(stft::facts), stft::stft);
}

/// The number that an input holds, if it is there. One that arrives with a call is an error.
fn known(
    inputs: &[Option<&TypedFact>],
    place: usize,
    late: &'static str,
) -> TractResult<Option<i64>> {
    let Some(fact) = inputs.get(place).copied().flatten() else { return Ok(None) };
    let constant = fact.konst.as_ref().context(late)?;
    Ok(Some(constant.cast_to_scalar::<i64>()?))
}
