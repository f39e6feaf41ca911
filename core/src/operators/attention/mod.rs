//! Attention and its relatives:
//! [`Attention`](https://onnx.ai/onnx/operators/onnx__Attention.html),
//! [`LinearAttention`](https://onnx.ai/onnx/operators/onnx__LinearAttention.html),
//! [`RotaryEmbedding`](https://onnx.ai/onnx/operators/onnx__RotaryEmbedding.html) and
//! [`CausalConvWithState`](https://onnx.ai/onnx/operators/onnx__CausalConvWithState.html).

mod bias;
mod causal_conv;
mod heads;
mod linear;
mod rotary;
mod softmax;

use super::kernel::{Facts, Kernels};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add_narrow("Attention", softmax::attention);
    kernels.add_narrow("LinearAttention", linear::linear_attention);
    kernels.add_planned("RotaryEmbedding", Facts::Like, rotary::rotary_embedding);
    kernels.add("CausalConvWithState", causal_conv::causal_conv_with_state);
}
