//! Finds the EICAR test file (eicar.org, "Anti Malware Testfile"), with which an operator proves
//! that scanning is switched on. Found anywhere, also as part of something larger.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::report::{Finding, Severity};

/// The two halves of the 68 characters, so that neither this source nor the program is a hit.
const HALVES: [&str; 2] = [
    r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-",
    "ANTIVIRUS-TEST-FILE!$H+H*",
];

static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(&HALVES.concat()).into_owned());

/// Looks at `content`, which is the file at `path`, or the package itself.
pub(crate) fn check(path: Option<&str>, content: &[u8]) -> Option<Finding> {
    let at = FINDER.find(content)?;
    let remedy = "Remove the test file. It is harmless, but nothing that carries it is listed.";
    let finding = Finding::new("eicar.test_file", Severity::Reject, remedy)
        .at(at as u64)
        .saw("the EICAR test file");
    Some(match path {
        Some(path) => finding.in_file(path),
        None => finding,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alone_and_inside() {
        let eicar = HALVES.concat();
        assert_eq!(eicar.len(), 68);
        assert_eq!(check(None, eicar.as_bytes()).and_then(|f| f.offset), Some(0));
        let inside = format!("some text {eicar} and more");
        assert_eq!(check(Some("a.txt"), inside.as_bytes()).and_then(|f| f.offset), Some(10));
        assert_eq!(check(None, &eicar.as_bytes()[..67]), None);
    }
}
