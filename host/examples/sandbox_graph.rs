//! Times a baked model's graph on given tensors, in reused and in fresh sandboxes, for `benches/`.
//!
//! ```text
//! sandbox_graph BAKED INPUTS.json SECONDS
//! ```
//! The inputs are a JSON array of `{"name", "type": "float32" or "int64", "shape", "file"}`; a file has the
//! elements, little-endian. Prints `{"reuse", "fresh"}`, median seconds of a call.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use predictor_host::{Baked, ElementType, Policy, Predictor, SandboxLimits, Tensor};
use serde::Deserialize;

#[derive(Deserialize)]
struct Input {
    name: String,
    r#type: String,
    shape: Vec<u64>,
    file: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("expected {what}"));
    let baked = Baked::open(Path::new(&next("a baked model")?))?;
    let inputs: Vec<Input> = serde_json::from_slice(&std::fs::read(next("inputs")?)?)?;
    let inputs = inputs.into_iter().map(tensor).collect::<Result<Vec<_>, _>>()?;
    let span = Duration::from_secs_f64(next("seconds")?.parse()?);
    let mut figures = BTreeMap::new();
    for (name, policy) in [("reuse", Policy::REUSE), ("fresh", Policy::Fresh)] {
        let predictor = Predictor::baked(&baked, SandboxLimits::DEFAULT, policy)?;
        predictor.infer(&inputs)?;
        let mut times = Vec::new();
        let began = Instant::now();
        while began.elapsed() < span || times.is_empty() {
            let call = Instant::now();
            predictor.infer(&inputs)?;
            times.push(call.elapsed().as_secs_f64());
        }
        times.sort_unstable_by(f64::total_cmp);
        figures.insert(name, times.get(times.len() / 2).copied().unwrap_or_default());
    }
    println!("{}", serde_json::to_string(&figures)?);
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
