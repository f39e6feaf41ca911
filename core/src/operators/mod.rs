//! The operators that this core adds to tract, or puts in the place of tract's own.
//!
//! tract keys operators by name alone, so registering one here replaces the one it came with. Each
//! family lives in its own module and registers itself; the rest of the core only calls [`onnx`].

/// What an `Expansion` with another one, `inner`, leaves to it: all but its wiring.
macro_rules! as_inner {
    () => {
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
            self.inner.rules(solver, inputs, outputs)
        }
    };
}

mod arrays;
mod attention;
mod attribute;
pub(crate) mod bounds;
mod cast;
mod checked;
mod compress;
mod dequantized;
mod distance;
mod elementwise;
mod encoder;
mod features;
mod float;
mod gather;
mod images;
mod imputer;
pub(crate) mod kernel;
mod label_encoder;
mod labels;
mod linear;
mod losses;
mod maps;
mod matmul;
mod mel;
mod post_transform;
mod quantize;
mod real;
mod recurrent;
mod reduce;
mod scale;
mod shape;
mod signal;
mod svm;
mod tensor;
mod text;
mod tree;
mod written;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use kernel::Kernels;

/// Operators of tract that are left out: those that draw random numbers, which nothing here does, and
/// those that crash, which are run node by node.
const LEFT_OUT: [&str; 7] = [
    "MelWeightMatrix",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Scan",
];

/// tract's ONNX reader with this core's operators registered.
#[must_use]
pub fn onnx() -> tract_onnx::Onnx {
    let mut onnx = tract_onnx::onnx();
    register(&mut onnx);
    onnx
}

/// Registers every family, replacing tract's operators of the same name.
pub(crate) fn register(onnx: &mut tract_onnx::Onnx) {
    checked::register(onnx);
    compress::register(onnx);
    distance::register(onnx);
    encoder::register(onnx);
    features::register(onnx);
    float::register(onnx);
    gather::register(onnx);
    imputer::register(onnx);
    label_encoder::register(onnx);
    linear::register(onnx);
    maps::register(onnx);
    scale::register(onnx);
    shape::register(onnx);
    svm::register(onnx);
    text::register(onnx);
    tree::register(onnx);
    for operator in LEFT_OUT {
        onnx.op_register.0.remove(operator);
    }
    for operator in kernels().planned() {
        onnx.op_register.insert(operator, kernel::read);
    }
    quantize::register_planned(onnx);
}

/// The operators that are plain functions.
pub(crate) fn kernels() -> &'static Kernels {
    static KERNELS: LazyLock<Kernels> = LazyLock::new(all_kernels);
    &KERNELS
}

fn all_kernels() -> Kernels {
    let mut kernels = Kernels::default();
    arrays::register(&mut kernels);
    attention::register(&mut kernels);
    bounds::register(&mut kernels);
    cast::register(&mut kernels);
    elementwise::register(&mut kernels);
    images::register(&mut kernels);
    losses::register(&mut kernels);
    matmul::register(&mut kernels);
    mel::register(&mut kernels);
    quantize::register(&mut kernels);
    recurrent::register(&mut kernels);
    reduce::register(&mut kernels);
    signal::register(&mut kernels);
    kernels
}

/// The names of all operators that graphs may have, sorted. Those of `ai.onnx.ml` are among them.
#[must_use]
pub fn names() -> Vec<String> {
    let (framework, kernels) = (onnx(), kernels());
    let control = crate::graph::own_operators().map(str::to_owned);
    let registered = framework.op_register.0.into_keys();
    let names: BTreeSet<_> =
        kernels.names().map(str::to_owned).chain(registered).chain(control).collect();
    names.into_iter().collect()
}
