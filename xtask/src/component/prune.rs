//! Leaves code out of the component that no inference reaches but that the compiler must keep: tract
//! registers all of its operators, and those that the core replaces bring whole libraries along.
//!
//! The bodies of such functions become a single `unreachable`, and so do those of functions that nothing
//! else calls then. Indices stay as they are. Were one called all the same, the instance would trap, which
//! every host answers with an error.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::{Context, Result};
use wasm_encoder::{CodeSection, Module, RawSection};
use wasmparser::{
    BinaryReader, ElementItems, ExternalKind, FunctionBody, KnownCustom, Name, NameSectionReader,
    Operator, Parser, Payload,
};

/// Crates and modules that no inference needs, and why they are there. Each module of tract's is one whose
/// operators nothing makes but the readers of ONNX's nodes that the core has put its own in the place of.
const LEFT_OUT: [&str; 20] = [
    // Behind tract's Fourier transforms; the core has its own.
    "rustfft",
    "tract_core::ops::fft",
    // tract's own file format, which every operator of `tract-onnx-opl` can be written to.
    "tract_nnef",
    // `TopK`, `CumSum`, `OneHot` and `Hardmax`, and what gathers and scatters.
    "tract_core::ops::array::cumsum",
    "tract_core::ops::array::gather_elements",
    "tract_core::ops::array::gather_nd",
    "tract_core::ops::array::one_hot",
    "tract_core::ops::array::scatter_elements",
    "tract_core::ops::array::scatter_nd",
    "tract_core::ops::array::topk",
    "tract_hir::ops::array::gather_elements",
    "tract_hir::ops::array::gather_nd",
    "tract_hir::ops::array::scatter_elements",
    "tract_hir::ops::array::scatter_nd",
    // Recurrent layers, and loops, which run node by node.
    "tract_core::ops::gru_seq",
    "tract_core::ops::scan",
    "tract_hir::ops::scan",
    "tract_onnx::ops::rec",
    // Trees, linear models and encoders.
    "tract_onnx::ops::ml",
    "tract_onnx_opl::ml",
];

/// The compiler may have joined functions that do the same, whosever they were. Those are small: what
/// is left out has at least this many bytes.
const LEAST: u64 = 256;

/// No locals, `unreachable`, `end`.
const EMPTY: [u8; 3] = [0x00, 0x00, 0x0b];

/// The module without what is left out. It must have the names of its functions.
pub(crate) fn prune(module: &[u8]) -> Result<Vec<u8>> {
    let functions = Functions::read(module)?;
    let is_small = |function| {
        functions.bodies.get(&function).is_some_and(|body| body.end - body.start < LEAST)
    };
    let left = functions.reached(|function, name| is_small(function) || !is_left_out(name))?;
    let mut pruned = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        match &payload {
            Payload::CodeSectionStart { .. } => {
                let mut code = CodeSection::new();
                for (index, body) in &functions.bodies {
                    code.raw(if left.contains(index) { part(module, body)? } else { &EMPTY });
                }
                pruned.section(&code);
            }
            _ => {
                if let Some((id, range)) = payload.as_section() {
                    let data = part(module, &range)?;
                    pruned.section(&RawSection { id, data });
                }
            }
        }
    }
    Ok(pruned.finish())
}

/// Whether a function is of no use. What registers something when the instance starts runs all the same.
fn is_left_out(name: &str) -> bool {
    let origin = origin_of(name);
    let is_in = |path: &str| {
        let rest = origin.strip_prefix(path);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    LEFT_OUT.into_iter().any(is_in) && !name.ends_with("::__ctor")
}

pub(super) fn part<'m>(module: &'m [u8], range: &Range<u64>) -> Result<&'m [u8]> {
    let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
    module.get(range).context("a part that is out of bounds")
}

/// What has to be known of a module's functions.
#[derive(Default)]
pub(crate) struct Functions {
    pub(crate) names: BTreeMap<u32, String>,
    /// Where the body of each lies.
    pub(crate) bodies: BTreeMap<u32, Range<u64>>,
    /// Which functions each one calls or names.
    calls: BTreeMap<u32, BTreeSet<u32>>,
    /// What is exported, or in a table for calls through pointers.
    roots: BTreeSet<u32>,
}

impl Functions {
    pub(crate) fn read(module: &[u8]) -> Result<Self> {
        let mut found = Self::default();
        let mut next = 0;
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(imports) => next = imports.count(),
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        if export.kind == ExternalKind::Func {
                            found.roots.insert(export.index);
                        }
                    }
                }
                Payload::StartSection { func, .. } => {
                    found.roots.insert(func);
                }
                Payload::ElementSection(elements) => {
                    for element in elements {
                        let ElementItems::Functions(functions) = element?.items else {
                            anyhow::bail!("a table is filled by expressions");
                        };
                        for function in functions {
                            found.roots.insert(function?);
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    found.calls.insert(next, calls(&body)?);
                    found.bodies.insert(next, body.range());
                    next += 1;
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(section) = section.as_known() {
                        found.names = names(section)?;
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// What can be reached when only such functions count.
    pub(crate) fn reached(&self, counts: impl Fn(u32, &str) -> bool) -> Result<BTreeSet<u32>> {
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<u32> = self.roots.iter().copied().collect();
        while let Some(function) = waiting.pop() {
            let name = self.names.get(&function).context("a function has no name")?;
            if counts(function, name) && reached.insert(function) {
                waiting.extend(self.calls.get(&function).into_iter().flatten());
            }
        }
        Ok(reached)
    }

    /// The code of one.
    pub(crate) fn body<'m>(&self, module: &'m [u8], function: u32) -> Result<FunctionBody<'m>> {
        let range = self.bodies.get(&function).context("a function has no code")?;
        Ok(FunctionBody::new(BinaryReader::new(part(module, range)?, range.start)))
    }
}

fn calls(body: &FunctionBody<'_>) -> Result<BTreeSet<u32>> {
    let mut called = BTreeSet::new();
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::Call { function_index }
            | Operator::ReturnCall { function_index }
            | Operator::RefFunc { function_index } => {
                called.insert(function_index);
            }
            _ => {}
        }
    }
    Ok(called)
}

/// The names of functions by their index, readable.
fn names(section: NameSectionReader<'_>) -> Result<BTreeMap<u32, String>> {
    let mut names = BTreeMap::new();
    for part in section {
        if let Name::Function(functions) = part? {
            for function in functions {
                let function = function?;
                let name = format!("{:#}", rustc_demangle::demangle(function.name));
                names.insert(function.index, name);
            }
        }
    }
    Ok(names)
}

/// The crate that a function's code comes from: of `<a::B as c::D>::e` that is `a`, of a generic function
/// the one that wrote it.
pub(crate) fn crate_of(name: &str) -> String {
    let start = origin_of(name);
    let end = start.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(start.len());
    start.get(..end).unwrap_or(start).to_owned()
}

/// A name from its first path on.
fn origin_of(name: &str) -> &str {
    let start = name.trim_start_matches(['<', '&', '*', '(', '[']);
    start.strip_prefix("dyn ").or_else(|| start.strip_prefix("mut ")).unwrap_or(start)
}
