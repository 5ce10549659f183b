//! Listings to test with, and a shop that walks versions through their life by the rules alone.

use std::cell::Cell;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Act, Arrival, Card, Case, Category, Content, ContentType, DecisionRequest, HandedIn, ListedAct, ListedError,
    Listing, NewVersion, Occasion, Publication, PublishError, Published, ReasonCode, Requested, Reviewer, Scanned,
    Scene, Seller, Sitting, Submission, Upload, UploadRequest, Version, YankError, YankReason, YankRequest, arrive,
    conclude, create, decide, new_version, publish, request_upload, rule_on, submit, yank,
};
use crate::ids::{CaseId, Id, PartnerId, UserId, VersionId};
use crate::money::{Currency, Money};
use crate::scan::{Contents, Summary, Verdict};
use crate::seed::Seed;

pub fn now() -> Timestamp {
    Timestamp::constant(1_795_338_000, 0)
}

/// A different seed for every number.
pub fn seed(number: u64) -> Seed {
    Seed::of(&UserId::from_uuid(uuid::Uuid::from_u64_pair(
        0x019a_b3c4_d5e6_7000,
        0x8000_0000_0000_0000 | number,
    )))
}

pub fn author() -> UserId {
    seed(0).id("author")
}

pub fn reviewer() -> Reviewer {
    Reviewer {
        user: seed(0).id("reviewer"),
        of_the_team: false,
    }
}

pub fn partner() -> PartnerId {
    seed(0).id("partner")
}

pub fn seller() -> Seller {
    Seller {
        partner: partner(),
        name: "Nordlicht Audio".into(),
    }
}

pub fn occasion(seed: &Seed) -> Occasion<'_> {
    Occasion {
        by: author(),
        now: now(),
        seed,
    }
}

pub fn content() -> Content {
    Content {
        title: "Warm Tape Pads".into(),
        summary: "Forty slow pads, recorded to tape.".into(),
        description: "# Warm Tape Pads\n\nForty pads with long tails.".into(),
        category: Category::Presets,
        content_type: ContentType::SynthPreset,
        price: Money::new(1299, Currency::EUR),
        tags: vec!["warm".into(), "ambient".into()],
    }
}

/// What the package of it holds.
pub fn contents() -> Contents {
    let files = [("README.md", "aa"), ("presets/pad.json", "bb")];
    Contents {
        declared: serde_json::json!({
            "package": { "name": "warm-tape-pads", "version": "1.0.0", "licence": "CC-BY-4.0" },
            "permissions": { "network": [], "scopes": [] },
        }),
        files: files.map(|(path, hash)| (path.to_owned(), hash.repeat(32))).into(),
    }
}

/// What a shelf shows of it.
pub fn card() -> Card {
    let content = content();
    Card {
        listing: listing().id,
        partner: partner(),
        partner_name: seller().name,
        title: content.title,
        summary: content.summary,
        category: content.category,
        content_type: content.content_type,
        price: content.price,
        tags: content.tags,
        number: version().number,
        published_at: now(),
    }
}

pub fn listing() -> Listing {
    create(partner(), author(), content(), Currency::EUR, now(), &seed(1)).expect("a good listing")
}

pub fn version() -> Version {
    let request = NewVersion {
        number: "1.0.0".into(),
        notes: "First.".into(),
    };
    new_version(&listing(), author(), &request, now(), &seed(2))
        .expect("a good version")
        .1
}

pub fn requested() -> (Version, Upload) {
    let request = UploadRequest {
        size_bytes: passed().size_bytes,
        sha256: None,
    };
    let Requested { version, upload, .. } =
        request_upload(&version(), author(), &request, now(), &seed(3)).expect("a draft");
    (version, upload)
}

pub fn upload() -> Upload {
    requested().1
}

/// What a scan says that found nothing.
pub fn passed() -> Summary {
    Summary {
        verdict: Verdict::Passed,
        reason_codes: Vec::new(),
        ruleset: "rules-1".into(),
        sha256: "5e".repeat(32),
        size_bytes: 48_213,
        at: now(),
    }
}

fn scanned(summary: Summary, clean: Option<&str>) -> Scanned {
    let (version, upload) = requested();
    let Arrival::Begin(version) = arrive(&version, &upload, "q-1", now()) else {
        panic!("the first bytes are scanned")
    };
    conclude(&listing(), &version, &upload, "q-1", summary, clean, &seed(4)).expect("the bytes that arrived")
}

/// A version whose package is held.
pub fn held() -> Scanned {
    let summary = Summary {
        verdict: Verdict::Quarantined,
        reason_codes: vec!["pdf.script".into()],
        ..passed()
    };
    scanned(summary, None)
}

pub fn submitted() -> HandedIn {
    let version = scanned(passed(), Some("c-1")).version;
    submit(&listing(), &version, &[], Currency::EUR, occasion(&seed(4))).expect("handed in")
}

pub fn sitting(reviewer: Reviewer, seed: &Seed) -> Sitting<'_> {
    Sitting {
        reviewer,
        owner: author(),
        now: now(),
        seed,
    }
}

pub fn approval() -> DecisionRequest<Act> {
    DecisionRequest {
        act: Act::Approve,
        reason_code: None,
        note: String::new(),
    }
}

/// One listing with all that belongs to it, as a store would hold it.
#[derive(Debug, Clone)]
pub struct Shop {
    pub listing: Listing,
    pub versions: Vec<Version>,
    pub submissions: BTreeMap<VersionId, Submission>,
    pub published: Option<Published>,
    /// Of what is suspended.
    pub cases: BTreeMap<CaseId, Case>,
    /// Who decides.
    pub reviewer: Reviewer,
    seeds: Cell<u64>,
}

impl Default for Shop {
    fn default() -> Self {
        Self::new()
    }
}

impl Shop {
    pub fn new() -> Self {
        Self {
            listing: listing(),
            versions: Vec::new(),
            submissions: BTreeMap::new(),
            published: None,
            cases: BTreeMap::new(),
            reviewer: reviewer(),
            seeds: Cell::new(100),
        }
    }

    pub fn seed(&self) -> Seed {
        self.seeds.set(self.seeds.get() + 1);
        seed(self.seeds.get())
    }

    /// The number of the version that the public sees.
    pub fn seen(&self) -> Option<String> {
        self.published
            .as_ref()
            .map(|published| published.latest.number.to_string())
    }

    /// Walks a new version as far as its approval; returns its place.
    pub fn approved(&mut self, number: &str) -> usize {
        let request = NewVersion {
            number: number.into(),
            notes: String::new(),
        };
        let (listing, version) =
            new_version(&self.listing, author(), &request, now(), &self.seed()).expect("a good version");
        let request = UploadRequest {
            size_bytes: passed().size_bytes,
            sha256: None,
        };
        let Requested { version, upload, .. } =
            request_upload(&version, author(), &request, now(), &self.seed()).expect("a draft");
        let Arrival::Begin(version) = arrive(&version, &upload, "q-1", now()) else {
            panic!("the first bytes are scanned")
        };
        let seed = self.seed();
        let version = conclude(&listing, &version, &upload, "q-1", passed(), Some("c-1"), &seed)
            .expect("passed")
            .version;
        let HandedIn {
            version,
            submission,
            case,
        } = submit(&self.listing, &version, &[], Currency::EUR, occasion(&self.seed())).expect("passed");
        let seed = self.seed();
        let sitting = sitting(reviewer(), &seed);
        let reviewed = decide(&submission, &version, Some(&case), (&approval(), None), &sitting).expect("in review");
        self.listing = listing;
        self.submissions.insert(version.id, reviewed.submission);
        self.versions.push(reviewed.version);
        self.versions.len() - 1
    }

    pub fn publish(&mut self, version: usize) -> Result<(), PublishError> {
        let seed = self.seed();
        let submission = &self.submissions[&self.versions[version].id];
        let change = publish(
            &self.listing,
            &self.versions[version],
            submission,
            self.published.as_ref(),
            &seller(),
            occasion(&seed),
        )?;
        self.keep(version, change);
        Ok(())
    }

    pub fn yank(&mut self, number: &str) -> Result<(), YankError> {
        let (place, seed) = (self.place(number), self.seed());
        let request = YankRequest {
            reason: YankReason::Withdrawn,
            note: String::new(),
        };
        let version = &self.versions[place];
        let Some(current) = &self.published else {
            return Err(YankError::NotPublished(version.status()));
        };
        let next = self.next_best(version);
        let change = yank(&self.listing, version, current, next, &request, occasion(&seed))?;
        self.keep(place, change);
        Ok(())
    }

    pub fn rule_on(
        &mut self,
        number: &str,
        act: ListedAct,
        reason_code: ReasonCode,
        rules: &[String],
    ) -> Result<Publication, ListedError> {
        let (place, seed) = (self.place(number), self.seed());
        let request = DecisionRequest {
            act,
            reason_code: Some(reason_code),
            note: "We looked at it.".into(),
        };
        let version = &self.versions[place];
        let case = version.suspension_case().map(|case| &self.cases[&case]);
        let scene = Scene {
            current: self.published.as_ref(),
            submission: &self.submissions[&version.id],
            next: self.next_best(version),
            seller: &seller(),
        };
        let sitting = sitting(self.reviewer, &seed);
        let change = rule_on(&self.listing, version, scene, case, (&request, rules), &sitting)?;
        self.keep(place, change.clone());
        Ok(change)
    }

    fn place(&self, number: &str) -> usize {
        let place = self
            .versions
            .iter()
            .position(|version| version.number.to_string() == number);
        place.expect("a version of the shop")
    }

    fn next_best(&self, gone: &Version) -> Option<(&Version, &Submission)> {
        let live = self
            .versions
            .iter()
            .filter(|other| other.is_live() && other.id != gone.id);
        let next = live.max_by_key(|other| &other.number);
        next.map(|next| (next, &self.submissions[&next.id]))
    }

    fn keep(&mut self, version: usize, change: Publication) {
        self.cases.extend(change.opens.map(|case| (case.id, case)));
        self.versions[version] = change.version;
        self.listing = change.listing;
        self.published = change.published;
    }
}
