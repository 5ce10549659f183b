//! Extra fields: which an entry may carry, and what ZIP64's says.

use super::records::{Bytes, extra_fields};
use super::rule::Rule;

const ZIP64: u16 = 0x0001;
const UNICODE_PATH: u16 = 0x7075;
/// Strong encryption headers (4.5.12, 4.5.14–16) and WinZip's AES.
const ENCRYPTION: [u16; 6] = [0x0014, 0x0015, 0x0016, 0x0017, 0x0019, 0x9901];
/// Fields that say nothing about name, kind or content: times (NTFS, Unix), owners, and the
/// markers of Java, Microsoft's and Android's packers. Fields that can carry a link's target or a
/// device number (0x000d, 0x756e) are deliberately missing.
const HARMLESS: [u16; 8] = [0x000a, 0x5455, 0x5855, 0x7855, 0x7875, 0xcafe, 0xa220, 0xd935];

/// What the extra area of one header adds to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Extra<'a> {
    pub(crate) zip64: Option<&'a [u8]>,
}

impl<'a> Extra<'a> {
    /// Reads the area; `name` is the name of its header. On refusal the rule and what was seen.
    pub(crate) fn read(area: &'a [u8], name: &[u8]) -> Result<Self, (Rule, String)> {
        let fields = extra_fields(area).ok_or((
            Rule::Truncated,
            "the lengths of its extra fields do not add up".to_owned(),
        ))?;
        let mut extra = Extra::default();
        for (index, (id, data)) in fields.iter().enumerate() {
            if fields.iter().take(index).any(|(earlier, _)| earlier == id) {
                return Err((Rule::ExtraField, format!("extra field 0x{id:04x} appears twice")));
            }
            match *id {
                ZIP64 => extra.zip64 = Some(data),
                UNICODE_PATH => unicode_path(data, name)?,
                id if ENCRYPTION.contains(&id) => {
                    return Err((Rule::Encrypted, format!("encryption header 0x{id:04x}")));
                }
                id if HARMLESS.contains(&id) => {}
                id => return Err((Rule::ExtraField, format!("extra field 0x{id:04x}"))),
            }
        }
        Ok(extra)
    }
}

/// A Unicode path (4.6.9) may repeat the name; readers that honour it must not see another.
fn unicode_path(data: &[u8], name: &[u8]) -> Result<(), (Rule, String)> {
    let agrees =
        data.first() == Some(&1) && Bytes(data).u32(1) == Some(crc32fast::hash(name)) && data.get(5..) == Some(name);
    if agrees {
        return Ok(());
    }
    let other = String::from_utf8_lossy(data.get(5..).unwrap_or_default()).into_owned();
    Err((Rule::UnicodePath, format!("the field says `{other}`")))
}

/// The 64-bit values of a ZIP64 field, in its fixed order, for the header fields that are full.
pub(crate) struct Zip64Values<'a> {
    data: Option<&'a [u8]>,
    at: u64,
}

impl<'a> Zip64Values<'a> {
    pub(crate) fn of(extra: Extra<'a>) -> Self {
        Zip64Values {
            data: extra.zip64,
            at: 0,
        }
    }

    /// `value`, or where that is full and the field is there, the next of the field's values.
    pub(crate) fn widen(&mut self, value: u32) -> Option<u64> {
        match self.data {
            Some(data) if value == u32::MAX => {
                let wide = Bytes(data).u64(self.at)?;
                self.at += 8;
                Some(wide)
            }
            _ => Some(u64::from(value)),
        }
    }

    /// Whether the field holds nothing beyond the values taken.
    pub(crate) fn is_used_up(&self) -> bool {
        self.data.is_none_or(|data| data.len() as u64 == self.at)
    }
}
