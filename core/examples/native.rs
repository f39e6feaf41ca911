//! The native core's figures, for `benches/`: what the sandbox is compared with.
//!
//! ```text
//! native PACKAGE INSTANCE.json SECONDS
//! ```
//! Prints the median seconds of a call with 1, 32 and 1,000 instances as a JSON object.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use inference_core::{Instance, Model};
use model_package::{Limits, store};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("expected {what}"));
    let files = store::read(Path::new(&next("a package")?), &Limits::DEFAULT)?;
    let instance = std::fs::read_to_string(next("an instance")?)?;
    let span = Duration::from_secs_f64(next("seconds")?.parse()?);
    let model = Model::load(files)?;
    let mut figures = BTreeMap::new();
    for batch in [1, 32, 1000] {
        let instances = vec![Instance::Json(instance.clone()); batch];
        let mut times = Vec::new();
        let began = Instant::now();
        while began.elapsed() < span {
            let call = Instant::now();
            let answers = model.predict(&instances)?;
            times.push(call.elapsed().as_secs_f64());
            answers.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        times.sort_unstable_by(f64::total_cmp);
        figures.insert(batch, times.get(times.len() / 2).copied().unwrap_or_default());
    }
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}
