//! The activations of recurrent layers.

use tract_onnx::tract_hir::internal::*;

/// A function of one number, with its parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activation {
    kind: Kind,
    alpha: f32,
    beta: f32,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Affine,
    Elu,
    HardSigmoid,
    LeakyRelu,
    Relu,
    ScaledTanh,
    Sigmoid,
    Softplus,
    Softsign,
    Tanh,
    ThresholdedRelu,
}

impl Activation {
    /// The activation of this name; a parameter that is not given has its default.
    pub fn read(name: &str, alpha: Option<f32>, beta: Option<f32>) -> TractResult<Self> {
        let (kind, default_alpha, default_beta) = match name.to_ascii_lowercase().as_str() {
            "affine" => (Kind::Affine, 1.0, 0.0),
            "elu" => (Kind::Elu, 1.0, 0.0),
            "hardsigmoid" => (Kind::HardSigmoid, 0.2, 0.5),
            "leakyrelu" => (Kind::LeakyRelu, 0.01, 0.0),
            "relu" => (Kind::Relu, 0.0, 0.0),
            "scaledtanh" => (Kind::ScaledTanh, 1.0, 1.0),
            "sigmoid" => (Kind::Sigmoid, 0.0, 0.0),
            "softplus" => (Kind::Softplus, 0.0, 0.0),
            "softsign" => (Kind::Softsign, 0.0, 0.0),
            "tanh" => (Kind::Tanh, 0.0, 0.0),
            "thresholdedrelu" => (Kind::ThresholdedRelu, 1.0, 0.0),
            _ => bail!("the activation {} is not known", crate::error::excerpt(name)),
        };
        let (alpha, beta) = (alpha.unwrap_or(default_alpha), beta.unwrap_or(default_beta));
        Ok(Self { kind, alpha, beta })
    }

    pub fn apply(self, x: f32) -> f32 {
        let Self { alpha, beta, .. } = self;
        match self.kind {
            Kind::Affine => alpha * x + beta,
            Kind::Elu if x < 0.0 => alpha * libm::expm1f(x),
            Kind::Elu => x,
            Kind::HardSigmoid => (alpha * x + beta).clamp(0.0, 1.0),
            Kind::LeakyRelu if x < 0.0 => alpha * x,
            Kind::LeakyRelu => x,
            Kind::Relu => x.max(0.0),
            Kind::ScaledTanh => alpha * libm::tanhf(beta * x),
            Kind::Sigmoid => 1.0 / (1.0 + libm::expf(-x)),
            Kind::Softplus => libm::log1pf(libm::expf(x)),
            Kind::Softsign => x / (1.0 + x.abs()),
            Kind::Tanh => libm::tanhf(x),
            Kind::ThresholdedRelu if x > alpha => x,
            Kind::ThresholdedRelu => 0.0,
        }
    }
}
