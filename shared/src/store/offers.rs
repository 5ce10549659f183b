//! What is on sale at this moment, and by which terms its price would be divided. Read from the items themselves, never from an index.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::table::{Store, StoreError};
use super::{catalogue, partners, revenue};
use crate::ids::{ListingId, PartnerId};
use crate::listing::Published;
use crate::money::BasisPoints;
use crate::partner::{Block, Group, Partner};
use crate::purchase::Order;
use crate::revenue::{Referrers, Sale, Terms, applicable};

/// What somebody sells, and what rules want to know of the seller.
#[derive(Debug, Clone)]
pub struct OnSale {
    pub published: Published,
    pub group: Option<Group>,
}

impl OnSale {
    fn sale(&self) -> Sale {
        Sale {
            listing: self.published.listing,
            partner: self.published.partner,
            group: self.group.clone(),
            content_type: self.published.content.content_type,
            currency: self.published.content.price.currency(),
        }
    }
}

/// The partner, if nothing keeps them from selling.
pub async fn may_trade(store: &Store, partner: PartnerId) -> Result<Option<Partner>, StoreError> {
    let partner = partners::load(store, partner).await?;
    Ok(partner
        .map(|partner| partner.value)
        .filter(|partner| partner.hold_on(Block::Sell).is_none()))
}

/// What of the order has left the shop: is not published any more, or its partner may not sell it. A batch of each is read.
pub async fn withdrawn(store: &Store, order: &Order) -> Result<BTreeSet<ListingId>, StoreError> {
    let mut listings: BTreeSet<_> = order.lines.iter().map(|line| line.listing).collect();
    let of: Vec<_> = listings.iter().copied().collect();
    let published = catalogue::published_many(store, &of).await?;
    let sellers: BTreeSet<_> = published.iter().map(|published| published.partner).collect();
    let sellers: Vec<_> = sellers.into_iter().collect();
    let sellers = partners::load_many(store, &sellers).await?;
    let may_sell = |partner: PartnerId| {
        let seller = sellers.iter().find(|seller| seller.id == partner);
        seller.is_some_and(|seller| seller.hold_on(Block::Sell).is_none())
    };
    for on_sale in published.iter().filter(|published| may_sell(published.partner)) {
        listings.remove(&on_sale.listing);
    }
    Ok(listings)
}

/// Which of the referrers cannot be paid a share, by the name of its field.
pub async fn unknown_referrer(store: &Store, referrers: Referrers) -> Result<Option<&'static str>, StoreError> {
    let named = [
        ("/affiliate_id", referrers.affiliate),
        ("/reseller_id", referrers.reseller),
    ];
    for (pointer, partner) in named {
        if let Some(partner) = partner
            && may_trade(store, partner).await?.is_none()
        {
            return Ok(Some(pointer));
        }
    }
    Ok(None)
}

/// The listing, if it is published and its partner may sell it.
pub async fn on_sale(store: &Store, listing: ListingId) -> Result<Option<OnSale>, StoreError> {
    let Some(published) = catalogue::published(store, listing).await? else {
        return Ok(None);
    };
    let seller = may_trade(store, published.partner).await?;
    Ok(seller.map(|seller| OnSale {
        published,
        group: seller.group,
    }))
}

/// The terms of the rule that applies to each now; of none, the configured commission.
pub async fn terms(
    store: &Store,
    on_sale: &[OnSale],
    referrers: Referrers,
    commission: BasisPoints,
    now: Timestamp,
) -> Result<Vec<Terms>, StoreError> {
    let sales: Vec<Sale> = on_sale.iter().map(OnSale::sale).collect();
    let rules = revenue::scheduled(store, &sales).await?;
    let of = |sale: &Sale| {
        applicable(&rules, sale, now)
            .map_or_else(|| Terms::default_rule(commission), |rule| rule.terms(sale, referrers))
    };
    Ok(sales.iter().map(of).collect())
}
