//! A market with something in it: partners who may sell and be paid, listings that are on sale.

use jiff::SignedDuration;

use super::world::TestWorld;
use crate::ids::{ListingId, PartnerId, UserId, VersionId};
use crate::listing::{Artifact, Category, Content, ContentType, Published, Release};
use crate::money::Money;
use crate::objects::Bucket;
use crate::partner::account::connect;
use crate::partner::agreement::{CURRENT_VERSION, accept};
use crate::partner::apply::apply;
use crate::partner::decide::decide;
use crate::partner::destination::name_receiver;
use crate::partner::{
    AccountReport, Act, Application, Country, Decision, Partner, PartnerName, PayPalAddress, SupportEmail,
};
use crate::seed::Seed;
use crate::store::catalogue::browse::reindex;
use crate::store::catalogue::lookalikes::renamed;
use crate::store::{Write, keys, partners};

/// The bytes of every package in this market.
pub const PACKAGE: &[u8] = b"the bytes of a package";

impl TestWorld {
    /// A partner who has gone all the way: approved, agreement accepted, account `acct_<label>` connected and able to be paid.
    /// The person `label` owns it.
    pub async fn seller(&self, label: &str) -> PartnerId {
        let applied = self.applicant(label).await;
        let act = || Act {
            actor: applied.owner,
            now: self.now(),
            seed: self.seed(),
        };
        let report = AccountReport {
            account: format!("acct_{label}"),
            details_submitted: true,
            transfers_active: true,
            payouts_enabled: true,
            ..AccountReport::default()
        };
        let approved = decide(&applied, &Decision::Approve { evidence: None }, act()).expect("an applicant");
        let agreed = accept(&approved.partner, CURRENT_VERSION, act()).expect("the current agreement");
        let connected = connect(&agreed.partner, &report, act()).expect("no account yet");
        self.change_partner(&connected.partner).await;
        self.take_messages();
        connected.partner.id
    }

    /// A partner who has applied and waits to be approved.
    pub async fn applicant(&self, label: &str) -> Partner {
        let act = Act {
            actor: self.user(label).await,
            now: self.now(),
            seed: self.seed(),
        };
        let application = Application {
            name: PartnerName::parse(&format!("Sounds of {label}")).expect("a name"),
            country: Country::parse("DE").expect("a country"),
            support_email: SupportEmail::parse("help@sounds.example").expect("an address"),
            website: None,
            about: "Sounds for slow music, made by hand.".to_owned(),
        };
        let applied = apply(application, act);
        partners::create(&self.store, &applied).await.expect("a new partner");
        self.take_messages();
        applied.partner
    }

    /// The partner is paid to this receiver at PayPal from now on.
    pub async fn paid_by_paypal(&self, partner: PartnerId, address: &str) {
        let act = Act {
            actor: self.user("owner").await,
            now: self.now(),
            seed: self.seed(),
        };
        let partner = partners::load(&self.store, partner)
            .await
            .expect("memory does not fail");
        let address = PayPalAddress::parse(address).expect("an address");
        let named = name_receiver(&partner.expect("a partner"), address, None, SignedDuration::ZERO, act)
            .expect("not rejected");
        self.change_partner(&named.expect("another receiver").partner).await;
        self.take_messages();
    }

    /// Suspends the partner: nothing of theirs is sold or paid out.
    pub async fn suspend(&self, partner: PartnerId) {
        let act = Act {
            actor: self.user("operator").await,
            now: self.now(),
            seed: self.seed(),
        };
        let partner = partners::load(&self.store, partner)
            .await
            .expect("memory does not fail")
            .expect("a partner");
        let reason = crate::partner::HoldReason::FraudSuspected;
        let decision = Decision::Suspend {
            reason,
            evidence: "Chargebacks on nine of ten sales.".into(),
        };
        let suspended = decide(&partner, &decision, act).expect("an approved partner");
        self.change_partner(&suspended.partner).await;
        self.take_messages();
    }

    async fn change_partner(&self, partner: &Partner) {
        let key = keys::partner(partner.id);
        let before = self
            .store
            .get::<Partner>(&key)
            .await
            .expect("memory does not fail")
            .expect("a partner");
        let write = Write::replace(key, partner, before.revision).expect("a partner is an item");
        let write = write.indexed(keys::partner_by_status(&partner.status.to_string(), partner.id));
        self.store.write(write).await.expect("nobody else writes");
    }

    /// A listing that anybody may buy now.
    pub async fn on_sale(&self, partner: PartnerId, title: &str, price: Money) -> ListingId {
        let seed = self.seed();
        let mut published = published(seed, partner, title, price);
        let artifact = &mut published.latest.artifact;
        let stored = self
            .objects
            .put(Bucket::Clean, &artifact.object_key, "application/zip", PACKAGE.to_vec())
            .await;
        artifact.object_version = stored
            .expect("memory does not fail")
            .version
            .expect("buckets are versioned");
        let listing = published.listing;
        let mut writes = reindex(None, Some(&published)).expect("an index");
        let named = renamed(&self.store, None, Some(&published)).await;
        writes.extend(named.expect("memory does not fail"));
        writes.push(Write::create(keys::published(listing), &published).expect("an item"));
        self.store.transact(writes).await.expect("a new listing");
        self.take_messages();
        listing
    }

    /// The customer that the person `name` is.
    pub async fn customer(&self, name: &str) -> UserId {
        self.user(name).await
    }
}

/// A listing as the public sees it, its package described but not stored.
pub fn published(seed: Seed, partner: PartnerId, title: &str, price: Money) -> Published {
    Published {
        listing: seed.id("listing"),
        partner,
        partner_name: "Sounds".to_owned(),
        content: Content {
            title: title.to_owned(),
            summary: "Sounds for slow music.".to_owned(),
            description: "Made by hand, *slowly*.".to_owned(),
            category: Category::Presets,
            content_type: ContentType::SynthPreset,
            price,
            tags: vec!["slow".to_owned()],
        },
        latest: Release {
            version: seed.id::<VersionId>("version"),
            number: semver::Version::new(1, 0, 0),
            artifact: Artifact {
                object_key: format!("artifacts/{}.zip", seed.id::<VersionId>("version")),
                object_version: String::new(),
                sha256: "0".repeat(64),
                size_bytes: PACKAGE.len() as u64,
            },
            published_at: "2026-11-01T09:00:00Z".parse().expect("a time"),
        },
    }
}
