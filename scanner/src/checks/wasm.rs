//! WebAssembly: what a module may be, and what it does when it is started and asked to test itself.
//!
//! Read first, run then: what asks for more than the host gives never gets to run. It runs in
//! wasmtime, which the YARA rules run in as well, with a memory of 16 MiB, without any of the
//! host's functions behind the imports, and until its fuel is spent.
//!
//! | export | what it is |
//! |---|---|
//! | `souk_self_test: () -> i32` | tests the module; 0 says that all is well |

use std::fmt;
use std::sync::LazyLock;

use wasmparser::{MemoryType, Parser, Payload, TypeRef, Validator, WasmFeatures};
use wasmtime::{Extern, Linker, Module, Store, StoreLimits, StoreLimitsBuilder, Trap};

use super::{File, Interrupted};
use crate::clock::Deadline;
use crate::report::{Finding, Severity};

/// What the host offers to plugins; everything else is refused.
const HOST: &str = "souk";
const HOST_FUNCTIONS: [&str; 4] = ["log", "parameter", "sample_rate", "tempo"];
const SELF_TEST: &str = "souk_self_test";
/// 16 MiB, of 64 KiB each.
const MAX_PAGES: u64 = 256;
const MEMORY_BYTES: usize = 16 << 20;
const TABLE_ELEMENTS: usize = 100_000;
/// About an instruction each.
const FUEL: u64 = 50_000_000;
/// Compiling cannot be interrupted, so what would take long is not begun.
const CODE_BYTES: usize = 4 << 20;
/// Code and what it begins with in memory.
const MODULE_BYTES: usize = 32 << 20;
const FUNCTION_BYTES: usize = 256 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
enum Rule {
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

    fn finding(self, file: File<'_>, evidence: &str) -> Finding {
        let name: &str = self.into();
        Finding::new(format!("wasm.{name}"), self.severity(), self.remedy())
            .in_file(file.path)
            .saw(evidence)
    }
}

/// Where modules run. Made at the first of them: most packages have none.
pub(crate) struct Sandbox(LazyLock<wasmtime::Result<wasmtime::Engine>>);

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sandbox")
    }
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self(LazyLock::new(|| {
            let mut config = wasmtime::Config::new();
            config
                .consume_fuel(true)
                // What is run once is compiled fast, in time that grows with its length alone.
                .cranelift_opt_level(wasmtime::OptLevel::None)
                .cranelift_regalloc_algorithm(wasmtime::RegallocAlgorithm::SinglePass)
                .memory_reservation(MEMORY_BYTES as u64)
                .memory_init_cow(false);
            wasmtime::Engine::new(&config)
        }))
    }

    /// What is wrong with the module, or with what it does.
    pub(crate) fn check(&self, file: File<'_>, deadline: &Deadline) -> Result<Vec<Finding>, Interrupted> {
        if deadline.is_over() {
            return Err(Interrupted::OutOfTime);
        }
        let broken = match inspect(file.content) {
            Ok(()) => self.run(file.content),
            Err(broken) => Err(broken),
        };
        Ok(match broken {
            Ok(()) => Vec::new(),
            Err((rule, evidence)) => vec![rule.finding(file, &evidence)],
        })
    }

    fn run(&self, content: &[u8]) -> Result<(), Broken> {
        let not_run = |error: wasmtime::Error| (Rule::NotRun, error.to_string());
        let engine = self.0.as_ref().map_err(|error| (Rule::NotRun, error.to_string()))?;
        let module = Module::new(engine, content).map_err(not_run)?;
        let limits = StoreLimitsBuilder::new()
            .memory_size(MEMORY_BYTES)
            .table_elements(TABLE_ELEMENTS)
            .instances(1)
            .build();
        let mut store = Store::new(engine, limits);
        store.limiter(|limits: &mut StoreLimits| limits);
        store.set_fuel(FUEL).map_err(not_run)?;
        let mut linker = Linker::new(engine);
        linker
            .define_unknown_imports_as_default_values(&mut store, &module)
            .map_err(not_run)?;
        let instance = linker
            .instantiate(&mut store, &module)
            .map_err(|error| trapped(&error))?;
        let Some(Extern::Func(test)) = instance.get_export(&mut store, SELF_TEST) else {
            return Err((Rule::SelfTestMissing, format!("no function `{SELF_TEST}` is exported")));
        };
        let Ok(test) = test.typed::<(), i32>(&store) else {
            return Err((Rule::SelfTestMissing, format!("`{SELF_TEST}` is of another type")));
        };
        match test.call(&mut store, ()).map_err(|error| trapped(&error))? {
            0 => Ok(()),
            failed => Err((Rule::SelfTestFailed, format!("`{SELF_TEST}` returned {failed}"))),
        }
    }
}

type Broken = (Rule, String);

fn trapped(error: &wasmtime::Error) -> Broken {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => (Rule::OutOfFuel, format!("it did not end within {FUEL} instructions")),
        Some(trap) => (Rule::Trapped, trap.to_string()),
        None => (Rule::NotRun, error.to_string()),
    }
}

/// Whether the module is one that may be run.
fn inspect(content: &[u8]) -> Result<(), Broken> {
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
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn rule(text: &str, expected: Option<&str>) {
        let content = wat::parse_str(text).expect("a module");
        let file = File {
            path: "a.wasm",
            content: &content,
        };
        let found = Sandbox::new().check(file, &Deadline::after(Duration::from_secs(60)));
        let rules: Vec<_> = found
            .expect("in time")
            .into_iter()
            .map(|finding| finding.rule)
            .collect();
        assert_eq!(rules, expected.into_iter().collect::<Vec<_>>(), "{text}");
    }

    /// A module with these parts and a self-test that does this.
    fn module(parts: &str, test: &str) -> String {
        format!("(module {parts} (func (export \"souk_self_test\") (result i32) {test}))")
    }

    const WELL: &str = "i32.const 0";

    #[test]
    fn modules_that_keep_to_themselves() {
        rule(&module("", WELL), None);
        rule(
            &module("(memory (export \"memory\") 1 256)", "i32.const 8 i32.load"),
            None,
        );
        rule(&module("(memory 1)", WELL), None);
        rule(
            &module(
                "(import \"souk\" \"tempo\" (func $tempo (result f32)))",
                "call $tempo i32.trunc_sat_f32_s",
            ),
            None,
        );
        rule(
            &module("(func (export \"f\") (result v128) v128.const i64x2 0 0)", WELL),
            None,
        );
        // The host gives no more than it said, and the module bears it.
        rule(
            &module("(memory 1)", "i32.const 256 memory.grow i32.const -1 i32.ne"),
            None,
        );
        rule("(module)", Some("wasm.self_test_missing"));
        rule(
            "(module (func (export \"souk_self_test\") (param i32)))",
            Some("wasm.self_test_missing"),
        );
    }

    #[test]
    fn what_a_module_may_not_ask_for() {
        for import in [
            "(import \"wasi_snapshot_preview1\" \"sock_open\" (func))",
            "(import \"souk\" \"exec\" (func))",
            "(import \"env\" \"tempo\" (func))",
            "(import \"souk\" \"tempo\" (global i32))",
            "(import \"env\" \"memory\" (memory 1))",
        ] {
            rule(&module(import, WELL), Some("wasm.import"));
        }
        rule(&module("(memory 1 2 shared)", WELL), Some("wasm.shared_memory"));
        rule(&module("(memory i64 1)", WELL), Some("wasm.memory64"));
        rule(&module("(memory 257)", WELL), Some("wasm.too_many_pages"));
        rule(&module("(memory 1 257)", WELL), Some("wasm.too_many_pages"));
        rule(&module("(tag)", WELL), Some("wasm.invalid"));
        rule(
            &module("(func (result (ref any)) unreachable)", WELL),
            Some("wasm.invalid"),
        );
    }

    #[test]
    fn what_a_module_may_not_do() {
        rule(&module("", "(loop (br 0)) i32.const 0"), Some("wasm.out_of_fuel"));
        rule(
            &module("(func $f (loop (br 0))) (start $f)", WELL),
            Some("wasm.out_of_fuel"),
        );
        rule(&module("", "unreachable"), Some("wasm.trapped"));
        rule(
            &module("(func $f (call $f))", "call $f i32.const 0"),
            Some("wasm.trapped"),
        );
        rule(&module("(memory 1)", "i32.const 65536 i32.load"), Some("wasm.trapped"));
        rule(&module("", "i32.const 7"), Some("wasm.self_test_failed"));
        let long = format!("{} i32.const 0", "i32.const 1 drop ".repeat(FUNCTION_BYTES / 3));
        rule(&module("", &long), Some("wasm.too_large_to_run"));
    }

    #[test]
    fn what_is_no_module() {
        assert_eq!(inspect(b"\0asm\x01\0\0\0\x01").expect_err("cut short").0, Rule::Invalid);
        assert_eq!(inspect(b"\0asm\x0d\0\x01\0").expect_err("a component").0, Rule::Invalid);
        assert_eq!(inspect(b"").expect_err("nothing").0, Rule::Invalid);
    }
}
