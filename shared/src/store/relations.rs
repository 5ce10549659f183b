//! How buyers, referrers and sellers are tied to each other: who would be paid for bringing themselves. Read from the items themselves.
//!
//! Known are teams, owners, where partners are paid, the buyer's address, and what members of a team have paid with here. A friend's card
//! is not.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::table::{Store, StoreError};
use super::{accounts, commerce, partners};
use crate::ids::{PartnerId, UserId};
use crate::partner::team::MAX_TEAM;
use crate::partner::{Destination, Partner};
use crate::purchase::Order;
use crate::revenue::{Referrers, Withheld, WithheldReason};

/// Of each member of a referrer's team, as many of the newest orders are looked at for what was paid with.
const NEWEST_ORDERS: usize = 100;
/// The most partners whose ties to a buyer are looked at; nobody works for more.
const MOST_MEMBERSHIPS: usize = 100;

/// The first of the referrers, by the name of its field, who would be paid for bringing themselves.
pub async fn own_referral(
    store: &Store,
    buyer: UserId,
    referrers: Referrers,
    now: Timestamp,
) -> Result<Option<(&'static str, WithheldReason)>, StoreError> {
    let named = [
        ("/affiliate_id", referrers.affiliate),
        ("/reseller_id", referrers.reseller),
    ];
    for (pointer, referrer) in named {
        let Some(referrer) = referrer else { continue };
        if let Some(referrer) = partners::load(store, referrer).await?
            && let Some(reason) = tie_to_buyer(store, buyer, &referrer, now).await?
        {
            return Ok(Some((pointer, reason)));
        }
    }
    Ok(None)
}

/// The order with every referral share withheld that somebody would earn by bringing themselves, as things are when it is paid: teams
/// and accounts may have changed since it was placed, its terms have not. What it was paid with stands on it from then on.
pub async fn withhold_own_referrals(
    store: &Store,
    order: &Order,
    paid_with: Option<&str>,
    now: Timestamp,
) -> Result<Order, StoreError> {
    let mut order = Order {
        paid_with: paid_with.map(str::to_owned),
        ..order.clone()
    };
    let affiliate = order.referrers.affiliate.filter(|_| has_share(&order, |bps| bps.0));
    let reseller = order.referrers.reseller.filter(|_| has_share(&order, |bps| bps.1));
    let (affiliate, reseller) = (
        ties(store, &order, affiliate, paid_with, now).await?,
        ties(store, &order, reseller, paid_with, now).await?,
    );
    for line in &mut order.lines {
        line.withheld = Withheld {
            affiliate: affiliate.get(&line.partner).copied(),
            reseller: reseller.get(&line.partner).copied(),
        };
    }
    Ok(order)
}

/// Whether any line has a share for the referrer that `of` chooses of affiliate and reseller.
fn has_share(order: &Order, of: fn((u32, u32)) -> u32) -> bool {
    order.lines.iter().any(|line| {
        let figures = &line.terms.figures;
        of((figures.affiliate_bps.into(), figures.reseller_bps.into())) > 0
    })
}

/// Why the referrer is not paid for what each of these sellers sold.
async fn ties(
    store: &Store,
    order: &Order,
    referrer: Option<PartnerId>,
    paid_with: Option<&str>,
    now: Timestamp,
) -> Result<BTreeMap<PartnerId, WithheldReason>, StoreError> {
    let Some(referrer) = referrer else {
        return Ok(BTreeMap::new());
    };
    let Some(referrer) = partners::load(store, referrer).await? else {
        return Ok(BTreeMap::new());
    };
    let sellers: Vec<PartnerId> = order.partners().into_iter().collect();
    let to_buyer = match tie_to_buyer(store, order.customer, &referrer, now).await? {
        None if is_teams_means(store, &referrer, order.customer, paid_with).await? => Some(WithheldReason::SameCard),
        tie => tie,
    };
    if let Some(reason) = to_buyer {
        return Ok(sellers.into_iter().map(|seller| (seller, reason)).collect());
    }
    let sellers = partners::load_many(store, &sellers).await?;
    let own = sellers
        .iter()
        .filter(|seller| seller.id != referrer.id && is_of_the_same_people(seller, &referrer, now));
    Ok(own.map(|seller| (seller.id, WithheldReason::SellersOwn)).collect())
}

async fn tie_to_buyer(
    store: &Store,
    buyer: UserId,
    referrer: &Partner,
    now: Timestamp,
) -> Result<Option<WithheldReason>, StoreError> {
    let works_there = accounts::member(store, referrer.id, buyer).await?.is_some();
    if works_there || referrer.answering(now).contains(&buyer) {
        return Ok(Some(WithheldReason::BuyerInTeam));
    }
    if let (Some(receiver), Some(buyer)) = (referrer.paypal_address(), accounts::user(store, buyer).await?)
        && buyer
            .email
            .as_deref()
            .is_some_and(|email| email.eq_ignore_ascii_case(receiver.as_str()))
    {
        return Ok(Some(WithheldReason::SamePayoutAccount));
    }
    let works_for = accounts::memberships(store, buyer, MOST_MEMBERSHIPS, None).await?.items;
    let works_for: Vec<PartnerId> = works_for.iter().map(|member| member.partner).collect();
    for partner in partners::load_many(store, &works_for).await? {
        if is_paid_to_the_same(&partner, referrer) {
            return Ok(Some(WithheldReason::SamePayoutAccount));
        }
        if has_a_common_owner(&partner, referrer, now) {
            return Ok(Some(WithheldReason::BuyersOrganisation));
        }
    }
    Ok(None)
}

fn is_of_the_same_people(one: &Partner, other: &Partner, now: Timestamp) -> bool {
    has_a_common_owner(one, other, now) || is_paid_to_the_same(one, other)
}

fn has_a_common_owner(one: &Partner, other: &Partner, now: Timestamp) -> bool {
    !one.answering(now).is_disjoint(&other.answering(now))
}

/// Receivers at PayPal have an id for each partner, so addresses are compared.
fn is_paid_to_the_same(one: &Partner, other: &Partner) -> bool {
    let same_receiver = one.paypal_address().is_some() && one.paypal_address() == other.paypal_address();
    let account = |partner: &Partner| match partner.destination() {
        Some(Destination::Stripe { account }) => Some(account),
        _ => None,
    };
    same_receiver || account(one).is_some() && account(one) == account(other)
}

/// Whether somebody of the team has paid with this before.
async fn is_teams_means(
    store: &Store,
    team_of: &Partner,
    buyer: UserId,
    paid_with: Option<&str>,
) -> Result<bool, StoreError> {
    let Some(paid_with) = paid_with else { return Ok(false) };
    let limit = usize::try_from(MAX_TEAM).unwrap_or(usize::MAX);
    let team = accounts::members(store, team_of.id, limit, None).await?.items;
    let team: BTreeSet<UserId> = team
        .iter()
        .map(|member| member.user)
        .filter(|user| *user != buyer)
        .collect();
    for member in team {
        let orders = commerce::orders(store, member, None, NEWEST_ORDERS).await?.items;
        if orders.iter().any(|order| order.paid_with.as_deref() == Some(paid_with)) {
            return Ok(true);
        }
    }
    Ok(false)
}
