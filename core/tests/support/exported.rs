//! Cases in the layout of the ONNX test data: a model, its inputs, and the outputs to expect.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use inference_core::graph::Graph;
use inference_core::{ElementType, Keys, Tensor};
use prost::Message as _;
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

/// How far floats may be off.
#[derive(Clone, Copy)]
pub struct Tolerance {
    pub relative: f64,
    pub absolute: f64,
}

/// `NAME/model.onnx` with `NAME/test_data_set_0/{input,output}_I.pb`.
pub struct Case {
    pub model: Vec<u8>,
    pub inputs: Vec<Tensor>,
    pub outputs: Vec<Value>,
}

/// An expected output.
pub enum Value {
    Tensor(Tensor),
    /// A map for each row.
    Maps(Vec<Map>),
    Sequence(Vec<Tensor>),
}

/// <https://github.com/onnx/onnx/blob/main/onnx/onnx-data.proto>
#[derive(Clone, PartialEq, prost::Message)]
struct SequenceProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "2")]
    elem_type: i32,
    #[prost(message, repeated, tag = "3")]
    tensor_values: Vec<TensorProto>,
    #[prost(message, repeated, tag = "6")]
    map_values: Vec<MapProto>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MapProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "2")]
    key_type: i32,
    #[prost(int64, repeated, tag = "3")]
    keys: Vec<i64>,
    #[prost(string, repeated, tag = "4")]
    string_keys: Vec<String>,
    #[prost(message, optional, tag = "5")]
    values: Option<SequenceProto>,
}

/// Keys with their values.
pub struct Map {
    pub keys: Keys,
    pub values: Tensor,
}

impl Map {
    fn new(proto: MapProto) -> Self {
        let values = proto.values.unwrap().tensor_values.swap_remove(0);
        let keys = if proto.key_type == DataType::String as i32 {
            Keys::Strings(proto.string_keys)
        } else {
            Keys::Integers(proto.keys)
        };
        Self { keys, values: tensor(values) }
    }
}

/// All cases by name: those of `exports/fixtures.zip`, or of the folder that `EXPORTS` names.
pub fn cases() -> Vec<(String, Case)> {
    let mut files = BTreeMap::new();
    if let Some(root) = std::env::var_os("EXPORTS") {
        read_folder(Path::new(&root), "", &mut files);
    } else {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exports/fixtures.zip");
        let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            let name = entry.name().unwrap().into_owned();
            files.insert(name, bytes);
        }
    }
    let names = files.keys().filter_map(|path| path.strip_suffix("/model.onnx"));
    names.map(|name| (name.to_owned(), Case::new(name, &files))).collect()
}

fn read_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().display());
        if entry.file_type().unwrap().is_dir() {
            read_folder(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
}

impl Case {
    fn new(name: &str, files: &BTreeMap<String, Vec<u8>>) -> Self {
        let read = |kind: &str, index: usize| {
            files.get(&format!("{name}/test_data_set_0/{kind}_{index}.pb"))
        };
        let model = files[&format!("{name}/model.onnx")].clone();
        let inputs = (0..).map_while(|index| read("input", index)).flat_map(|bytes| {
            let map = MapProto::decode(bytes.as_slice()).ok().filter(|map| map.values.is_some());
            match map {
                Some(map) => {
                    let Map { keys, values } = Map::new(map);
                    vec![
                        Tensor { name: "X.keys".into(), ..keys_tensor(&keys) },
                        Tensor { name: "X.values".into(), ..values },
                    ]
                }
                None => vec![tensor(TensorProto::decode(bytes.as_slice()).unwrap())],
            }
        });
        let outputs = (0..).map_while(|index| read("output", index)).map(|bytes| {
            if let Ok(sequence) = SequenceProto::decode(bytes.as_slice()) {
                if !sequence.map_values.is_empty() {
                    return Value::Maps(sequence.map_values.into_iter().map(Map::new).collect());
                }
                if !sequence.tensor_values.is_empty() {
                    let tensors = sequence.tensor_values.into_iter().map(tensor);
                    return Value::Sequence(tensors.collect());
                }
            }
            Value::Tensor(tensor(TensorProto::decode(bytes.as_slice()).unwrap()))
        });
        Self { model, inputs: inputs.collect(), outputs: outputs.collect() }
    }
}

fn keys_tensor(keys: &Keys) -> Tensor {
    match keys {
        Keys::Integers(keys) => Tensor {
            name: String::new(),
            element_type: ElementType::Int64,
            shape: vec![keys.len()],
            data: keys.iter().flat_map(|key| key.to_le_bytes()).collect(),
        },
        Keys::Strings(keys) => Tensor {
            name: String::new(),
            element_type: ElementType::String,
            shape: vec![keys.len()],
            data: keys.iter().flat_map(|key| prefixed(key.as_bytes())).collect(),
        },
    }
}

fn prefixed(text: &[u8]) -> Vec<u8> {
    [&u32::try_from(text.len()).unwrap().to_le_bytes()[..], text].concat()
}

fn tensor(proto: TensorProto) -> Tensor {
    let shape: Vec<usize> = proto.dims.iter().map(|dim| usize::try_from(*dim).unwrap()).collect();
    let (element_type, data) = match DataType::try_from(proto.data_type).unwrap() {
        DataType::Float => (ElementType::Float32, proto.raw_data),
        DataType::Double => (ElementType::Float64, proto.raw_data),
        DataType::Int64 => (ElementType::Int64, proto.raw_data),
        DataType::Int32 => (ElementType::Int32, proto.raw_data),
        DataType::Int16 => (ElementType::Int16, proto.raw_data),
        DataType::Int8 => (ElementType::Int8, proto.raw_data),
        DataType::Uint8 => (ElementType::Uint8, proto.raw_data),
        DataType::Uint16 => (ElementType::Uint16, proto.raw_data),
        DataType::Uint64 => (ElementType::Uint64, proto.raw_data),
        DataType::Uint32 => (ElementType::Uint32, proto.raw_data),
        DataType::Bool => (ElementType::Bool, proto.raw_data),
        DataType::String => {
            let data = proto.string_data.iter().flat_map(|text| prefixed(text)).collect();
            (ElementType::String, data)
        }
        other => panic!("no case should have elements of type {other:?}"),
    };
    Tensor { name: proto.name, element_type, shape, data }
}

/// One row of a tensor.
pub fn slice(tensor: &Tensor, row: usize, count: usize) -> Tensor {
    let mut shape = tensor.shape.clone();
    shape[0] = 1;
    let data = if tensor.element_type == ElementType::String {
        let elements = tensor.shape[1..].iter().product::<usize>();
        let mut rest = tensor.data.as_slice();
        let mut strings = Vec::new();
        while let Some((length, text)) = rest.split_first_chunk::<4>() {
            let length = u32::from_le_bytes(*length) as usize;
            strings.push(&rest[..4 + length]);
            rest = &text[length..];
        }
        strings[row * elements..(row + 1) * elements].concat()
    } else {
        let length = tensor.data.len() / count;
        tensor.data[row * length..(row + 1) * length].to_vec()
    };
    Tensor { shape, data, ..tensor.clone() }
}

/// The first difference between what was found and what was expected.
pub fn difference(
    graph: &Graph,
    found: &[Tensor],
    expected: &[Value],
    tolerance: Tolerance,
) -> Option<String> {
    let mut found = found.iter().zip(graph.outputs());
    for value in expected {
        let problem = match value {
            Value::Tensor(expected) => {
                let (found, declared) = found.next()?;
                if declared.keys.is_some() {
                    return Some(format!("{}: maps, expected a tensor", found.name));
                }
                of_tensors(found, expected, tolerance)
            }
            Value::Maps(rows) => {
                let (found, declared) = found.next()?;
                let Some(keys) = &declared.keys else {
                    return Some(format!("{}: a tensor, expected maps", found.name));
                };
                of_maps(found, keys, rows, tolerance)
            }
            Value::Sequence(expected) => expected.iter().find_map(|expected| {
                found.next().map_or_else(
                    || Some("the sequence is too short".into()),
                    |(found, _)| of_tensors(found, expected, tolerance),
                )
            }),
        };
        if problem.is_some() {
            return problem;
        }
    }
    found.next().map(|(found, _)| format!("{} is one output too many", found.name))
}

fn of_maps(found: &Tensor, keys: &Keys, rows: &[Map], tolerance: Tolerance) -> Option<String> {
    let count = found.shape.iter().product::<usize>() / rows.len().max(1);
    let data = found.data.chunks(found.data.len() / rows.len().max(1));
    if found.shape != [rows.len(), count] {
        return Some(format!("{}: {:?} for {} maps", found.name, found.shape, rows.len()));
    }
    data.zip(rows).find_map(|(data, row)| {
        let sorted = sorted(keys);
        let places: Vec<usize> = sorted.iter().map(|(place, _)| *place).collect();
        let names: Vec<_> = sorted.into_iter().map(|(_, key)| key).collect();
        let expected = self::sorted(&row.keys);
        let expected_names: Vec<_> = expected.iter().map(|(_, key)| key.clone()).collect();
        if names != expected_names {
            return Some(format!("{}: keys {names:?}, expected {expected_names:?}", found.name));
        }
        let take = |data: &[u8], places: &[usize]| -> Vec<u8> {
            places.iter().flat_map(|place| data[place * 4..place * 4 + 4].to_vec()).collect()
        };
        let expected_places: Vec<usize> = expected.iter().map(|(place, _)| *place).collect();
        let shape = vec![count];
        let data = take(data, &places);
        let found = Tensor { shape: shape.clone(), data, ..found.clone() };
        let data = take(&row.values.data, &expected_places);
        of_tensors(&found, &Tensor { shape, data, ..row.values.clone() }, tolerance)
    })
}

/// Places and keys in the order of the keys.
fn sorted(keys: &Keys) -> Vec<(usize, String)> {
    let names: Vec<String> = match keys {
        Keys::Integers(keys) => keys.iter().map(|key| format!("{key:020}")).collect(),
        Keys::Strings(keys) => keys.clone(),
    };
    let mut sorted: Vec<_> = names.into_iter().enumerate().collect();
    sorted.sort_by(|(_, a), (_, b)| a.cmp(b));
    sorted
}

fn of_tensors(found: &Tensor, expected: &Tensor, tolerance: Tolerance) -> Option<String> {
    let of = |tensor: &Tensor| (tensor.element_type, tensor.shape.clone());
    let name = &found.name;
    if of(found) != of(expected) {
        return Some(format!("{name}: {:?}, expected {:?}", of(found), of(expected)));
    }
    let (Some(floats), Some(expected_floats)) = (floats(found), floats(expected)) else {
        let same = found.data == expected.data;
        let text =
            |data: &[u8]| String::from_utf8_lossy(data).chars().take(300).collect::<String>();
        return (!same).then(|| {
            format!("{name}: {:?}, expected {:?}", text(&found.data), text(&expected.data))
        });
    };
    floats.iter().zip(&expected_floats).enumerate().find_map(|(index, (found, expected))| {
        let close = found == expected
            || found.is_nan() && expected.is_nan()
            || (found - expected).abs() <= tolerance.absolute + tolerance.relative * expected.abs();
        (!close).then(|| format!("{name}[{index}]: {found}, expected {expected}"))
    })
}

fn floats(tensor: &Tensor) -> Option<Vec<f64>> {
    match tensor.element_type {
        ElementType::Float32 => {
            let bits = tensor.data.as_chunks().0.iter();
            Some(bits.map(|bytes| f32::from_le_bytes(*bytes).into()).collect())
        }
        ElementType::Float64 => {
            let bits = tensor.data.as_chunks().0.iter();
            Some(bits.map(|bytes| f64::from_le_bytes(*bytes)).collect())
        }
        _ => None,
    }
}
