//! The native core's figures, for `benches/`: what the sandbox is compared with.
//!
//! ```text
//! native PACKAGE INSTANCES.json SECONDS
//! ```
//! The instances are a JSON array; calls that follow each other have different ones. Prints the median seconds of a call with 1, 32 and 1,000 instances as a JSON object.

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
    let instances = std::fs::read_to_string(next("instances")?)?;
    let instances: Vec<serde_json::Value> = serde_json::from_str(&instances)?;
    let span = Duration::from_secs_f64(next("seconds")?.parse()?);
    let model = Model::load(files)?;
    let mut endless = instances.iter().map(|value| Instance::Json(value.to_string())).cycle();
    let mut figures = BTreeMap::new();
    for batch in [1, 32, 1000] {
        let calls: Vec<Vec<_>> = (0..instances.len().div_ceil(batch))
            .map(|_| endless.by_ref().take(batch).collect())
            .collect();
        let mut times = Vec::new();
        let began = Instant::now();
        for instances in calls.iter().cycle() {
            if began.elapsed() >= span {
                break;
            }
            let call = Instant::now();
            let answers = model.predict(instances)?;
            times.push(call.elapsed().as_secs_f64());
            answers.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        times.sort_unstable_by(f64::total_cmp);
        figures.insert(batch, times.get(times.len() / 2).copied().unwrap_or_default());
    }
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}
