//! Machine code in the packages that may have it: what it is built for, what hosts find in it, and
//! memory that would be written and run.
//!
//! A person decides about every such package; here stands what they need not look for themselves.

use goblin::Object;
use goblin::elf::header::{EM_AARCH64, EM_X86_64};
use goblin::elf::program_header::{PF_W, PF_X, PT_LOAD};
use goblin::mach::constants::cputype::{CPU_TYPE_ARM64, CPU_TYPE_X86_64};
use goblin::mach::{Mach, MachO, SingleArch};
use goblin::pe::header::{COFF_MACHINE_ARM64, COFF_MACHINE_X86_64};
use goblin::pe::section_table::{IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_WRITE};

use super::File;
use crate::manifest::Platform;
use crate::report::{Finding, Severity};

/// Tables of symbols are read into many times their size.
const SIZE_BYTES: usize = 24 << 20;
/// `VM_PROT_WRITE` and `VM_PROT_EXECUTE` (mach/vm_prot.h).
const MACH_WRITE: u32 = 2;
const MACH_EXECUTE: u32 = 4;
/// What a host asks a plugin for, by the end of the plugin's path. Any one of them will do.
const ENTRIES: [(&str, &[&str]); 2] = [(".clap", &["clap_entry"]), (".vst3", &["GetPluginFactory"])];

/// One program of a file: a universal one has several.
#[derive(Debug, Default)]
struct Program {
    platform: Option<Platform>,
    exports: Vec<String>,
    /// A part of memory that can be written and run.
    writable_code: Option<String>,
}

/// What is wrong with the program, given what the package says it is built for.
pub(crate) fn check(file: File<'_>, declared: &[Platform]) -> Vec<Finding> {
    let finding = |rule: &str, remedy: &str, seen: String| {
        Finding::new(format!("native.{rule}"), Severity::Quarantine, remedy)
            .in_file(file.path)
            .saw(seen)
    };
    if file.content.len() > SIZE_BYTES {
        let remedy = "Keep each program within 24 MiB to have its headers read here; a person looks at it either way.";
        return vec![finding("too_large", remedy, format!("{} bytes", file.content.len()))];
    }
    let programs = match read(file.content) {
        Ok(programs) => programs,
        Err(why) => {
            let remedy = "Build it anew: its headers cannot be read.";
            return vec![finding("damaged", remedy, why)];
        }
    };
    let mut findings = Vec::new();
    for program in programs {
        match program.platform {
            Some(platform) if declared.is_empty() || declared.contains(&platform) => {}
            Some(platform) => {
                let remedy = "Name what it is built for in `compatibility.platforms`, or leave it out.";
                let seen = format!("it is built for {}", <&str>::from(platform));
                findings.push(finding("platform", remedy, seen));
            }
            None => {
                let remedy = "Build it for a 64-bit Intel or ARM processor.";
                let seen = "it is built for another processor".to_owned();
                findings.push(finding("platform", remedy, seen));
            }
        }
        if let Some(part) = program.writable_code {
            let remedy =
                "Build it without memory that is both written and run, or explain to the reviewer why it has some.";
            findings.push(finding("writable_code", remedy, part));
        }
        if let Some(wanted) = entry_of(file.path)
            && !wanted
                .iter()
                .any(|name| program.exports.iter().any(|export| is_named(export, name)))
        {
            let remedy = "Export what hosts look for, or give the file the extension of what it is.";
            let seen = format!("it does not export `{}`", wanted.join("` or `"));
            findings.push(finding("entry_missing", remedy, seen));
        }
    }
    findings
}

/// What the file has to export; libraries beside a plugin need not.
fn entry_of(path: &str) -> Option<&'static [&'static str]> {
    let lower = path.to_ascii_lowercase();
    let entry = ENTRIES.iter().find(|(end, _)| lower.ends_with(end));
    entry.map(|(_, names)| *names)
}

/// Mach-O puts an underscore before each name.
fn is_named(export: &str, name: &str) -> bool {
    export == name || export.strip_prefix('_') == Some(name)
}

fn read(content: &[u8]) -> Result<Vec<Program>, String> {
    let damaged = |error: goblin::error::Error| error.to_string();
    match Object::parse(content).map_err(damaged)? {
        Object::Elf(elf) => Ok(vec![of_elf(&elf)]),
        Object::PE(pe) => Ok(vec![of_pe(&pe)]),
        Object::Mach(Mach::Binary(program)) => Ok(vec![of_mach(&program)?]),
        Object::Mach(Mach::Fat(programs)) => {
            let one = |program| match program {
                Ok(SingleArch::MachO(program)) => of_mach(&program),
                Ok(SingleArch::Archive(_)) => Err("a static library is no program".to_owned()),
                Err(error) => Err(damaged(error)),
            };
            programs.into_iter().map(one).collect()
        }
        _ => Err("it is of a form that no supported system runs".to_owned()),
    }
}

fn of_elf(elf: &goblin::elf::Elf<'_>) -> Program {
    let is_writable_code =
        |part: &&goblin::elf::ProgramHeader| part.p_type == PT_LOAD && part.p_flags & (PF_W | PF_X) == PF_W | PF_X;
    let defined = elf.dynsyms.iter().filter(|symbol| symbol.st_shndx != 0);
    Program {
        platform: match elf.header.e_machine {
            EM_X86_64 if elf.is_64 => Some(Platform::LinuxX86_64),
            EM_AARCH64 if elf.is_64 => Some(Platform::LinuxArm64),
            _ => None,
        },
        exports: defined
            .filter_map(|symbol| elf.dynstrtab.get_at(symbol.st_name).map(str::to_owned))
            .collect(),
        writable_code: elf
            .program_headers
            .iter()
            .find(is_writable_code)
            .map(|part| format!("a segment at 0x{:x} is writable and executable", part.p_vaddr)),
    }
}

fn of_pe(pe: &goblin::pe::PE<'_>) -> Program {
    let both = IMAGE_SCN_MEM_EXECUTE | IMAGE_SCN_MEM_WRITE;
    let writable_code = pe
        .sections
        .iter()
        .find(|section| section.characteristics & both == both);
    Program {
        platform: match pe.header.coff_header.machine {
            COFF_MACHINE_X86_64 => Some(Platform::WindowsX86_64),
            COFF_MACHINE_ARM64 => Some(Platform::WindowsArm64),
            _ => None,
        },
        exports: pe
            .exports
            .iter()
            .filter_map(|export| export.name.map(str::to_owned))
            .collect(),
        writable_code: writable_code.map(|section| {
            let name = String::from_utf8_lossy(&section.name).trim_end_matches('\0').to_owned();
            format!("the section `{name}` is writable and executable")
        }),
    }
}

fn of_mach(program: &MachO<'_>) -> Result<Program, String> {
    let both = MACH_WRITE | MACH_EXECUTE;
    let writable_code = program.segments.iter().find(|segment| segment.initprot & both == both);
    let exports = program.exports().map_err(|error| error.to_string())?;
    Ok(Program {
        platform: match program.header.cputype {
            CPU_TYPE_X86_64 => Some(Platform::MacosX86_64),
            CPU_TYPE_ARM64 => Some(Platform::MacosArm64),
            _ => None,
        },
        exports: exports.into_iter().map(|export| export.name).collect(),
        writable_code: writable_code
            .map(|segment| format!("a segment at 0x{:x} is writable and executable", segment.vmaddr)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAGS: usize = 6;

    /// A shared library for Linux of one segment and one exported symbol, by the ELF specification (TIS 1.2) and its 64-bit form.
    fn elf(machine: u16, flags: u32, export: &str) -> Vec<u8> {
        let mut strings = vec![0];
        strings.extend(export.as_bytes());
        strings.push(0);
        let tables_at = 64 + 2 * 56 + TAGS * 16;
        let (symbols_at, hash_at, strings_at) = (tables_at, tables_at + 2 * 24, tables_at + 2 * 24 + 5 * 4);
        let word = |value: usize| (value as u64).to_le_bytes();
        let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0".to_vec();
        file.extend(machine.to_le_bytes());
        file.extend(1_u32.to_le_bytes());
        file.extend([word(0), word(64), word(0)].concat());
        file.extend([0, 0, 0, 0, 64, 0, 56, 0, 2, 0, 64, 0, 0, 0, 0, 0]);
        let length = strings_at + strings.len();
        for (kind, flags, at, bytes) in [(1_u32, flags, 0, length), (2, 6, 64 + 2 * 56, TAGS * 16)] {
            file.extend(kind.to_le_bytes());
            file.extend(flags.to_le_bytes());
            file.extend([word(at), word(at), word(at), word(bytes), word(bytes), word(4096)].concat());
        }
        // DT_HASH, DT_SYMTAB, DT_STRTAB, DT_STRSZ, DT_SYMENT, DT_NULL.
        let tags: [_; TAGS] = [
            (4, hash_at),
            (6, symbols_at),
            (5, strings_at),
            (10, strings.len()),
            (11, 24),
            (0, 0),
        ];
        for (tag, value) in tags {
            file.extend([word(tag), word(value)].concat());
        }
        file.extend([0; 24]);
        file.extend(1_u32.to_le_bytes());
        file.extend([0x12, 0, 1, 0]);
        file.extend([word(0x10), word(8)].concat());
        // One bucket, two symbols, of which the second is in the bucket.
        for number in [1_u32, 2, 1, 0, 0] {
            file.extend(number.to_le_bytes());
        }
        file.extend(strings);
        file
    }

    #[track_caller]
    fn rules(path: &str, content: &[u8], expected: &[&str]) {
        let found = check(File { path, content }, &[Platform::LinuxX86_64]);
        let rules: Vec<_> = found.iter().map(|finding| finding.rule.as_str()).collect();
        assert_eq!(rules, expected, "{found:#?}");
    }

    #[test]
    fn programs_for_what_is_declared() {
        rules("plugin.clap", &elf(62, 5, "clap_entry"), &[]);
        rules(
            "Plugin.vst3/Contents/x86_64-linux/Plugin.so",
            &elf(62, 5, "helper"),
            &[],
        );
        rules("plugin.clap", &elf(183, 5, "clap_entry"), &["native.platform"]);
        rules("plugin.clap", &elf(8, 5, "clap_entry"), &["native.platform"]);
    }

    #[test]
    fn what_a_reviewer_has_to_know() {
        rules("plugin.clap", &elf(62, 7, "clap_entry"), &["native.writable_code"]);
        rules("plugin.clap", &elf(62, 5, "clap_entri"), &["native.entry_missing"]);
        rules("plugin.clap", &elf(62, 5, "clap_entry")[..80], &["native.damaged"]);
        rules("plugin.so", b"\x7fELF\x02\x01\x01", &["native.damaged"]);
    }
}
