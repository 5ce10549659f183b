//! How PayPal's objects lead back to ours: orders, captures, refunds, items of payouts, their events, and the movements that they make carry
//! a text of ours, and in it the mark of the deployment that has made them.

use std::fmt;
use std::str::FromStr;

use crate::ids::{OrderId, PartnerId, PayoutId, RefundId};
use crate::processor::Deployment;

/// Between an id and a mark. Neither has one.
const SEPARATOR: char = '.';

/// What is written as `custom_id`: an id of ours and who has made it.
pub fn marked(id: &str, deployment: Option<&Deployment>) -> String {
    match deployment {
        Some(deployment) => format!("{id}{SEPARATOR}{}", deployment.mark()),
        None => id.to_owned(),
    }
}

/// The id of a `custom_id`, with or without a mark.
pub fn id(custom: &str) -> &str {
    custom.split_once(SEPARATOR).map_or(custom, |(id, _)| id)
}

/// The mark of a `custom_id`; none where the text is not ours at all.
pub fn mark(custom: &str) -> Option<&str> {
    let (id, mark) = custom.split_once(SEPARATOR)?;
    let is_ours = id.parse::<OrderId>().is_ok() || id.parse::<RefundId>().is_ok();
    is_ours.then_some(mark)
}

/// The mark of a `sender_item_id`.
pub fn mark_of_item(item: &str) -> Option<&str> {
    item.parse::<PaidFor>().ok()?;
    item.splitn(3, SEPARATOR).nth(2)
}

/// The payout of an item, written as its `sender_item_id`: both ids, since a payout is found through its partner. Two ids and a dot
/// are within PayPal's 63 characters; for a mark there is room once the ids' prefixes are left out, which say nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaidFor {
    pub partner: PartnerId,
    pub payout: PayoutId,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("names no payout of ours")]
pub struct NotOurs;

impl fmt::Display for PaidFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.partner, self.payout)
    }
}

impl PaidFor {
    /// As it is written at PayPal.
    pub fn marked(&self, deployment: Option<&Deployment>) -> String {
        let Some(deployment) = deployment else {
            return self.to_string();
        };
        let bare = |id: &str| {
            id.rsplit_once('_')
                .map_or_else(|| id.to_owned(), |(_, bare)| bare.to_owned())
        };
        let (partner, payout) = (bare(&self.partner.to_string()), bare(&self.payout.to_string()));
        format!("{partner}{SEPARATOR}{payout}{SEPARATOR}{}", deployment.mark())
    }
}

impl FromStr for PaidFor {
    type Err = NotOurs;

    /// Without a mark both ids have their prefixes, with a mark none.
    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let mut parts = text.splitn(3, SEPARATOR);
        let (partner, payout) = (parts.next().ok_or(NotOurs)?, parts.next().ok_or(NotOurs)?);
        let (partner, payout) = match parts.next() {
            None => (partner.to_owned(), payout.to_owned()),
            Some(_) => (format!("ptn_{partner}"), format!("pay_{payout}")),
        };
        Ok(Self {
            partner: partner.parse().map_err(|_| NotOurs)?,
            payout: payout.parse().map_err(|_| NotOurs)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn a_mark_fits_in_and_says_whose_it_is() {
        let seed: Seed = "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid");
        let deployment: Deployment = "123456789012/eu-central-1/souk".parse().expect("a name");
        let paid_for = PaidFor {
            partner: seed.id("partner"),
            payout: seed.id("payout"),
        };
        let text = paid_for.marked(Some(&deployment));
        assert!(text.len() <= 63, "{text}");
        assert_eq!(
            (text.parse(), mark_of_item(&text)),
            (Ok(paid_for), Some(deployment.mark()))
        );
        assert_eq!(mark_of_item(&paid_for.to_string()), None);
        assert_eq!(mark_of_item("a.b.c"), None, "nobody's");
        let order = seed.id::<OrderId>("order").to_string();
        let custom = marked(&order, Some(&deployment));
        assert_eq!((id(&custom), mark(&custom)), (order.as_str(), Some(deployment.mark())));
        assert_eq!(
            (id(&order), mark(&order), marked(&order, None)),
            (order.as_str(), None, order.clone())
        );
        assert_eq!(mark("invoice 7.2"), None, "nobody's");
    }

    #[test]
    fn it_is_short_enough_for_paypal_and_read_again() {
        let seed: Seed = "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid");
        let paid_for = PaidFor {
            partner: seed.id("partner"),
            payout: seed.id("payout"),
        };
        let text = paid_for.to_string();
        assert!(text.len() <= 63, "{text}");
        assert_eq!(text.parse(), Ok(paid_for));
        for foreign in ["", ".", "invoice 7", &text[1..], &format!("{text}x")] {
            assert_eq!(foreign.parse::<PaidFor>(), Err(NotOurs), "{foreign:?}");
        }
    }
}
