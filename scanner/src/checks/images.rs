//! Pictures by their headers: whether they are of a size that every viewer bears.

use super::File;
use crate::report::{Finding, Severity};

/// 5,000 by 5,000: 100 MB when it is shown.
const PIXELS: u64 = 25_000_000;

pub(crate) fn check(file: File<'_>) -> Option<Finding> {
    let finding = |rule: &str, remedy: &str, seen: String| {
        Finding::new(format!("images.{rule}"), Severity::Reject, remedy)
            .in_file(file.path)
            .saw(seen)
    };
    let Ok(size) = imagesize::blob_size(file.content) else {
        let remedy = "Export the picture anew.";
        return Some(finding("damaged", remedy, "its size cannot be read".to_owned()));
    };
    let (width, height) = (size.width as u64, size.height as u64);
    let seen = format!("{width} × {height} pixels");
    match width.saturating_mul(height) {
        0 => Some(finding("damaged", "Export the picture anew.", seen)),
        1..=PIXELS => None,
        _ => Some(finding(
            "too_large",
            "Keep each picture within 25 million pixels.",
            seen,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
        bytes.extend(b"\x08\x02\0\0\0\0\0\0\0");
        bytes
    }

    #[track_caller]
    fn rule(content: &[u8], expected: Option<&str>) {
        let file = File { path: "a.png", content };
        assert_eq!(check(file).map(|finding| finding.rule).as_deref(), expected);
    }

    #[test]
    fn pictures_have_a_size_and_not_too_much_of_it() {
        rule(&png(5_000, 5_000), None);
        rule(&png(5_001, 5_000), Some("images.too_large"));
        rule(&png(u32::MAX, u32::MAX), Some("images.too_large"));
        rule(&png(0, 10), Some("images.damaged"));
        rule(&png(10, 10)[..12], Some("images.damaged"));
    }
}
