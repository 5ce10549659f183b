//! Objects in S3: uploads by the browser's own POST, artifacts by short-lived link, and what the scanner moves between buckets.
//!
//! Keys are made by the server and passed in whole. A version id pins the bytes that were looked at: what is read, copied or served
//! is named by key *and* version wherever a decision hangs on it.

mod memory;
mod post;

use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use strum::Display;

pub use self::memory::MemoryObjects;
pub use self::post::{PresignedPost, UploadPolicy};
use crate::runtime::Clients;
use crate::runtime::env::{self, Env};

/// Which of the buckets; their names come from the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display)]
pub enum Bucket {
    /// Uploads, not trusted and never served.
    Quarantine,
    /// What has passed the scan.
    Clean,
}

/// One version of one object. Without a version it is whatever is newest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    pub bucket: Bucket,
    pub key: String,
    pub version: Option<String>,
}

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    pub size_bytes: u64,
    pub version: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    #[error("there is no such object")]
    NotFound,
    #[error("the object is larger than {limit_bytes} bytes")]
    TooLarge { limit_bytes: u64 },
    /// Whoever writes only what is new was not the first. What lies there stays as it is.
    #[error("there is an object already")]
    Exists,
    #[error("the object store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[derive(Debug, Clone)]
pub enum Objects {
    S3 {
        clients: Clients,
        quarantine: String,
        clean: String,
    },
    Memory(MemoryObjects),
}

impl Objects {
    pub fn from_env(env: &Env, clients: &Clients) -> Self {
        let (quarantine, clean) = (env.read(&env::QUARANTINE_BUCKET), env.read(&env::CLEAN_BUCKET));
        Self::S3 {
            clients: clients.clone(),
            quarantine,
            clean,
        }
    }

    pub fn memory() -> Self {
        Self::Memory(MemoryObjects::default())
    }

    /// A form with which a browser may upload exactly what the policy says. S3 checks it; nothing passes through a function.
    pub fn presign_upload(&self, bucket: Bucket, policy: &UploadPolicy, now: Timestamp) -> PresignedPost {
        match self {
            Self::S3 { clients, .. } => post::sign(clients, self.bucket_name(bucket), policy, now),
            Self::Memory(_) => post::unsigned(bucket, policy),
        }
    }

    pub async fn head(&self, object: &ObjectRef) -> Result<ObjectHead, ObjectError> {
        match self {
            Self::S3 { clients, .. } => {
                let request = clients
                    .s3()
                    .head_object()
                    .bucket(self.bucket_name(object.bucket))
                    .key(&object.key);
                let head = request
                    .set_version_id(object.version.clone())
                    .send()
                    .await
                    .map_err(failed)?;
                let size_bytes = head
                    .content_length()
                    .and_then(|size| u64::try_from(size).ok())
                    .unwrap_or(0);
                Ok(ObjectHead {
                    size_bytes,
                    version: head.version_id,
                })
            }
            Self::Memory(memory) => memory.get(object).map(|(bytes, version)| ObjectHead {
                size_bytes: bytes.len() as u64,
                version: Some(version),
            }),
        }
    }

    /// The bytes, as long as there are no more than `limit_bytes`: what is larger is refused before it fills the memory.
    pub async fn get(&self, object: &ObjectRef, limit_bytes: u64) -> Result<Vec<u8>, ObjectError> {
        match self {
            Self::S3 { clients, .. } => {
                let request = clients
                    .s3()
                    .get_object()
                    .bucket(self.bucket_name(object.bucket))
                    .key(&object.key);
                let answer = request
                    .set_version_id(object.version.clone())
                    .send()
                    .await
                    .map_err(failed)?;
                collect(answer.body, answer.content_length, limit_bytes).await
            }
            Self::Memory(memory) => match memory.get(object)?.0 {
                bytes if bytes.len() as u64 > limit_bytes => Err(ObjectError::TooLarge { limit_bytes }),
                bytes => Ok(bytes),
            },
        }
    }

    /// Writes an object and names the version it became.
    pub async fn put(
        &self,
        bucket: Bucket,
        key: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<ObjectRef, ObjectError> {
        let version = match self {
            Self::S3 { clients, .. } => {
                let request = clients
                    .s3()
                    .put_object()
                    .bucket(self.bucket_name(bucket))
                    .key(key)
                    .content_type(content_type);
                request
                    .body(ByteStream::from(bytes))
                    .send()
                    .await
                    .map_err(failed)?
                    .version_id
            }
            Self::Memory(memory) => Some(memory.put(bucket, key, bytes)),
        };
        Ok(ObjectRef {
            bucket,
            key: key.to_owned(),
            version,
        })
    }

    /// Copies inside S3, the bytes of exactly this version, where no object has the key: of two who copy at once one is told [`Exists`], so
    /// that a version id which was handed out once stays the current one.
    ///
    /// [`Exists`]: ObjectError::Exists
    pub async fn copy_new(&self, from: &ObjectRef, bucket: Bucket, key: &str) -> Result<ObjectRef, ObjectError> {
        let version = match self {
            Self::S3 { clients, .. } => {
                let source = format!("{}/{}", self.bucket_name(from.bucket), encoded(&from.key));
                let source = from.version.as_ref().map_or(source.clone(), |version| {
                    format!("{source}?versionId={}", encoded(version))
                });
                let request = clients
                    .s3()
                    .copy_object()
                    .bucket(self.bucket_name(bucket))
                    .key(key)
                    .copy_source(source)
                    .if_none_match("*");
                request.send().await.map_err(failed)?.version_id
            }
            Self::Memory(memory) => Some(memory.put_new(bucket, key, memory.get(from)?.0)?),
        };
        Ok(ObjectRef {
            bucket,
            key: key.to_owned(),
            version,
        })
    }

    /// A link that downloads the object under `filename` until it expires.
    pub async fn presign_download(
        &self,
        object: &ObjectRef,
        filename: &str,
        valid_for: Duration,
        now: Timestamp,
    ) -> Result<String, ObjectError> {
        let unavailable = |error: Box<dyn std::error::Error + Send + Sync>| ObjectError::Unavailable(error);
        match self {
            Self::S3 { clients, .. } => {
                let config = PresigningConfig::builder()
                    .start_time(now.into())
                    .expires_in(valid_for)
                    .build();
                let config = config.map_err(|error| unavailable(Box::new(error)))?;
                let request = clients
                    .s3()
                    .get_object()
                    .bucket(self.bucket_name(object.bucket))
                    .key(&object.key);
                let request = request
                    .set_version_id(object.version.clone())
                    .response_content_disposition(attachment(filename));
                let signed = request
                    .response_content_type("application/octet-stream")
                    .presigned(config)
                    .await
                    .map_err(failed)?;
                Ok(signed.uri().to_owned())
            }
            Self::Memory(memory) => {
                let (_, version) = memory.get(object)?;
                let expires = now
                    .as_second()
                    .saturating_add(i64::try_from(valid_for.as_secs()).unwrap_or(i64::MAX));
                Ok(format!(
                    "https://objects.example/{}/{}?versionId={version}&filename={}&expires={expires}",
                    object.bucket,
                    object.key,
                    encoded(filename)
                ))
            }
        }
    }

    fn bucket_name(&self, bucket: Bucket) -> &str {
        match (self, bucket) {
            (Self::S3 { quarantine, .. }, Bucket::Quarantine) => quarantine,
            (Self::S3 { clean, .. }, Bucket::Clean) => clean,
            (Self::Memory(_), _) => "memory",
        }
    }
}

async fn collect(mut body: ByteStream, told_bytes: Option<i64>, limit_bytes: u64) -> Result<Vec<u8>, ObjectError> {
    let too_large = || ObjectError::TooLarge { limit_bytes };
    let told = told_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
    if told > limit_bytes {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(told).unwrap_or(0));
    while let Some(chunk) = body
        .try_next()
        .await
        .map_err(|error| ObjectError::Unavailable(Box::new(error)))?
    {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > limit_bytes {
            return Err(too_large());
        }
    }
    Ok(bytes)
}

/// RFC 6266: a plain name for old readers, the whole one for the rest. Quotes, slashes and control characters cannot get out of it.
fn attachment(filename: &str) -> String {
    let plain: String = filename
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "._- ".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    format!(
        "attachment; filename=\"{plain}\"; filename*=UTF-8''{}",
        encoded(filename)
    )
}

/// Percent-encoding of everything but unreserved characters (RFC 3986) and slashes.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

fn failed<E, R>(error: SdkError<E, R>) -> ObjectError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match error.code() {
        // A version id that is none is "InvalidArgument" or "NoSuchVersion"; HEAD has no body and thus no code but "NotFound".
        Some("NoSuchKey" | "NoSuchVersion" | "NotFound") => ObjectError::NotFound,
        // While another conditional write goes on it is "ConditionalRequestConflict", which says nothing yet: that one is tried again.
        Some("PreconditionFailed") => ObjectError::Exists,
        _ => ObjectError::Unavailable(Box::new(error)),
    }
}

impl From<ObjectError> for crate::http::Problem {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::NotFound => Self::not_found().caused_by(error),
            ObjectError::TooLarge { .. } | ObjectError::Exists => Self::internal(error),
            ObjectError::Unavailable(_) => Self::unavailable(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T09:00:00Z".parse().expect("a time")
    }

    #[tokio::test]
    async fn a_version_pins_the_bytes() {
        let objects = Objects::memory();
        let first = objects
            .put(Bucket::Quarantine, "uploads/a.zip", "application/zip", b"one".to_vec())
            .await
            .expect("written");
        let second = objects
            .put(Bucket::Quarantine, "uploads/a.zip", "application/zip", b"two!".to_vec())
            .await
            .expect("written");
        assert_ne!(first.version, second.version);
        assert_eq!(objects.get(&first, 100).await.expect("read"), b"one");

        let copy = objects
            .copy_new(&first, Bucket::Clean, "artifacts/a.zip")
            .await
            .expect("copied");
        assert_eq!(objects.get(&copy, 3).await.expect("read"), b"one");
        let again = objects.copy_new(&second, Bucket::Clean, "artifacts/a.zip").await;
        assert!(matches!(again, Err(ObjectError::Exists)), "{again:?}");
        let newest = ObjectRef { version: None, ..copy };
        assert_eq!(
            objects.get(&newest, 3).await.expect("read"),
            b"one",
            "nothing is overwritten"
        );
        assert!(matches!(
            objects.get(&second, 3).await,
            Err(ObjectError::TooLarge { limit_bytes: 3 })
        ));
        let gone = ObjectRef {
            bucket: Bucket::Clean,
            key: "none".into(),
            version: None,
        };
        assert!(matches!(objects.head(&gone).await, Err(ObjectError::NotFound)));
        assert!(matches!(
            objects
                .presign_download(&gone, "x", Duration::from_secs(60), now())
                .await,
            Err(ObjectError::NotFound)
        ));
    }

    #[tokio::test]
    async fn a_body_larger_than_told_is_refused_as_well() {
        let body = || ByteStream::from_static(b"12345");
        assert_eq!(collect(body(), Some(5), 5).await.expect("within"), b"12345");
        assert!(matches!(
            collect(body(), Some(5), 4).await,
            Err(ObjectError::TooLarge { .. })
        ));
        assert!(matches!(
            collect(body(), None, 4).await,
            Err(ObjectError::TooLarge { .. })
        ));
    }

    #[test]
    fn a_file_name_cannot_leave_its_header() {
        assert_eq!(
            attachment("a b.zip"),
            "attachment; filename=\"a b.zip\"; filename*=UTF-8''a%20b.zip"
        );
        assert_eq!(
            attachment("a\"\r\nX: ö"),
            "attachment; filename=\"a___X_ _\"; filename*=UTF-8''a%22%0D%0AX%3A%20%C3%B6"
        );
    }
}
