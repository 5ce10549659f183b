//! Presigned POST: a form that S3 accepts only with the key, type and size that its signed policy says
//! (docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html).

use std::collections::BTreeMap;

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::Bucket;
use crate::runtime::Clients;

/// What may be uploaded, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPolicy {
    pub key: String,
    pub content_type: String,
    /// The size that was announced, exactly: S3 refuses an upload of any other.
    pub size_bytes: u64,
    /// SHA-256 of the content in base64; S3 refuses an upload with another one. Optional for clients that cannot compute it.
    pub sha256_base64: Option<String>,
    pub valid_for: SignedDuration,
}

/// Send `fields` and then the file, as `multipart/form-data`, to `url`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PresignedPost {
    pub url: String,
    pub fields: BTreeMap<String, String>,
}

pub(super) fn sign(clients: &Clients, bucket: &str, policy: &UploadPolicy, now: Timestamp) -> PresignedPost {
    let credentials = clients.credentials();
    let date = now.strftime("%Y%m%d").to_string();
    let scope = format!(
        "{}/{date}/{}/s3/aws4_request",
        credentials.access_key_id(),
        clients.region()
    );
    let mut fields = form(policy);
    fields.insert("x-amz-algorithm".into(), "AWS4-HMAC-SHA256".into());
    fields.insert("x-amz-credential".into(), scope);
    fields.insert("x-amz-date".into(), now.strftime("%Y%m%dT%H%M%SZ").to_string());
    if let Some(token) = credentials.session_token() {
        fields.insert("x-amz-security-token".into(), token.to_owned());
    }
    let document = STANDARD.encode(document(bucket, policy, &fields, now));
    let key = generate_signing_key(credentials.secret_access_key(), now.into(), clients.region(), "s3");
    fields.insert("x-amz-signature".into(), calculate_signature(key, document.as_bytes()));
    fields.insert("policy".into(), document);
    PresignedPost {
        url: url(clients, bucket),
        fields,
    }
}

pub(super) fn unsigned(bucket: Bucket, policy: &UploadPolicy) -> PresignedPost {
    PresignedPost {
        url: format!("https://objects.example/{bucket}"),
        fields: form(policy),
    }
}

fn form(policy: &UploadPolicy) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::from([
        ("key".to_owned(), policy.key.clone()),
        ("Content-Type".to_owned(), policy.content_type.clone()),
    ]);
    if let Some(sha256) = &policy.sha256_base64 {
        fields.insert("x-amz-checksum-sha256".into(), sha256.clone());
    }
    fields
}

/// Every field must appear as a condition, with exactly its value.
fn document(bucket: &str, policy: &UploadPolicy, fields: &BTreeMap<String, String>, now: Timestamp) -> String {
    let expires = now.saturating_add(policy.valid_for).unwrap_or(now);
    let mut conditions = vec![
        json!({"bucket": bucket}),
        json!(["content-length-range", policy.size_bytes, policy.size_bytes]),
    ];
    conditions.extend(fields.iter().map(|(name, value)| json!({name: value})));
    json!({"expiration": expires.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(), "conditions": conditions}).to_string()
}

fn url(clients: &Clients, bucket: &str) -> String {
    match clients.endpoint() {
        Some(endpoint) => format!("{}/{bucket}", endpoint.as_str().trim_end_matches('/')),
        None => format!("https://{bucket}.s3.{}.amazonaws.com/", clients.region()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Env;

    #[test]
    fn the_policy_pins_key_type_and_size() {
        let env = Env::from_pairs([
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            ("AWS_SESSION_TOKEN", "token"),
        ]);
        let clients = env.load(Clients::from_env).expect("an environment");
        let policy = UploadPolicy {
            key: "uploads/a.zip".into(),
            content_type: "application/zip".into(),
            size_bytes: 1_234,
            sha256_base64: Some("abc=".into()),
            valid_for: SignedDuration::from_mins(15),
        };
        let now = "2026-11-22T09:00:00Z".parse().expect("a time");
        let post = sign(&clients, "bucket", &policy, now);
        assert_eq!(post.url, "https://bucket.s3.us-east-1.amazonaws.com/");
        assert_eq!(
            post.fields["x-amz-credential"],
            "AKIAIOSFODNN7EXAMPLE/20261122/us-east-1/s3/aws4_request"
        );
        assert_eq!(post.fields["x-amz-date"], "20261122T090000Z");

        let document = STANDARD.decode(&post.fields["policy"]).expect("base64");
        let document: serde_json::Value = serde_json::from_slice(&document).expect("JSON");
        assert_eq!(document["expiration"], "2026-11-22T09:15:00.000Z");
        let conditions = document["conditions"].as_array().expect("a list");
        for needed in [
            json!({"bucket": "bucket"}),
            json!({"key": "uploads/a.zip"}),
            json!({"Content-Type": "application/zip"}),
            json!(["content-length-range", 1_234, 1_234]),
            json!({"x-amz-checksum-sha256": "abc="}),
            json!({"x-amz-security-token": "token"}),
        ] {
            assert!(conditions.contains(&needed), "{needed}");
        }
        let key = generate_signing_key(
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            now.into(),
            "us-east-1",
            "s3",
        );
        assert_eq!(
            post.fields["x-amz-signature"],
            calculate_signature(key, post.fields["policy"].as_bytes())
        );
    }
}
