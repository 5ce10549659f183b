//! WebAssembly: what a module may be. What asks for more than the host gives never gets to run in the [sandbox](super::sandbox).

use wasmparser::{MemoryType, Parser, Payload, TypeRef, Validator, WasmFeatures};

use super::File;
use crate::report::{Finding, Severity};

/// What the host offers to plugins; everything else is refused.
const HOST: &str = "souk";
const HOST_FUNCTIONS: [&str; 4] = ["log", "parameter", "sample_rate", "tempo"];
/// 16 MiB, of 64 KiB each.
const MAX_PAGES: u64 = 256;
/// Compiling cannot be interrupted, so what would take long is not begun.
const CODE_BYTES: usize = 4 << 20;
/// Code and what it begins with in memory.
const MODULE_BYTES: usize = 32 << 20;
const FUNCTION_BYTES: usize = 256 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Rule {
    Invalid,
    Import,
    SharedMemory,
    Memory64,
    TooManyPages,
    TooLargeToRun,
    NotRun,
    OutOfFuel,
    Trapped,
    SelfTestFailed,
    SelfTestMissing,
}

impl Rule {
    fn severity(self) -> Severity {
        match self {
            Self::SelfTestMissing => Severity::Warning,
            Self::TooLargeToRun | Self::NotRun => Severity::Quarantine,
            _ => Severity::Reject,
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Invalid => {
                "Build a module of WebAssembly 2.0: without threads, exceptions, garbage collection and 64-bit memories."
            }
            Self::Import => {
                "Import nothing but `souk.log`, `souk.parameter`, `souk.sample_rate` and `souk.tempo`; build for `wasm32-unknown-unknown`, not for WASI."
            }
            Self::SharedMemory => "Build without threads: a plugin's memory is its own.",
            Self::Memory64 => "Build for 32-bit memory.",
            Self::TooManyPages => "Keep the memory within 256 pages (16 MiB), its maximum too.",
            Self::TooLargeToRun => {
                "Keep the module within 32 MiB, its code within 4 MiB and each function within 256 KiB, or wait for a person to look at it."
            }
            Self::NotRun => "Nothing to do: a person looks at it.",
            Self::OutOfFuel => {
                "Do less when the module starts and tests itself: 50 million instructions are what it has."
            }
            Self::Trapped => "Mend what traps when the module starts or tests itself.",
            Self::SelfTestFailed => "Mend what the self-test found: `souk_self_test` has to return 0.",
            Self::SelfTestMissing => "Export `souk_self_test: () -> i32` that returns 0 when all is well.",
        }
    }

    pub(crate) fn finding(self, file: File<'_>, evidence: &str) -> Finding {
        let name: &str = self.into();
        Finding::new(format!("wasm.{name}"), self.severity(), self.remedy())
            .in_file(file.path)
            .saw(evidence)
    }
}

pub(crate) type Broken = (Rule, String);

/// Whether the module is one that may be run.
pub(crate) fn inspect(content: &[u8]) -> Result<(), Broken> {
    let invalid = |error: wasmparser::BinaryReaderError| (Rule::Invalid, error.to_string());
    let mut too_large = None;
    for payload in Parser::new(0).parse_all(content) {
        match payload.map_err(invalid)? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(invalid)?;
                    let is_offered = import.module == HOST
                        && HOST_FUNCTIONS.contains(&import.name)
                        && matches!(import.ty, TypeRef::Func(_));
                    if let TypeRef::Memory(memory) = import.ty {
                        memory_is_allowed(&memory)?;
                    }
                    if !is_offered {
                        return Err((Rule::Import, format!("it imports `{}.{}`", import.module, import.name)));
                    }
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    memory_is_allowed(&memory.map_err(invalid)?)?;
                }
            }
            Payload::CodeSectionStart { size, .. } if size as usize > CODE_BYTES => {
                too_large = Some(format!("{size} bytes of code"));
            }
            Payload::CodeSectionEntry(body) if body.range().len() > FUNCTION_BYTES => {
                too_large = Some(format!("a function of {} bytes", body.range().len()));
            }
            _ => {}
        }
    }
    // After the rules with names of their own, which say better what is wrong.
    let mut validator = Validator::new_with_features(WasmFeatures::WASM2);
    validator.validate_all(content).map_err(invalid)?;
    if content.len() > MODULE_BYTES {
        too_large = Some(format!("{} bytes", content.len()));
    }
    match too_large {
        None => Ok(()),
        Some(evidence) => Err((Rule::TooLargeToRun, evidence)),
    }
}

fn memory_is_allowed(memory: &MemoryType) -> Result<(), Broken> {
    let pages = memory.initial.max(memory.maximum.unwrap_or_default());
    match () {
        () if memory.shared => Err((Rule::SharedMemory, "a memory that threads share".to_owned())),
        () if memory.memory64 => Err((Rule::Memory64, "a memory with 64-bit addresses".to_owned())),
        () if pages > MAX_PAGES => Err((Rule::TooManyPages, format!("{pages} pages, {MAX_PAGES} allowed"))),
        () => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_module() {
        assert_eq!(inspect(b"\0asm\x01\0\0\0\x01").expect_err("cut short").0, Rule::Invalid);
        assert_eq!(inspect(b"\0asm\x0d\0\x01\0").expect_err("a component").0, Rule::Invalid);
        assert_eq!(inspect(b"").expect_err("nothing").0, Rule::Invalid);
    }
}
