//! Ensembles: what a manifest may say of its members, and what of the members is refused.

use model_package::{Combine, Limits, Package, PackageError, PackageFile};
use serde_json::{Value, json};

use crate::example::{GRAPH, entry, file, verify};
use crate::manifest::{refused, set};

/// A member: two labels, two fields.
fn member(change: impl FnOnce(&mut Value)) -> Vec<PackageFile> {
    let mut manifest = json!({
        "format": "samebits/1",
        "name": "member",
        "version": "1.0.0",
        "task": "tabular-classification",
        "license": "MIT",
        "files": [entry("model.onnx", "graph", GRAPH)],
        "input": { "fields": [
            { "name": "a", "type": "number" },
            { "name": "b", "type": "number", "default": 1 },
        ]},
        "features": [{ "name": "a", "op": "value", "of": "a" }],
        "graph": { "inputs": [{ "name": "x", "from": "features" }] },
        "output": { "labels": ["no", "yes"], "probabilities": "p" },
    });
    change(&mut manifest);
    vec![file("manifest.json", manifest.to_string().as_bytes()), file("model.onnx", GRAPH)]
}

fn sound() -> Vec<PackageFile> {
    member(|_| {})
}

/// The manifest of an ensemble of `left` and `right`, without files.
fn manifest() -> Value {
    json!({
        "format": "samebits/1",
        "name": "both",
        "version": "1.0.0",
        "task": "tabular-classification",
        "license": "MIT",
        "files": [],
        "ensemble": { "members": [{ "name": "left" }, { "name": "right" }], "combine": "average" },
        "input": { "fields": [
            { "name": "id", "type": "string", "role": "id", "default": "" },
            { "name": "a", "type": "number" },
        ]},
        "output": { "labels": ["no", "yes"], "probabilities": "p" },
    })
}

/// Puts members into their folders, and into the manifest's `files`.
fn around(mut manifest: Value, members: &[(&str, Vec<PackageFile>)]) -> (Value, Vec<PackageFile>) {
    let mut files = Vec::new();
    for (name, inside) in members {
        let moved =
            inside.iter().map(|it| file(&format!("members/{name}/{}", it.path), &it.content));
        files.extend(moved);
    }
    let entries = files.iter().map(|file| entry(&file.path, "member", &file.content));
    manifest["files"].as_array_mut().unwrap().extend(entries);
    (manifest, files)
}

fn package(manifest: Value, members: &[(&str, Vec<PackageFile>)]) -> Result<Package, PackageError> {
    let (manifest, mut files) = around(manifest, members);
    files.push(file("manifest.json", manifest.to_string().as_bytes()));
    verify(files)
}

fn two(manifest: Value) -> Result<Package, PackageError> {
    package(manifest, &[("left", sound()), ("right", sound())])
}

/// One change of the ensemble's manifest, and what is said of it.
#[track_caller]
fn check(path: &str, value: Value, field: &str, message: &str) {
    let (mut manifest, _) = around(manifest(), &[("left", sound()), ("right", sound())]);
    set(&mut manifest, path, value);
    refused(&manifest, "invalid-manifest", Some(field), message);
}

/// A member in the place of the second one, and what is said of it.
#[track_caller]
fn check_member(member: Vec<PackageFile>, field: &str, message: &str) {
    let members = [("left", sound()), ("right", member)];
    let error = package(manifest(), &members).expect_err(message);
    assert!(error.to_string().contains(message), "{message:?} is not in: {error}");
    assert_eq!((error.code(), error.field()), ("invalid-manifest", Some(field)), "{error}");
}

#[test]
fn its_members_are_the_packages_themselves() {
    let mut package = two(manifest()).unwrap();
    let ensemble = package.manifest().ensemble.clone().unwrap();
    assert_eq!(ensemble.packages().collect::<Vec<_>>(), ["left", "right"]);
    assert_eq!(ensemble.combine, Combine::Average);
    let mut members = package.take_members();
    let alone = verify(sound()).unwrap();
    for member in &mut members {
        assert_eq!(member.digest(), alone.digest());
        assert_eq!(member.take_graph(), GRAPH);
    }
    assert_eq!(members.len(), 2);
}

#[test]
fn the_section() {
    let one = json!([{ "name": "left" }]);
    check("/ensemble/members", one, "ensemble.members", "expected at least two, found 1");
    let twice = json!([{ "name": "left" }, { "name": "left" }]);
    check("/ensemble/members", twice, "ensemble.members[1].name", "is there already, at index 0");
    check("/ensemble/combine", json!("median"), "ensemble.combine", "unknown variant `median`");
    check(
        "/ensemble/members/0/share",
        json!(1),
        "ensemble.members[0].share",
        "unknown field `share`",
    );
    check("/ensemble/surprise", json!(1), "ensemble.surprise", "unknown field `surprise`");
    check("/ensemble/combine", json!("stacked"), "ensemble.stacker", "missing: the name");
    check("/ensemble/stacker", json!("judge"), "ensemble.stacker", "average has none");
    check("/task", json!("tensors"), "task", "there are no ensembles of a tensors");
    check("/task", json!("object-detection"), "task", "no ensembles of a object-detection");
}

#[test]
fn a_name_can_not_leave_its_folder() {
    for name in ["../left", "..", "a/b", "", "Left", "a.b", "a\\b", "-a", ".hidden"] {
        let message = "expected up to 64 lower-case letters";
        check("/ensemble/members/1/name", json!(name), "ensemble.members[1].name", message);
    }
    let path = "/files/0/path";
    let elsewhere = "is in the folder of no member";
    for outside in ["elsewhere/manifest.json", "members/manifest.json", "members/other/a", "left/a"]
    {
        check(path, json!(outside), "files[0].path", elsewhere);
    }
    let (mut manifest, _) = around(manifest(), &[("left", sound()), ("right", sound())]);
    set(&mut manifest, path, json!("members/left/../right/manifest.json"));
    refused(&manifest, "invalid-path", None, "is not a path inside a package");
}

#[test]
fn weights() {
    let weighted = |left: Value, right: Value| {
        let mut manifest = manifest();
        set(&mut manifest, "/ensemble/combine", json!("weighted"));
        set(&mut manifest, "/ensemble/members/0/weight", left);
        set(&mut manifest, "/ensemble/members/1/weight", right);
        two(manifest)
    };
    assert!(weighted(json!(0), json!(0.5)).is_ok());
    let check = |left: Value, right: Value, field: &str, message: &str| {
        let error = weighted(left, right).expect_err(message);
        assert!(error.to_string().contains(message), "{message:?} is not in: {error}");
        assert_eq!((error.code(), error.field()), ("invalid-manifest", Some(field)));
    };
    let second = "ensemble.members[1].weight";
    check(json!(1), Value::Null, second, "missing: how much the member counts");
    check(json!(1), json!(-0.5), second, "expected a number that is not negative, found -0.5");
    check(json!(1), json!("NaN"), second, "invalid type: string");
    check(json!(0), json!(0), "ensemble.members", "the sum 0, expected a finite one above 0");
    check(json!(1e308), json!(1e308), "ensemble.members", "the sum inf");
    let mut average = manifest();
    set(&mut average, "/ensemble/members/0/weight", json!(1));
    let error = two(average).unwrap_err();
    assert!(error.to_string().contains("weight: average has none"), "{error}");
}

/// JSON has no NaN, and a number that overflows is none either.
#[test]
fn weights_that_are_no_numbers() {
    let text = manifest().to_string();
    for number in ["NaN", "1e999", "-Infinity"] {
        let weight = format!(r#""name":"left","weight":{number}"#);
        let text = text.replacen(r#""name":"left""#, &weight, 1);
        let error = model_package::Manifest::parse(text.as_bytes(), &Limits::DEFAULT).unwrap_err();
        assert_eq!(error.code(), "invalid-json", "{number}: {error}");
    }
}

#[test]
fn what_belongs_to_a_graph() {
    let feature = json!([{ "name": "a", "op": "value", "of": "a" }]);
    let message = "the members of an ensemble have it";
    check("/features", feature, "features", message);
    let inputs = json!({ "inputs": [{ "name": "x", "from": "features" }] });
    check("/graph", inputs, "graph.inputs", message);
    check("/input/image", json!({}), "input.image", message);
    check("/input/fields", json!([]), "input.fields", "missing: the fields");
    check("/files/1/role", json!("graph"), "files[1].role", "an ensemble has members instead");
    let cases = "what lies with a member is of role member";
    check("/files/1/role", json!("reference-cases"), "files[1].role", cases);
    check(
        "/output/score",
        json!({ "name": "members", "label": "no" }),
        "output.score.name",
        "a key",
    );
    // And the other way round.
    let mut alone: Value = serde_json::from_slice(&sound()[0].content).unwrap();
    alone["files"].as_array_mut().unwrap().push(entry("members/a/b", "member", b""));
    refused(&alone, "invalid-manifest", Some("files"), "role member, but there is no ensemble");
}

#[test]
fn members_that_are_not_there() {
    let error = package(manifest(), &[("left", sound())]).unwrap_err();
    let expected = "\"members/right/manifest.json\" is missing: the manifest of a member";
    assert!(error.to_string().ends_with(expected), "{error}");
    // Named, but not there; and there, but not named by the member.
    let (named, mut files) = around(manifest(), &[("left", sound()), ("right", sound())]);
    files.push(file("manifest.json", named.to_string().as_bytes()));
    let lacking: Vec<_> =
        files.iter().filter(|file| file.path != "members/left/model.onnx").cloned().collect();
    let error = verify(lacking).unwrap_err();
    assert_eq!((error.code(), error.file()), ("missing-file", Some("members/left/model.onnx")));
    let mut more = sound();
    more.push(file("more", b"x"));
    let error = package(manifest(), &[("left", sound()), ("right", more)]).unwrap_err();
    assert_eq!((error.code(), error.file()), ("unlisted-file", Some("members/right/more")));
    assert!(error.to_string().starts_with("the member right: more: not named"), "{error}");
}

#[test]
fn a_member_is_verified_as_if_it_were_alone() {
    let mut damaged = sound();
    damaged[1].content[0] ^= 1;
    let error = package(manifest(), &[("left", damaged), ("right", sound())]).unwrap_err();
    assert_eq!((error.code(), error.file()), ("digest-mismatch", Some("members/left/model.onnx")));
    let later = member(|manifest| manifest["format"] = json!("samebits/2"));
    let error = package(manifest(), &[("left", later), ("right", sound())]).unwrap_err();
    assert_eq!(
        (error.code(), error.file()),
        ("unknown-format", Some("members/left/manifest.json"))
    );
}

#[test]
fn an_ensemble_is_no_member() {
    let (inner, mut files) = around(manifest(), &[("left", sound()), ("right", sound())]);
    files.push(file("manifest.json", inner.to_string().as_bytes()));
    check_member(files, "ensemble", "the member right: manifest.json: ensemble: a member can't be");
}

#[test]
fn members_that_do_not_fit() {
    let second = "ensemble.members[1]";
    let with = |path: &'static str, value: Value| member(|manifest| set(manifest, path, value));
    let labels = with("/output/labels", json!(["no", "perhaps"]));
    check_member(labels, second, "has the labels no, perhaps; those of the ensemble are no, yes");
    let more = with("/output/labels", json!(["no", "yes", "perhaps"]));
    check_member(more, second, "has the labels no, yes, perhaps");
    let regression = member(|manifest| {
        set(manifest, "/task", json!("tabular-regression"));
        set(manifest, "/output", json!({ "value": "v" }));
    });
    check_member(
        regression,
        second,
        "has the task tabular-regression; that of the ensemble is tabular-classification",
    );
    let field = with("/input/fields/0/type", json!("integer"));
    check_member(field, second, "has \"a\" as a integer, the ensemble as a number");
    let needs = with("/input/fields/1/default", Value::Null);
    check_member(needs, second, "needs the field \"b\", which the ensemble does not have");
    let sensitive = with("/input/fields/0/sensitive", json!(true));
    check_member(sensitive, second, "has \"a\" as sensitive, so the ensemble has to as well");
    let mut unknown = manifest();
    set(&mut unknown, "/input/fields/1/name", json!("c"));
    let error = two(unknown).unwrap_err();
    assert!(error.to_string().contains("needs the field \"a\""), "{error}");
    let mut more = manifest();
    set(&mut more, "/input/fields/2", json!({ "name": "c", "type": "number" }));
    let error = two(more).unwrap_err();
    assert!(error.to_string().contains("no member has the field \"c\""), "{error}");
    // In another order, and wider: both fit.
    let turned = with("/output/labels", json!(["yes", "no"]));
    assert!(package(manifest(), &[("left", turned), ("right", sound())]).is_ok());
    let mut whole = manifest();
    set(&mut whole, "/input/fields/1/type", json!("integer"));
    assert!(two(whole).is_ok());
}

#[test]
fn regressions_do_not_vote() {
    let mut manifest = manifest();
    set(&mut manifest, "/task", json!("tabular-regression"));
    set(&mut manifest, "/output", json!({ "value": "v" }));
    set(&mut manifest, "/ensemble/combine", json!("vote"));
    refused(&manifest, "invalid-manifest", Some("ensemble.combine"), "has no labels to vote for");
}

#[test]
fn stackers() {
    let stacked = |stacker: Vec<PackageFile>| {
        let mut manifest = manifest();
        set(&mut manifest, "/ensemble/combine", json!("stacked"));
        set(&mut manifest, "/ensemble/stacker", json!("judge"));
        package(manifest, &[("left", sound()), ("right", sound()), ("judge", stacker)])
    };
    let judge = |fields: Value| {
        member(|manifest| {
            let first = fields[0]["name"].clone();
            let feature = json!([{ "name": first, "op": "value", "of": first }]);
            set(manifest, "/features", feature);
            set(manifest, "/input/fields", fields);
        })
    };
    let number = |name: &str| json!({ "name": name, "type": "number" });
    let mut package = stacked(judge(json!([number("left"), number("right.yes")]))).unwrap();
    assert_eq!(package.take_members().len(), 3);
    let check = |stacker: Vec<PackageFile>, message: &str| {
        let error = stacked(stacker).expect_err(message);
        assert!(error.to_string().contains(message), "{message:?} is not in: {error}");
        assert_eq!(error.field(), Some("ensemble.stacker"));
    };
    check(
        judge(json!([number("amount")])),
        "has the field \"amount\"; expected the name of a member",
    );
    check(judge(json!([number("left.perhaps")])), "has the field \"left.perhaps\"");
    check(judge(json!([number("judge")])), "has the field \"judge\"");
    let whole = judge(json!([{ "name": "left", "type": "integer" }]));
    check(whole, "has \"left\" as a integer, expected a number");
}
