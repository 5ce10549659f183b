#![no_main]

use libfuzzer_sys::fuzz_target;
use scanner::readers;

fuzz_target!(|content: &[u8]| {
    let _ = readers::wasm(content);
});
