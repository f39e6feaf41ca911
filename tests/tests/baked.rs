//! Baked models: the same bits as the package that they were baked from, a fresh sandbox for every
//! call, and nothing in them that does not belong there.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::num::NonZeroU64;
use std::path::Path;
use std::time::Duration;

use conformance::{bake, baked, cache_folder, component_bytes, fraud, load};
use model_package::{Digest, Limits, MANIFEST, Package, PackageFile, Role};
use object::{Object, ObjectSection};
use predictor_host::{
    Baked, Cache, Class, Engine, HostError, Instance, Interruption, Outcome, Policy, Predictor,
    SandboxLimits, Target, reference,
};

fn predictor(limits: SandboxLimits, policy: Policy) -> Predictor {
    Predictor::baked(baked(), limits, policy).unwrap()
}

/// As many of the fraud model's reference inputs as asked for, over and over.
fn instances(count: usize) -> Vec<Instance> {
    let cases = reference::cases(&predictor(SandboxLimits::DEFAULT, Policy::REUSE)).unwrap().cases;
    cases.iter().map(reference::instance).cycle().take(count).collect()
}

fn texts(outcomes: Vec<Outcome>) -> Vec<String> {
    outcomes.into_iter().map(|outcome| outcome.unwrap().json).collect()
}

#[test]
fn every_reference_case_has_the_bits_of_the_package() {
    for policy in [Policy::Fresh, Policy::REUSE, Policy::Reuse { calls: NonZeroU64::new(3) }] {
        let predictor = predictor(SandboxLimits::DEFAULT, policy);
        let cases = reference::cases(&predictor).unwrap().cases;
        assert!(cases.len() > 5, "{} cases", cases.len());
        let answers = reference::answer(&predictor, &cases).unwrap();
        assert_eq!(reference::differences(&cases, &answers), []);
    }
}

#[test]
fn it_is_described_as_the_package_is() {
    let (baked, loaded) =
        (predictor(SandboxLimits::DEFAULT, Policy::REUSE), load(fraud()).unwrap());
    assert_eq!(baked.description(), loaded.description());
    assert_eq!(baked.component().digest(), loaded.component().digest());
    assert_eq!(baked.component().names(), loaded.component().names());
}

#[test]
fn it_is_the_same_bytes_whenever_it_is_baked() {
    let mut files = fraud();
    files.reverse();
    let again = bake(&component_bytes(), files);
    assert_eq!(Digest::of(again.component()), baked().record().baked);
}

/// A graph of eight products, one after the other, with 34 MB of weights of which no two are the same.
fn products() -> Vec<u8> {
    const EXTENT: u64 = 1024;
    let tensor = |extents: [Vec<u8>; 2]| {
        let dims: Vec<u8> = extents.iter().flat_map(|extent| part(1, extent)).collect();
        part(2, &part(1, &[number(1, 1), part(2, &dims)].concat()))
    };
    let border = |name: &str| {
        let kind = tensor([part(2, b"rows"), number(1, EXTENT)]);
        [part(1, name.as_bytes()), kind].concat()
    };
    let (mut graph, mut bits) = (part(2, b"products"), 1_u32);
    for layer in 0..8 {
        let names = [format!("x{layer}"), format!("w{layer}"), format!("x{}", layer + 1)];
        let [x, w, y] = names.each_ref().map(|name| name.as_bytes());
        graph.extend(part(1, &[part(1, x), part(1, w), part(2, y), part(4, b"MatMul")].concat()));
        let values = (0..EXTENT * EXTENT).flat_map(|_| {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((bits >> 8) as f32 / 16_777_216.0 - 0.5).to_le_bytes()
        });
        let head = [number(1, EXTENT), number(1, EXTENT), number(2, 1), part(8, w)].concat();
        graph.extend(part(5, &[head, part(9, &values.collect::<Vec<_>>())].concat()));
    }
    graph.extend([part(11, &border("x0")), part(12, &border("x8"))].concat());
    [number(1, 8), part(8, &number(2, 17)), part(7, &graph)].concat()
}

/// A field of a protocol buffer: bytes with their length.
fn part(field: u64, content: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

/// A field of a protocol buffer: a number.
fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// The file is parsed into another form, so whatever of it is found in the component was left over.
#[test]
fn nothing_of_the_file_is_left_in_it() {
    let component = std::fs::read(baked().folder().join("component.wasm")).unwrap();
    let mut package = Package::verify(fraud(), &Limits::DEFAULT).unwrap();
    let graph = package.take_graph();
    let sample = &graph[graph.len() / 2..][..48];
    assert!(!component.windows(sample.len()).any(|window| window == sample));
    let grown = component.len() - component_bytes().len();
    assert!(grown < 2 * graph.len(), "{grown} bytes more, for a file of {}", graph.len());
}

#[test]
fn a_batch_on_several_threads_is_answered_in_order() {
    let instances = instances(1000);
    let one = texts(predictor(SandboxLimits::DEFAULT, Policy::REUSE).predict_each(&instances));
    for threads in [2, 5] {
        let limits = SandboxLimits::DEFAULT.with_threads(threads);
        for policy in [Policy::Fresh, Policy::REUSE] {
            let several = texts(predictor(limits, policy).predict_each(&instances));
            assert_eq!(several, one, "{threads} threads, {policy:?}");
        }
    }
}

#[test]
fn too_much_work_is_refused_before_it_is_done() {
    let limits = SandboxLimits::DEFAULT.with_operations(Some(200_000));
    let predictor = predictor(limits, Policy::REUSE);
    let error = predictor.predict(&instances(100)).unwrap_err();
    assert_eq!((error.class(), error.code()), (Class::TooLarge, "too-much-work"), "{error}");
    // One by one they are within the limit.
    assert_eq!(texts(predictor.predict_each(&instances(100))).len(), 100);
}

#[test]
fn a_sandbox_without_enough_memory_is_replaced() {
    let predictor = predictor(SandboxLimits::DEFAULT.with_memory_bytes(64 << 20), Policy::REUSE);
    let good = instances(1);
    let before = texts(predictor.predict_each(&good));
    let huge = Instance::Text("x".repeat(64 << 20));
    let error = predictor.predict(&[huge]).unwrap_err();
    assert!(matches!(error, HostError::Memory { .. }), "{error}");
    assert_eq!(texts(predictor.predict_each(&good)), before);
}

#[test]
fn a_call_beyond_its_deadline_is_stopped_and_the_next_answered() {
    // Code that can be stopped is compiled with other settings, and kept elsewhere.
    let cache = Cache::new(cache_folder().join("interruptible"));
    let engine = Engine::new(Interruption::Deadline).unwrap();
    let bytes = component_bytes();
    let component = cache.load(&engine, &bytes, Digest::of(&bytes), || {}).unwrap();
    let limits = SandboxLimits::DEFAULT.with_deadline(Duration::from_secs(30));
    let loaded = Predictor::load(conformance::component(), fraud(), limits, Policy::REUSE);
    let patient = loaded.unwrap().moved_to(&component).unwrap();
    assert_eq!(patient.component().digest(), component.digest());
    let good = instances(1);
    let expected = texts(patient.predict_each(&good));

    // Loading takes tens of milliseconds, and so does a batch of 10,000.
    let hurried = SandboxLimits::DEFAULT.with_deadline(Duration::from_millis(1));
    let error = Predictor::load(&component, fraud(), hurried, Policy::REUSE).unwrap_err();
    assert!(matches!(error, HostError::Deadline { .. }), "{error}");
    assert_eq!((error.class(), error.code()), (Class::DeadlineExceeded, "deadline"));
    assert_eq!(texts(patient.predict_each(&good)), expected);
}

/// A copy of the baked model, to do something to it.
fn copy(folder: &Path) {
    let from = baked().folder();
    let code = format!("{}.cwasm", Target::host().unwrap().triple());
    for name in ["baked.json", "component.wasm", &code] {
        std::fs::copy(from.join(name), folder.join(name)).unwrap();
    }
}

#[test]
fn damaged_files_are_found() {
    let check = |name: &str, change: fn(&mut Vec<u8>), expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        copy(folder.path());
        let path = folder.path().join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let found = Baked::open(folder.path()).and_then(|baked| baked.check());
        let message = found.unwrap_err().to_string();
        assert!(message.contains(expected), "{name}: {message}");
    };
    let code = format!("{}.cwasm", Target::host().unwrap().triple());
    let flip: fn(&mut Vec<u8>) = |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    let cut: fn(&mut Vec<u8>) = |bytes| {
        bytes.pop();
    };
    check(&code, flip, "its bytes are not those that were compiled");
    check(&code, cut, "not as long as its record says");
    check("component.wasm", flip, "expected sha256:");
    let half: fn(&mut Vec<u8>) = |bytes| bytes.truncate(bytes.len() / 2);
    check("baked.json", half, "not the record of a baked model");
    check("baked.json", |bytes| *bytes = b"{}".to_vec(), "missing field");
}

#[test]
fn code_that_was_cut_off_is_not_mapped() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let code = folder.path().join(format!("{}.cwasm", Target::host().unwrap().triple()));
    let bytes = std::fs::read(&code).unwrap();
    std::fs::write(&code, &bytes[..bytes.len() - 1]).unwrap();
    let error = Baked::open(folder.path()).unwrap().map().unwrap_err();
    assert!(error.to_string().contains("not as long as its record says"), "{error}");
}

#[test]
fn code_for_another_machine_is_not_mapped() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let record = folder.path().join("baked.json");
    let text = std::fs::read_to_string(&record).unwrap();
    let text = text.replace(Target::host().unwrap().triple(), "aarch64-unknown-none");
    std::fs::write(&record, text).unwrap();
    let error = Baked::open(folder.path()).unwrap().map().unwrap_err().to_string();
    assert!(error.contains("baked for aarch64-unknown-none, not for this machine"), "{error}");
    assert!(error.contains("--target"), "{error}");
}

#[test]
fn its_reference_cases_are_those_that_its_manifest_names() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let manifest = fraud().into_iter().find(|file| file.path == MANIFEST).unwrap().content;
    let manifest = model_package::Manifest::parse(&manifest, &Limits::DEFAULT).unwrap();
    let entry = manifest.file(Role::ReferenceCases).unwrap();
    let kept = folder.path().join("package");
    std::fs::create_dir(&kept).unwrap();
    std::fs::write(kept.join(&entry.path), "{\"cases\":[]}").unwrap();
    let baked = Baked::open(folder.path()).unwrap();
    let predictor = Predictor::baked(&baked, SandboxLimits::DEFAULT, Policy::REUSE).unwrap();
    let error = reference::cases(&predictor).unwrap_err();
    assert_eq!(error.code(), "digest-mismatch", "{error}");
}

/// A load leaves holes of several times the weights behind; in the file, no hole is left. It is compiled
/// for another machine, since one compilation is enough for both.
#[test]
fn code_is_compiled_for_other_machines_too_and_its_memory_is_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let target = "aarch64-unknown-linux-gnu".parse::<Target>().unwrap();
    let onnx = products();
    let weights = onnx.len();
    let bake = bake(&component_bytes(), PackageFile::of_graph("products.onnx", onnx).unwrap());
    let baked = bake.write(folder.path(), std::slice::from_ref(&target), |_| {}).unwrap();
    baked.check().unwrap();
    let code = std::fs::read(folder.path().join("aarch64-unknown-linux-gnu.cwasm")).unwrap();
    // ELF's `e_machine`: EM_AARCH64 is 183.
    assert_eq!((&code[..4], u16::from_le_bytes([code[18], code[19]])), (&b"\x7fELF"[..], 183));
    let sections = object::File::parse(&*code).unwrap();
    let memory = sections.section_by_name(".rodata.wasm").unwrap().size();
    let most = (weights as f64 * 1.1) as u64 + (2 << 20);
    assert!(memory < most, "{memory} bytes of memory for {weights} of weights");
    let error = "riscv64gc-unknown-linux-gnu".parse::<Target>().unwrap_err().to_string();
    assert!(error.contains("aarch64-unknown-linux-gnu"), "{error}");
}
