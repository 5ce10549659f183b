//! Which names an entry may have, so that it unpacks to the same file on every system, inside
//! the folder that it is unpacked to, under the name that a reviewer saw.

use unicode_normalization::UnicodeNormalization;

use super::rule::Rule;

/// What most file systems hold for one part of a path.
const COMPONENT_BYTES: usize = 255;
/// Below the shortest path limits of common systems, with room for the folder unpacked to.
const PATH_BYTES: usize = 1024;
pub(crate) const DEPTH: usize = 32;

/// Every rule that `path` breaks, each once. A folder's path may end in `/`.
pub(crate) fn broken_rules(path: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut broken = |rule: Rule, is: bool| {
        if is && !rules.contains(&rule) {
            rules.push(rule);
        }
    };
    broken(Rule::NameTooLong, path.len() > PATH_BYTES);
    broken(Rule::NameAbsolute, path.starts_with('/'));
    broken(Rule::NameBackslash, path.contains('\\'));
    broken(Rule::NameColon, path.contains(':'));
    broken(Rule::NameInvisible, path.chars().any(is_invisible));
    broken(Rule::NameCharacter, path.chars().any(is_forbidden));
    let inside = path.strip_suffix('/').unwrap_or(path);
    broken(Rule::NameTooDeep, inside.split('/').count() > DEPTH);
    for component in inside.strip_prefix('/').unwrap_or(inside).split('/') {
        broken(Rule::NameEmpty, component.is_empty() || component == ".");
        broken(Rule::NameTraversal, component == "..");
        broken(Rule::NameTooLong, component.len() > COMPONENT_BYTES);
        broken(Rule::NameReserved, is_device(component));
        let dots_only = component == "." || component == "..";
        broken(Rule::NameEnding, !dots_only && component.ends_with(['.', ' ']));
    }
    rules
}

/// What two names have in common when a file system that ignores case, Unicode composition or
/// variation selectors takes them for one.
pub(crate) fn collision_key(path: &str) -> String {
    // Upper case first: it joins letters that lower-casing alone keeps apart (ß and ss, ſ and s).
    path.nfc()
        .filter(|c| !('\u{fe00}'..='\u{fe0f}').contains(c))
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfc()
        .collect()
}

fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '<' | '>' | '"' | '|' | '?' | '*')
}

/// Characters that take no room or change the direction of others: bidirectional controls,
/// zero-width characters, fillers, tags and the like. Emoji's variation selectors are allowed.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Windows opens the device whatever the extension and the case, and ignores spaces before the
/// first dot; the superscript digits count as digits (Microsoft, "Naming Files, Paths, and
/// Namespaces").
fn is_device(component: &str) -> bool {
    let stem = component.split('.').next().unwrap_or_default().trim_end_matches(' ');
    let stem = stem.to_uppercase();
    if matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$"
    ) {
        return true;
    }
    stem.strip_prefix("COM")
        .or_else(|| stem.strip_prefix("LPT"))
        .is_some_and(|unit| {
            let mut chars = unit.chars();
            matches!((chars.next(), chars.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &[Rule]) {
        assert_eq!(broken_rules(path), expected, "{path:?}");
    }

    #[test]
    fn honest_names() {
        for path in [
            "souk.toml",
            "Grooves/Funk 101 (120 bpm).mid",
            "a/b/c/",
            "Ünïcödé/日本語.md",
            ".hidden",
            "x..y",
            "...a",
            "❤\u{fe0f}.wav",
            "console.md",
            "comma.txt",
            "com10",
            "lpt",
            "nul_.txt",
            "𝄞.mid",
        ] {
            check(path, &[]);
        }
        check(&"d/".repeat(31), &[]);
        check(&format!("{}/f", "d/".repeat(30).trim_end_matches('/')), &[]);
        check(&"x".repeat(255), &[]);
    }

    #[test]
    fn one_rule_each() {
        check("/etc/passwd", &[Rule::NameAbsolute]);
        check("a/../b", &[Rule::NameTraversal]);
        check("..", &[Rule::NameTraversal]);
        check("a\\b", &[Rule::NameBackslash]);
        check("C:x", &[Rule::NameColon]);
        check("a//b", &[Rule::NameEmpty]);
        check("a/./b", &[Rule::NameEmpty]);
        check("", &[Rule::NameEmpty]);
        check("a\u{7}b", &[Rule::NameCharacter]);
        check("a\u{85}b", &[Rule::NameCharacter]);
        check("a?b", &[Rule::NameCharacter]);
        for invisible in ['\u{202e}', '\u{2066}', '\u{200b}', '\u{200d}', '\u{feff}', '\u{e0041}'] {
            check(&format!("a{invisible}b"), &[Rule::NameInvisible]);
        }
        for device in [
            "con",
            "NUL.txt",
            "a/Aux",
            "COM1",
            "lpt9.tar.gz",
            "com¹",
            "conin$",
            "nul .x",
            "com0",
        ] {
            check(device, &[Rule::NameReserved]);
        }
        check("a.", &[Rule::NameEnding]);
        check("a /b", &[Rule::NameEnding]);
        check(&"x".repeat(256), &[Rule::NameTooLong]);
        check(
            &format!(
                "{}y",
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/".repeat(16)
            ),
            &[Rule::NameTooLong],
        );
        check(&format!("{}f", "d/".repeat(32)), &[Rule::NameTooDeep]);
    }

    #[test]
    fn spellings_of_one_name_collide() {
        for (one, other) in [
            ("A.mid", "a.MID"),
            ("stra\u{df}e", "STRASSE"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("\u{212a}", "k"),
            ("\u{17f}", "S"),
            ("Σ", "ς"),
            ("❤\u{fe0f}", "❤"),
        ] {
            assert_eq!(collision_key(one), collision_key(other), "{one} {other}");
        }
        assert_ne!(collision_key("a"), collision_key("b"));
    }
}
