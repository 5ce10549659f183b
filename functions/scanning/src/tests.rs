//! Deliveries of every kind, with the real engine and its real rules.

mod appeals;
mod deliveries;
mod events;
mod policies;
mod rescans;
mod verdicts;

use std::fs;
use std::sync::{Arc, LazyLock};

use scanner::{Config, Engine};
use shared::listing::{ContentType, Listing, Status, Upload, UploadRequest, Version, request_upload, sample};
use shared::objects::{Bucket, ObjectRef, Objects};
use shared::queues::Queues;
use shared::runtime::{Delivery, Failure};
use shared::scan::Check;
use shared::store::{Store, TableName, Write, catalogue, keys};

use crate::{Context, Notification, handle};

static RULES: LazyLock<Vec<u8>> = LazyLock::new(|| scanner::compile_rules().expect("the rules compile"));
static ENGINE: LazyLock<Arc<Engine>> =
    LazyLock::new(|| Arc::new(Engine::new(Config::new(RULES.clone())).expect("the rules load")));

/// A file of MIDI without a note.
const MIDI: &[u8] = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0MTrk\x00\x00\x00\x04\x00\xff\x2f\x00";
/// eicar.org: what every scanner must find, in two halves so that none finds it here.
const EICAR: [&str; 2] = [
    r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-",
    "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*",
];
const MAX_RECEIVES: u32 = 4;

/// One version that waits for the package of one upload.
struct World {
    context: Context,
    listing: Listing,
    version: Version,
    upload: Upload,
}

impl World {
    /// That waits for these bytes.
    async fn new(package: &[u8]) -> Self {
        Self::announced(package.len() as u64, None).await
    }

    async fn announced(size_bytes: u64, sha256: Option<String>) -> Self {
        let engine = Some(Arc::clone(&ENGINE));
        let context = Context {
            store: Store::memory(),
            objects: Objects::memory(),
            queues: Queues::memory(),
            engine,
            max_receives: MAX_RECEIVES,
        };
        let mut listing = sample::listing();
        listing.content.content_type = ContentType::GrooveTemplate;
        catalogue::create_listing(&context.store, &listing)
            .await
            .expect("written");
        let (version, request) = (sample::version(), UploadRequest { size_bytes, sha256 });
        let key = keys::version(version.listing, version.id);
        context
            .store
            .write(Write::create(key, &version).expect("an item"))
            .await
            .expect("written");
        let asked = request_upload(&version, sample::author(), &request, sample::now(), &sample::seed(3));
        let requested = asked.expect("a draft");
        catalogue::request_upload(&context.store, &requested, 1)
            .await
            .expect("written");
        Self {
            context,
            listing,
            version: requested.version,
            upload: requested.upload,
        }
    }

    /// Puts bytes under the upload's key; names the object's version.
    async fn post(&self, package: &[u8]) -> String {
        let key = self.upload.key().to_string();
        let put = self
            .context
            .objects
            .put(Bucket::Quarantine, &key, "application/zip", package.to_vec());
        put.await.expect("written").version.expect("versioned")
    }

    async fn deliver(&self, object_version: &str, receives: u32) -> Result<(), Failure> {
        let key = self.upload.key().to_string();
        handle(
            &self.context,
            delivery(&notification(&key, Some(object_version)), receives),
        )
        .await
    }

    async fn now(&self) -> Version {
        let version = catalogue::version(&self.context.store, self.listing.id, self.version.id).await;
        version.expect("read").expect("stored").value
    }

    async fn status(&self) -> Status {
        self.now().await.status()
    }

    async fn checks(&self) -> Vec<Check> {
        catalogue::checks(&self.context.store, self.version.id, self.upload.id)
            .await
            .expect("read")
    }

    fn clean(&self) -> Vec<String> {
        let Objects::Memory(objects) = &self.context.objects else {
            panic!("objects are in memory")
        };
        objects.keys(Bucket::Clean)
    }

    async fn clean_bytes(&self, key: &str, version: &str) -> Vec<u8> {
        let object = ObjectRef {
            bucket: Bucket::Clean,
            key: key.to_owned(),
            version: Some(version.to_owned()),
        };
        self.context.objects.get(&object, 1 << 20).await.expect("there")
    }

    /// Everything that is stored, to see that nothing changed.
    fn stored(&self) -> String {
        let mut items: Vec<_> = self
            .context
            .store
            .as_memory()
            .expect("in memory")
            .scan(TableName::Catalogue);
        items.sort_by_key(|item| format!("{:?}{:?}", item.get("pk"), item.get("sk")));
        let sorted = items
            .into_iter()
            .map(|item| item.into_iter().collect::<std::collections::BTreeMap<_, _>>());
        format!("{:#?}", sorted.collect::<Vec<_>>())
    }

    /// Posts the bytes, delivers the notification, and tells how it ended and why.
    async fn scanned(package: &[u8]) -> (Status, Vec<String>) {
        let world = Self::new(package).await;
        let object = world.post(package).await;
        world.deliver(&object, 1).await.expect("scanned");
        let version = world.now().await;
        assert_eq!(
            version.artifact().is_some(),
            !world.clean().is_empty(),
            "only what passed is clean"
        );
        (version.status(), version.reason_codes().to_vec())
    }
}

/// What S3 says of an object.
fn notification(key: &str, version: Option<&str>) -> String {
    let object = match version {
        Some(version) => serde_json::json!({"key": key, "versionId": version, "size": 1}),
        None => serde_json::json!({"key": key}),
    };
    serde_json::json!({"Records": [{"eventName": "ObjectCreated:Post", "s3": {"object": object}}]}).to_string()
}

fn delivery(body: &str, receives: u32) -> Delivery<Notification> {
    let message = serde_json::from_str(body).expect("a notification");
    Delivery {
        message,
        seed: sample::seed(77),
        now: sample::now(),
        receives,
        id: "message-1".into(),
    }
}

/// An honest package of grooves.
fn groove() -> Vec<u8> {
    package(
        "1.0.0",
        "groove-template",
        &[("README.md", b"# Grooves\n"), ("grooves/one.mid", MIDI)],
    )
}

fn package(version: &str, content_type: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = format!(
        "format = 1\n\n[package]\nname = \"slow-grooves\"\nversion = \"{version}\"\ncontent_type = \"{content_type}\"\n\
         licence = \"CC-BY-4.0\"\n\n[compatibility.products]\ndaiw = \">=1.0\"\n\n[[metadata.pieces]]\nfile = \"grooves/one.mid\"\nbpm = 120\nmeter = \"4/4\"\nbars = 1\n"
    );
    for (path, content) in [("souk.toml", manifest.as_bytes())].iter().chain(files) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder above")).expect("made");
        fs::write(path, content).expect("written");
    }
    scanner::pack(folder.path()).expect("packed")
}
