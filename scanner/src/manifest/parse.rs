//! From the text of `souk.toml` to a [`Manifest`], or to every reason why not.
//!
//! Two steps: the shape (TOML, known fields, their kinds), which stops at the first mistake and
//! names line and column, then the values, which are all looked at.

use std::collections::{BTreeMap, HashSet};
use std::str::FromStr;

use serde::Deserialize;
use strum::IntoEnumIterator;

use super::metadata::RawMetadata;
use super::{
    Compatibility, ContentType, FILE_NAME, Filesystem, Manifest, Package, PackagedFile, Permissions, Platform, fields,
};
use crate::archive::names;
use crate::report::{Finding, Severity};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    format: i64,
    package: RawPackage,
    compatibility: RawCompatibility,
    #[serde(default)]
    permissions: RawPermissions,
    #[serde(default)]
    metadata: RawMetadata,
    #[serde(default)]
    files: Vec<RawFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPackage {
    name: String,
    publisher: Option<String>,
    version: String,
    content_type: String,
    #[serde(alias = "license")]
    licence: String,
    summary: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCompatibility {
    products: BTreeMap<String, String>,
    #[serde(default)]
    platforms: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawPermissions {
    network: Vec<String>,
    secrets: Vec<String>,
    scopes: Vec<String>,
    filesystem: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    path: String,
    sha256: String,
}

const FORMAT: i64 = 1;
const SUMMARY_CHARS: usize = 160;
/// A list that nobody reads to its end is no consent.
const PERMISSIONS: usize = 50;

pub(crate) fn parse(content: &[u8]) -> Result<Manifest, Vec<Finding>> {
    let refuse = |finding: Finding| vec![finding];
    let Ok(text) = std::str::from_utf8(content) else {
        return Err(refuse(finding(
            "encoding",
            "it is not UTF-8",
            "Save `souk.toml` as UTF-8.",
        )));
    };
    let raw: RawManifest = toml::from_str(text).map_err(|error| refuse(shape(text, &error)))?;
    let mut problems = Problems::default();
    let package = problems.package(raw.package);
    let compatibility = problems.compatibility(raw.compatibility);
    let permissions = problems.permissions(raw.permissions, package.as_ref());
    let content_type = package.as_ref().map(|package| package.content_type);
    let metadata = problems.metadata(raw.metadata, content_type);
    let files = problems.files(raw.files);
    if raw.format != FORMAT {
        problems.add("format", "format", &raw.format.to_string(), "Write `format = 1`.");
    }
    match (package, compatibility, permissions, metadata) {
        (Some(package), Some(compatibility), Some(permissions), Some(metadata)) if problems.0.is_empty() => {
            Ok(Manifest {
                package,
                compatibility,
                permissions,
                metadata,
                files,
            })
        }
        _ => Err(problems.0),
    }
}

fn finding(rule: &str, evidence: &str, remedy: &str) -> Finding {
    Finding::new(format!("manifest.{rule}"), Severity::Reject, remedy)
        .in_file(FILE_NAME)
        .saw(evidence)
}

fn shape(text: &str, error: &toml::de::Error) -> Finding {
    let place = error.span().map(|span| {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (span.start, format!("line {line}, column {column}: "))
    });
    let (offset, place) = place.unwrap_or_default();
    let message = error.message();
    let rule = match message {
        m if m.starts_with("unknown field") => "unknown_field",
        m if m.starts_with("missing field") => "missing_field",
        m if m.starts_with("invalid type") => "wrong_type",
        _ => "syntax",
    };
    let remedy = "Correct `souk.toml` at this place; its fields are described in `souk.schema.json`.";
    finding(rule, &format!("{place}{message}"), remedy).at(offset)
}

/// What is wrong with the values.
#[derive(Default)]
pub(super) struct Problems(Vec<Finding>);

impl Problems {
    pub(super) fn add(&mut self, rule: &str, field: &str, value: &str, remedy: &str) {
        self.0.push(finding(rule, &format!("`{field}` is `{value}`"), remedy));
    }

    /// `value` if it is right, otherwise a problem.
    pub(super) fn need<T>(&mut self, good: Option<T>, rule: &str, field: &str, value: &str, remedy: &str) -> Option<T> {
        if good.is_none() {
            self.add(rule, field, value, remedy);
        }
        good
    }

    fn package(&mut self, raw: RawPackage) -> Option<Package> {
        const SLUG: &str = "Use 3 to 64 lower-case letters, digits and single hyphens, starting with a letter.";
        let name = fields::slug(&raw.name);
        self.need(name, "name", "package.name", &raw.name, SLUG);
        if let Some(publisher) = &raw.publisher {
            self.need(
                fields::slug(publisher),
                "publisher",
                "package.publisher",
                publisher,
                SLUG,
            );
        }
        let version = fields::version(&raw.version);
        let remedy = "Use a semantic version without build metadata, such as `1.4.0` or `2.0.0-beta.1`.";
        let version = self.need(version, "version", "package.version", &raw.version, remedy);
        let content_type = ContentType::from_str(&raw.content_type).ok();
        let remedy = format!("Use one of {}.", names_of::<ContentType>());
        let content_type = self.need(
            content_type,
            "content_type",
            "package.content_type",
            &raw.content_type,
            &remedy,
        );
        if let Err(reason) = fields::licence(&raw.licence) {
            let value = format!("{}` ({reason}) `", raw.licence);
            let remedy =
                "Use an SPDX licence expression, such as `CC-BY-4.0`, `MIT OR Apache-2.0` or `LicenseRef-Commercial`.";
            self.add("licence", "package.licence", value.trim_end_matches([' ', '`']), remedy);
        }
        if let Some(summary) = &raw.summary {
            let remedy = "Use one sentence of at most 160 characters, without control or invisible characters.";
            let good = fields::text(summary, SUMMARY_CHARS);
            self.need(good, "summary", "package.summary", summary, remedy);
        }
        Some(Package {
            name: raw.name,
            publisher: raw.publisher,
            version: version?,
            content_type: content_type?,
            licence: raw.licence,
            summary: raw.summary,
        })
    }

    fn compatibility(&mut self, raw: RawCompatibility) -> Option<Compatibility> {
        let mut products = BTreeMap::new();
        if raw.products.is_empty() {
            let remedy = "Name at least one product, such as `daiw = \">=1.0\"`.";
            self.add("compatibility", "compatibility.products", "empty", remedy);
        }
        for (product, versions) in raw.products {
            let good = fields::slug(&product).and_then(|()| semver::VersionReq::parse(&versions).ok());
            let field = format!("compatibility.products.{product}");
            let remedy = "Use a product's name and a version requirement, such as `daiw = \">=1.0, <3\"`.";
            if let Some(versions) = self.need(good, "compatibility", &field, &versions, remedy) {
                products.insert(product, versions);
            }
        }
        let platforms: Vec<Platform> = raw
            .platforms
            .iter()
            .filter_map(|name| {
                let remedy = format!("Use some of {}.", names_of::<Platform>());
                let good = Platform::from_str(name).ok();
                self.need(good, "platform", "compatibility.platforms", name, &remedy)
            })
            .collect();
        self.once("compatibility.platforms", &raw.platforms);
        Some(Compatibility { products, platforms })
    }

    fn permissions(&mut self, raw: RawPermissions, package: Option<&Package>) -> Option<Permissions> {
        type Form = fn(&str) -> Option<()>;
        let lists: [(&str, &[String], Form, &str); 3] = [
            (
                "permissions.network",
                &raw.network,
                fields::host,
                "Use host names such as `api.example.com` or `*.example.com`, without scheme, port or address.",
            ),
            (
                "permissions.secrets",
                &raw.secrets,
                fields::secret_name,
                "Use names such as `OPENAI_API_KEY`, never the secrets themselves.",
            ),
            (
                "permissions.scopes",
                &raw.scopes,
                fields::scope,
                "Use `resource:action`, such as `conversations:read`.",
            ),
        ];
        for (field, values, form, remedy) in lists {
            if values.len() > PERMISSIONS {
                let remedy = "Ask for at most 50; a customer has to read and grant each.";
                self.add("permission", field, &format!("a list of {}", values.len()), remedy);
            }
            for value in values {
                self.need(form(value), "permission", field, value, remedy);
            }
            self.once(field, values);
        }
        let filesystem = match &raw.filesystem {
            None => Some(Filesystem::None),
            Some(name) => {
                let remedy = format!("Use one of {}.", names_of::<Filesystem>());
                let good = Filesystem::from_str(name).ok();
                self.need(good, "permission", "permissions.filesystem", name, &remedy)
            }
        }?;
        let permissions = Permissions {
            network: raw.network,
            secrets: raw.secrets,
            scopes: raw.scopes,
            filesystem,
        };
        if let Some(package) = package.filter(|p| !p.content_type.is_program() && !permissions.is_empty()) {
            let remedy = "Remove `[permissions]`: content of this type does not act.";
            self.add(
                "permission",
                "package.content_type",
                package.content_type.name(),
                remedy,
            );
        }
        Some(permissions)
    }

    fn files(&mut self, raw: Vec<RawFile>) -> Vec<PackagedFile> {
        let mut seen = HashSet::new();
        for file in &raw {
            let path_ok =
                names::broken_rules(&file.path).is_empty() && !file.path.ends_with('/') && file.path != FILE_NAME;
            let remedy =
                "List files by their path inside the package, `/` between folders, without `souk.toml` itself.";
            self.need(path_ok.then_some(()), "file_path", "files.path", &file.path, remedy);
            let remedy = "Use the SHA-256 of the file's content in 64 lower-case hexadecimal digits.";
            self.need(
                fields::sha256(&file.sha256),
                "file_hash",
                "files.sha256",
                &file.sha256,
                remedy,
            );
            if !seen.insert(&file.path) {
                self.add("file_twice", "files.path", &file.path, "List each file once.");
            }
        }
        raw.into_iter()
            .map(|file| PackagedFile {
                path: file.path,
                sha256: file.sha256,
            })
            .collect()
    }

    pub(super) fn once(&mut self, field: &str, values: &[String]) {
        let mut seen = HashSet::new();
        if let Some(twice) = values.iter().find(|value| !seen.insert(*value)) {
            self.add("repeated", field, twice, "Name each once.");
        }
    }
}

pub(crate) fn names_of<T: IntoEnumIterator + Into<&'static str>>() -> String {
    T::iter()
        .map(|value| format!("`{}`", value.into()))
        .collect::<Vec<_>>()
        .join(", ")
}
