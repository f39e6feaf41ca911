//! Errors as JavaScript sees them: an `Error` with a stable `code`, and the file and field at fault.

use js_sys::{Error, Reflect};
use model_package::PackageError;
use model_package::store::StoreError;
use wasm_bindgen::JsValue;

/// An `Error` with a code.
pub(crate) fn problem(code: &str, message: &str) -> JsValue {
    let error = Error::new(message);
    set(&error, "code", code);
    error.into()
}

/// What is wrong with a package.
pub(crate) fn package(error: &PackageError) -> JsValue {
    let value = Error::new(&error.to_string());
    set(&value, "code", error.code());
    for (key, part) in [("file", error.file()), ("field", error.field())] {
        if let Some(part) = part {
            set(&value, key, part);
        }
    }
    value.into()
}

/// What is wrong with an archive.
pub(crate) fn store(error: &StoreError) -> JsValue {
    match error {
        StoreError::Package(error) => package(error),
        StoreError::NotAFile { .. } => problem("not-a-file", &error.to_string()),
        _ => problem("not-an-archive", &error.to_string()),
    }
}

fn set(error: &Error, key: &str, text: &str) {
    // Setting a property of a fresh object can't fail.
    let _ = Reflect::set(error, &key.into(), &text.into());
}
