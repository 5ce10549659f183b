//! The rules of the archive check: each with its stable code and what its author should do.

use strum::{EnumIter, IntoStaticStr};

use crate::report::{Finding, Severity};

/// One line of the archive requirements. A package that breaks any of them is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Rule {
    PackageTooLarge,
    NotAZip,
    Truncated,
    SecondEndRecord,
    PrefixBytes,
    TrailingBytes,
    Gap,
    Overlap,
    UnlistedEntry,
    CountMismatch,
    OffsetMismatch,
    LocalMismatch,
    DescriptorMismatch,
    Zip64Conflict,
    MultiDisk,
    Encrypted,
    Version,
    Method,
    Flags,
    ExtraField,
    UnicodePath,
    CommentTooLong,
    TooManyEntries,
    EntryTooLarge,
    ExpandedTooLarge,
    Ratio,
    SizeMismatch,
    Checksum,
    DamagedStream,
    DuplicateName,
    CollidingName,
    FileDirectoryClash,
    Symlink,
    SpecialFile,
    DirectoryWithData,
    NestedArchive,
    NameEncoding,
    NameEmpty,
    NameCharacter,
    NameInvisible,
    NameBackslash,
    NameColon,
    NameAbsolute,
    NameTraversal,
    NameReserved,
    NameEnding,
    NameTooLong,
    NameTooDeep,
}

impl Rule {
    fn code(self) -> String {
        let name: &'static str = self.into();
        format!("archive.{name}")
    }

    fn remedy(self) -> &'static str {
        use Rule::*;
        match self {
            PackageTooLarge => "Keep the package within 256 MiB; offer the rest as a second listing.",
            NotAZip => "Upload a ZIP archive, as `souk pack` writes it.",
            Truncated => "The archive is cut short or damaged: pack and upload it again.",
            SecondEndRecord | PrefixBytes | TrailingBytes | Gap | Overlap | UnlistedEntry | CountMismatch
            | OffsetMismatch => {
                "The archive can be read in more than one way: pack the files anew, without \
                 editing, joining or signing the archive afterwards."
            }
            LocalMismatch | DescriptorMismatch | Zip64Conflict | SizeMismatch => {
                "The archive contradicts itself about this entry: pack the files anew."
            }
            MultiDisk => "Pack one archive that is not split into volumes.",
            Encrypted => "Pack without a password: what cannot be read cannot be listed.",
            Version => {
                "Pack with an ordinary ZIP tool: the entry asks for a newer reader than its method and size need."
            }
            Method => "Use the methods `stored` and `deflate` only.",
            Flags => "Pack with an ordinary ZIP tool: the entry asks for a feature that readers ignore or disagree on.",
            ExtraField => "Pack without this extra field, for example with `zip -X`.",
            UnicodePath => "Give the file one name: the archive's Unicode path field renames it.",
            CommentTooLong => "Keep archive and entry comments within 1 KiB; put texts into files.",
            TooManyEntries => "Keep to 5,000 entries.",
            EntryTooLarge => "Keep each file within 256 MiB.",
            ExpandedTooLarge => "Keep all files together within 1 GiB.",
            Ratio => "The archive expands more than a hundredfold: split or shorten what repeats.",
            Checksum => "The content does not match its checksum: pack and upload it again.",
            DamagedStream => "The compressed data is damaged or longer than its stream: pack the files anew.",
            DuplicateName => "Keep one entry of this name.",
            CollidingName => {
                "Rename one of the two: they are one file on systems that ignore case or accents' spelling."
            }
            FileDirectoryClash => "Rename the file or the folder: one name cannot be both.",
            Symlink => "Replace the link by the file that it points to.",
            SpecialFile => "Pack regular files and folders only.",
            DirectoryWithData => "A folder cannot have content: rename the entry or empty it.",
            NestedArchive => "Unpack the inner archive into a folder: every file has to be seen.",
            NameEncoding => "Use ASCII names, or pack with a tool that marks names as UTF-8.",
            NameEmpty => "Give every part of the path a name; `.` and empty parts are none.",
            NameCharacter => "Remove control characters and `< > \" | ? *` from the name.",
            NameInvisible => "Remove invisible and direction-changing characters from the name.",
            NameBackslash => "Separate folders by `/`.",
            NameColon => "Remove the colon from the name.",
            NameAbsolute => "Use paths that start inside the package.",
            NameTraversal => "Remove `..` from the path.",
            NameReserved => "Rename it: Windows reserves this name for a device.",
            NameEnding => "Remove the dot or space at the end of the name.",
            NameTooLong => "Keep each part of a path within 255 bytes and the whole within 1,024.",
            NameTooDeep => "Keep within 32 folders.",
        }
    }

    /// The finding that refuses the package for this rule.
    pub(crate) fn finding(self) -> Finding {
        Finding::new(self.code(), Severity::Reject, self.remedy())
    }
}
