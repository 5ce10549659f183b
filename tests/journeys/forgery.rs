//! Tokens that no issuer has signed.

/// Base64 of `{"alg":"none"}`.
pub(crate) const NO_ALGORITHM: &str = "eyJhbGciOiJub25lIn0";

pub(crate) fn without_signature(token: &str) -> &str {
    &token[..token.rfind('.').unwrap()]
}

pub(crate) fn with_other_signature(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other: String = signature.chars().rev().collect();
    format!("{signed}.{other}")
}
