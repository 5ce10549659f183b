//! What leaves the shop while it is being bought, and what comes back.

use jiff::Timestamp;
use shared::ids::{ListingId, PartnerId};
use shared::listing::{Listing, ListingStatus, Published};
use shared::messages::{Envelope, Message, Waiting};
use shared::partner::decide::decide;
use shared::partner::{Act, Decision, HoldReason};
use shared::store::{Condition, Write, keys, partners};

use crate::chance::Chance;
use crate::plan::Goods;
use crate::run::Run;
use crate::world::{World, at_once};

/// Something that was not on sale for a while.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Withdrawal {
    pub(crate) listing: ListingId,
    pub(crate) from: Timestamp,
    /// When it came back, if it has.
    pub(crate) until: Option<Timestamp>,
}

impl Run<'_> {
    /// Nothing happens where it is so already.
    pub(crate) fn sell(&mut self, what: Goods, may: bool) {
        let now = self.world.now;
        let changed = self.calmly(|run| match what {
            Goods::Listing(listing) => run.world.publish(listing, may, &mut run.chance),
            Goods::Partner(partner) => run.world.suspend(partner, !may, &mut run.chance),
        });
        if !changed {
            return;
        }
        let listings = self.plan.listings.iter().zip(&self.world.listings).enumerate();
        let concerned = listings.filter(|(index, (listing, _))| match what {
            Goods::Listing(of) => of == *index,
            Goods::Partner(partner) => listing.partner == partner,
        });
        for (_, (_, listing)) in concerned {
            if may {
                let gone = self.withdrawals.iter_mut();
                let gone = gone.filter(|gone| gone.listing == *listing && gone.until.is_none());
                gone.for_each(|gone| gone.until = Some(now));
            } else {
                self.withdrawals.push(Withdrawal {
                    listing: *listing,
                    from: now,
                    until: None,
                });
            }
        }
        self.collect();
    }

    /// Whether one of these is not on sale now.
    pub(crate) fn is_withdrawn(&self, listings: &[usize]) -> bool {
        let gone = |listing: &ListingId| {
            let mut withdrawals = self.withdrawals.iter();
            withdrawals.any(|gone| gone.listing == *listing && gone.until.is_none())
        };
        listings.iter().any(|index| gone(&self.world.listings[*index]))
    }
}

impl World {
    /// Yanks the only version of a listing, or publishes it again.
    fn publish(&self, index: usize, is_public: bool, chance: &mut Chance) -> bool {
        let (act, published) = (self.act(chance), &self.published[index]);
        let known = at_once(self.store.get::<Published>(&keys::published(published.listing)));
        let known = known.expect("memory does not fail");
        if known.is_some() == is_public {
            return false;
        }
        let listing = listing(published, is_public, act);
        let kept = Write::overwrite(keys::listing(listing.partner, listing.id), &listing).expect("an item");
        let gone = Message::ListingWithdrawn {
            listing: listing.id,
            waiting: Waiting::Orders,
            after: None,
        };
        let writes = if is_public {
            let shown = Write::create(keys::published(listing.id), published).expect("an item");
            vec![kept, shown]
        } else {
            let told = [Envelope::new(act.seed.id("withdrawn"), gone)];
            let kept = kept.outbox(&told).expect("a message");
            vec![kept, Write::delete(keys::published(listing.id), Condition::Present)]
        };
        at_once(self.store.transact(writes)).expect("nobody else writes");
        true
    }

    /// Nobody suspends who is suspended.
    fn suspend(&self, index: usize, is_suspended: bool, chance: &mut Chance) -> bool {
        let partner: PartnerId = self.partners[index].id;
        let partner = at_once(partners::load(&self.store, partner));
        let partner = partner.expect("memory does not fail").expect("the partner");
        let evidence = "Chargebacks on nine of ten sales.".to_owned();
        let decision = if is_suspended {
            let reason = HoldReason::FraudSuspected;
            Decision::Suspend { reason, evidence }
        } else {
            Decision::Reinstate { evidence }
        };
        let Ok(decided) = decide(&partner, &decision, self.act(chance)) else {
            return false;
        };
        at_once(partners::save(&self.store, &decided, partner.revision, [])).expect("nobody else writes");
        true
    }
}

/// The partner's own item of what is published.
pub(crate) fn listing(published: &Published, is_public: bool, act: Act) -> Listing {
    Listing {
        id: published.listing,
        partner: published.partner,
        content: published.content.clone(),
        status: if is_public {
            ListingStatus::Published
        } else {
            ListingStatus::Unlisted
        },
        live: is_public.then_some(published.latest.version),
        versions: 1,
        waived: std::collections::BTreeSet::new(),
        created_by: act.actor,
        created_at: act.now,
        updated_at: act.now,
    }
}
