//! Times a package's graph on rows of float32, in one reused sandbox, for `benches/`.
//!
//! ```text
//! rows COMPONENT CACHE PACKAGE ROWS.f32 COLUMNS SECONDS
//! ```
//! Each call takes the next rows. Prints the median seconds of a call with 1, 32 and 1,000 rows as a
//! JSON object.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use model_package::{Digest, Limits, store};
use predictor_host::{
    Cache, ElementType, Engine, Interruption, Policy, Predictor, SandboxLimits, Tensor,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("expected {what}"));
    let component = std::fs::read(next("a component")?)?;
    let cache = Cache::new(next("a folder for compiled code")?);
    let engine = Engine::new(Interruption::None)?;
    let component = cache.load(&engine, &component, Digest::of(&component), || {})?;
    let files = store::read(Path::new(&next("a package")?), &Limits::DEFAULT)?;
    let predictor = Predictor::load(&component, files, SandboxLimits::DEFAULT, Policy::REUSE)?;
    let rows = std::fs::read(next("rows")?)?;
    let columns: usize = next("columns")?.parse()?;
    let span = Duration::from_secs_f64(next("seconds")?.parse()?);
    let input = predictor.description().inputs.first().ok_or("the graph has no input")?;
    let mut figures = BTreeMap::new();
    for batch in [1, 32, 1000] {
        let mut times = Vec::new();
        let began = Instant::now();
        for data in rows.chunks_exact(batch * columns * 4).cycle() {
            if began.elapsed() >= span {
                break;
            }
            let tensor = Tensor {
                name: input.name.clone(),
                element_type: ElementType::Float32,
                shape: vec![batch as u64, columns as u64],
                data: data.to_vec(),
            };
            let call = Instant::now();
            predictor.infer(&[tensor])?;
            times.push(call.elapsed().as_secs_f64());
        }
        times.sort_unstable_by(f64::total_cmp);
        figures.insert(batch, times.get(times.len() / 2).copied().unwrap_or_default());
    }
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}
