//! Operators through the real component in wasmtime: the cases of the ONNX backend test suite that pass
//! in the core (`tests/onnx-suite/passed.txt`) pass there, too. `cargo xtask component` leaves code
//! out that no inference should reach; a case that reaches it all the same traps here.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../../core/tests/onnx_suite/case.rs"]
mod case;
#[path = "../../core/tests/onnx_suite/compare.rs"]
mod compare;

use std::fs::read_to_string;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use case::Case;
use conformance::{load, root};
use inference_core::ElementType as Inside;
use model_package::PackageFile;
use predictor_host::ElementType as Outside;

#[test]
fn cases_of_the_suite_pass() {
    let suite = root().join("target/tools/onnx-suite");
    assert!(suite.is_dir(), "{}: `cargo xtask tools` makes the cases", suite.display());
    let list = read_to_string(root().join("tests/onnx-suite/passed.txt")).unwrap();
    let names: Vec<_> = list.lines().collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            let case = Case::read(&suite.join(name));
            if let Err(why) = outcome(&case) {
                failed.lock().unwrap().push(format!("{name} ({}): {why}", case.operator));
            }
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} cases: {failed:#?}", failed.len(), names.len());
}

fn outcome(case: &Case) -> Result<(), String> {
    let [inputs, expected] = case.tensors()?;
    let files = PackageFile::of_graph(&case.name, case.model().to_vec()).unwrap();
    let predictor = load(files).map_err(|error| format!("load: {error}"))?;
    let inputs: Vec<_> = inputs.iter().map(outside).collect();
    let found = predictor.infer(&inputs).map_err(|error| format!("infer: {error}"))?;
    compare::all(&found.into_iter().map(inside).collect::<Vec<_>>(), &expected)
}

/// A tensor of the core as the interface has it.
fn outside(tensor: &inference_core::Tensor) -> predictor_host::Tensor {
    predictor_host::Tensor {
        name: tensor.name.clone(),
        element_type: TYPES.into_iter().find(|it| it.1 == tensor.element_type).unwrap().0,
        shape: tensor.shape.iter().map(|extent| u64::try_from(*extent).unwrap()).collect(),
        data: tensor.data.clone(),
    }
}

/// A tensor of the interface as the core has it.
fn inside(tensor: predictor_host::Tensor) -> inference_core::Tensor {
    inference_core::Tensor {
        name: tensor.name,
        element_type: TYPES.into_iter().find(|it| it.0 == tensor.element_type).unwrap().1,
        shape: tensor.shape.iter().map(|extent| usize::try_from(*extent).unwrap()).collect(),
        data: tensor.data,
    }
}

const TYPES: [(Outside, Inside); 24] = [
    (Outside::Bool, Inside::Bool),
    (Outside::Uint8, Inside::Uint8),
    (Outside::Uint16, Inside::Uint16),
    (Outside::Uint32, Inside::Uint32),
    (Outside::Uint64, Inside::Uint64),
    (Outside::Int8, Inside::Int8),
    (Outside::Int16, Inside::Int16),
    (Outside::Int32, Inside::Int32),
    (Outside::Int64, Inside::Int64),
    (Outside::Float16, Inside::Float16),
    (Outside::Float32, Inside::Float32),
    (Outside::Float64, Inside::Float64),
    (Outside::String, Inside::String),
    (Outside::Bfloat16, Inside::Bfloat16),
    (Outside::Float8e4m3fn, Inside::Float8e4m3fn),
    (Outside::Float8e4m3fnuz, Inside::Float8e4m3fnuz),
    (Outside::Float8e5m2, Inside::Float8e5m2),
    (Outside::Float8e5m2fnuz, Inside::Float8e5m2fnuz),
    (Outside::Float8e8m0, Inside::Float8e8m0),
    (Outside::Float4e2m1, Inside::Float4e2m1),
    (Outside::Int4, Inside::Int4),
    (Outside::Uint4, Inside::Uint4),
    (Outside::Int2, Inside::Int2),
    (Outside::Uint2, Inside::Uint2),
];
