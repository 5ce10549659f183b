//! What a partner says about itself, each part checked when it is made.

use std::fmt;

use email_address::{EmailAddress, Options};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use url::Url;

use super::country::Country;

const NAME_CHARS: std::ops::RangeInclusive<usize> = 2..=80;
const ABOUT_CHARS: std::ops::RangeInclusive<usize> = 20..=2_000;
/// Longer addresses exist, but nobody types them.
const MAX_WEBSITE_CHARS: usize = 500;
/// PayPal's limit on a receiver (payments_payouts_batch_v1, `payout_item`).
const MAX_RECEIVER_CHARS: usize = 127;

/// A checked application to become a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    pub name: PartnerName,
    pub country: Country,
    pub support_email: SupportEmail,
    pub website: Option<Website>,
    pub about: String,
}

/// Why a text is not what it should be; for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(String);

/// The name that the public sees: one line, NFC, no characters that cannot be seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PartnerName(String);

impl PartnerName {
    pub fn parse(text: &str) -> Result<Self, Unfit> {
        let name = tidy(text);
        line(&name, NAME_CHARS)?;
        if !name.chars().any(char::is_alphanumeric) {
            return Err(Unfit("must contain a letter or a digit".to_owned()));
        }
        Ok(Self(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same for names that a reader would take for one: case, spacing and compatibility forms do not count.
    pub fn folded(&self) -> String {
        self.0
            .nfkc()
            .flat_map(char::to_lowercase)
            .filter(|c| c.is_alphanumeric())
            .collect()
    }
}

/// An address for customers to write to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SupportEmail(String);

impl SupportEmail {
    pub fn parse(text: &str) -> Result<Self, Unfit> {
        mail_address(text).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The address by which PayPal knows who is to be paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PayPalAddress(String);

impl PayPalAddress {
    pub fn parse(text: &str) -> Result<Self, Unfit> {
        if text.len() > MAX_RECEIVER_CHARS {
            return Err(Unfit(format!("must be of at most {MAX_RECEIVER_CHARS} characters")));
        }
        mail_address(text).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A public https address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Website(String);

impl Website {
    pub fn parse(text: &str) -> Result<Self, Unfit> {
        let unfit = || {
            Unfit(format!(
                "must be an https address of at most {MAX_WEBSITE_CHARS} characters, such as https://example.com"
            ))
        };
        if text.chars().count() > MAX_WEBSITE_CHARS {
            return Err(unfit());
        }
        let url: Url = text.parse().map_err(|_| unfit())?;
        let is_public = url.domain().is_some_and(|domain| domain.contains('.'));
        let has_secret = !url.username().is_empty() || url.password().is_some();
        if url.scheme() == "https" && is_public && !has_secret {
            Ok(Self(url.into()))
        } else {
            Err(unfit())
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A few sentences: several lines are allowed.
pub fn about(text: &str) -> Result<String, Unfit> {
    let text: String = text.trim().nfc().collect();
    prose(&text, ABOUT_CHARS)?;
    Ok(text)
}

/// What an operator writes down as the ground of a decision.
pub fn evidence(text: &str) -> Result<String, Unfit> {
    let text: String = text.trim().nfc().collect();
    prose(&text, 1..=2_000)?;
    Ok(text)
}

/// What somebody calls a thing of their own: one line.
pub fn label(text: &str) -> Result<String, Unfit> {
    let label = tidy(text);
    line(&label, 1..=100)?;
    Ok(label)
}

fn mail_address(text: &str) -> Result<String, Unfit> {
    let options = Options::default()
        .with_required_tld()
        .without_display_text()
        .without_domain_literal();
    match EmailAddress::parse_with_options(text, options) {
        Ok(address) if text.is_ascii() && !text.contains('"') => Ok(address.to_string()),
        _ => Err(Unfit("must be a mail address such as support@example.com".to_owned())),
    }
}

fn tidy(text: &str) -> String {
    text.nfc()
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn line(text: &str, chars: std::ops::RangeInclusive<usize>) -> Result<(), Unfit> {
    prose(text, chars)?;
    if text.contains('\n') {
        Err(Unfit("must be one line".to_owned()))
    } else {
        Ok(())
    }
}

fn prose(text: &str, chars: std::ops::RangeInclusive<usize>) -> Result<(), Unfit> {
    if !chars.contains(&text.chars().count()) {
        return Err(Unfit(format!(
            "must be between {} and {} characters long",
            chars.start(),
            chars.end()
        )));
    }
    if text.chars().any(is_invisible) {
        return Err(Unfit(
            "must not contain control characters or invisible marks".to_owned(),
        ));
    }
    Ok(())
}

/// Control characters, and marks that make one text look like another (Unicode TR 36: zero width and direction).
fn is_invisible(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

macro_rules! texts {
    ($($name:ident)+) => {$(
        impl TryFrom<String> for $name {
            type Error = Unfit;
            fn try_from(text: String) -> Result<Self, Unfit> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

texts! { PartnerName SupportEmail PayPalAddress Website }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_visible_line() {
        let name = PartnerName::parse("  Warm \u{a0} Pads\tStudio ").expect("a name");
        assert_eq!(name.as_str(), "Warm Pads Studio");
        assert_eq!(
            name.folded(),
            PartnerName::parse("WARM-PADS STUDIO").expect("a name").folded()
        );
        assert_eq!(PartnerName::parse("Cafe\u{301}").expect("a name").as_str(), "Café");
        let too_long = "x".repeat(81);
        for wrong in ["", " ", "x", "--", "a\u{202E}b", "a\u{200B}b", "a\u{7}b", &too_long] {
            assert!(PartnerName::parse(wrong).is_err(), "{wrong:?} was taken for a name");
        }
    }

    #[test]
    fn a_support_address_can_be_written_to() {
        assert_eq!(
            SupportEmail::parse("help+eu@warm.example")
                .expect("an address")
                .as_str(),
            "help+eu@warm.example"
        );
        for wrong in [
            "",
            "help",
            "help@",
            "@warm.example",
            "help@warm",
            "Help <help@warm.example>",
            "a b@warm.example",
            "\"a b\"@warm.example",
            "help@[127.0.0.1]",
            "help@warm.example\r\nBcc: x@y.example",
        ] {
            assert!(
                SupportEmail::parse(wrong).is_err(),
                "{wrong:?} was taken for an address"
            );
        }
    }

    #[test]
    fn a_receiver_is_an_address_that_paypal_takes() {
        let receiver = |local: usize| format!("{}@{}.example", "x".repeat(local), "y".repeat(60));
        assert!(PayPalAddress::parse(&receiver(58)).is_ok(), "127 characters");
        assert!(PayPalAddress::parse(&receiver(59)).is_err(), "128 characters");
        assert!(PayPalAddress::parse("paula").is_err());
    }

    #[test]
    fn a_website_is_public_https() {
        assert_eq!(
            Website::parse("https://warm.example/pads").expect("a website").as_str(),
            "https://warm.example/pads"
        );
        let too_long = format!("https://warm.example/{}", "x".repeat(500));
        for wrong in [
            "http://warm.example",
            "https://localhost",
            "https://10.0.0.1",
            "https://u:p@warm.example",
            "javascript:alert(1)",
            "warm.example",
            "",
            &too_long,
        ] {
            assert!(Website::parse(wrong).is_err(), "{wrong:?} was taken for a website");
        }
    }

    #[test]
    fn prose_has_lines_but_no_hidden_marks() {
        assert_eq!(
            about(" Pads for slow music.\nAnd more of them. ").expect("prose"),
            "Pads for slow music.\nAnd more of them."
        );
        assert!(about("too short").is_err());
        assert!(about(&"x".repeat(2_001)).is_err());
        assert!(evidence("").is_err() && evidence("\u{200B}").is_err());
    }
}
