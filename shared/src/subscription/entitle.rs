//! What a subscription means for its licence.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Subscription;
use crate::licence::policies::put_under;
use crate::licence::{Licence, LicenceKey, LicenceStatus, SubscribedBy};
use crate::licensing::{Grant, Issue, Limits, Policy, lifecycle};

/// The licence, when the subscription begins. `None` before it does, and where it never has.
pub fn first_licence(subscription: &Subscription, secret: [u8; 16], now: Timestamp) -> Option<Licence> {
    subscription.licensed_until()?;
    let (tier, custom) = subscription.plan.terms.parts();
    let bare = Licence {
        id: subscription.licence,
        key: LicenceKey::new(subscription.licence, secret),
        owner: subscription.customer,
        listing: subscription.plan.listing,
        partner: subscription.plan.partner,
        order: None,
        status: LicenceStatus::Active,
        issued_at: now,
        tier,
        custom,
        grant: None,
        offer: None,
        subscription: Some(SubscribedBy {
            customer: subscription.customer,
            subscription: subscription.id,
        }),
    };
    let policy = bare.policy();
    let issue = Issue {
        licence: bare.id,
        product: bare.listing,
        partner: bare.partner,
        owner: bare.owner,
        limits: Limits::default(),
        entitlements: BTreeSet::new(),
    };
    let grant = lifecycle::issue(&policy, &issue, now);
    let grant = termed(&grant, &policy, subscription);
    Some(Licence {
        grant: Some(grant),
        ..bare
    })
}

/// The licence as the subscription now has it; `None` where that is as it is. Whoever has it by now keeps it, with its machines and users;
/// what people decided about it (a suspension, a revocation) stands.
pub fn entitle(licence: &Licence, subscription: &Subscription) -> Option<Licence> {
    subscription.licensed_until()?;
    let under = if licence.policy().id == subscription.plan.terms.policy().id {
        licence.clone()
    } else {
        put_under(licence, &subscription.plan.terms)
    };
    let before = under.granted();
    let next = termed(&before, &under.policy(), subscription);
    if next == before && under == *licence {
        return None;
    }
    let next = Grant {
        revision: licence.granted().revision + 1,
        ..next
    };
    Some(under.with(next))
}

fn termed(grant: &Grant, policy: &Policy, subscription: &Subscription) -> Grant {
    Grant {
        // A trial that has ended and was not paid for is still one: nothing is left of it.
        trial: subscription.is_trial(),
        limits: seats(policy, grant.limits, subscription.quantity),
        expires_at: subscription.licensed_until(),
        ..grant.clone()
    }
}

/// Each seat has what the policy has for one licence; of users there are as many as seats where the policy says nothing.
fn seats(policy: &Policy, limits: Limits, quantity: u32) -> Limits {
    let times = |limit: Option<u64>| limit.map(|limit| limit.saturating_mul(u64::from(quantity)));
    Limits {
        users: times(policy.limits.users.or(Some(1))),
        machines: times(policy.limits.machines),
        processes: times(policy.limits.processes),
        ..limits
    }
}
