//! The component: exports the WIT interface and converts between its types and the core's.
//!
//! Decides nothing. The one piece of state is the loaded model, which lives as long as the
//! instance.
#![cfg(target_family = "wasm")]

mod bindings;
mod convert;
mod entropy;
mod memory;

use std::cell::RefCell;

use bindings::exports::samebits::predictor::layout;
use bindings::exports::samebits::predictor::model as types;
use bindings::exports::samebits::predictor::model::Guest;
use inference_core::Model;
use model_package::PackageFile;

struct Component;

thread_local! {
    // The component has one thread; this is a plain static that needs no `unsafe`.
    static MODEL: RefCell<Option<Model>> = const { RefCell::new(None) };
}

impl Guest for Component {
    fn load(files: Vec<types::File>) -> Result<(), types::Error> {
        MODEL.with_borrow_mut(|loaded| {
            if loaded.is_some() {
                return Err(convert::state("already-loaded", "this instance has a model already"));
            }
            let file = |file: types::File| PackageFile { path: file.path, content: file.content };
            let files = files.into_iter().map(file).collect();
            *loaded = Some(Model::load(files).map_err(convert::error)?);
            memory::loaded();
            Ok(())
        })
    }

    fn restrict(limits: types::Limits) -> Result<(), types::Error> {
        MODEL.with_borrow_mut(|loaded| {
            let model = loaded.as_mut().ok_or_else(not_loaded)?;
            model.restrict(limits.operations).map_err(convert::error)
        })
    }

    fn describe() -> Result<types::Description, types::Error> {
        with_model(|model| Ok(convert::description(model.describe())))
    }

    fn predict(
        instances: Vec<types::Instance>,
    ) -> Result<Vec<Result<types::Prediction, types::Error>>, types::Error> {
        with_model(|model| {
            let instances: Vec<_> = instances.into_iter().map(convert::instance).collect();
            let results = model.predict(&instances).map_err(convert::error)?;
            let converted = results.into_iter().map(|result| match result {
                Ok(prediction) => Ok(convert::prediction(prediction)),
                Err(error) => Err(convert::error(error)),
            });
            Ok(converted.collect())
        })
    }

    fn infer(inputs: Vec<types::Tensor>) -> Result<Vec<types::Tensor>, types::Error> {
        with_model(|model| {
            let inputs = inputs.into_iter().map(convert::tensor_in).collect::<Result<_, _>>()?;
            let outputs = model.infer(inputs).map_err(convert::error)?;
            Ok(outputs.into_iter().map(convert::tensor_out).collect())
        })
    }
}

impl layout::Guest for Component {
    fn observe() {
        memory::layout::observe();
    }

    fn stayed() -> Option<(u32, Vec<u8>)> {
        memory::layout::stayed().map(|(bytes, allocations)| (bytes as u32, allocations))
    }

    fn arrange(bytes: u32) {
        memory::layout::arrange(bytes as usize);
    }

    fn place(allocations: Vec<u8>) {
        memory::layout::place(allocations);
    }

    fn settle() -> u64 {
        memory::layout::settle()
    }
}

fn with_model<T>(run: impl FnOnce(&Model) -> Result<T, types::Error>) -> Result<T, types::Error> {
    MODEL.with_borrow(|loaded| run(loaded.as_ref().ok_or_else(not_loaded)?))
}

fn not_loaded() -> types::Error {
    convert::state("not-loaded", "this instance has no model yet; call load first")
}
