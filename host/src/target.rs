//! What code is compiled for: a target and the processor that every machine of its kind has.

use std::str::FromStr;

use crate::HostError;

/// A target, with the instructions that compiled code may use on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    triple: String,
    baseline: Baseline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Baseline {
    cpu: &'static str,
    flags: &'static [&'static str],
}

/// What every x86_64 machine of AWS Lambda has (AVX2), as the psABI's level 3.
const X86_64: Baseline = Baseline {
    cpu: "x86-64-v3",
    flags: &[
        "has_cmpxchg16b",
        "has_sse3",
        "has_ssse3",
        "has_sse41",
        "has_sse42",
        "has_popcnt",
        "has_avx",
        "has_avx2",
        "has_bmi1",
        "has_bmi2",
        "has_lzcnt",
        "has_fma",
    ],
};

/// Graviton2, the oldest arm64 machine of AWS Lambda: Armv8.2 with large system extensions.
const AARCH64: Baseline = Baseline { cpu: "neoverse-n1", flags: &["has_lse"] };

impl Target {
    /// The targets of AWS Lambda's two architectures.
    pub const LAMBDA: [&'static str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

    /// The target of this machine.
    ///
    /// # Errors
    /// As for any triple.
    pub fn host() -> Result<Self, HostError> {
        let system = match std::env::consts::OS {
            "macos" => "apple-darwin",
            "windows" => "pc-windows-msvc",
            _ => "unknown-linux-gnu",
        };
        format!("{}-{system}", std::env::consts::ARCH).parse()
    }

    /// Its triple, such as `aarch64-unknown-linux-gnu`.
    #[must_use]
    pub fn triple(&self) -> &str {
        &self.triple
    }

    /// The least processor that runs the code, such as `x86-64-v3`.
    #[must_use]
    pub fn cpu(&self) -> &'static str {
        self.baseline.cpu
    }

    /// Cranelift's names of the instructions that may be used.
    #[cfg(feature = "compiler")]
    pub(crate) fn flags(&self) -> &'static [&'static str] {
        self.baseline.flags
    }
}

impl FromStr for Target {
    type Err = HostError;

    /// Reads a triple. Fails if its architecture is not one of the two that a baseline is known
    /// for.
    fn from_str(triple: &str) -> Result<Self, HostError> {
        let baseline = match triple.split('-').next() {
            Some("x86_64") => X86_64,
            Some("aarch64") => AARCH64,
            _ => {
                let known = Self::LAMBDA.join(" and ");
                let message = format!(
                    "{triple:?} is no target that code can be compiled for; there are {known}, \
                     and others of the two architectures such as aarch64-apple-darwin"
                );
                return Err(HostError::Engine { message });
            }
        };
        Ok(Self { triple: triple.to_owned(), baseline })
    }
}
