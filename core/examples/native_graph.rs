//! Times a package's graph on given tensors in the native core, for `benches/`: what the sandbox is
//! compared with.
//!
//! ```text
//! native_graph PACKAGE INPUTS.json SECONDS
//! ```
//! The inputs are a JSON array of `{"name", "type": "float32" or "int64", "shape", "file"}`; a file has the
//! elements, little-endian. Prints the median seconds of a call.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use inference_core::{ElementType, Model, Tensor};
use model_package::{Limits, store};
use serde::Deserialize;

#[derive(Deserialize)]
struct Input {
    name: String,
    r#type: String,
    shape: Vec<usize>,
    file: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("expected {what}"));
    let files = store::read(Path::new(&next("a package")?), &Limits::DEFAULT)?;
    let inputs: Vec<Input> = serde_json::from_slice(&std::fs::read(next("inputs")?)?)?;
    let inputs = inputs.into_iter().map(tensor).collect::<Result<Vec<_>, _>>()?;
    let span = Duration::from_secs_f64(next("seconds")?.parse()?);
    let model = Model::load(files)?;
    model.infer(inputs.clone())?;
    let mut times = Vec::new();
    let began = Instant::now();
    while began.elapsed() < span || times.is_empty() {
        let given = inputs.clone();
        let call = Instant::now();
        model.infer(given)?;
        times.push(call.elapsed().as_secs_f64());
    }
    times.sort_unstable_by(f64::total_cmp);
    println!("{}", times.get(times.len() / 2).copied().unwrap_or_default());
    Ok(())
}

fn tensor(input: Input) -> Result<Tensor, Box<dyn Error>> {
    let element_type = match input.r#type.as_str() {
        "float32" => ElementType::Float32,
        "int64" => ElementType::Int64,
        other => return Err(format!("{other} is neither float32 nor int64").into()),
    };
    let data = std::fs::read(input.file)?;
    Ok(Tensor { name: input.name, element_type, shape: input.shape, data })
}
