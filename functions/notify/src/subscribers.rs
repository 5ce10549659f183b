//! What subscribers hear, beside their receipts; and those who study or teach.

use jiff::Timestamp;
use shared::clock::day;
use shared::licence::Licence;
use shared::messages::SubscriptionNews;
use shared::subscription::education::ProofState;
use shared::subscription::{EducationalProof, EndReason, Subscription};

use crate::letter::Draft;

pub(crate) fn news(
    subscription: &Subscription,
    licence: Option<&Licence>,
    news: SubscriptionNews,
    public_url: &str,
) -> Draft {
    let (title, plan) = (&subscription.title, &subscription.plan.name);
    let own_page = format!("{public_url}/subscriptions/{}", subscription.id);
    match news {
        SubscriptionNews::TrialBegan => {
            let key = licence.map(|licence| licence.key.to_string());
            let key = key.unwrap_or_else(|| "shown with your licences on the web page".to_owned());
            Draft::new(format!("Your trial of {title} has begun"))
                .say(format!(
                    "You can use {title} until the trial ends. Keep this mail: it has your licence key."
                ))
                .facts([
                    ("Plan", plan.clone()),
                    ("Trial ends", on(subscription.trial_end)),
                    ("Licence key", key),
                ])
                .link("See your subscription", own_page)
        }
        SubscriptionNews::TrialEnds => {
            let opening = if subscription.plan.trial.is_some_and(|trial| !trial.card_required) {
                "If you want to go on, give us a card before then. Without one the trial simply ends."
            } else {
                "After that your card is charged. If you do not want to go on, cancel before then."
            };
            let price = subscription
                .amount()
                .map(|amount| amount.to_string())
                .unwrap_or_default();
            Draft::new(format!("Your trial of {title} ends on {}", on(subscription.trial_end)))
                .say(opening)
                .facts([("Plan", plan.clone()), ("Price before any discount", price)])
                .link("See your subscription", own_page)
        }
        SubscriptionNews::PaymentFailed if needs_confirmation(subscription) => confirm(subscription, own_page),
        SubscriptionNews::PaymentFailed => {
            let invoice = subscription.open_invoice.as_ref();
            let again = invoice.and_then(|invoice| invoice.next_attempt);
            let again = match again {
                Some(at) => format!("We will try again on {}.", day(at)),
                None => "We will not try again by ourselves.".to_owned(),
            };
            let until = on(subscription.licensed_until());
            let draft = Draft::new(format!("The payment for {title} did not work"))
                .say(format!(
                    "Your card was declined. {again} Your licence is good until {until}; pay or name another card before then."
                ))
                .facts([("Plan", plan.clone())]);
            match invoice.and_then(|invoice| invoice.page.clone()) {
                Some(page) => draft.link("Pay now", page),
                None => draft.link("See your subscription", own_page),
            }
        }
        SubscriptionNews::Ended => {
            let why = match subscription.end_reason {
                Some(EndReason::NotPaid) => "because it could not be charged",
                Some(EndReason::DisputedPayment) => "because its payment was disputed",
                Some(EndReason::Cancelled) | None => "as you asked, or because nothing was given to pay with",
            };
            Draft::new(format!("Your subscription to {title} has ended"))
                .say(format!(
                    "It has ended on {}, {why}. You can begin another at any time.",
                    on(subscription.ended_at)
                ))
                .facts([("Plan", plan.clone())])
                .link("See your subscription", own_page)
        }
    }
}

/// Nobody but the customer can go on: their bank wants to hear it from them.
fn confirm(subscription: &Subscription, own_page: String) -> Draft {
    let open = subscription.open_invoice.as_ref();
    let page = open.and_then(|invoice| invoice.page.clone());
    Draft::new(format!("Confirm the payment for {}", subscription.title))
        .say(format!(
            "Your bank wants you to confirm this payment, and we cannot do that for you: nothing is charged until you have. Your \
             licence is good until {}; confirm the payment, or pay with another card, before then.",
            on(subscription.licensed_until())
        ))
        .facts([("Plan", subscription.plan.name.clone())])
        .link("Confirm the payment", page.unwrap_or(own_page))
}

fn needs_confirmation(subscription: &Subscription) -> bool {
    let open = subscription.open_invoice.as_ref();
    open.is_some_and(|invoice| invoice.needs_confirmation)
}

pub(crate) fn proof(proof: &EducationalProof, public_url: &str) -> Option<Draft> {
    let institution = &proof.institution;
    let draft = match &proof.state {
        ProofState::Pending => return None,
        ProofState::Accepted { until, .. } => Draft::new("Your educational discount").say(format!(
            "We have seen that you study or teach at {institution}. Plans with an educational discount cost you less until {}.",
            day(*until)
        )),
        ProofState::Refused { note, .. } => Draft::new("Your educational discount")
            .say(format!("We could not see that you study or teach at {institution}."))
            .facts([("Why", note)]),
    };
    Some(draft.link("Go to the shop", public_url))
}

fn on(at: Option<Timestamp>) -> String {
    at.map(|at| day(at).to_string()).unwrap_or_default()
}
