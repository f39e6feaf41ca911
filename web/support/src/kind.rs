//! What a file is, by its first bytes. Somebody who drops a model of another format hears how to make
//! an ONNX file of it.

use wasm_bindgen::prelude::wasm_bindgen;

/// Whether the bytes look like an ONNX file: its first field is a small version number.
#[wasm_bindgen(js_name = looksLikeGraph)]
#[must_use]
pub fn looks_like_graph(bytes: &[u8]) -> bool {
    matches!(bytes, [0x08, 1..=32, ..])
}

/// Whether the bytes are of a known format that is no model which the component runs.
///
/// # Errors
/// What they are, and what to do.
pub(crate) fn check(name: &str, bytes: &[u8]) -> Result<(), String> {
    if bytes.is_empty() {
        return Err(format!("{name} is empty"));
    }
    match foreign(bytes) {
        Some((kind, advice)) => Err(format!("{name} is {kind}; {advice}")),
        None => Ok(()),
    }
}

fn foreign(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    if looks_like_graph(bytes) {
        return None;
    }
    let at = |offset: usize, magic: &[u8]| {
        bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    };
    let torch = "export the model with torch.onnx.export, and drop the .onnx file";
    let keras = "export the model with model.export(…, format=\"onnx\") or tf2onnx, and drop the .onnx file";
    let onnx = "drop the .onnx file that it was made of";
    let unpack = "unpack it, and drop what is inside";
    let found = if at(0, b"PK\x03\x04") {
        (
            "a zip archive (PyTorch and Keras save such files, too)",
            "export the model to ONNX, or unpack the archive",
        )
    } else if at(0, b"\x80") && matches!(bytes.get(1), Some(2..=5)) {
        (
            "a pickle, which could run any code",
            "export the model to ONNX (skl2onnx, torch.onnx.export), and drop the .onnx file",
        )
    } else if at(0, b"\x89HDF\r\n") {
        ("an HDF5 file, as Keras wrote them", keras)
    } else if at(4, b"TFL3") {
        ("a TensorFlow Lite model", "convert it with tf2onnx (--tflite), and drop the .onnx file")
    } else if at(4, b"ORTM") {
        ("in ONNX Runtime's own format", onnx)
    } else if at(0, b"GGUF") {
        ("a GGUF file", "the component runs ONNX graphs only")
    } else if at(8, b"{\"") {
        ("a safetensors file, which has weights but no graph", torch)
    } else if at(0, b"\x1f\x8b") {
        ("compressed with gzip", unpack)
    } else if at(0, b"7z\xbc\xaf") || at(0, b"\xfd7zXZ") || at(0, b"\x28\xb5\x2f\xfd") {
        ("compressed", unpack)
    } else if at(0, b"\0asm") {
        ("a WebAssembly module; if it is a baked model, it is for native hosts", onnx)
    } else if at(0, b"\x89PNG") || at(0, b"\xff\xd8\xff") || at(0, b"RIFF") {
        ("a picture", "pictures go to a model that takes them, not here")
    } else if at(0, b"version https://git-lfs") {
        ("only a pointer to a file in Git LFS", "fetch the file itself (git lfs pull)")
    } else if at(0, b"<!DOCTYPE") || at(0, b"<!doctype") || at(0, b"<html") {
        ("a web page, not the file that it links to", "download the file itself")
    } else {
        return None;
    };
    Some(found)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn other_formats_are_named() {
        let refused = |bytes: &[u8], expected: &str| {
            let message = check("it", bytes).unwrap_err();
            assert!(message.starts_with(expected), "{message}");
        };
        refused(b"", "it is empty");
        refused(b"PK\x03\x04rest", "it is a zip archive");
        refused(b"\x80\x04\x95", "it is a pickle");
        refused(b"\x89HDF\r\n\x1a\n", "it is an HDF5 file");
        refused(b"\x20\0\0\0TFL3", "it is a TensorFlow Lite model");
        refused(b"\x20\0\0\0ORTM", "it is in ONNX Runtime's own format");
        refused(b"\x40\0\0\0\0\0\0\0{\"a\":1}", "it is a safetensors file");
        refused(b"\x1f\x8b\x08", "it is compressed with gzip");
        refused(b"\0asm\x0d\0\x01\0", "it is a WebAssembly module");
        refused(b"version https://git-lfs.github.com/spec/v1", "it is only a pointer");
        refused(b"<!DOCTYPE html>", "it is a web page");
    }

    #[test]
    fn a_graph_is_let_through() {
        let graph = b"\x08\x08\x12\x07exporter";
        assert!(check("it", graph).is_ok());
        assert!(looks_like_graph(graph));
        assert!(!looks_like_graph(b"ustar"));
        assert!(!looks_like_graph(b""));
    }
}
