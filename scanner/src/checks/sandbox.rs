//! WebAssembly: what a module does when it is started and asked to test itself.
//!
//! It runs in wasmtime, which the YARA rules run in as well, with a memory of 16 MiB, without any of the host's functions behind the
//! imports, and until its fuel is spent.
//!
//! | export | what it is |
//! |---|---|
//! | `souk_self_test: () -> i32` | tests the module; 0 says that all is well |

use std::fmt;
use std::sync::LazyLock;

use wasmtime::{Extern, Linker, Module, Store, StoreLimits, StoreLimitsBuilder, Trap};

use super::wasm::{Broken, Rule, inspect};
use super::{File, Interrupted};
use crate::clock::Deadline;
use crate::report::Finding;

const SELF_TEST: &str = "souk_self_test";
const MEMORY_BYTES: usize = 16 << 20;
const TABLE_ELEMENTS: usize = 100_000;
/// About an instruction each.
const FUEL: u64 = 50_000_000;

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
                // Nobody reads a trace of a module that traps.
                .wasm_backtrace_max_frames(None)
                .native_unwind_info(false)
                .generate_address_map(false)
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

fn trapped(error: &wasmtime::Error) -> Broken {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => (Rule::OutOfFuel, format!("it did not end within {FUEL} instructions")),
        Some(trap) => (Rule::Trapped, trap.to_string()),
        None => (Rule::NotRun, error.to_string()),
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
        let long = format!("{} i32.const 0", "i32.const 1 drop ".repeat((256 << 10) / 3));
        rule(&module("", &long), Some("wasm.too_large_to_run"));
    }
}
