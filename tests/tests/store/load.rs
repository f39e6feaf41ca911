//! Changes of the model under load.

use aws_call::{Client, Patience, PutRequest, Settings};
use conformance::function::{PATIENCE, emulated, good, invoke};
use model_signing::Identity;
use model_store::{Alias, Pin, Share};
use serde_json::json;

use crate::shop::{DAY, Shop, answered, key, told};

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_changes_fail_no_request_and_mix_no_answer() {
    const CHANGES: u64 = 2000;
    let Some(shop) = Shop::open() else { return };
    for version in ["1.0.0", "1.1.0"] {
        shop.push(version);
    }
    let pins = [shop.pin("1.0.0"), shop.pin("1.1.0")];
    let share = |pin: &Pin| Share { pin: pin.clone(), weight: 1 };
    shop.put_alias("one.pem", 1, &[share(&pins[0])], DAY);
    let more = [("SAMEBITS_REFRESH", "1")];
    let emulator = emulated(shop.function(shop.moto.endpoint(), "cache", &more)).await;
    // Signed beforehand.
    let script: Vec<Vec<u8>> = (2..=CHANGES)
        .map(|counter| {
            let pin = &pins[usize::try_from(counter % 2).unwrap()];
            let now = model_store::now();
            let alias = Alias::new("fraud", "champion", counter, DAY, &[share(pin)], None, now);
            alias.sign(&key("one.pem"), &Identity::Key).unwrap()
        })
        .collect();
    let client = Client::new(&Settings {
        region: "us-east-1".into(),
        access_key_id: "test".into(),
        secret_access_key: "test".into(),
        session_token: None,
        endpoint: Some(shop.moto.endpoint().into()),
    });
    let client = client.unwrap();
    let mut versions = std::collections::BTreeSet::new();
    for (index, signed) in script.into_iter().enumerate() {
        let request = PutRequest {
            bucket: "models",
            key: "prod/fraud/aliases/champion.json",
            content_type: "application/json",
            body: &signed.into(),
            sha256: None,
            kms_key: None,
        };
        client.put_object(&request, Patience::lasting(PATIENCE)).await.unwrap();
        let both = json!([good(), good()]).to_string();
        let (status, one, two) =
            tokio::join!(told(&emulator), invoke(&emulator, &both), answered(&emulator),);
        assert!(["changed", "unchanged"].contains(&status["status"].as_str().unwrap()), "{status}");
        let answers = one.unwrap();
        let provenance = |place: usize| &answers[place]["provenance"];
        assert_eq!(provenance(0), provenance(1), "change {index}");
        let known = pins.iter().any(|pin| {
            provenance(0)["version"] == pin.version.as_str()
                && provenance(0)["package"] == pin.package.to_string().as_str()
        });
        assert!(known, "{answers}");
        versions.insert(two);
    }
    assert_eq!(versions.len(), 2);
}
