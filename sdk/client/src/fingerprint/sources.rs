//! Where each system says which machine it is.

use std::fs;
use std::process::{Command, Stdio};

/// What a fingerprint is read from. [`SystemSources`] asks the machine, a test answers itself.
pub trait Sources {
    /// The text of a small file.
    fn file(&self, path: &str) -> Option<String>;
    /// What is in a folder, by name and in order; nothing where there is none.
    fn names(&self, folder: &str) -> Vec<String>;
    /// What a program prints, where it ends well.
    fn output(&self, program: &str, arguments: &[&str]) -> Option<String>;
}

/// The machine that this runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemSources;

impl Sources for SystemSources {
    fn file(&self, path: &str) -> Option<String> {
        fs::read_to_string(path).ok()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort_unstable();
        names
    }

    fn output(&self, program: &str, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
        #[cfg(windows)]
        {
            use std::os::windows::process::CommandExt;
            /// CREATE_NO_WINDOW: without it a console flashes up over the application.
            const NO_WINDOW: u32 = 0x0800_0000;
            command.creation_flags(NO_WINDOW);
        }
        let output = command.output().ok()?;
        let text = || String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then(text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    Linux,
    MacOs,
    Windows,
}

// Whole paths: who can put a program of the same name into the search path could be any machine.
const IOREG: &str = "/usr/sbin/ioreg";
const NETWORKSETUP: &str = "/usr/sbin/networksetup";
const REG: &str = r"C:\Windows\System32\reg.exe";
const CMD: &str = r"C:\Windows\System32\cmd.exe";

impl Platform {
    pub fn current() -> Option<Self> {
        match std::env::consts::OS {
            "linux" => Some(Platform::Linux),
            "macos" => Some(Platform::MacOs),
            "windows" => Some(Platform::Windows),
            _ => None,
        }
    }

    /// The id that the installed system has given itself, in lower case.
    pub(super) fn machine_id(self, sources: &impl Sources) -> Option<String> {
        let id = match self {
            // systemd's machine-id(5), and where it came from.
            Platform::Linux => ["/etc/machine-id", "/var/lib/dbus/machine-id"]
                .into_iter()
                .find_map(|path| sources.file(path).filter(|id| is_id(id)))?,
            Platform::MacOs => ioreg_value(sources, "IOPlatformUUID")?,
            Platform::Windows => registry_value(sources, r"HKLM\SOFTWARE\Microsoft\Cryptography", "MachineGuid")?,
        };
        is_id(&id).then(|| id.trim().to_ascii_lowercase())
    }

    /// What the maker has numbered the board or the machine with.
    pub(super) fn board(self, sources: &impl Sources) -> Option<String> {
        match self {
            // The first two are for root to read; the last is that of machines without a BIOS.
            Platform::Linux => {
                let uuid = sources.file("/sys/class/dmi/id/product_uuid");
                let mut numbered = ["/sys/class/dmi/id/board_serial", "/proc/device-tree/serial-number"].into_iter();
                uuid.and_then(|text| board_uuid(&text))
                    .or_else(|| numbered.find_map(|path| serial(&sources.file(path)?)))
            }
            Platform::MacOs => serial(&ioreg_value(sources, "IOPlatformSerialNumber")?),
            Platform::Windows => board_uuid(&registry_value(sources, r"HKLM\SYSTEM\HardwareConfig", "LastConfig")?),
        }
    }

    /// The disk's worldwide name; on Windows the number that the system's volume was formatted with.
    pub(super) fn disk(self, sources: &impl Sources) -> Option<String> {
        match self {
            Platform::Linux => {
                let mut names = sources.names("/sys/block");
                // Cards come and go: they count where there is nothing else.
                names.sort_by_key(|name| name.starts_with("mmcblk"));
                names.iter().find_map(|name| fixed_disk(sources, name))
            }
            Platform::MacOs => None,
            Platform::Windows => volume_serial(&sources.output(CMD, &["/d", "/c", "vol", "C:"])?),
        }
    }

    /// The address that a built-in network interface was made with.
    pub(super) fn network(self, sources: &impl Sources) -> Option<String> {
        match self {
            Platform::Linux => {
                let names = sources.names("/sys/class/net");
                names.iter().filter_map(|name| built_in(sources, name)).min()
            }
            Platform::MacOs => {
                let said = sources.output(NETWORKSETUP, &["-getmacaddress", "en0"])?;
                said.split_ascii_whitespace().find_map(mac_address)
            }
            // What Windows lists are virtual adapters too, whose addresses many machines share.
            Platform::Windows => None,
        }
    }
}

/// 128 bits in hexadecimal digits, with hyphens or without, that are not all the same: images that are copied to many machines ship an empty
/// id, `uninitialized`, or zeros.
fn is_id(id: &str) -> bool {
    let digits: Vec<u8> = id.trim().bytes().filter(|byte| *byte != b'-').collect();
    digits.len() == 32
        && digits.iter().all(u8::is_ascii_hexdigit)
        && digits.iter().any(|digit| !digit.eq_ignore_ascii_case(&digits[0]))
}

/// What boards are numbered with whose maker has not numbered them.
const NOBODYS: [&str; 4] = [
    "03000200-0400-0500-0006-000700080009",
    "00020003-0004-0005-0006-000700080009",
    "12345678-1234-5678-90ab-cddeefaabbcc",
    "fefefefe-fefe-fefe-fefe-fefefefefefe",
];

fn board_uuid(text: &str) -> Option<String> {
    let uuid = text.trim().trim_matches(['{', '}']).to_ascii_lowercase();
    (is_id(&uuid) && !NOBODYS.contains(&uuid.as_str())).then_some(uuid)
}

/// One word with a digit in it, and not a placeholder such as `Default string`, `None`, `00000000` or `123456789`.
fn serial(text: &str) -> Option<String> {
    let serial = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let is_word = serial.len() >= 6 && serial.bytes().all(|byte| byte.is_ascii_graphic());
    let is_number = serial.bytes().any(|byte| byte.is_ascii_digit()) && !"01234567890123456789".contains(serial);
    (is_word && is_number && is_varied(serial)).then(|| serial.to_owned())
}

fn is_varied(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next();
    bytes.any(|byte| Some(byte) != first)
}

/// A disk that stays in the machine, by a name that is unique in the world (naa, eui, uuid, and NVMe's own): what QEMU calls all of its
/// disks is none. A card's is its CID.
fn fixed_disk(sources: &impl Sources, name: &str) -> Option<String> {
    let of = |what: &str| sources.file(&format!("/sys/block/{name}/{what}"));
    if of("removable")?.trim() != "0" {
        return None;
    }
    let named = ["wwid", "device/wwid"]
        .into_iter()
        .find_map(|what| worldwide(&of(what)?));
    named.or_else(|| {
        of("device/cid")
            .filter(|cid| is_id(cid))
            .map(|cid| cid.trim().to_owned())
    })
}

fn worldwide(text: &str) -> Option<String> {
    let name = text.trim().to_ascii_lowercase();
    let (kind, number) = name.split_once('.')?;
    (["naa", "eui", "uuid", "nvme"].contains(&kind) && is_varied(number)).then_some(name)
}

/// The address of an interface that is neither virtual (it has no device) nor on USB, where that is its own (0) and not one that was made up.
fn built_in(sources: &impl Sources, name: &str) -> Option<String> {
    let of = |what: &str| sources.file(&format!("/sys/class/net/{name}/{what}"));
    let is_built_in = !of("device/modalias")?.starts_with("usb:");
    let is_own = of("addr_assign_type")?.trim() == "0";
    mac_address(of("address").filter(|_| is_built_in && is_own)?.trim())
}

/// `a4:83:e7:…`: one that its maker has given, and not one that is for many or was made up here.
fn mac_address(text: &str) -> Option<String> {
    let bytes = text
        .split([':', '-'])
        .map(|pair| u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2));
    let bytes: [u8; 6] = bytes.collect::<Option<Vec<u8>>>()?.try_into().ok()?;
    /// The bits of addresses for many, and of those that their users choose.
    const SHARED: u8 = 0b11;
    let is_given = bytes[0] & SHARED == 0 && bytes[3..] != [0; 3];
    is_given.then(|| text.to_ascii_lowercase().replace('-', ":"))
}

/// The last `1A2B-3C4D` of what `vol` prints, in any language.
fn volume_serial(said: &str) -> Option<String> {
    let is_serial = |word: &&str| {
        let digits = word
            .split_once('-')
            .filter(|(high, low)| high.len() == 4 && low.len() == 4);
        digits.is_some_and(|(high, low)| [high, low].concat().bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    let serial = said.split_ascii_whitespace().rfind(is_serial)?;
    (serial != "0000-0000").then(|| serial.to_ascii_lowercase())
}

/// `"IOPlatformUUID" = "564D…"`, of what the machine says about itself.
fn ioreg_value(sources: &impl Sources, name: &str) -> Option<String> {
    let registry = sources.output(IOREG, &["-rd1", "-c", "IOPlatformExpertDevice"])?;
    let quoted = format!("\"{name}\"");
    registry.lines().find_map(|line| {
        let value = line.trim().strip_prefix(&quoted)?.trim_start().strip_prefix('=')?;
        let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
        Some(value.to_owned())
    })
}

/// `    MachineGuid    REG_SZ    0f3c…`: of the 64-bit registry also where a 32-bit program asks.
fn registry_value(sources: &impl Sources, key: &str, name: &str) -> Option<String> {
    let output = sources.output(REG, &["query", key, "/v", name, "/reg:64"])?;
    output.lines().find_map(|line| {
        let rest = line.trim().strip_prefix(name)?;
        let value = rest.trim_start().strip_prefix("REG_SZ")?;
        Some(value.trim().to_owned())
    })
}
