/* Programs in disguise: encoded in text, or carried inside something else. */

rule encoded_windows_program {
  meta:
    description = "a Windows program encoded as text"
    severity = "quarantine"
    remedy = "Remove it. Machine code may only come as a file of a `plugin-native` package."
    scope = "any"
  strings:
    // The start of a PE file's DOS header in base64 (`TVqQAAMAAAAEAAAA`, `TVpQ…`, `TVoA…`), and
    // its message (`This program cannot be run in DOS mode`) at each of the three alignments.
    $head = /TV(qQAAMAAAAEAAAA|pQAAIAAAAEAA8A|oAAAAAAAAAAAAA|roAAAAAAAAAAAA)[A-Za-z0-9+\/]{20}/
    $message = "This program cannot be run in DOS mode" base64
    $reversed = "AAAAEAAAAMAAQqVT"
    $hex = /4[dD]5[aA]9000030000000400000[0-9a-fA-F]{16,}/
  condition:
    any of them
}

rule encoded_elf_program {
  meta:
    description = "a Linux program encoded as text"
    severity = "quarantine"
    remedy = "Remove it. Machine code may only come as a file of a `plugin-native` package."
    scope = "any"
  strings:
    // 7f 45 4c 46, class, order, version 1, ABI 0 or 3, then padding.
    $base64 = /f0VMRg(IBAQ|EBAQ)(A|M)AAAAAAAAAA[A-Za-z0-9+\/]{12}/
    $hex = /7f454c460[12]0101000000000000000000[0-9a-f]{8}/ nocase
    $escaped = "\\x7f\\x45\\x4c\\x46" nocase
    $escaped_mixed = "\\x7fELF\\x0"
  condition:
    any of them
}

rule program_inside_media {
  meta:
    description = "a Windows program inside a picture, sound or MIDI file"
    severity = "quarantine"
    remedy = "Replace the file by one without attached data."
    scope = "any"
  strings:
    $message = "This program cannot be run in DOS mode"
  condition:
    // RIFF, PNG, JPEG, GIF, Ogg, FLAC, FORM, MThd, ID3
    (uint32be(0) == 0x52494646 or uint32be(0) == 0x89504e47 or uint16be(0) == 0xffd8
     or uint32be(0) == 0x47494638 or uint32be(0) == 0x4f676753 or uint32be(0) == 0x664c6143
     or uint32be(0) == 0x464f524d or uint32be(0) == 0x4d546864 or uint32be(0) & 0xffffff00 == 0x49443300)
    and $message
}

rule script_inside_media {
  meta:
    description = "server-side or shell code inside a picture, sound or MIDI file"
    severity = "quarantine"
    remedy = "Replace the file by one without attached data."
    scope = "any"
  strings:
    $php = /<\?php\s+[\x20-\x7e\s]{0,200}(eval|system|exec|assert|passthru|base64_decode|\$_(GET|POST|REQUEST))/
    $script = /<script[\s>][\x20-\x7e\s]{0,200}(eval|document|fetch|atob|XMLHttpRequest)/ nocase
  condition:
    (uint32be(0) == 0x52494646 or uint32be(0) == 0x89504e47 or uint16be(0) == 0xffd8
     or uint32be(0) == 0x47494638 or uint32be(0) == 0x4f676753 or uint32be(0) == 0x664c6143
     or uint32be(0) == 0x464f524d or uint32be(0) == 0x4d546864 or uint32be(0) & 0xffffff00 == 0x49443300)
    and any of them
}
