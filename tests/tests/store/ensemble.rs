//! An ensemble of models from the bucket, back into it, and served from there.

use conformance::function::{behind_url, good, invoke};
use conformance::surface::{Reply, send};
use serde_json::Value;

use crate::shop::{PLACE, Shop, key_file, text};

#[tokio::test(flavor = "multi_thread")]
async fn an_ensemble_of_models_from_the_store_is_served_from_there() {
    let Some(shop) = Shop::open() else { return };
    for version in ["1.0.0", "1.1.0"] {
        shop.push(version);
    }
    let (both, one, trust) = (shop.path("both"), key_file("one.pem"), shop.path("one.pub"));
    let members =
        ["1.0.0", "1.1.0"].map(|version| format!("v{}={PLACE}@{version}", &version[2..3]));
    let [old, new] = members.each_ref().map(String::as_str);
    let make = ["ensemble", old, new, "-o", text(&both), "--combine", "average", "--name", "fraud"];
    let make = [&make[..], &["--model-version", "2.0.0"]].concat();
    shop.fails(&make, 3, "has to be trusted");
    shop.succeeds(&[&make[..], &["--trust", text(&trust)]].concat(), "fraud 2.0.0");
    shop.succeeds(&["push", text(&both), PLACE, "--sign", text(&one)], "@2.0.0\n");
    shop.promote("2.0.0");

    let transaction = shop.path("transaction.json");
    std::fs::write(&transaction, good().to_string()).unwrap();
    let (out, error, code) =
        shop.host_cli(&["predict", "--model", text(&both), text(&transaction)]);
    assert_eq!(code, 0, "{error}");
    let expected: Value = serde_json::from_str(&out).unwrap();
    for member in ["v0", "v1"] {
        assert_eq!(expected["members"][member]["fraud_score"], expected["fraud_score"]);
    }
    let check = |answer: &Value| {
        for field in ["fraud_score", "action", "members"] {
            assert_eq!(answer[field], expected[field], "{field}: {answer}");
        }
        assert_eq!(answer["provenance"]["version"], "2.0.0");
    };
    let (emulator, base) = behind_url(shop.function(shop.moto.endpoint(), "cache", &[])).await;
    check(&invoke(&emulator, &good().to_string()).await.unwrap());
    let json = [("content-type", "application/json")];
    let body = good().to_string();
    let reply: Reply = tokio::task::spawn_blocking(move || {
        send("POST", &format!("{base}/predict"), &json, body.as_bytes())
    })
    .await
    .unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    check(&reply.json());
}
