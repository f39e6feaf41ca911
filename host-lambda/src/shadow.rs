//! The shadow: a version that answers the same instances after the answer was given, and is only compared.
//! Nothing that it does reaches a caller.

use std::sync::{Arc, Mutex, PoisonError};

use predictor_host::{Instance, Outcome};

use crate::clock::Deadline;
use crate::log::{Level, Log};
use crate::metrics::{Constants, Shadowed};
use crate::model::Served;
use crate::models::Models;

/// The most instances of one invoke that a shadow answers: the first ones.
const INSTANCES: usize = 100;
/// The most bytes of them.
const BYTES: usize = 4 << 20;

/// What waits for the shadow.
#[derive(Default)]
pub(crate) struct Shadows {
    waiting: Mutex<Vec<Watched>>,
}

/// An instance and what it got.
struct Watched {
    instance: Instance,
    version: String,
    score: Option<f32>,
    label: Option<String>,
    action: Option<String>,
}

impl Shadows {
    /// Remembers what was decided, where there is a shadow.
    pub(crate) fn watched<'i>(
        &self,
        models: &Models,
        by: &Served,
        decided: impl Iterator<Item = (&'i Instance, &'i Outcome)>,
    ) {
        if models.now().shadow.is_none() {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes: usize = waiting.iter().map(|it| size(&it.instance)).sum();
        for (instance, outcome) in decided {
            bytes += size(instance);
            if waiting.len() >= INSTANCES || bytes > BYTES {
                break;
            }
            let Ok(prediction) = outcome else { continue };
            waiting.push(Watched {
                instance: instance.clone(),
                version: by.named.version.clone(),
                score: prediction.score,
                label: prediction.label.clone(),
                action: prediction.action.clone(),
            });
        }
    }

    /// Lets the shadow answer what waits, as long as there is time, and tells how it compares.
    pub(crate) async fn run(
        &self,
        models: &Models,
        log: &Log,
        constants: &Constants,
        deadline: Deadline,
    ) {
        let waiting =
            std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(shadow) = models.now().shadow.clone() else { return };
        if waiting.is_empty() {
            return;
        }
        let model = Arc::clone(&shadow);
        let work = move || {
            let instances: Vec<_> = waiting.iter().map(|it| it.instance.clone()).collect();
            let outcomes = model.predictor.predict_while(&instances, || deadline.left());
            (compared(&waiting, &outcomes), waiting.first().map(|it| it.version.clone()))
        };
        match tokio::task::spawn_blocking(work).await {
            Ok((shadowed, version)) => {
                drop(crate::log::print(
                    shadowed.line(constants, &shadow.named, version).as_bytes(),
                ));
            }
            Err(error) => {
                let fields = [("detail", error.to_string().into())];
                log.write(Level::Warn, None, "the shadow stopped", fields);
            }
        }
    }
}

fn size(instance: &Instance) -> usize {
    match instance {
        Instance::Json(text) | Instance::Text(text) => text.len(),
        Instance::Image(bytes) => bytes.len(),
    }
}

fn compared(waiting: &[Watched], outcomes: &[Option<Outcome>]) -> Shadowed {
    let mut shadowed = Shadowed::default();
    for (watched, outcome) in waiting.iter().zip(outcomes) {
        match outcome {
            // There was no time for it.
            None => {}
            Some(Err(_)) => shadowed.errors += 1,
            Some(Ok(prediction)) => {
                shadowed.predictions += 1;
                let same = prediction.label == watched.label && prediction.action == watched.action;
                shadowed.disagreements += usize::from(!same);
                if let (Some(found), Some(given)) = (prediction.score, watched.score) {
                    shadowed.differences.push((found - given).abs());
                }
            }
        }
    }
    shadowed
}
