//! Which machine this is, on systems that are not at hand: by what they are known to print.

use std::collections::HashMap;

use souk_client::fingerprint::{Fingerprint, FingerprintError, Platform, Sources};

const SALT: &[u8] = b"example synth 2";
const IOREG: &str = "/usr/sbin/ioreg -rd1 -c IOPlatformExpertDevice";
const GUID: &str = r"C:\Windows\System32\reg.exe query HKLM\SOFTWARE\Microsoft\Cryptography /v MachineGuid /reg:64";

/// Files by their paths, outputs by their command lines.
struct Machine(HashMap<&'static str, &'static str>);

impl Sources for Machine {
    fn file(&self, path: &str) -> Option<String> {
        self.0.get(path).map(ToString::to_string)
    }

    fn output(&self, program: &str, arguments: &[&str]) -> Option<String> {
        self.file(&format!("{program} {}", arguments.join(" ")))
    }
}

fn linux() -> Vec<(&'static str, &'static str)> {
    vec![
        ("/etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
        ("/proc/sys/kernel/hostname", "studio.example.com\n"),
        (
            "/proc/cpuinfo",
            "processor\t: 0\nmodel name\t: Example  CPU @ 3.0GHz\n\nprocessor\t: 1\n",
        ),
    ]
}

fn read(platform: Platform, sources: Vec<(&'static str, &'static str)>) -> Result<Fingerprint, FingerprintError> {
    Fingerprint::read(platform, &Machine(sources.into_iter().collect()), SALT)
}

fn part(fingerprint: &Fingerprint, name: &str) -> Option<String> {
    let mut parts = fingerprint.components().iter();
    parts
        .find(|part| part.name == name)
        .map(|part| part.fingerprint.clone())
}

#[test]
fn every_system_is_asked_in_its_own_way_and_answers_alike() {
    let id = "01234567-89AB-CDEF-0123-456789ABCDEF";
    let ioreg = "+-o J316sAP  <class IOPlatformExpertDevice, id 0x10000024f>\n    {\n      \"IOPlatformSerialNumber\" = \"C02X\"\n      \
                 \"IOPlatformUUID\" = \"01234567-89AB-CDEF-0123-456789ABCDEF\"\n    }\n";
    let mac = read(
        Platform::MacOs,
        vec![
            (IOREG, ioreg),
            ("/usr/sbin/sysctl -n kern.hostname", "Studio.local\n"),
            ("/usr/sbin/sysctl -n machdep.cpu.brand_string", "Example CPU @ 3.0GHz\n"),
        ],
    )
    .unwrap();
    let windows = read(
        Platform::Windows,
        vec![
            (GUID, "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n    MachineGuid    REG_SZ    01234567-89ab-cdef-0123-456789abcdef\r\n\r\n"),
            (
                r"C:\Windows\System32\reg.exe query HKLM\SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName /v ComputerName /reg:64",
                "    ComputerName    REG_SZ    STUDIO\r\n",
            ),
            (
                r"C:\Windows\System32\reg.exe query HKLM\HARDWARE\DESCRIPTION\System\CentralProcessor\0 /v ProcessorNameString /reg:64",
                "    ProcessorNameString    REG_SZ    Example CPU @ 3.0GHz   \r\n",
            ),
        ],
    )
    .unwrap();
    assert_eq!(mac, windows);
    assert_eq!(mac.components().len(), 3);
    assert_eq!(part(&mac, "machine-id").as_deref(), Some(mac.as_str()));
    let linux = read(Platform::Linux, linux()).unwrap();
    assert_eq!(part(&linux, "hostname"), part(&mac, "hostname"));
    assert_eq!(part(&linux, "cpu"), part(&mac, "cpu"));
    // Nothing of what the system said is in it.
    assert!(!format!("{mac:?}").to_uppercase().contains(&id[..8]));
    assert!(mac.components().iter().all(|part| part.fingerprint.len() == 64));
}

#[test]
fn two_applications_see_different_machines() {
    let machine = Machine(linux().into_iter().collect());
    let seen = |salt: &[u8]| Fingerprint::read(Platform::Linux, &machine, salt).unwrap();
    assert_eq!(seen(SALT), seen(SALT));
    let (ours, theirs) = (seen(SALT), seen(b"another application"));
    for (one, other) in ours.components().iter().zip(theirs.components()) {
        assert_ne!(one.fingerprint, other.fingerprint, "{}", one.name);
    }
    let unsalted = Fingerprint::read(Platform::Linux, &machine, b"");
    assert_eq!(unsalted, Err(FingerprintError::NoSalt));
}

#[test]
fn a_machine_stays_itself_when_a_part_is_replaced() {
    let before = read(Platform::Linux, linux()).unwrap();
    let mut sources = linux();
    sources[2] = ("/proc/cpuinfo", "model name: A newer one\n");
    let after = read(Platform::Linux, sources).unwrap();
    assert_eq!(before.as_str(), after.as_str());
    assert_ne!(part(&before, "cpu"), part(&after, "cpu"));
    assert_eq!(part(&before, "hostname"), part(&after, "hostname"));
}

#[test]
fn what_cannot_be_read_is_left_out_except_the_id() {
    let id = linux().remove(0);
    assert_eq!(read(Platform::Linux, vec![id]).unwrap().components().len(), 1);
    assert_eq!(
        read(Platform::Linux, linux()[1..].to_vec()),
        Err(FingerprintError::NoMachineId)
    );
    assert_eq!(read(Platform::MacOs, linux()), Err(FingerprintError::NoMachineId));
    assert_eq!(read(Platform::Windows, linux()), Err(FingerprintError::NoMachineId));
}

#[test]
fn ids_of_copied_images_are_nobodys() {
    for id in [
        "",
        "\n",
        "uninitialized\n",
        "00000000000000000000000000000000",
        "0123456789abcdef",
        "0123456789abcdef0123456789abcdeg",
    ] {
        let fallback = ("/var/lib/dbus/machine-id", linux()[0].1);
        assert_eq!(
            read(Platform::Linux, vec![("/etc/machine-id", id)]),
            Err(FingerprintError::NoMachineId),
            "{id}"
        );
        let read = read(Platform::Linux, vec![("/etc/machine-id", id), fallback]).unwrap();
        assert_eq!(read.components().len(), 1);
    }
    assert_eq!(
        read(Platform::Windows, vec![(GUID, "ERROR: not found")]),
        Err(FingerprintError::NoMachineId)
    );
    assert_eq!(
        read(Platform::MacOs, vec![(IOREG, "\"IOPlatformUUID\" = 7")]),
        Err(FingerprintError::NoMachineId)
    );
}

#[test]
fn processors_without_a_name_have_numbers() {
    let cpu = |text: &'static str| {
        let fingerprint = read(Platform::Linux, vec![linux()[0], ("/proc/cpuinfo", text)]).unwrap();
        part(&fingerprint, "cpu")
    };
    let arm = cpu("CPU implementer : 0x41\nCPU architecture: 8\nCPU part\t: 0xd0c\n");
    assert!(arm.is_some());
    assert_ne!(
        arm,
        cpu("CPU implementer : 0x41\nCPU architecture: 8\nCPU part\t: 0xd40\n")
    );
    assert_eq!(cpu("processor : 0\n"), None);
}

/// The value that applications have stored must not change with a new version of this crate.
#[test]
fn fingerprints_are_for_ever() {
    let fingerprint = read(Platform::Linux, linux()).unwrap();
    assert_eq!(
        fingerprint.as_str(),
        "7618838d690651590bc2d9b80fef7d265f2d9fcbdc02bb763e39d61a8806cb50"
    );
}
