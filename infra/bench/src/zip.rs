//! A zip archive of one uncompressed program: all that deploying the baseline takes.

use anyhow::{Context, Result};

const NAME: &[u8] = b"bootstrap";
const LOCAL_HEADER: u32 = 0x0403_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// Made on Unix, by version 2.0 of the format: the outer attributes are a file mode.
const MADE_BY: u16 = 3 << 8 | 20;
const MODE: u32 = 0o100_755 << 16;
/// 1 January 1980, the first day that the format knows.
const DATE: u16 = 1 << 5 | 1;

/// `program` as an executable file named `bootstrap` (APPNOTE.TXT 4.3 and 4.4).
pub(crate) fn bootstrap(program: &[u8]) -> Result<Vec<u8>> {
    let size = u32::try_from(program.len()).context("the program is too large for this zip")?;
    let name_bytes = u16::try_from(NAME.len())?;
    let mut described = Writer::default();
    // Version needed, flags, method (stored), time, date.
    described
        .u16s(&[20, 0, 0, 0, DATE])
        .u32s(&[crc32fast::hash(program), size, size])
        .u16s(&[name_bytes, 0]);

    let mut zip = Writer::default();
    zip.u32s(&[LOCAL_HEADER]).bytes(&described.0).bytes(NAME).bytes(program);
    let central = u32::try_from(zip.0.len())?;
    zip.u32s(&[CENTRAL_HEADER]).u16s(&[MADE_BY]).bytes(&described.0);
    // Comment's length, disk, inner attributes; outer attributes, where the local header is.
    zip.u16s(&[0, 0, 0]).u32s(&[MODE, 0]).bytes(NAME);
    let central_bytes = u32::try_from(zip.0.len())? - central;
    zip.u32s(&[END])
        .u16s(&[0, 0, 1, 1])
        .u32s(&[central_bytes, central])
        .u16s(&[0]);
    Ok(zip.0)
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u16s(&mut self, numbers: &[u16]) -> &mut Self {
        self.0.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        self
    }

    fn u32s(&mut self, numbers: &[u32]) -> &mut Self {
        self.0.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_the_lengths_of_the_format() {
        let zip = bootstrap(b"program").expect("a zip");
        assert_eq!(zip.len(), 30 + 9 + 7 + 46 + 9 + 22);
        assert_eq!(&zip[30..46], b"bootstrapprogram");
        assert_eq!(&zip[46..50], &CENTRAL_HEADER.to_le_bytes());
        // The end record says where the central directory begins, and how long it is.
        assert_eq!(&zip[zip.len() - 10..zip.len() - 2], [55, 0, 0, 0, 46, 0, 0, 0]);
    }
}
