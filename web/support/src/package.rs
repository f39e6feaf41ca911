//! Model packages in the browser: the same reader and the same rules as on native hosts.

use std::io::Cursor;
use std::path::Path;

use model_package::{
    Digest, Limits, MANIFEST, Manifest, Modality, PackageFile, ReferenceCase, ReferenceCases, Role,
    SIGNATURE, store,
};
use serde_json::Value;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::answer::{Answer, Difference, differences};
use crate::{kind, lens, problem};

/// One file of a package.
#[wasm_bindgen]
pub struct File(PackageFile);

#[wasm_bindgen]
impl File {
    /// Path inside the package.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn path(&self) -> String {
        self.0.path.clone()
    }

    /// Hands the content over; afterwards it is empty.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0.content)
    }
}

impl From<PackageFile> for File {
    fn from(file: PackageFile) -> Self {
        Self(file)
    }
}

/// The files of an archive.
///
/// # Errors
/// If it is no archive, or one that breaks the format's limits.
#[wasm_bindgen]
pub fn unpack(name: &str, archive: &[u8]) -> Result<Vec<File>, JsValue> {
    kind::check(name, archive).map_err(|message| problem::problem("not-an-archive", &message))?;
    let files = store::read_archive(Path::new(name), Cursor::new(archive), &Limits::DEFAULT)
        .map_err(|error| problem::store(&error))?;
    Ok(files.into_iter().map(File).collect())
}

/// Reads what people and proofs need of a package that the component has loaded: sizes and digests of
/// all files are checked there, and nothing is digested twice.
#[wasm_bindgen]
pub struct PackageReader {
    digest: Digest,
    text: String,
    manifest: Manifest,
    cases: Vec<ReferenceCase>,
    tokenizer: Option<Vec<u8>>,
    signature: Option<Vec<u8>>,
}

#[wasm_bindgen]
impl PackageReader {
    /// Begins with the manifest.
    ///
    /// # Errors
    /// The first rule of the format that it breaks.
    #[wasm_bindgen(constructor)]
    pub fn new(manifest: &[u8]) -> Result<Self, JsValue> {
        let parsed = Manifest::parse(manifest, &Limits::DEFAULT);
        Ok(Self {
            digest: Digest::of(manifest),
            text: String::from_utf8_lossy(manifest).into_owned(),
            manifest: parsed.map_err(|error| problem::package(&error))?,
            cases: Vec::new(),
            tokenizer: None,
            signature: None,
        })
    }

    /// Whether the file of this path is read here.
    #[must_use]
    pub fn wants(&self, path: &str) -> bool {
        path == SIGNATURE || self.is(path, Role::ReferenceCases) || self.is(path, Role::Tokenizer)
    }

    /// Takes a copy of a file.
    ///
    /// # Errors
    /// If it should be reference cases, and is not.
    pub fn add(&mut self, path: &str, content: &[u8]) -> Result<(), JsValue> {
        if path == SIGNATURE {
            self.signature = Some(content.to_vec());
        } else if self.is(path, Role::Tokenizer) {
            self.tokenizer = Some(content.to_vec());
        } else if self.is(path, Role::ReferenceCases) {
            let cases = ReferenceCases::parse(path, content, &Limits::DEFAULT);
            self.cases = cases.map_err(|error| problem::package(&error))?.cases;
        }
        Ok(())
    }

    /// The package.
    #[must_use]
    pub fn finish(self) -> ModelPackage {
        let Self { digest, text, manifest, cases, tokenizer, signature } = self;
        ModelPackage { digest, signature, text, manifest, cases, tokenizer }
    }

    fn is(&self, path: &str, role: Role) -> bool {
        self.manifest.file(role).is_some_and(|entry| entry.path == path)
    }
}

/// A package that the component has loaded.
#[wasm_bindgen]
pub struct ModelPackage {
    digest: Digest,
    signature: Option<Vec<u8>>,
    text: String,
    manifest: Manifest,
    cases: Vec<ReferenceCase>,
    tokenizer: Option<Vec<u8>>,
}

#[wasm_bindgen]
impl ModelPackage {
    /// The digest of the manifest, which names the whole package.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn digest(&self) -> String {
        self.digest.to_string()
    }

    /// The content of `model.sig`, if it lies beside the files. Nothing has looked at it yet.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn signature(&self) -> Option<Vec<u8>> {
        self.signature.clone()
    }

    /// The path and digest of every file that was checked, one after the other.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn digests(&self) -> Vec<String> {
        let manifest = [MANIFEST.to_owned(), self.digest.to_string()];
        let files = self.manifest.files.iter();
        let files = files.flat_map(|entry| [entry.path.clone(), entry.sha256.to_string()]);
        manifest.into_iter().chain(files).collect()
    }

    /// The manifest's text.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn manifest(&self) -> String {
        self.text.clone()
    }

    /// What the model takes: `tabular`, `image`, `text`, or `tensors` as nested arrays.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn modality(&self) -> String {
        let modality = self.manifest.task.modality();
        let known =
            [(Modality::Tabular, "tabular"), (Modality::Image, "image"), (Modality::Text, "text")];
        let named = known.into_iter().find(|(it, _)| *it == modality);
        named.map_or("tensors", |(_, name)| name).into()
    }

    /// The names of the reference cases.
    #[wasm_bindgen(getter, js_name = caseNames)]
    #[must_use]
    pub fn case_names(&self) -> Vec<String> {
        self.cases.iter().map(|case| case.name.clone()).collect()
    }

    /// The input of a case as the JSON text that every host hands to the component.
    #[wasm_bindgen(js_name = caseInput)]
    #[must_use]
    pub fn case_input(&self, index: usize) -> Option<String> {
        self.cases.get(index).map(|case| Value::Object(case.input.clone()).to_string())
    }

    /// Where an answer differs from what a case expects. Nothing, if every bit is the same; a case
    /// that expects nothing yet differs in everything.
    #[wasm_bindgen(js_name = caseDifferences)]
    #[must_use]
    pub fn case_differences(&self, index: usize, answer: &Answer) -> Vec<Difference> {
        let expected = self.cases.get(index).and_then(|case| case.expected.clone());
        differences(&expected.unwrap_or_default(), answer.bits())
    }

    /// A package that shows what the graph of this one is given: the same preparation of the input
    /// in front of a graph that hands it through as the output `seen`. `element_type` is the number
    /// that ONNX gives the type of the graph's input, `shape` its declared extents.
    ///
    /// # Errors
    /// If the package takes neither pictures nor texts.
    pub fn lens(&self, element_type: u32, shape: Vec<String>) -> Result<Vec<File>, JsValue> {
        let files = lens::package(&self.manifest, self.tokenizer.as_deref(), element_type, &shape);
        let files = files.map_err(|message| problem::problem("no-lens", &message))?;
        Ok(files.into_iter().map(File).collect())
    }

    /// A text's tokens, for people: what the tokenizer's vocabulary has for each number.
    #[must_use]
    pub fn tokens(&self, ids: &[i32]) -> Vec<String> {
        let vocabulary = self.tokenizer.as_deref().map(lens::vocabulary).unwrap_or_default();
        ids.iter()
            .map(|id| vocabulary.get(id).cloned().unwrap_or_else(|| format!("#{id}")))
            .collect()
    }

    /// The name of the path that plays a role: `graph`, `reference-cases` or `tokenizer`.
    #[must_use]
    pub fn path(&self, role: &str) -> Option<String> {
        let role = match role {
            "graph" => Role::Graph,
            "reference-cases" => Role::ReferenceCases,
            "tokenizer" => Role::Tokenizer,
            _ => return None,
        };
        self.manifest.file(role).map(|entry| entry.path.clone())
    }

    /// The picture that a tensor of pixels stands for, as the canvas takes it (RGBA, 8 bits each).
    ///
    /// # Errors
    /// If the tensor is not one that this package's preparation makes.
    pub fn pixels(&self, shape: Vec<u32>, data: &[u8]) -> Result<Vec<u8>, JsValue> {
        let spec = self.manifest.input.image.as_ref();
        let pixels = spec.and_then(|spec| crate::picture::rgba_of_tensor(spec, &shape, data));
        pixels.ok_or_else(|| problem::problem("not-pixels", "the tensor is no picture"))
    }
}
