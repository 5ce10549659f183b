//! Where each system says which machine it is.

use std::fs;
use std::process::{Command, Stdio};

/// What a fingerprint is read from. [`SystemSources`] asks the machine, a test answers itself.
pub trait Sources {
    /// The text of a small file.
    fn file(&self, path: &str) -> Option<String>;
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
const SYSCTL: &str = "/usr/sbin/sysctl";
const REG: &str = r"C:\Windows\System32\reg.exe";

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
            Platform::MacOs => {
                let registry = sources.output(IOREG, &["-rd1", "-c", "IOPlatformExpertDevice"])?;
                ioreg_value(&registry, "IOPlatformUUID")?
            }
            Platform::Windows => registry_value(sources, r"HKLM\SOFTWARE\Microsoft\Cryptography", "MachineGuid")?,
        };
        is_id(&id).then(|| id.trim().to_ascii_lowercase())
    }

    pub(super) fn hostname(self, sources: &impl Sources) -> Option<String> {
        let name = match self {
            Platform::Linux => sources
                .file("/proc/sys/kernel/hostname")
                .or_else(|| sources.file("/etc/hostname"))?,
            Platform::MacOs => sources.output(SYSCTL, &["-n", "kern.hostname"])?,
            Platform::Windows => {
                let key = r"HKLM\SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName";
                registry_value(sources, key, "ComputerName")?
            }
        };
        // Without the domain, which changes with the network.
        let name = name.trim().split('.').next()?.to_ascii_lowercase();
        said(&name)
    }

    pub(super) fn cpu(self, sources: &impl Sources) -> Option<String> {
        let model = match self {
            Platform::Linux => cpuinfo_model(&sources.file("/proc/cpuinfo")?)?,
            Platform::MacOs => sources.output(SYSCTL, &["-n", "machdep.cpu.brand_string"])?,
            Platform::Windows => {
                let key = r"HKLM\HARDWARE\DESCRIPTION\System\CentralProcessor\0";
                registry_value(sources, key, "ProcessorNameString")?
            }
        };
        said(&model.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
    }
}

fn said(text: &str) -> Option<String> {
    let is_said = !text.is_empty() && !text.contains('\0');
    is_said.then(|| text.to_owned())
}

/// 128 bits in hexadecimal digits, with hyphens or without, that are not all the same: images that are copied to many machines ship an empty
/// id, `uninitialized`, or zeros.
fn is_id(id: &str) -> bool {
    let digits: Vec<u8> = id.trim().bytes().filter(|byte| *byte != b'-').collect();
    digits.len() == 32
        && digits.iter().all(u8::is_ascii_hexdigit)
        && digits.iter().any(|digit| !digit.eq_ignore_ascii_case(&digits[0]))
}

/// `"IOPlatformUUID" = "564D…"`.
fn ioreg_value(registry: &str, name: &str) -> Option<String> {
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

/// The first processor's name; on ARM, where there is none, the numbers that stand for it.
fn cpuinfo_model(cpuinfo: &str) -> Option<String> {
    let field = |name: &str| {
        cpuinfo.lines().find_map(|line| {
            let (label, value) = line.split_once(':')?;
            (label.trim() == name).then(|| value.trim().to_owned())
        })
    };
    field("model name").or_else(|| {
        let numbers = ["CPU implementer", "CPU architecture", "CPU part"].map(|name| field(name).unwrap_or_default());
        numbers
            .iter()
            .any(|number| !number.is_empty())
            .then(|| numbers.join(" "))
    })
}
