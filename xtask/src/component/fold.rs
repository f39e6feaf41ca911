//! Writes the module again with one function for all that do the same: generic code for `f32`, `i32` and `u32`
//! often comes out equal to the byte. What nothing reaches goes, and numbers take the bytes that they need
//! (the linker gives each address and each function five, to be able to fill it in later).
//!
//! Functions are equal when they have the same type, the same instructions, and call equal functions. Places in
//! tables stay as they are, so addresses of functions differ as before.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use anyhow::{Context, Result};
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    CodeSection, ElementSection, ExportSection, FunctionSection, GlobalSection, Module, NameMap,
    NameSection, RawSection, StartSection,
};
use wasmparser::{FunctionBody, Parser, Payload};

use super::prune::{Functions, part};

/// What becomes of the names of functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    Keep,
    Drop,
}

/// The module with each function once. It must have the names of its functions.
pub(crate) fn fold(module: &[u8], names: Names) -> Result<Vec<u8>> {
    let functions = Functions::read(module)?;
    let types = types(module)?;
    let firsts = firsts(module, &functions, &types)?;

    let kept: BTreeSet<u32> = firsts.values().copied().collect();
    let places: BTreeMap<u32, u32> = kept.iter().copied().zip(0..).collect();
    let place = |first| places.get(first).copied().context("a function without a place");
    let renumbered = firsts
        .iter()
        .map(|(function, first)| Ok((*function, place(first)?)))
        .collect::<Result<_>>()?;
    let mut folded = write(module, &functions, &types, &kept, Renumbered(renumbered))?;
    if names == Names::Keep {
        let mut map = NameMap::new();
        for (function, place) in kept.iter().zip(0..) {
            map.append(place, functions.names.get(function).context("a function has no name")?);
        }
        let mut section = NameSection::new();
        section.functions(&map);
        folded.section(&section);
    }
    Ok(folded.finish())
}

fn write(
    module: &[u8],
    functions: &Functions,
    types: &BTreeMap<u32, u32>,
    kept: &BTreeSet<u32>,
    mut renumbered: Renumbered,
) -> Result<Module> {
    let mut folded = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        match payload {
            Payload::ImportSection(imports) => {
                anyhow::ensure!(imports.count() == 0, "the component must not import anything");
            }
            Payload::FunctionSection(_) => {
                let mut section = FunctionSection::new();
                for function in kept {
                    section.function(*types.get(function).context("a function without a type")?);
                }
                folded.section(&section);
            }
            Payload::GlobalSection(globals) => {
                let mut section = GlobalSection::new();
                renumbered.parse_global_section(&mut section, globals)?;
                folded.section(&section);
            }
            Payload::ExportSection(exports) => {
                let mut section = ExportSection::new();
                renumbered.parse_export_section(&mut section, exports)?;
                folded.section(&section);
            }
            Payload::StartSection { func, .. } => {
                let function_index = renumbered.function_index(func)?;
                folded.section(&StartSection { function_index });
            }
            Payload::ElementSection(elements) => {
                let mut section = ElementSection::new();
                renumbered.parse_element_section(&mut section, elements)?;
                folded.section(&section);
            }
            Payload::CodeSectionStart { .. } => {
                let mut section = CodeSection::new();
                for function in kept {
                    renumbered
                        .parse_function_body(&mut section, functions.body(module, *function)?)?;
                }
                folded.section(&section);
            }
            // What the component is made by; all others are for people who look for mistakes.
            Payload::CustomSection(section) if !section.name().starts_with("component-type") => {}
            _ => {
                if let Some((id, range)) = payload.as_section() {
                    let data = part(module, &range)?;
                    folded.section(&RawSection { id, data });
                }
            }
        }
    }
    Ok(folded)
}

/// For each function that is reached, the first of those that are equal to it.
///
/// Begins with all of one type and one sequence of instructions as equal, whatever they call, and takes apart
/// those that call unequal ones until none is left. So functions that call each other in a circle are found, too.
fn firsts(
    module: &[u8],
    functions: &Functions,
    types: &BTreeMap<u32, u32>,
) -> Result<BTreeMap<u32, u32>> {
    let mut outlines = BTreeMap::new();
    for function in functions.reached(|_, _| true)? {
        let outline = Outline::of(&functions.body(module, function)?)?;
        outlines.insert(function, (types.get(&function), outline));
    }
    let mut firsts: BTreeMap<u32, u32> = outlines.keys().map(|function| (*function, 0)).collect();
    let mut groups = 0;
    loop {
        let mut found = BTreeMap::new();
        let mut next = BTreeMap::new();
        for (function, (kind, outline)) in &outlines {
            let called: Vec<_> = outline.called.iter().map(|called| firsts.get(called)).collect();
            let first = *found.entry((kind, &outline.instructions, called)).or_insert(*function);
            next.insert(*function, first);
        }
        let count = found.len();
        drop(found);
        firsts = next;
        if count == groups {
            return Ok(firsts);
        }
        groups = count;
    }
}

/// What a function does, whichever functions it calls.
struct Outline {
    instructions: Vec<u8>,
    /// The functions that it calls or names, as they come.
    called: Vec<u32>,
}

impl Outline {
    fn of(body: &FunctionBody<'_>) -> Result<Self> {
        let mut listed = Listed::default();
        let mut function = listed.new_function_with_parsed_locals(body)?;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            function.instruction(&listed.parse_instruction(&mut operators)?);
        }
        Ok(Self { instructions: function.into_raw_body(), called: listed.called })
    }
}

/// Writes every function as the first one and keeps a list instead.
#[derive(Default)]
struct Listed {
    called: Vec<u32>,
}

impl Reencode for Listed {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error> {
        self.called.push(function);
        Ok(0)
    }
}

/// Writes functions by their new numbers.
struct Renumbered(BTreeMap<u32, u32>);

impl Reencode for Renumbered {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error> {
        // One that is not there makes the module invalid, which the component's encoder refuses.
        Ok(self.0.get(&function).copied().unwrap_or(u32::MAX))
    }
}

/// The index of each function's type.
fn types(module: &[u8]) -> Result<BTreeMap<u32, u32>> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::FunctionSection(types) = payload? {
            let numbered = (0..).zip(types).map(|(function, kind)| Ok((function, kind?)));
            return numbered.collect();
        }
    }
    anyhow::bail!("no functions")
}
