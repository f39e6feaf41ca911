//! Times a graph on rows of float32, natively, for `benches/`.
//!
//! ```text
//! graph MODEL.onnx ROWS.f32 COLUMNS SECONDS
//! ```
//! Prints the median seconds of a run with 1, 32 and 1,000 rows as a JSON object.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

use inference_core::graph::Graph;
use inference_core::{ElementType, Tensor};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("expected {what}"));
    let graph = Graph::load(std::fs::read(next("a model")?)?)?;
    let rows = std::fs::read(next("rows")?)?;
    let columns: usize = next("columns")?.parse()?;
    let span = Duration::from_secs_f64(next("seconds")?.parse()?);
    let name = graph.inputs().first().ok_or("the graph has no input")?.name.clone();
    let mut figures = BTreeMap::new();
    for batch in [1, 32, 1000] {
        let size = batch * columns * 4;
        let mut batches = rows.chunks_exact(size).cycle();
        let mut times = Vec::new();
        let began = Instant::now();
        while began.elapsed() < span {
            let data = batches.next().ok_or("fewer rows than a batch")?.to_vec();
            let element_type = ElementType::Float32;
            let input =
                Tensor { name: name.clone(), element_type, shape: vec![batch, columns], data };
            let call = Instant::now();
            graph.run(vec![input])?;
            times.push(call.elapsed().as_secs_f64());
        }
        times.sort_unstable_by(f64::total_cmp);
        figures.insert(batch, times.get(times.len() / 2).copied().unwrap_or_default());
    }
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}
