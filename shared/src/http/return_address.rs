//! Addresses that a page of somebody else's sends the browser back to.

use url::Url;

use super::FieldError;

/// Processors refuse longer ones.
pub const MAX_URL_CHARS: usize = 2_000;

/// What is wrong with an address that a request names, if one does: it must be https, or http on the caller's own machine.
pub fn check_return_address(pointer: &str, text: Option<&str>) -> Option<FieldError> {
    let text = text.filter(|text| !is_return_address(text))?;
    let detail = if text.len() > MAX_URL_CHARS {
        format!("must be at most {MAX_URL_CHARS} characters long")
    } else {
        "must be an https address (http for localhost), without user name and password".to_owned()
    };
    Some(FieldError::new(pointer, detail))
}

/// RFC 8252, section 8.3, allows plain http to the loopback address: it never leaves the machine.
fn is_return_address(text: &str) -> bool {
    let Ok(url) = text.parse::<Url>() else { return false };
    let is_own_machine = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_own_machine);
    let names_nobody = url.username().is_empty() && url.password().is_none();
    let is_plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    is_safe && names_nobody && url.has_host() && is_plain && text.len() <= MAX_URL_CHARS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_sent_to_safe_places_only() {
        for good in [
            "https://shop.example/paid?order={CHECKOUT_SESSION_ID}",
            "http://localhost:3000/paid",
            "http://127.0.0.1/paid",
            "http://[::1]:3000",
        ] {
            assert_eq!(check_return_address("/success_url", Some(good)), None, "{good}");
        }
        let long = format!("https://shop.example/{}", "x".repeat(MAX_URL_CHARS));
        for bad in [
            "http://shop.example/paid",
            "http://localhost.shop.example/paid",
            "http://127.0.0.1@shop.example/paid",
            "https://user:word@shop.example/paid",
            "javascript:alert(1)",
            "https://shop.example/ paid",
            "/paid",
            "",
            &long,
        ] {
            assert!(check_return_address("/success_url", Some(bad)).is_some(), "{bad}");
        }
        assert_eq!(check_return_address("/success_url", None), None);
    }
}
