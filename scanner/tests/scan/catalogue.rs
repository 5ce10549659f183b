//! The launch catalogue's own entries pass, and their listings say what their manifests say.

use std::fs;
use std::path::{Path, PathBuf};

use super::check_bytes;
use scanner::{ContentType, Verdict};
use serde::Deserialize;

/// `listing.toml`: what the seeding script sends beside the package.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    title: String,
    summary: String,
    description: String,
    category: String,
    content_type: ContentType,
    tags: Vec<String>,
    price: Price,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    amount_minor: u64,
    currency: String,
}

fn entries() -> Vec<PathBuf> {
    let catalogue = Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalogue");
    let folders = fs::read_dir(catalogue).unwrap().map(|entry| entry.unwrap().path());
    folders.filter(|path| path.join("listing.toml").is_file()).collect()
}

#[test]
fn every_entry_passes() {
    assert!(entries().len() >= 3);
    for entry in entries() {
        let package = scanner::pack(&entry.join("package")).unwrap();
        check_bytes(&package, Verdict::Passed, &[]);
    }
}

#[test]
fn listings_agree_with_their_packages() {
    for entry in entries() {
        let listing: Listing = toml::from_str(&fs::read_to_string(entry.join("listing.toml")).unwrap()).unwrap();
        let report = super::scan(&scanner::pack(&entry.join("package")).unwrap());
        let package = report.manifest.unwrap().package;
        assert_eq!(package.content_type, listing.content_type);
        assert_eq!(Some(&listing.summary), package.summary.as_ref());
        assert_eq!(entry.file_name().unwrap().to_str(), Some(package.name.as_str()));
        assert!(listing.title.len() <= 80 && listing.description.len() >= 200);
        assert!(!listing.category.is_empty() && (3..=10).contains(&listing.tags.len()));
        assert_eq!(listing.price.currency, "EUR");
        assert!(listing.price.amount_minor < 100_000);
    }
}
