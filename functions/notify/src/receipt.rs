//! What customers get after paying.

use shared::licence::Licence;
use shared::messages::{ListedNews, ListedVerdict};
use shared::money::Money;
use shared::purchase::Order;
use shared::purchase::refund::{Refund, RefundState};

use crate::letter::Draft;

/// The receipt: what was bought, for how much, and the licence key of each line.
pub(crate) fn write(order: &Order, licences: &[Licence], public_url: &str) -> Draft {
    let opening = match &order.renewal {
        _ if order.lines.iter().all(|line| line.withdrawn) => format!(
            "Your payment for {} has come, and what you paid for has left the shop meanwhile. You get back what you paid.",
            order.id
        ),
        None => format!(
            "Thank you for your order {}. Keep this mail: it has your licence keys.",
            order.id
        ),
        Some(_) => format!(
            "Thank you: your subscription is paid. The number of this payment is {}.",
            order.id
        ),
    };
    let mut draft = Draft::new(format!("Your receipt: {}", order.total)).say(opening);
    for line in &order.lines {
        let key = licences
            .iter()
            .find(|licence| licence.id == line.licence)
            .map(|licence| licence.key.to_string());
        let price = if line.price.is_zero() {
            "free".to_owned()
        } else {
            line.price.to_string()
        };
        let key = match key {
            _ if line.withdrawn => {
                "none: it had left the shop when your payment came, and its price goes back to you".to_owned()
            }
            Some(key) => key,
            None => "shown with your licences on the web page".to_owned(),
        };
        draft = draft.facts([("Item", line.title.clone()), ("Price", price), ("Licence key", key)]);
    }
    let paid_at = order.paid_at.map(|at| at.to_string()).unwrap_or_default();
    let day = paid_at.split('T').next().unwrap_or_default().to_owned();
    draft = draft.facts([("Total", order.total.to_string()), ("Paid on", day)]);
    draft.link("Download what you bought", format!("{public_url}/orders/{}", order.id))
}

/// An order that was cancelled, because something in it had left the shop before it was paid.
pub(crate) fn write_withdrawn(order: &Order, public_url: &str) -> Draft {
    let opening = format!(
        "Something that you ordered has left the shop before you paid for it. Your order {} is cancelled, and you pay nothing. What \
         is still offered you can order again.",
        order.id
    );
    let mut draft = Draft::new(format!("Your order of {} is cancelled", order.total)).say(opening);
    for line in &order.lines {
        draft = draft.facts([("Item", line.title.clone()), ("Price", line.price.to_string())]);
    }
    draft.link("See your order", format!("{public_url}/orders/{}", order.id))
}

/// What was given back, and what of it can no longer be used.
pub(crate) fn write_refund(order: &Order, refund: &Refund, public_url: &str) -> Draft {
    let opening = format!(
        "{} of your order {} is on its way back to the means of payment that you used. Banks need up to ten days to show it.",
        refund.amount, order.id
    );
    let mut draft = Draft::new(format!("Your refund: {}", refund.amount)).say(opening);
    for part in &refund.lines {
        let Some(line) = order.lines.get(part.line) else {
            continue;
        };
        let amount = Money::new(part.minor, order.total.currency());
        let ended = line
            .remaining()
            .and_then(|left| left.total())
            .is_ok_and(|left| left == 0);
        let licence = if line.withdrawn {
            "none was issued: it had left the shop"
        } else if order.renewal.is_some() {
            "lasts as long as your subscription"
        } else if ended {
            "ended: please delete what you downloaded"
        } else {
            "stays valid"
        };
        draft = draft.facts([
            ("Item", line.title.clone()),
            ("Refunded", amount.to_string()),
            ("Licence", licence.to_owned()),
        ]);
    }
    draft.link("See your order", format!("{public_url}/orders/{}", order.id))
}

/// How a request for a refund has ended without one. `None` where it has not.
pub(crate) fn write_request(refund: &Refund, public_url: &str) -> Option<Draft> {
    let order = refund.order;
    let (subject, opening, note) = match &refund.state {
        RefundState::Superseded { .. } => (
            "Your request for a refund is closed",
            format!(
                "You have asked for {} of your order {order}. That money has gone back to you by another way meanwhile, so your \
                 request is closed. You need not do anything.",
                refund.amount
            ),
            None,
        ),
        RefundState::Declined { note, .. } => (
            "Your request for a refund was declined",
            format!(
                "You have asked for {} of your order {order}. It is not refunded.",
                refund.amount
            ),
            Some(note.clone()),
        ),
        _ => return None,
    };
    let draft = Draft::new(subject).say(opening);
    let draft = match note {
        Some(note) => draft.facts([("Why", note)]),
        None => draft,
    };
    Some(draft.link("See your order", format!("{public_url}/orders/{order}")))
}

/// What has become of something that was bought.
pub(crate) fn write_news(news: &ListedNews, (label, place): (&'static str, String)) -> Draft {
    let ListedNews {
        listing_title: title,
        version,
        decision,
        reason_code,
    } = news;
    let (subject, opening) = match decision {
        ListedVerdict::Suspended => (
            format!("{title} {version} is suspended"),
            format!(
                "You have a licence of {title}. Its version {version} cannot be downloaded for now: we are looking into it. \
                 If you have installed this version, do not use it until you hear from us again."
            ),
        ),
        ListedVerdict::TakenDown => (
            format!("{title} {version} was taken down"),
            format!(
                "You have a licence of {title}. Its version {version} was taken down and cannot be downloaded any more. \
                 If you have installed this version, remove it. Other versions are not affected."
            ),
        ),
        ListedVerdict::Reinstated => (
            format!("{title} {version} can be downloaded again"),
            format!("We have looked into {title}, version {version}, and it can be downloaded and used as before."),
        ),
    };
    Draft::new(subject)
        .say(opening)
        .facts([("Reason", reason_code)])
        .link(label, place)
}
