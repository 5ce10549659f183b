//! Objects in memory, versioned like the buckets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Bucket, ObjectError, ObjectRef};

type Versions = Vec<Vec<u8>>;

#[derive(Debug, Clone, Default)]
pub struct MemoryObjects(Arc<Mutex<BTreeMap<(Bucket, String), Versions>>>);

impl MemoryObjects {
    /// Adds a version and names it.
    pub fn put(&self, bucket: Bucket, key: &str, bytes: Vec<u8>) -> String {
        let mut objects = self.lock();
        let versions = objects.entry((bucket, key.to_owned())).or_default();
        versions.push(bytes);
        format!("v{}", versions.len())
    }

    /// The same where nothing has the key yet, as S3 heeds `If-None-Match: *`.
    pub fn put_new(&self, bucket: Bucket, key: &str, bytes: Vec<u8>) -> Result<String, ObjectError> {
        let mut objects = self.lock();
        let versions = objects.entry((bucket, key.to_owned())).or_default();
        if !versions.is_empty() {
            return Err(ObjectError::Exists);
        }
        versions.push(bytes);
        Ok("v1".to_owned())
    }

    /// The bytes and the version they are.
    pub fn get(&self, object: &ObjectRef) -> Result<(Vec<u8>, String), ObjectError> {
        let objects = self.lock();
        let versions = objects
            .get(&(object.bucket, object.key.clone()))
            .ok_or(ObjectError::NotFound)?;
        let number = match &object.version {
            None => versions.len(),
            Some(version) => version
                .strip_prefix('v')
                .and_then(|number| number.parse().ok())
                .ok_or(ObjectError::NotFound)?,
        };
        let bytes = number
            .checked_sub(1)
            .and_then(|index| versions.get(index))
            .ok_or(ObjectError::NotFound)?;
        Ok((bytes.clone(), format!("v{number}")))
    }

    pub fn keys(&self, bucket: Bucket) -> Vec<String> {
        self.lock()
            .keys()
            .filter(|(of, _)| *of == bucket)
            .map(|(_, key)| key.clone())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Bucket, String), Versions>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
