//! From vectors of tokens to one of the text.

use model_package::{Embedding, Pooling};

use super::Tokens;

/// The text's vector from the elements of one instance's output; `None` if their number does not fit
/// the tokens. Sums are in binary64, in the order of the tokens.
pub(crate) fn pool(spec: &Embedding, tokens: &Tokens, elements: &[f32]) -> Option<Vec<f32>> {
    let count = tokens.ids.len();
    let size = match spec.pooling {
        Pooling::None => elements.len(),
        Pooling::Mean | Pooling::Cls => elements.len().checked_div(count)?,
    };
    if size == 0 || (spec.pooling != Pooling::None && size * count != elements.len()) {
        return None;
    }
    let vector: Vec<f64> = match spec.pooling {
        Pooling::None | Pooling::Cls => {
            elements.iter().take(size).map(|element| f64::from(*element)).collect()
        }
        Pooling::Mean => mean(tokens, elements, size),
    };
    let length = if spec.normalize {
        // As in torch.nn.functional.normalize, a vector of zeros stays one.
        libm::sqrt(vector.iter().map(|x| x * x).sum::<f64>()).max(1e-12)
    } else {
        1.0
    };
    Some(vector.iter().map(|x| (x / length) as f32).collect())
}

fn mean(tokens: &Tokens, elements: &[f32], size: usize) -> Vec<f64> {
    let mut sum = vec![0.0; size];
    let mut count = 0.0;
    for (vector, attention) in elements.chunks_exact(size).zip(&tokens.attention) {
        if *attention != 0 {
            count += 1.0;
            for (sum, element) in sum.iter_mut().zip(vector) {
                *sum += f64::from(*element);
            }
        }
    }
    sum.iter().map(|sum| sum / f64::max(count, 1.0)).collect()
}
