//! Arrays in an `.npz` file, as numpy writes them with `savez` and `savez_compressed`
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>).

use std::io::{Cursor, Read as _};

use serde_json::{Number, Value};
use zip::ZipArchive;

/// Bytes of one array.
const LARGEST: u64 = 256 << 20;

/// An array in row-major order. Numbers that JSON lacks are the texts `NaN`, `Infinity` and
/// `-Infinity`.
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<Value>,
}

/// The arrays with their names.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<(String, Array)>, String> {
    let wrong = |error: zip::result::ZipError| format!("no .npz file: {error}");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(wrong)?;
    let mut arrays = Vec::new();
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(wrong)?;
        let name = file.name().map_err(wrong)?.trim_end_matches(".npy").to_owned();
        let mut content = Vec::new();
        let read = file.take(LARGEST + 1).read_to_end(&mut content);
        read.map_err(|error| format!("{name}: {error}"))?;
        if content.len() as u64 > LARGEST {
            return Err(format!("{name}: larger than {} MiB", LARGEST >> 20));
        }
        let array = array(&content).map_err(|message| format!("{name}: {message}"))?;
        arrays.push((name, array));
    }
    Ok(arrays)
}

/// The array in a `.npy` file.
fn array(bytes: &[u8]) -> Result<Array, String> {
    let cut = || "no .npy file, or cut short".to_owned();
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or_else(cut)?;
    let ([major, _], rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
    let (length, rest) = if *major == 1 {
        let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
        (usize::from(u16::from_le_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        (u32::from_le_bytes(*length) as usize, rest)
    };
    let (header, data) = rest.split_at_checked(length).ok_or_else(cut)?;
    let header = String::from_utf8_lossy(header);
    let descr = quoted(&header, "descr").ok_or("structured arrays are not read")?;
    if after(&header, "fortran_order").is_some_and(|value| value.starts_with("True")) {
        return Err("column-major order; write numpy.ascontiguousarray(x)".into());
    }
    let shape = after(&header, "shape").and_then(|value| value.strip_prefix('('));
    let shape = shape.and_then(|value| value.split(')').next()).ok_or_else(cut)?;
    let extents = shape.split(',').map(str::trim).filter(|extent| !extent.is_empty());
    let shape = extents.map(|extent| extent.parse().map_err(|_| cut()));
    let shape = shape.collect::<Result<Vec<usize>, String>>()?;
    let values = values(descr, data)?;
    let count = shape.iter().try_fold(1_usize, |count, extent| count.checked_mul(*extent));
    if count != Some(values.len()) {
        return Err(format!("{} elements for the shape {shape:?}", values.len()));
    }
    Ok(Array { shape, values })
}

/// What stands behind a key of the header.
fn after<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("'{key}':"))?;
    Some(rest.trim_start())
}

fn quoted<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    after(header, key)?.strip_prefix('\'')?.split('\'').next()
}

fn values(descr: &str, data: &[u8]) -> Result<Vec<Value>, String> {
    /// The numbers of a type.
    macro_rules! numbers {
        ($kind:ty, $show:expr) => {
            data.as_chunks().0.iter().map(|bytes| $show(<$kind>::from_le_bytes(*bytes))).collect()
        };
    }
    Ok(match descr {
        "|b1" => data.iter().map(|byte| Value::from(*byte != 0)).collect(),
        "|i1" => numbers!(i8, Value::from),
        "|u1" => numbers!(u8, Value::from),
        "<i2" => numbers!(i16, Value::from),
        "<u2" => numbers!(u16, Value::from),
        "<i4" => numbers!(i32, Value::from),
        "<u4" => numbers!(u32, Value::from),
        "<i8" => numbers!(i64, Value::from),
        "<u8" => numbers!(u64, Value::from),
        "<f4" => numbers!(f32, |value: f32| float(value.into())),
        "<f8" => numbers!(f64, float),
        _ => match descr.strip_prefix("<U").and_then(|width| width.parse::<usize>().ok()) {
            Some(0) | None => {
                let message = format!(
                    "elements of the type {descr:?}; numbers, booleans and texts of a fixed width \
                     (astype(str)) are read"
                );
                return Err(message);
            }
            Some(width) => data.chunks_exact(width.saturating_mul(4)).map(text).collect(),
        },
    })
}

fn float(value: f64) -> Value {
    let name = match value {
        value if value.is_nan() => "NaN",
        value if value > 0.0 => "Infinity",
        _ => "-Infinity",
    };
    Number::from_f64(value).map_or_else(|| Value::from(name), Value::Number)
}

/// A text in UTF-32, filled up with zeros.
fn text(bytes: &[u8]) -> Value {
    let points = bytes.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
    let text: String = points.filter_map(char::from_u32).collect();
    Value::from(text.trim_end_matches('\0'))
}
