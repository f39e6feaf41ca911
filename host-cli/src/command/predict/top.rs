//! The largest probabilities of a prediction.

use serde_json::value::RawValue;

/// The prediction with only the `count` largest probabilities, the largest first. Every token keeps
/// its spelling.
pub(super) fn largest(json: &str, count: usize) -> String {
    let Ok(keys) = pairs(json) else { return json.to_owned() };
    let shown = keys.iter().map(|(key, value)| {
        let value = value.get();
        match key.as_str() {
            "probabilities" => format!("{}:{}", quoted(key), cut(value, count)),
            _ => format!("{}:{value}", quoted(key)),
        }
    });
    format!("{{{}}}", shown.collect::<Vec<_>>().join(","))
}

/// Labels and probabilities, the largest first.
pub(super) fn ranked(json: &str) -> Vec<(String, f32)> {
    let keys = pairs(json).unwrap_or_default();
    let found = keys.iter().find(|(key, _)| key == "probabilities");
    let labels = found.and_then(|(_, value)| pairs(value.get()).ok()).unwrap_or_default();
    let mut ranked: Vec<_> = labels
        .into_iter()
        .map(|(label, value)| (label, value.get().parse().unwrap_or_default()))
        .collect();
    sort(&mut ranked, |(_, probability)| *probability);
    ranked
}

fn cut(json: &str, count: usize) -> String {
    let Ok(mut labels) = pairs(json) else { return json.to_owned() };
    sort(&mut labels, |(_, value)| value.get().parse().unwrap_or_default());
    let shown = labels
        .iter()
        .take(count)
        .map(|(label, value)| format!("{}:{}", quoted(label), value.get()));
    format!("{{{}}}", shown.collect::<Vec<_>>().join(","))
}

/// Equal ones keep their order.
fn sort<T>(pairs: &mut [T], probability: impl Fn(&T) -> f32) {
    pairs.sort_by(|a, b| probability(b).total_cmp(&probability(a)));
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The keys of an object in their order, with the texts of their values.
fn pairs(json: &str) -> serde_json::Result<Vec<(String, Box<RawValue>)>> {
    struct Pairs(Vec<(String, Box<RawValue>)>);
    impl<'de> serde::Deserialize<'de> for Pairs {
        fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
            struct Reader;
            impl<'de> serde::de::Visitor<'de> for Reader {
                type Value = Pairs;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Pairs, A::Error> {
                    let mut pairs = Vec::new();
                    while let Some(pair) = map.next_entry()? {
                        pairs.push(pair);
                    }
                    Ok(Pairs(pairs))
                }
            }
            reader.deserialize_map(Reader)
        }
    }
    Ok(serde_json::from_str::<Pairs>(json)?.0)
}
