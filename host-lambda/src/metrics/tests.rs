//! The line of an invoke as CloudWatch reads it.

use predictor_host::Prediction;

use super::*;

fn named(version: &str) -> (Constants, decision_audit::Model) {
    let constants = Constants {
        namespace: "samebits".into(),
        service: "payments".into(),
        function: "fraud".into(),
    };
    let digest = model_package::Digest::of(b"");
    let named = decision_audit::Model {
        name: "fraud".into(),
        version: version.into(),
        package: digest,
        component: digest,
    };
    (constants, named)
}

fn line(measured: &mut Measured, cold: Option<Duration>) -> Value {
    let (constants, named) = named("1.0.0");
    let duration = Duration::from_micros(1_500);
    let (request, trace) = ("r-1", None);
    let (cost, elsewhere) = (4e-7, 0);
    let totals = Totals { request, trace, duration, cold, cost, elsewhere };
    let line = measured.line(&constants, &named, &totals);
    assert_eq!(line.lines().count(), 1);
    assert!(line.len() < 256 << 10, "{} bytes", line.len());
    serde_json::from_str(&line).unwrap()
}

fn prediction(score: f32, action: &str) -> Outcome {
    Ok(Prediction {
        json: "{}".into(),
        label: None,
        score: Some(score),
        action: Some(action.into()),
        outputs: Vec::new(),
        warnings: vec!["amount: outside its training range".into()],
    })
}

#[test]
fn every_metric_that_is_named_has_a_value() {
    let mut measured = Measured::default();
    measured.outcomes(&[prediction(0.25, "allow"), prediction(0.75, "block")]);
    measured.error("invalid-input");
    let line = line(&mut measured, Some(Duration::from_millis(12)));
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    assert_eq!(directives.len(), 2);
    for directive in directives {
        for metric in directive["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            assert!(line[name].is_number() || line[name].is_array(), "{name}: {line}");
        }
        for dimension in directive["Dimensions"][0].as_array().unwrap() {
            assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension}: {line}");
        }
    }
    for (name, expected) in [
        ("Duration", json!(1.5)),
        ("BatchSize", json!(2)),
        ("Action.block", json!(1)),
        ("Errors.invalid-input", json!(1)),
        ("OutOfTrainingRange", json!(2)),
        ("Score", json!([0.25, 0.75])),
        ("ColdStart", json!(1)),
        ("EstimatedCostPerPrediction", json!(2e-7)),
    ] {
        assert_eq!(line[name], expected, "{name}");
    }
}

#[test]
fn another_version_has_a_line_of_its_own_figures() {
    let (constants, named) = named("1.1.0");
    let mut measured = Measured { records: 7, ..Measured::default() };
    measured.outcomes(&[prediction(0.25, "allow")]);
    measured.error("invalid-input");
    let line: Value = serde_json::from_str(&measured.part(&constants, &named, "r-1")).unwrap();
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    let names = directive["Metrics"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|metric| metric["Name"].as_str().unwrap()).collect();
    assert!(names.iter().all(|name| line.get(name).is_some()), "{line}");
    // What belongs to the whole invoke is not counted twice.
    for name in ["Duration", "Records", "EstimatedCost", "MemoryUsed", "ColdStart"] {
        assert!(line.get(name).is_none(), "{name}: {line}");
    }
    assert_eq!((&line["Predictions"], &line["Errors"]), (&json!(1), &json!(1)));
    assert_eq!((&line["model_version"], &line["requestId"]), (&json!("1.1.0"), &json!("r-1")));
}

#[test]
fn many_scores_keep_their_distribution() {
    let mut measured = Measured::default();
    let outcomes: Vec<_> = (0..10_000).map(|i| prediction(i as f32 / 1e4, "allow")).collect();
    measured.outcomes(&outcomes);
    let line = line(&mut measured, None);
    let scores: Vec<f64> =
        line["Score"].as_array().unwrap().iter().map(|score| score.as_f64().unwrap()).collect();
    assert_eq!(scores.len(), VALUES);
    assert!(scores[0] < 0.001 && (scores[50] - 0.5).abs() < 0.02 && scores[99] > 0.999);
    assert!(line.get("ColdStart").is_none());
}

#[test]
fn actions_without_number_are_not_counted_without_number() {
    let mut measured = Measured::default();
    let outcomes: Vec<_> = (0..500).map(|i| prediction(0.5, &format!("action-{i}"))).collect();
    measured.outcomes(&outcomes);
    let line = line(&mut measured, None);
    let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
    assert!(metrics.len() < 100, "{} metrics", metrics.len());
}
