//! What is due on a subscription: tried again, or to be confirmed at the bank.

use super::*;

/// A subscription whose renewal could not be collected by itself.
fn overdue(story: &Story, needs_confirmation: bool) -> Subscription {
    let seed = story.world.seed();
    let now = story.world.now();
    Subscription {
        id: seed.id("subscription"),
        customer: story.user,
        title: "Warm Pads".into(),
        plan: Plan {
            id: seed.id("plan"),
            listing: seed.id("pads"),
            partner: seed.id("anna"),
            name: "Monthly".into(),
            every: Billing::Month,
            price: Money::new(1000, Currency::EUR),
            trial: None,
            grace_days: 14,
            educational_percent: None,
            terms: LicenceTerms::Preset(Preset::Individual),
            created_at: now,
            retired_at: None,
        },
        quantity: 2,
        status: Status::PastDue,
        licence: seed.id("licence"),
        terms: Terms::default_rule(BasisPoints::try_from(2000).expect("a rate")),
        referrers: Referrers::default(),
        tries: false,
        educational_percent: None,
        created_at: now,
        session: Some("cs_1".into()),
        at_stripe: None,
        paid_until: Some(now),
        trial_end: None,
        period_end: None,
        cancel_at: None,
        ended_at: None,
        end_reason: None,
        open_invoice: Some(OpenInvoice {
            id: "in_2".into(),
            page: Some("https://pay.example/in_2".into()),
            attempts: 1,
            next_attempt: None,
            needs_confirmation,
        }),
        credit: None,
        told_of_trial_end: false,
    }
}

#[tokio::test]
async fn a_payment_that_a_bank_wants_confirmed_leads_to_its_page() {
    for (needs_confirmation, subject, says) in [
        (
            true,
            "Confirm the payment for Warm Pads",
            "Your bank wants you to confirm this payment",
        ),
        (
            false,
            "The payment for Warm Pads did not work",
            "Your card was declined",
        ),
    ] {
        let story = story().await;
        let subscription = overdue(&story, needs_confirmation);
        subscriptions::create(&story.world.store, &subscription, None)
            .await
            .expect("a new subscription");
        let notice = story.envelope(Message::SubscriptionNotice {
            customer: story.user,
            subscription: subscription.id,
            news: SubscriptionNews::PaymentFailed,
        });
        story.deliver(&notice).await.expect("told");
        let letters = story.letters();
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].subject, subject);
        for part in [says, "https://pay.example/in_2"] {
            assert!(letters[0].text.contains(part), "{part}: {}", letters[0].text);
        }
    }
}
