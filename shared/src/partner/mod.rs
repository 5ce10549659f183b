//! Partners: those who sell through Souk, how they are let in, and every reason why something of theirs is held back.
//!
//! ```text
//!            approve                  suspend
//!  applied ───────────▶ approved ───────────────▶ suspended
//!    ▲ │                    ◀───────────────────────┘
//!    │ │ reject                     reinstate
//!    │ ▼
//!  rejected            reopen: back to applied, to be reviewed again
//! ```
//!
//! Nothing is ever silently "under review": whatever a partner cannot do has a [`Hold`] with a reason code, evidence and the day by
//! which somebody must have acted. A partner who is not approved has at least one open hold that blocks everything.
//!
//! Every operation is a pure function from the partner as it is, the input, `now` and a [`Seed`] to a [`Change`]; the store writes
//! the partner, its audit entry and its messages in one transaction. This module owns no listing, order or balance: those ask
//! [`Partner::hold_on`] whether they may go on.

pub mod account;
pub mod agreement;
pub mod apply;
pub mod bank;
pub mod country;
pub mod decide;
pub mod destination;
pub mod group;
pub mod hold;
pub mod payout_terms;
pub mod profile;
pub mod release;
pub mod team;
pub mod trust;
pub mod working_days;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use account::{AccountReport, PayoutAccount};
pub use agreement::Acceptance;
pub use country::Country;
pub use decide::Decision;
pub use destination::{Destination, PayPalReceiver};
pub use group::Group;
pub use hold::{Block, EndedBy, Hold, HoldReason, Release, WaitsFor};
pub use payout_terms::PayoutTerms;
pub use profile::{Application, PartnerName, PayPalAddress, SupportEmail, Website};
pub use trust::Trust;

use crate::audit::AuditEvent;
use crate::ids::{PartnerId, ReceiverId, UserId};
use crate::messages::{Envelope, Message, Notice, PartnerNews};
use crate::seed::Seed;

/// Resolved holds stay on the partner as its history; what privileged people did is in the audit entries as well. More than this
/// many would grow the item without end (DynamoDB: 400 KiB), so the oldest resolved ones go.
const MAX_RESOLVED_HOLDS: usize = 50;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    pub id: PartnerId,
    pub name: PartnerName,
    pub country: Country,
    /// Where customers of the partner find help; shown to the public, so it is no person's private address.
    pub support_email: SupportEmail,
    pub website: Option<Website>,
    /// What the partner wants to sell, in the words of the application.
    pub about: String,
    pub status: Status,
    pub created_at: Timestamp,
    /// Whom notices go to.
    pub owner: UserId,
    /// Others who may do what the owner may; the first of them follows when the owner leaves.
    pub co_owners: Vec<UserId>,
    /// Who was an owner and is not any more, while they still answer for what the partner owes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_owners: Vec<FormerOwner>,
    /// Owners included.
    pub team_size: u32,
    /// The version of the agreement that an owner accepted last.
    pub agreement: Option<Acceptance>,
    pub holds: Vec<Hold>,
    /// The account at Stripe. It is kept, and not paid to, while there is a receiver at PayPal.
    pub payout_account: Option<PayoutAccount>,
    /// Who is paid at PayPal instead: one of `paypal_receivers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paypal_receiver: Option<ReceiverId>,
    /// Everybody who was named there, the newest last: payouts to former ones may be under way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paypal_receivers: Vec<PayPalReceiver>,
    /// Whom the partner is treated like, by the rules that are made for groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    pub payout_terms: PayoutTerms,
    /// Whether clean patches are approved without anybody looking at them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<Trust>,
}

/// Somebody who has left the partner, or is no longer its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerOwner {
    pub user: UserId,
    pub left_at: Timestamp,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema, strum::Display, strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    Applied,
    Approved,
    Suspended,
    Rejected,
}

/// What an operation decided: to be written together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub partner: Partner,
    /// `None` where nobody acted, but the processor told something.
    pub audit: Option<AuditEvent>,
    pub messages: Vec<Envelope>,
}

/// Who does something to a partner, when, and where the ids of it come from.
#[derive(Debug, Clone, Copy)]
pub struct Act {
    pub actor: UserId,
    pub now: Timestamp,
    pub seed: Seed,
}

impl Act {
    /// The one audit entry of this act. Its id is also how a retried request recognises that it has been done.
    pub fn audit_id(&self) -> crate::ids::AuditId {
        self.seed.id("audit")
    }

    fn audit(&self, action: &str, subject: &impl ToString) -> AuditEvent {
        AuditEvent {
            id: self.audit_id(),
            at: self.now,
            actor: self.actor,
            action: action.to_owned(),
            subject: subject.to_string(),
            reason_code: None,
            evidence: None,
        }
    }
}

impl Partner {
    /// The first open hold that keeps the partner from doing this.
    pub fn hold_on(&self, block: Block) -> Option<&Hold> {
        self.holds_on(block).next()
    }

    /// The open holds that keep the partner from doing this. Those that end by themselves keep nobody from anything but being paid: ask
    /// [`Self::payout_hold`] for that.
    pub fn holds_on(&self, block: Block) -> impl Iterator<Item = &Hold> {
        let open = self.holds.iter().filter(|hold| hold.resolved_at.is_none());
        open.filter(move |hold| hold.blocks.contains(&block))
    }

    /// The first open hold that keeps the partner from being paid now, where it would be paid now.
    pub fn payout_hold(&self, now: Timestamp) -> Option<&Hold> {
        self.payout_holds(now).next()
    }

    pub fn payout_holds(&self, now: Timestamp) -> impl Iterator<Item = &Hold> {
        self.open_holds(now)
            .filter(|hold| hold.blocks.contains(&Block::Payout) && self.is_concerned_by(hold))
    }

    pub fn open_holds(&self, now: Timestamp) -> impl Iterator<Item = &Hold> {
        self.holds.iter().filter(move |hold| hold.is_open(now))
    }

    /// What a bank or a receiver did not take concerns nobody who is paid elsewhere; it does again once they come back to it.
    fn is_concerned_by(&self, hold: &Hold) -> bool {
        match hold.reason_code.origin() {
            hold::Origin::Bank => self.paypal_receiver.is_none(),
            hold::Origin::Receiver => self.paypal_receiver.is_some(),
            _ => true,
        }
    }

    fn is_held_by(&self, origin: hold::Origin, now: Timestamp) -> bool {
        self.open_holds(now).any(|hold| hold.reason_code.origin() == origin)
    }

    pub fn is_owner(&self, user: UserId) -> bool {
        self.owner == user || self.co_owners.contains(&user)
    }

    fn open(&mut self, hold: Hold) {
        self.holds.push(hold);
    }

    /// Resolves the open holds that `which` chooses.
    fn resolve(&mut self, now: Timestamp, which: impl Fn(&Hold) -> bool) {
        for hold in &mut self.holds {
            hold.resolved_at = match hold.ended_at(now) {
                None if which(hold) => Some(now),
                ended => ended,
            };
        }
        let surplus = self
            .holds
            .iter()
            .filter(|hold| !hold.is_open(now))
            .count()
            .saturating_sub(MAX_RESOLVED_HOLDS);
        let mut gone = 0;
        self.holds.retain(|hold| {
            let goes = !hold.is_open(now) && gone < surplus;
            gone += usize::from(goes);
            !goes
        });
    }

    pub fn owners(&self) -> impl Iterator<Item = UserId> {
        std::iter::once(self.owner).chain(self.co_owners.iter().copied())
    }

    /// A mail to each owner, and to `former` ones, about what decides who works for the partner and who is paid: whoever has stolen an
    /// owner's sign-in would change that first.
    fn notices(&self, former: impl IntoIterator<Item = UserId>, seed: Seed, news: PartnerNews) -> Vec<Envelope> {
        let told: BTreeSet<UserId> = self.owners().chain(former).collect();
        let letter = |user: UserId| {
            let notice = Notice::Partner { news };
            let message = Message::PartnerNotice {
                partner: self.id,
                user,
                notice,
            };
            Envelope::new(seed.id(&format!("notice {user}")), message)
        };
        told.into_iter().map(letter).collect()
    }

    /// A mail to the owner.
    fn notice(&self, seed: Seed, news: PartnerNews) -> Envelope {
        let notice = Notice::Partner { news };
        Envelope::new(
            seed.id("notice"),
            Message::PartnerNotice {
                partner: self.id,
                user: self.owner,
                notice,
            },
        )
    }
}
