//! Licence keys, as people type them and as files know them.

use alloc::borrow::Cow;
use alloc::string::String;

const PREFIX: &str = "SOUK";
/// Crockford's alphabet: no I, L, O, U.
const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const KEY_CHARS: usize = 55;
const GROUP_CHARS: usize = 5;

/// A Souk key as it was issued, `SOUK-` and eleven groups of five: the server takes it in any case, with O for 0, I and L for 1, and without
/// its hyphens, but files are encrypted with this text alone. Whatever is no such key stays as it is; whether the checksum fits is the
/// server's to say.
pub(crate) fn as_issued(key: &str) -> Cow<'_, str> {
    canonical(key).map_or(Cow::Borrowed(key), Cow::Owned)
}

fn canonical(key: &str) -> Option<String> {
    let (head, rest) = key.trim().split_at_checked(PREFIX.len())?;
    let letters = rest.chars().filter(|c| *c != '-');
    if !head.eq_ignore_ascii_case(PREFIX) || letters.clone().count() != KEY_CHARS {
        return None;
    }
    let mut issued = String::from(PREFIX);
    for (index, letter) in letters.enumerate() {
        if index % GROUP_CHARS == 0 {
            issued.push('-');
        }
        issued.push(match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other if ALPHABET.contains(other) => other,
            _ => return None,
        });
    }
    Some(issued)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "SOUK-06D00-00001-R0100-00000-00000-05K0N-BTKZ2-EJ3HK-B1YT5-HZC24-VAWDR";

    #[track_caller]
    fn check(typed: &str, issued: &str) {
        assert_eq!(as_issued(typed), issued, "{typed}");
    }

    #[test]
    fn a_key_is_the_same_however_it_is_typed() {
        check(KEY, KEY);
        check(&KEY.to_lowercase(), KEY);
        check(&KEY.replace('-', ""), KEY);
        check(&KEY.replace("SOUK-", "souk"), KEY);
        check(&KEY.replace('-', "--"), KEY);
        check(&format!(" \t{KEY}-\n"), KEY);
        let (head, rest) = KEY.split_at(PREFIX.len());
        for (typed, issued) in [('O', '0'), ('o', '0'), ('I', '1'), ('i', '1'), ('L', '1'), ('l', '1')] {
            check(&format!("{head}{}", rest.replace(issued, &String::from(typed))), KEY);
        }
    }

    #[test]
    fn what_is_no_such_key_stays_as_it_is() {
        let unchanged = [
            "",
            "SOUK",
            "souk-example",
            "key/ZXhhbXBsZQ==.c2lnbmF0dXJl",
            "soük-01jq0",
            &KEY[..KEY.len() - 1],
            &format!("{KEY}0"),
            &KEY.replace("SOUK", "KEYS"),
            &KEY.replace('6', "U"),
            &KEY.replace('6', "é"),
            &KEY.replace('6', " "),
        ];
        for key in unchanged {
            check(key, key);
        }
    }
}
