//! Kernels: how alike a row is to each of a machine's vectors.
//!
//! Large coefficients of both signs cancel in a machine's sum, and what rounding left over is seen in
//! the answer. So kernels and sums are rounded where ONNX Runtime 1.32 rounds them on processors with
//! fused multiplication and addition.

use tract_onnx::tract_hir::internal::*;

use crate::operators::attribute::Attributes;

/// How two vectors are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    /// `u·v`
    Linear,
    /// `(γ u·v + c)^d`
    Polynomial { gamma: f32, shift: f32, degree: f32 },
    /// `exp(−γ |u − v|²)`
    Radial { gamma: f32 },
    /// `tanh(γ u·v + c)`
    Sigmoid { gamma: f32, shift: f32 },
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

    /// The kernel of a row with each vector. A linear one is `offset` more.
    pub(super) fn compare(&self, row: &[f32], offset: f32) -> Vec<f32> {
        let vectors = self.vectors.chunks_exact(self.features);
        let products = |gamma: f32, shift: f32| {
            let product = Product::new(vectors.len(), self.features);
            vectors.clone().map(move |vector| product.of(row, vector, gamma, shift))
        };
        match self.function {
            Function::Linear => products(1.0, offset).collect(),
            Function::Polynomial { gamma, shift, degree } => {
                products(gamma, shift).map(|product| power(product, degree)).collect()
            }
            Function::Radial { gamma } => {
                vectors.clone().map(|vector| exponential(-gamma * distance(row, vector))).collect()
            }
            Function::Sigmoid { gamma, shift } => {
                products(gamma, shift).map(|product| single(libm::tanh(product.into()))).collect()
            }
        }
    }
}

/// A sum of products as a matrix product of ONNX Runtime's has it: in blocks, and in each one after
/// the other, every product added without being rounded before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    /// How many terms a block has.
    block: usize,
}

impl Product {
    /// One of `outputs` sums of `terms` products.
    pub(super) fn new(outputs: usize, terms: usize) -> Self {
        let (mut width, mut block) = (128, 128);
        while outputs < terms && width > 16 && width / 2 >= outputs {
            width /= 2;
            block *= 2;
        }
        Self { block }
    }

    /// `shift + scale a·b`
    pub(super) fn of(self, a: &[f32], b: &[f32], scale: f32, shift: f32) -> f32 {
        let blocks = a.chunks(self.block).zip(b.chunks(self.block));
        blocks.fold(shift, |total, (a, b)| {
            let sum = a.iter().zip(b).fold(0.0, |sum, (a, b)| fused(*a, *b, sum));
            fused(sum, scale, total)
        })
    }
}

/// `a b + c`, rounded once; twice in a few cases, where the first rounding, to 53 bits, makes a tie.
fn fused(a: f32, b: f32, c: f32) -> f32 {
    single(f64::from(a) * f64::from(b) + f64::from(c))
}

#[expect(clippy::cast_possible_truncation, reason = "rounding is the point")]
fn single(value: f64) -> f32 {
    value as f32
}

/// `e^x` as C libraries have it: a cubic between each two of 32 steps from one power of two to the next. It is
/// up to 0.502 of a last place off, so that of some hundred values one is not the nearest.
fn exponential(x: f32) -> f32 {
    const STEPS: f64 = 32.0;
    // Beyond these ends there are but 0 and infinity.
    let scaled = f64::from(x.clamp(-200.0, 200.0)) * (std::f64::consts::LOG2_E * STEPS);
    let step = libm::rint(scaled);
    let rest = (scaled - step) / STEPS;
    let curve = 0.055_503_615_593_415_35 * rest + 0.240_228_452_244_572_2;
    let line = 0.693_147_180_691_620_3 * rest + 1.0;
    single((curve * (rest * rest) + line) * libm::exp2(step / STEPS))
}

fn distance(row: &[f32], vector: &[f32]) -> f32 {
    let square = |(x, v): (&f32, &f32)| (x - v) * (x - v);
    row.iter().zip(vector).map(square).fold(0.0, |sum, square| sum + square)
}

fn power(x: f32, degree: f32) -> f32 {
    if degree == 2.0 {
        x * x
    } else if degree == 3.0 {
        x * x * x
    } else {
        single(libm::pow(x.into(), degree.into()))
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_next_to_the_nearest() {
        assert_eq!(exponential(0.0), 1.0);
        assert_eq!(exponential(-200.0), 0.0);
        assert_eq!(exponential(f32::NEG_INFINITY), 0.0);
        assert_eq!(exponential(f32::INFINITY), f32::INFINITY);
        assert!(exponential(f32::NAN).is_nan());
        for step in 0..4000_u16 {
            let x = -f32::from(step) / 50.0;
            let exact = single(libm::exp(x.into()));
            assert!(exponential(x).to_bits().abs_diff(exact.to_bits()) <= 1, "{x}");
        }
    }

    #[test]
    fn a_product_is_added_without_being_rounded() {
        let one = 1.0 + f32::EPSILON;
        // The square is 1 + 2ε + ε², of which a float has no ε².
        let product = Product::new(1, 2).of(&[1.0, one], &[-(one * one), one], 1.0, 0.0);
        assert_eq!(product, f32::EPSILON * f32::EPSILON);
    }

    #[test]
    fn blocks_are_summed_on_their_own() {
        let (mut a, b) = (vec![0.0; 1025], vec![1.0; 1025]);
        (a[0], a[1], a[1024]) = (1e8, 1.0, -1e8);
        assert_eq!(Product::new(1, 1025).of(&a, &b, 1.0, 3.0), 0.0);
        (a[1], a[1023]) = (0.0, -1e8);
        a[1024] = 1.0;
        assert_eq!(Product::new(1, 1025).of(&a, &b, 1.0, 3.0), 4.0);
    }
}
