//! Whatever the archive reader accepts, the `zip` crate reads in the same way.

#![no_main]

use std::io::{Cursor, Read};

use libfuzzer_sys::fuzz_target;
use scanner::readers;

fuzz_target!(|package: &[u8]| {
    let Ok(files) = readers::archive(package) else {
        return;
    };
    let mut other = zip::ZipArchive::new(Cursor::new(package)).expect("an archive for others too");
    for (path, content) in &files {
        let mut entry = other.by_name(path).expect("the same names");
        let mut read = Vec::new();
        entry.read_to_end(&mut read).expect("the same bytes");
        assert!(read == *content, "{path} has other bytes for others");
    }
    let names: Vec<_> = other.file_names().collect::<Result<_, _>>().expect("names");
    let others = names.iter().filter(|name| !name.ends_with('/')).count();
    assert_eq!(others, files.len(), "others see other files");
});
