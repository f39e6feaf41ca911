//! Kernels: how alike a row is to each of a machine's vectors.

use tract_onnx::tract_hir::internal::*;

use crate::operators::attribute::Attributes;

/// How two vectors are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    /// `u·v`
    Linear,
    /// `(γ u·v + c)^d`
    Polynomial { gamma: f64, shift: f64, degree: f64 },
    /// `exp(−γ |u − v|²)`
    Radial { gamma: f64 },
    /// `tanh(γ u·v + c)`
    Sigmoid { gamma: f64, shift: f64 },
}

/// Vectors with the function that compares rows to them.
#[derive(Debug)]
pub(super) struct Machine {
    vectors: Vec<f32>,
    features: usize,
    function: Function,
}

impl Machine {
    /// Support vectors and the kernel that the attributes name.
    pub(super) fn new(attributes: Attributes<'_>, count: usize) -> TractResult<Self> {
        let vectors = attributes.floats("support_vectors")?;
        if count == 0 || vectors.is_empty() || !vectors.len().is_multiple_of(count) {
            bail!(
                "attribute support_vectors has {} elements, which are no {count} vectors",
                vectors.len()
            );
        }
        let parameters = attributes.floats("kernel_params")?;
        let (gamma, shift, degree) = match parameters.as_slice() {
            [gamma, shift, degree, ..] => (*gamma, *shift, *degree),
            [] => (0.0, 0.0, 0.0),
            other => bail!("attribute kernel_params has {} elements; accepted are 3", other.len()),
        };
        let (gamma, shift, degree) = (gamma.into(), shift.into(), degree.into());
        let function = match attributes.text("kernel_type", "LINEAR")? {
            "LINEAR" => Function::Linear,
            "POLY" => Function::Polynomial { gamma, shift, degree },
            "RBF" => Function::Radial { gamma },
            "SIGMOID" => Function::Sigmoid { gamma, shift },
            other => bail!(
                "attribute kernel_type is {:?}; accepted are LINEAR, POLY, RBF and SIGMOID",
                other.chars().take(32).collect::<String>()
            ),
        };
        Ok(Self { features: vectors.len() / count, vectors, function })
    }

    /// A linear model, whose vectors are its coefficients.
    pub(super) fn linear(coefficients: Vec<f32>, outputs: usize) -> TractResult<Self> {
        if outputs == 0 || coefficients.is_empty() || !coefficients.len().is_multiple_of(outputs) {
            bail!(
                "attribute coefficients has {} elements, which are no rows for {outputs} outputs",
                coefficients.len()
            );
        }
        let features = coefficients.len() / outputs;
        Ok(Self { vectors: coefficients, features, function: Function::Linear })
    }

    /// How many features a row has.
    pub(super) fn features(&self) -> usize {
        self.features
    }

    /// The kernel of a row with each vector.
    pub(super) fn compare(&self, row: &[f32]) -> Vec<f64> {
        let vectors = self.vectors.chunks_exact(self.features);
        match self.function {
            Function::Linear => vectors.map(|vector| dot(row, vector)).collect(),
            Function::Polynomial { gamma, shift, degree } => {
                vectors.map(|vector| power(dot(row, vector) * gamma + shift, degree)).collect()
            }
            Function::Radial { gamma } => {
                vectors.map(|vector| libm::exp(-gamma * distance(row, vector))).collect()
            }
            Function::Sigmoid { gamma, shift } => {
                vectors.map(|vector| libm::tanh(dot(row, vector) * gamma + shift)).collect()
            }
        }
    }
}

fn dot(row: &[f32], vector: &[f32]) -> f64 {
    row.iter().zip(vector).map(|(x, v)| f64::from(*x) * f64::from(*v)).sum()
}

fn distance(row: &[f32], vector: &[f32]) -> f64 {
    let square = |(x, v): (&f32, &f32)| {
        let difference = f64::from(*x) - f64::from(*v);
        difference * difference
    };
    row.iter().zip(vector).map(square).sum()
}

fn power(x: f64, degree: f64) -> f64 {
    if degree == 2.0 {
        x * x
    } else if degree == 3.0 {
        x * x * x
    } else {
        libm::pow(x, degree)
    }
}
