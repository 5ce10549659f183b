//! Which machine this is, on systems that are not at hand: by what they are known to print.

use std::collections::{BTreeSet, HashMap};

use souk_client::fingerprint::{Fingerprint, FingerprintError, Platform, Sources};

const SALT: &[u8] = b"example synth 2";
const IOREG: &str = "/usr/sbin/ioreg -rd1 -c IOPlatformExpertDevice";
const EN0: &str = "/usr/sbin/networksetup -getmacaddress en0";
const GUID: &str = r"C:\Windows\System32\reg.exe query HKLM\SOFTWARE\Microsoft\Cryptography /v MachineGuid /reg:64";
const BOARD: &str = r"C:\Windows\System32\reg.exe query HKLM\SYSTEM\HardwareConfig /v LastConfig /reg:64";
const GUID_SAID: &str = "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n    MachineGuid    REG_SZ    01234567-89ab-cdef-0123-456789abcdef\r\n";
const VOLUME: &str = r"C:\Windows\System32\cmd.exe /d /c vol C:";

/// Files by their paths, outputs by their command lines.
struct Machine(HashMap<&'static str, &'static str>);

impl Sources for Machine {
    fn file(&self, path: &str) -> Option<String> {
        self.0.get(path).map(ToString::to_string)
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let names = self.0.keys().filter_map(|path| {
            let rest = path.strip_prefix(folder)?.strip_prefix('/')?;
            Some(rest.split('/').next()?.to_owned())
        });
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn output(&self, program: &str, arguments: &[&str]) -> Option<String> {
        self.file(&format!("{program} {}", arguments.join(" ")))
    }
}

fn linux() -> Vec<(&'static str, &'static str)> {
    vec![
        ("/etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
        (
            "/sys/class/dmi/id/product_uuid",
            "4C4C4544-0033-4410-8057-B4C04F503232\n",
        ),
        ("/sys/block/loop0/removable", "0\n"),
        ("/sys/block/nvme0n1/removable", "0\n"),
        ("/sys/block/nvme0n1/wwid", "eui.0025385B71B0A2C4\n"),
        ("/sys/class/net/lo/addr_assign_type", "0\n"),
        ("/sys/class/net/lo/address", "00:00:00:00:00:00\n"),
        ("/sys/class/net/eno1/device/modalias", "pci:v00008086d000015F3\n"),
        ("/sys/class/net/eno1/addr_assign_type", "0\n"),
        ("/sys/class/net/eno1/address", "a4:83:e7:12:34:56\n"),
    ]
}

/// The same, after these files were put in the place of those with their paths.
fn linux_with(files: &[(&'static str, &'static str)]) -> Fingerprint {
    let sources = linux().into_iter().chain(files.iter().copied());
    read(Platform::Linux, sources.collect()).unwrap()
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

fn names(fingerprint: &Fingerprint) -> Vec<&'static str> {
    fingerprint.components().iter().map(|part| part.name).collect()
}

#[test]
fn every_system_is_asked_in_its_own_way_and_answers_alike() {
    let id = "01234567-89AB-CDEF-0123-456789ABCDEF";
    let ioreg = "+-o J316sAP  <class IOPlatformExpertDevice, id 0x10000024f>\n    {\n      \"IOPlatformSerialNumber\" = \"C02XK0AAJG5H\"\n      \
                 \"IOPlatformUUID\" = \"01234567-89AB-CDEF-0123-456789ABCDEF\"\n    }\n";
    let en0 = "Ethernet Address: a4:83:e7:12:34:56 (Device: en0)\n";
    let mac = read(Platform::MacOs, vec![(IOREG, ioreg), (EN0, en0)]).unwrap();
    assert_eq!(names(&mac), ["machine-id", "board", "network"]);
    let windows = read(
        Platform::Windows,
        vec![
            (GUID, GUID_SAID),
            (
                BOARD,
                "    LastConfig    REG_SZ    {4c4c4544-0033-4410-8057-b4c04f503232}\r\n",
            ),
            (
                VOLUME,
                " Datenträger in Laufwerk C: ist Windows\r\n Volumeseriennummer: 1A2B-3C4D\r\n",
            ),
        ],
    )
    .unwrap();
    assert_eq!(names(&windows), ["machine-id", "board", "disk"]);
    let linux = linux_with(&[]);
    assert_eq!(names(&linux), ["machine-id", "board", "disk", "network"]);
    assert_eq!(part(&mac, "machine-id").as_deref(), Some(mac.as_str()));
    assert_eq!(mac.as_str(), windows.as_str());
    assert_eq!(part(&linux, "board"), part(&windows, "board"));
    assert_eq!(part(&linux, "network"), part(&mac, "network"));
    // Nothing of what the system said is in it.
    assert!(!format!("{mac:?}").to_uppercase().contains(&id[..8]));
    assert!(mac.components().iter().all(|part| part.fingerprint.len() == 64));
}

/// Two machines of one model, with one system image, one name and one person who set them up.
#[test]
fn strangers_share_no_part() {
    let ours = linux_with(&[
        ("/proc/sys/kernel/hostname", "MacBook-Pro"),
        ("/proc/cpuinfo", "model name: M1"),
    ]);
    let theirs = linux_with(&[
        ("/proc/sys/kernel/hostname", "MacBook-Pro"),
        ("/proc/cpuinfo", "model name: M1"),
        ("/etc/machine-id", "fedcba9876543210fedcba9876543210\n"),
        (
            "/sys/class/dmi/id/product_uuid",
            "4C4C4544-0033-4410-8057-B4C04F503233\n",
        ),
        ("/sys/block/nvme0n1/wwid", "eui.0025385B71B0A2C5\n"),
        ("/sys/class/net/eno1/address", "a4:83:e7:12:34:57\n"),
    ]);
    let theirs: Vec<&str> = theirs
        .components()
        .iter()
        .map(|part| part.fingerprint.as_str())
        .collect();
    assert_eq!(theirs.len(), 4);
    assert!(
        ours.components()
            .iter()
            .all(|part| !theirs.contains(&part.fingerprint.as_str()))
    );
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
    let before = linux_with(&[]);
    let after = linux_with(&[("/sys/block/nvme0n1/wwid", "eui.002538ffffffffff\n")]);
    assert_eq!(before.as_str(), after.as_str());
    assert_ne!(part(&before, "disk"), part(&after, "disk"));
    assert_eq!(part(&before, "board"), part(&after, "board"));
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

#[track_caller]
fn nobodys(name: &str, path: &'static str, values: &[&'static str]) {
    for value in values {
        assert_eq!(part(&linux_with(&[(path, value)]), name), None, "{value}");
    }
}

#[test]
fn numbers_that_many_machines_have_are_nobodys() {
    nobodys(
        "board",
        "/sys/class/dmi/id/product_uuid",
        &[
            "",
            "Not Settable",
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
            "03000200-0400-0500-0006-000700080009\n",
        ],
    );
    let disks = [
        "",
        "naa.",
        "naa.0000000000000000",
        "t10.ATA     QEMU HARDDISK    QM00001",
    ];
    nobodys("disk", "/sys/block/nvme0n1/wwid", &disks);
    nobodys("disk", "/sys/block/nvme0n1/removable", &["1\n"]);
    let addresses = [
        "02:fc:00:00:00:01",
        "52:54:00:12:34:56",
        "ff:ff:ff:ff:ff:ff",
        "00:00:00:00:00:00",
        "a4:83:e7:12:34",
        "a4:83:e7:12:34:5",
        "",
    ];
    nobodys("network", "/sys/class/net/eno1/address", &addresses);
    nobodys("network", "/sys/class/net/eno1/addr_assign_type", &["1\n", "3\n"]);
    nobodys("network", "/sys/class/net/eno1/device/modalias", &["usb:v0BDAp8153\n"]);
    let volume = |said| {
        part(
            &read(Platform::Windows, vec![(GUID, GUID_SAID), (VOLUME, said)]).unwrap(),
            "disk",
        )
    };
    assert_eq!(volume("The system cannot find the path specified.\r\n"), None);
    assert_eq!(volume(" Volume Serial Number is 0000-0000\r\n"), None);
    assert!(volume(" Volume in drive C is ABCD-0123\r\n Volume Serial Number is 1A2B-3C4D\r\n").is_some());
}

#[test]
fn a_board_without_a_uuid_has_its_serial_number() {
    let numbered = |path, value| {
        part(
            &read(Platform::Linux, vec![linux()[0], (path, value)]).unwrap(),
            "board",
        )
    };
    let (board, tree) = ("/sys/class/dmi/id/board_serial", "/proc/device-tree/serial-number");
    assert!(numbered(board, "/7XK2Y13/CNCMK0012345/\n").is_some());
    assert!(numbered(tree, "10000000abcdef01\0").is_some());
    for nobodys in [
        "None",
        "Default string",
        "To be filled by O.E.M.",
        "00000000",
        "123456789",
        "INVALID",
        "A1",
    ] {
        assert_eq!(numbered(board, nobodys), None, "{nobodys}");
    }
}

#[test]
fn a_card_counts_where_no_disk_is_built_in() {
    let card = [
        ("/sys/block/mmcblk0/removable", "0\n"),
        ("/sys/block/mmcblk0/device/cid", "035344534333324785d1a2b3c4013c00\n"),
    ];
    let disk = |sources: Vec<_>| part(&read(Platform::Linux, sources).unwrap(), "disk");
    assert!(disk([&linux()[..1], &card].concat()).is_some());
    assert_eq!(disk([&linux()[..], &card].concat()), disk(linux()));
}

#[test]
fn the_lowest_of_several_addresses_counts() {
    let second = |address| {
        let fingerprint = linux_with(&[
            ("/sys/class/net/wlan0/device/modalias", "sdio:c00v02D0\n"),
            ("/sys/class/net/wlan0/addr_assign_type", "0\n"),
            ("/sys/class/net/wlan0/address", address),
        ]);
        part(&fingerprint, "network")
    };
    let only = part(&linux_with(&[]), "network");
    assert_eq!(second("b8:27:eb:00:00:01"), only);
    assert_ne!(second("a0:27:eb:00:00:01"), only);
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
