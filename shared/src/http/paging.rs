//! Lists: `limit`, an opaque `cursor`, and `next` in the body.
//!
//! A cursor is bound to the list it came from (path and filters), and carries a digest that makes an altered one a 400. The digest is
//! no secret: what a cursor may reach is decided by the query it is used in, which takes no key from outside its partition.

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};

use super::problem::{FieldError, Problem};
use crate::store;
use crate::store::PageKey;

const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 100;
/// Longer than any cursor made here: keys are at most a few hundred bytes.
const MAX_CURSOR_CHARS: usize = 4_000;
const DIGEST_BYTES: usize = 16;

/// What a list request asks for. Hand `limit()` and `after()` to the query, and the answer to `page()`.
#[derive(Debug, Clone)]
pub struct Paging {
    limit: usize,
    after: Option<PageKey>,
    scope: String,
}

/// For `#[utoipa::path(params(PagingParams))]`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters that `Paging` reads")]
pub struct PagingParams {
    /// How many items at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A page of a list; `next` is null on the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    #[schema(required)]
    pub next: Option<String>,
}

impl Paging {
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The cursor that was asked with.
    pub fn cursor(&self) -> Option<String> {
        self.after.as_ref().map(|key| seal(&self.scope, key))
    }

    pub fn after(&self) -> Option<PageKey> {
        self.after.clone()
    }

    /// The answer, with each stored item turned into what the client sees.
    pub fn page<T, U>(&self, page: store::Page<T>, show: impl FnMut(T) -> U) -> Page<U> {
        let next = page.next.as_ref().map(|key| seal(&self.scope, key));
        Page {
            items: page.items.into_iter().map(show).collect(),
            next,
        }
    }

    fn read(uri: &Uri) -> Result<Self, Problem> {
        let scope = scope(uri);
        let (mut limit, mut after) = (DEFAULT_LIMIT, None);
        for (name, value) in parameters(uri) {
            match name.as_str() {
                "limit" => limit = parse_limit(&value)?,
                "cursor" => after = Some(open(&scope, &value).ok_or_else(Problem::invalid_cursor)?),
                _ => {}
            }
        }
        Ok(Self { limit, after, scope })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&parts.uri)
    }
}

fn parse_limit(text: &str) -> Result<usize, Problem> {
    match text.parse() {
        Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        _ => {
            let error = FieldError::new("?limit", format!("must be a whole number from 1 to {MAX_LIMIT}"));
            Err(Problem::invalid(vec![error]))
        }
    }
}

fn parameters(uri: &Uri) -> Vec<(String, String)> {
    url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect()
}

/// What a cursor is bound to: the path and every filter, in any order.
fn scope(uri: &Uri) -> String {
    let mut filters = parameters(uri);
    filters.retain(|(name, _)| name != "limit" && name != "cursor");
    filters.sort();
    let filters = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(filters)
        .finish();
    format!("{}?{filters}", uri.path())
}

fn digest(scope: &str, key: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(b"souk cursor 1\0");
    hash.update(scope.as_bytes());
    hash.update([0]);
    hash.update(key);
    hash.finalize()[..DIGEST_BYTES].to_vec()
}

fn seal(scope: &str, key: &PageKey) -> String {
    // A map of strings to strings always serialises.
    let key = serde_json::to_vec(key).unwrap_or_default();
    let mut bytes = digest(scope, &key);
    bytes.extend_from_slice(&key);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn open(scope: &str, cursor: &str) -> Option<PageKey> {
    if cursor.len() > MAX_CURSOR_CHARS {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (given, key) = bytes.split_at_checked(DIGEST_BYTES)?;
    (given == digest(scope, key)).then(|| serde_json::from_slice(key).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str) -> Result<Paging, Problem> {
        Paging::read(&uri.parse().expect("a URI"))
    }

    fn key() -> PageKey {
        serde_json::from_value(serde_json::json!({"pk": "order#1", "sk": "line#2"})).expect("a key")
    }

    fn next_of(uri: &str) -> String {
        let page = read(uri).expect("first page").page(
            store::Page {
                items: vec![1, 2],
                next: Some(key()),
            },
            |item| item * 2,
        );
        assert_eq!(page.items, [2, 4]);
        page.next.expect("a next page")
    }

    #[track_caller]
    fn check_refused(uri: &str, code: &str) {
        assert_eq!(read(uri).expect_err("refused").code(), code, "{uri}");
    }

    #[test]
    fn a_cursor_leads_on_in_its_own_list_only() {
        let next = next_of("/v1/listings?category=a&q=b");
        let paging = read(&format!("/v1/listings?q=b&limit=7&category=a&cursor={next}")).expect("the next page");
        assert_eq!((paging.after(), paging.limit()), (Some(key()), 7));

        check_refused(&format!("/v1/listings?category=z&q=b&cursor={next}"), "invalid_cursor");
        check_refused(&format!("/v1/orders?category=a&q=b&cursor={next}"), "invalid_cursor");
        check_refused(&format!("/v1/listings?category=a&q=b&cursor={next}A"), "invalid_cursor");
    }

    #[test]
    fn an_altered_cursor_is_refused_wherever_it_was_altered() {
        let next = next_of("/v1/listings");
        for at in 0..next.len() {
            let mut altered = next.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).expect("ASCII");
            check_refused(&format!("/v1/listings?cursor={altered}"), "invalid_cursor");
        }
        check_refused("/v1/listings?cursor=", "invalid_cursor");
        check_refused("/v1/listings?cursor=%00", "invalid_cursor");
        check_refused(&format!("/v1/listings?cursor={}", "A".repeat(5_000)), "invalid_cursor");
    }

    #[test]
    fn a_limit_is_a_number_from_1_to_100() {
        assert_eq!(read("/x").expect("defaults").limit(), 20);
        assert_eq!(read("/x?limit=100").expect("the most").limit(), 100);
        for wrong in ["0", "101", "-1", "ten", "", "1.5"] {
            check_refused(&format!("/x?limit={wrong}"), "invalid_request");
        }
    }
}
