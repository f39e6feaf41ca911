//! A version on trial: its share follows from the signed plan and the clock, and an environment in which it
//! does worse gives it nothing more.

use std::time::{Duration, Instant};

use conformance::function::{PATIENCE, emulated, good, invoke, lines_with, logged};
use conformance::{fraud, with_manifest};
use lambda_emulator::Emulator;
use model_store::{Canary, CanaryLimits, Pin, Step, now, text_of};
use serde_json::{Value, json};

use crate::shop::{PLACE, Shop, answered, key_file, text, told};

/// A plan that began so many seconds ago.
fn plan(challenger: Pin, ago: u64, steps: &[(u16, Option<u32>)]) -> Canary {
    let step =
        |(permille, seconds): &(u16, Option<u32>)| Step { permille: *permille, seconds: *seconds };
    Canary {
        challenger,
        begins: text_of(now() - Duration::from_secs(ago)),
        steps: steps.iter().map(step).collect(),
        limits: CanaryLimits {
            decisions: 5,
            error_rate: Some(0.1),
            latency_ratio: None,
            score_shift: Some(0.5),
        },
    }
}

/// The version that answers a customer, or the type of the error.
async fn asked(emulator: &Emulator, customer: &str, average: f64) -> Result<String, String> {
    let mut instance = good();
    instance["customer_id"] = customer.into();
    instance["customer_amount_avg_30d"] = average.into();
    let answer = invoke(emulator, &instance.to_string()).await.map_err(|(kind, _)| kind)?;
    Ok(answer["provenance"]["version"].as_str().unwrap().to_owned())
}

const STICKY: (&str, &str) = ("SAMEBITS_STICKY", "customer_id");

#[tokio::test]
async fn the_share_follows_from_the_plan_and_the_clock() {
    let Some(shop) = Shop::open() else { return };
    shop.push("1.0.0");
    shop.push("1.1.0");
    let hour = Some(3600);
    let steps = [(1, hour), (300, hour), (700, hour), (1000, None)];
    let more = [STICKY, ("SAMEBITS_REFRESH", "off")];
    // In its second step, and begun one step earlier: nothing waits for hours.
    shop.put_canary(1, &plan(shop.pin("1.1.0"), 3700, &steps));
    let emulator = emulated(shop.function(shop.moto.endpoint(), "cache", &more)).await;
    for (counter, ago) in [(1, 3700), (2, 7300), (3, 10_900)] {
        let plan = plan(shop.pin("1.1.0"), ago, &steps);
        if counter > 1 {
            shop.put_canary(counter, &plan);
            assert_eq!(told(&emulator).await["status"], "changed");
        }
        let mut trials = 0;
        for index in 0..30 {
            let customer = format!("c-{index:05}");
            let gets = plan.gets(customer.as_bytes(), now());
            let expected = if gets { "1.1.0" } else { "1.0.0" };
            assert_eq!(asked(&emulator, &customer, 42.8).await.unwrap(), expected, "{customer}");
            trials += usize::from(gets);
        }
        let bounds = [4..=15, 15..=26, 30..=30];
        let bounds = &bounds[usize::try_from(counter - 1).unwrap()];
        assert!(bounds.contains(&trials), "{trials} of 30 in step {}", counter + 1);
    }
    // Each version has figures of its own.
    let lines = lines_with(&emulator, "Predictions");
    for version in ["1.0.0", "1.1.0"] {
        assert!(lines.iter().any(|line| line["model_version"] == version), "{version}");
    }
    assert_eq!(lines_with(&emulator, "CanaryRolledBack").len(), 0);
}

#[tokio::test]
async fn a_step_comes_without_anything_being_signed() {
    let Some(shop) = Shop::open() else { return };
    shop.push("1.0.0");
    shop.push("1.1.0");
    let more = [STICKY, ("SAMEBITS_REFRESH", "off")];
    // This customer is not among the first thousandth, and the whole begins in a while.
    let plan = plan(shop.pin("1.1.0"), 0, &[(1, Some(15)), (1000, None)]);
    assert!(!plan.gets(b"c-1", now()));
    shop.put_canary(1, &plan);
    let emulator = emulated(shop.function(shop.moto.endpoint(), "cache", &more)).await;
    let mut found = vec![asked(&emulator, "c-1", 42.8).await.unwrap()];
    let began = Instant::now();
    while found.last().is_some_and(|version| version != "1.1.0") {
        assert!(began.elapsed() < PATIENCE, "{found:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
        let before = now();
        found.push(asked(&emulator, "c-1", 42.8).await.unwrap());
        // Not before its time.
        let early = found.last().is_some_and(|version| version == "1.1.0")
            && plan.permille(now().max(before)) < 1000;
        assert!(!early, "{found:?}");
    }
    assert_eq!(emulator.environments(), 1);
    let _ = asked(&emulator, "c-1", 42.8).await.unwrap();
    logged(&emulator, "share", 1).await;
    let steps = lines_with(&emulator, "share");
    let last = steps.last().unwrap();
    assert_eq!((&last["step"], &last["share"]), (&json!(2), &json!(1.0)), "{steps:#?}");
}

/// The fraud model, except that it refuses averages which the others take, and no reference case has.
fn narrow(shop: &Shop, version: &str) {
    let files = with_manifest(fraud(), |manifest| {
        manifest["version"] = version.into();
        let fields = manifest["input"]["fields"].as_array_mut().unwrap();
        let name = "customer_amount_avg_30d";
        let average = fields.iter_mut().find(|field| field["name"] == name).unwrap();
        average["max"] = json!(500_000.0);
    });
    let package = shop.package(version, &files);
    let one = key_file("one.pem");
    let push = ["push", text(&package), PLACE, "--sign", text(&one)];
    shop.succeeds(&push, &format!("{PLACE}@{version}\n"));
}

#[tokio::test]
async fn a_challenger_that_fails_more_often_gets_nothing_more() {
    const LARGE: f64 = 900_000.0;
    let Some(shop) = Shop::open() else { return };
    let queue = shop.moto.queue_of_events("Canary Rolled Back");
    shop.push("1.0.0");
    narrow(&shop, "1.1.0");
    let plan = plan(shop.pin("1.1.0"), 60, &[(500, Some(36_000)), (1000, None)]);
    shop.put_canary(1, &plan);
    let more = [STICKY, ("SAMEBITS_ALERTS", "eventbridge:default"), ("SAMEBITS_REFRESH", "off")];
    let emulator = emulated(shop.function(shop.moto.endpoint(), "cache", &more)).await;
    let (mut failed, mut good) = (0, 0);
    for index in 0.. {
        let customer = format!("c-{index}");
        let before = (failed, good);
        match asked(&emulator, &customer, LARGE).await {
            Ok(version) => {
                assert_eq!(version, "1.0.0");
                good += 1;
            }
            Err(kind) => {
                assert_eq!(kind, "invalid-input");
                failed += 1;
            }
        }
        let gets = plan.gets(customer.as_bytes(), now());
        assert_eq!(failed > before.0, gets, "{customer}");
        // Five decisions of each are what the plan asks for, and what it takes.
        if failed >= 5 && good >= 5 {
            break;
        }
        assert!(index < 60, "{failed} and {good}");
    }
    // From here on the challenger is asked by nobody.
    for index in 0..20 {
        let version = asked(&emulator, &format!("c-{index}"), LARGE).await;
        assert_eq!(version.as_deref(), Ok("1.0.0"));
    }
    logged(&emulator, "CanaryRolledBack", 1).await;
    let lines = lines_with(&emulator, "CanaryRolledBack");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(lines[0]["model_version"], "1.1.0");
    let sent = shop.moto.boto(&format!(
        "found = client('sqs').receive_message(QueueUrl={queue}, MaxNumberOfMessages=10)['Messages']\n\
         result = [json.loads(m['Body'])['detail'] for m in found]"
    ));
    let sent: Vec<Value> = serde_json::from_value(sent).unwrap();
    assert_eq!(sent.len(), 1, "{sent:#?}");
    let verdict = &sent[0]["verdict"];
    assert_eq!((&verdict["limit"], &verdict["found"]), (&json!("error_rate"), &json!(1.0)));
    assert_eq!(
        (&sent[0]["challenger"]["version"], &sent[0]["counter"]),
        (&json!("1.1.0"), &json!(1))
    );
    assert_eq!(verdict["challenger"]["decisions"], failed);

    // The same plan under another alias document changes nothing here; a new environment tries again.
    shop.put_canary(2, &plan);
    assert_eq!(told(&emulator).await["status"], "changed");
    for index in 0..6 {
        let version = asked(&emulator, &format!("c-{index}"), LARGE).await;
        assert_eq!(version.as_deref(), Ok("1.0.0"));
    }
    // Who may sign makes it hold for all.
    let (champion, one) = (format!("{PLACE}@champion"), key_file("one.pem"));
    let end = ["rollout", champion.as_str(), "--canary", "none", "--key", text(&one)];
    shop.succeeds(&end, "fraud@champion, counter 3, from ");
    let second = emulated(shop.function(shop.moto.endpoint(), "cache", &more)).await;
    for index in 0..6 {
        let version = asked(&second, &format!("c-{index}"), LARGE).await;
        assert_eq!(version.as_deref(), Ok("1.0.0"));
    }
}

#[tokio::test]
async fn a_challenger_that_is_not_there_keeps_nobody_from_starting() {
    let Some(shop) = Shop::open() else { return };
    shop.push("1.0.0");
    let nowhere = Pin { package: model_package::Digest::of(b"x"), version: "2.0.0".into() };
    shop.put_canary(1, &plan(nowhere, 60, &[(1000, None)]));
    let more = [("SAMEBITS_REFRESH", "off")];
    let emulator = emulated(shop.function(shop.moto.endpoint(), "cache", &more)).await;
    assert_eq!(answered(&emulator).await, "1.0.0");
    let lines = emulator.log().lines().join("\n");
    assert!(lines.contains("a version on trial is refused"), "{lines}");
}

#[test]
fn a_plan_is_made_shown_and_ended_on_the_command_line() {
    let Some(shop) = Shop::open() else { return };
    shop.push("1.0.0");
    shop.push("1.1.0");
    shop.promote("1.0.0");
    let (champion, one, trust) =
        (format!("{PLACE}@champion"), key_file("one.pem"), shop.path("one.pub"));
    let rollout = |arguments: &[&str]| {
        let all = [&["rollout", champion.as_str()], arguments, &["--key", text(&one)]].concat();
        shop.succeeds(&all, "written");
    };
    let shown = || {
        let show = ["rollout", champion.as_str(), "--trust", text(&trust)];
        let (out, error, code) = shop.host_cli(&show);
        assert_eq!(code, 0, "{error}");
        out
    };
    let wrong = ["rollout", champion.as_str(), "--canary", "1.1.0", "--key", text(&one)];
    let steps = |text| [&wrong[..], &["--steps", text]].concat();
    shop.fails(&steps("5%/1h,1%"), 3, "canary.steps[1]: expected more than 50");
    shop.fails(&steps("5%,100%"), 3, "canary.steps[0]: expected 1 to 7776000 seconds");
    shop.fails(&steps("5"), 2, "as in 0.5%/30m,10%/1d,100%");
    let same = ["rollout", champion.as_str(), "--canary", "1.0.0", "--key", text(&one)];
    shop.fails(&same, 3, "canary.challenger: it serves already");
    let alone = ["rollout", champion.as_str(), "--steps", "100%"];
    shop.fails(&alone, 2, "--canary");

    rollout(&["--canary", "1.1.0", "--steps", "0.5%/30m,100%", "--score-shift", "0.02"]);
    let out = shown();
    assert!(out.contains("1.0.0  100.0 %") && out.contains("canary 1.1.0 (sha256:"), "{out}");
    assert!(out.contains("step 1 of 2, 0.5 %"), "{out}");
    let limits =
        "a host ends it after 200 decisions, error rate above 0.01, score shift above 0.02";
    assert!(out.contains(limits), "{out}");
    // A shadow beside it leaves it as it is, other weights end it.
    rollout(&["--shadow", "1.1.0"]);
    assert!(shown().contains("step 1 of 2, 0.5 %"), "{}", shown());
    rollout(&["--set", "1.0.0=1"]);
    assert!(!shown().contains("canary"), "{}", shown());
    rollout(&["--canary", "1.1.0"]);
    assert!(shown().contains("step 1 of 4, 1 %"), "{}", shown());
    shop.promote("1.1.0");
    let out = shown();
    assert!(out.contains("1.1.0  100.0 %") && !out.contains("canary"), "{out}");
}
