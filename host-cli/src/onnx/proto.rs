//! The messages of `onnx.proto` and `onnx-data.proto`, with the fields that are looked at
//! (<https://github.com/onnx/onnx/tree/main/onnx>).

use prost::Message;

/// A model.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelProto {
    #[prost(message, optional, tag = "7")]
    pub(crate) graph: Option<GraphProto>,
}

/// A graph: its nodes, its inputs and outputs, and which inputs have a value already.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub(crate) nodes: Vec<NodeProto>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) initializers: Vec<Named>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) inputs: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    pub(crate) outputs: Vec<ValueInfoProto>,
}

impl GraphProto {
    /// The inputs that a caller fills.
    pub(crate) fn open_inputs(&self) -> impl Iterator<Item = &ValueInfoProto> {
        let given = |input: &&ValueInfoProto| {
            self.initializers.iter().any(|known| known.name == input.name)
        };
        self.inputs.iter().filter(move |input| !given(input))
    }
}

/// An initializer, by its name.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Named {
    #[prost(string, tag = "8")]
    pub(crate) name: String,
}

/// A node.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub(crate) inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) outputs: Vec<String>,
    #[prost(string, tag = "4")]
    pub(crate) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) attributes: Vec<AttributeProto>,
}

/// An attribute that is a list of numbers or strings.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AttributeProto {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int64, repeated, tag = "8")]
    pub(crate) integers: Vec<i64>,
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub(crate) strings: Vec<Vec<u8>>,
}

/// A named type.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ValueInfoProto {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) kind: Option<TypeProto>,
}

/// What a value is: exactly one of these is there.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TypeProto {
    #[prost(message, optional, tag = "1")]
    pub(crate) tensor: Option<Present>,
    #[prost(message, optional, tag = "4")]
    pub(crate) sequence: Option<Present>,
    #[prost(message, optional, tag = "5")]
    pub(crate) map: Option<Present>,
    #[prost(message, optional, tag = "9")]
    pub(crate) optional: Option<Present>,
}

/// A message of which only its being there counts.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Present {}

/// A tensor.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    pub(crate) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(crate) data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub(crate) float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    pub(crate) int32_data: Vec<i32>,
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub(crate) string_data: Vec<Vec<u8>>,
    #[prost(int64, repeated, tag = "7")]
    pub(crate) int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    pub(crate) name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub(crate) raw_data: Vec<u8>,
    #[prost(double, repeated, tag = "10")]
    pub(crate) double_data: Vec<f64>,
    #[prost(uint64, repeated, tag = "11")]
    pub(crate) uint64_data: Vec<u64>,
    #[prost(message, repeated, tag = "13")]
    pub(crate) external_data: Vec<EntryProto>,
}

/// A key and its value.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct EntryProto {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

/// A sequence.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SequenceProto {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int32, tag = "2")]
    pub(crate) kind: i32,
    #[prost(message, repeated, tag = "3")]
    pub(crate) tensors: Vec<TensorProto>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) sequences: Vec<SequenceProto>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) maps: Vec<MapProto>,
    #[prost(message, repeated, tag = "7")]
    pub(crate) optionals: Vec<OptionalProto>,
}

/// A map: its values are one tensor, or one for each key.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MapProto {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int32, tag = "2")]
    pub(crate) key_type: i32,
    #[prost(int64, repeated, tag = "3")]
    pub(crate) keys: Vec<i64>,
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub(crate) string_keys: Vec<Vec<u8>>,
    #[prost(message, optional, tag = "5")]
    pub(crate) values: Option<SequenceProto>,
}

/// A value that may be missing.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OptionalProto {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int32, tag = "2")]
    pub(crate) kind: i32,
    #[prost(message, optional, tag = "3")]
    pub(crate) tensor: Option<TensorProto>,
    #[prost(message, optional, tag = "5")]
    pub(crate) sequence: Option<SequenceProto>,
    #[prost(message, optional, tag = "6")]
    pub(crate) map: Option<MapProto>,
    #[prost(message, optional, boxed, tag = "7")]
    pub(crate) optional: Option<Box<OptionalProto>>,
}
