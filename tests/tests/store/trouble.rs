//! What goes wrong on the way from the bucket: cut, slow, changed, put together otherwise, old, nobody there; a
//! disk that is full.

use std::path::Path;
use std::time::Duration;

use conformance::faults::{self, Fault, Proxy};
use conformance::function::{emulated, good, invoke, lines_with};
use model_signing::Identity;
use model_store::{Alias, Share};
use serde_json::json;

use crate::shop::{DAY, PLACE, Shop, answered, key, text, told};

#[test]
fn trouble_on_the_way_is_got_over_or_said() {
    let Some(shop) = Shop::open() else { return };
    shop.push("1.0.0");
    let proxy = Proxy::start(shop.moto.endpoint());
    let trust = shop.path("one.pub");
    let which = format!("{PLACE}@1.0.0");
    let pull = |name: &str, cache: &Path| {
        let output = shop.path(name);
        let pull = ["pull", which.as_str(), "--trust", text(&trust), "--output", text(&output)];
        let cache = ["--cache", text(cache)];
        shop.host_cli_at(&proxy.endpoint(), &[&pull[..], &cache].concat())
    };
    let good = |name: &str, fault: Fault| {
        proxy.set(fault);
        let cache = tempfile::tempdir().unwrap();
        let (out, error, code) = pull(name, cache.path());
        assert_eq!(code, 0, "{fault:?}: {out}{error}");
    };
    good("whole", Fault::None);
    let before = proxy.requests();
    good("cut", Fault::Cut(300 << 10));
    assert!(proxy.requests() > before + 4, "nothing was cut");
    good("throttled", Fault::Refuse(503));
    good("slow", Fault::Slow);
    let cache = tempfile::tempdir().unwrap();
    for (fault, expected, code) in [
        (Fault::Corrupt(100 << 10), "its digest is sha256:", 4),
        (Fault::Truncate(100 << 10), "bytes, expected", 4),
        (Fault::Reorder(100 << 10), "its digest is sha256:", 4),
        (Fault::Down, "s3 can't be reached", 5),
    ] {
        proxy.set(fault);
        let (out, error, found) = pull("bad", cache.path());
        assert!(error.contains(expected), "{fault:?}: {error}");
        assert_eq!((found, out.as_str()), (code, ""), "{error}");
        assert!(!shop.path("bad").exists());
    }
    // The same cache, once it is over.
    proxy.set(Fault::None);
    let (out, error, code) = pull("bad", cache.path());
    assert_eq!(code, 0, "{out}{error}");
    // And from there without asking for files again.
    let before = proxy.requests();
    let (out, error, code) = pull("again", cache.path());
    assert_eq!(code, 0, "{out}{error}");
    assert_eq!(proxy.requests() - before, 1, "the version's pointer");
}

#[test]
fn two_processes_share_a_cache() {
    let Some(shop) = Shop::open() else { return };
    shop.push("1.0.0");
    let cache = tempfile::tempdir().unwrap();
    let (trust, which) = (shop.path("one.pub"), format!("{PLACE}@1.0.0"));
    std::thread::scope(|scope| {
        let pulls: Vec<_> = (0..4)
            .map(|index| {
                let output = shop.path(&format!("out-{index}"));
                let (shop, cache, trust, which) = (&shop, &cache, &trust, &which);
                scope.spawn(move || {
                    let output = ["--output", text(&output)];
                    let pull = ["pull", which, "--trust", text(trust)];
                    let cache = ["--cache", text(cache.path())];
                    shop.host_cli(&[&pull[..], &output, &cache].concat())
                })
            })
            .collect();
        for pull in pulls {
            let (out, error, code) = pull.join().unwrap();
            assert_eq!(code, 0, "{out}{error}");
        }
    });
    let models = cache.path().join("models");
    assert_eq!(std::fs::read_dir(models.join("packages")).unwrap().count(), 1);
    assert_eq!(std::fs::read_dir(models.join("partial")).unwrap().count(), 0);
}

#[tokio::test]
async fn without_s3_what_is_known_serves() {
    let Some(shop) = Shop::open() else { return };
    shop.push("1.0.0");
    shop.promote("1.0.0");
    let proxy = Proxy::start(shop.moto.endpoint());
    let endpoint = proxy.endpoint();
    let more = [("SAMEBITS_REFRESH", "1")];
    let emulator = emulated(shop.function(&endpoint, "cache", &more)).await;
    assert_eq!(answered(&emulator).await, "1.0.0");
    proxy.set(Fault::Down);
    let status = told(&emulator).await;
    assert_eq!((&status["status"], &status["code"]), (&json!("kept"), &json!("store-unreachable")));
    assert_eq!(answered(&emulator).await, "1.0.0");
    // Another environment, with what this one left behind.
    let second = emulated(shop.function(&endpoint, "cache", &more)).await;
    assert_eq!(answered(&second).await, "1.0.0");
    // And one without.
    let third = emulated(shop.function(&endpoint, "empty", &more)).await;
    let error = invoke(&third, &good().to_string()).await.unwrap_err();
    let lines = third.log().lines().join("\n");
    assert!(lines.contains("s3 can't be reached"), "{error:?}\n{lines}");
    // An alias that has run out does not replace one that serves, and lets nothing start.
    proxy.set(Fault::None);
    let shares = [Share { pin: shop.pin("1.0.0"), weight: 1 }];
    let before = model_store::now() - 2 * DAY;
    let old = Alias::new("fraud", "champion", 2, DAY, &shares, None, before);
    let signed = old.sign(&key("one.pem"), &Identity::Key).unwrap();
    shop.put("prod/fraud/aliases/champion.json", &signed);
    let status = told(&emulator).await;
    assert_eq!((&status["status"], &status["code"]), (&json!("kept"), &json!("expired-alias")));
    assert_eq!(answered(&emulator).await, "1.0.0");
    let fourth = emulated(shop.function(&endpoint, "empty", &more)).await;
    invoke(&fourth, &good().to_string()).await.unwrap_err();
    let lines = fourth.log().lines().join("\n");
    assert!(lines.contains("expired at "), "{lines}");
}

#[tokio::test]
async fn slow_and_strange_answers_change_nothing_and_cost_no_environment() {
    let Some(shop) = Shop::open() else { return };
    shop.push("1.0.0");
    shop.push("1.1.0");
    shop.promote("1.0.0");
    let proxy = Proxy::start(shop.moto.endpoint());
    let mut function = shop.function(&proxy.endpoint(), "cache", &[("SAMEBITS_REFRESH", "1")]);
    function.timeout = Duration::from_secs(5);
    let emulator = emulated(function).await;
    assert_eq!(answered(&emulator).await, "1.0.0");
    shop.promote("1.1.0");
    for (fault, code) in [
        (Fault::Hang, "out-of-time"),
        (Fault::RefuseAll(503), "store-unreachable"),
        (faults::PAGE, "store-unreachable"),
        (faults::NOTHING, "store-unreachable"),
    ] {
        proxy.set(fault);
        let status = told(&emulator).await;
        assert_eq!(
            (&status["status"], &status["code"]),
            (&json!("kept"), &json!(code)),
            "{fault:?}"
        );
        assert_eq!(answered(&emulator).await, "1.0.0", "{fault:?}");
    }
    proxy.set(Fault::Once(503));
    assert_eq!(told(&emulator).await["status"], "changed");
    // After answers, too, nobody looks for longer than the function has.
    proxy.set(Fault::Hang);
    let looked = || {
        let lines = emulator.log().lines();
        lines.iter().filter(|line| line.contains("S3 can't be reached: what serves")).count()
    };
    let before = looked();
    while looked() == before {
        assert_eq!(answered(&emulator).await, "1.1.0");
    }
    let lines = lines_with(&emulator, "message");
    assert_eq!(lines.iter().filter(|line| line["message"] == "ready").count(), 1, "{lines:#?}");
}

#[tokio::test]
async fn an_old_answer_takes_nothing_back() {
    let Some(shop) = Shop::open() else { return };
    for version in ["1.0.0", "1.1.0"] {
        shop.push(version);
    }
    shop.promote("1.0.0");
    let proxy = Proxy::start(shop.moto.endpoint());
    let more = [("SAMEBITS_REFRESH", "off")];
    let emulator = emulated(shop.function(&proxy.endpoint(), "cache", &more)).await;
    assert_eq!(answered(&emulator).await, "1.0.0");
    shop.promote("1.1.0");
    assert_eq!(told(&emulator).await["status"], "changed");
    proxy.set(Fault::Stale);
    let status = told(&emulator).await;
    assert_eq!((&status["status"], &status["code"]), (&json!("kept"), &json!("rolled-back")));
    assert_eq!(answered(&emulator).await, "1.1.0");
    proxy.set(Fault::None);
    assert_eq!(told(&emulator).await["status"], "unchanged");
    assert_eq!(answered(&emulator).await, "1.1.0");
}

#[tokio::test]
async fn where_the_disk_is_full_a_model_is_in_memory() {
    let Some(shop) = Shop::open() else { return };
    shop.push("1.0.0");
    shop.promote("1.0.0");
    let mut function = shop.function(shop.moto.endpoint(), "cache", &[]);
    // No file of more than 64 KiB, as on a disk with little room: a full one takes the rights of root. Without
    // the trap a signal would end the program.
    let cramped = "trap '' XFSZ; ulimit -f 128; exec \"$0\"";
    function.runner = ["/bin/sh", "-c", cramped].map(str::to_owned).into();
    let emulator = emulated(function).await;
    assert_eq!(answered(&emulator).await, "1.0.0");
    let lines = emulator.log().lines().join("\n");
    assert!(lines.contains("a model can't be cached: it is in memory only"), "{lines}");
    // Neither half a model nor a part of it is left behind.
    let count =
        |name: &str| std::fs::read_dir(shop.path("cache").join(name)).map_or(0, Iterator::count);
    assert_eq!((count("packages"), count("partial")), (0, 0));
}
