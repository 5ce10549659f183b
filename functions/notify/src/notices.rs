//! What partners are told.

use shared::partner::{Hold, Partner};

use crate::letter::Draft;

/// About the partner itself: its application, a suspension, its payouts.
pub(crate) fn partner(partner: &Partner, decision: &str, reason_code: &str, public_url: &str) -> Draft {
    let name = &partner.name;
    let (subject, opening) = match decision {
        "received" => (
            format!("We have received the application of {name}"),
            "Thank you for applying. Here is what happens next, and what you can do meanwhile.".to_owned(),
        ),
        "approved" => (
            format!("{name} is approved"),
            format!("Welcome: {name} may now sell here."),
        ),
        "rejected" => (
            format!("The application of {name} was not accepted"),
            format!("We have reviewed the application of {name} and cannot accept it as it is."),
        ),
        "suspended" => (
            format!("{name} is suspended"),
            format!("{name} cannot publish, sell or be paid for now. What is owed to you is kept."),
        ),
        "reinstated" => (
            format!("{name} is reinstated"),
            format!("The suspension of {name} has been lifted."),
        ),
        "reopened" => (
            format!("The application of {name} is being reviewed again"),
            format!("The application of {name} has been reopened."),
        ),
        "payouts_enabled" => (
            format!("Payouts to {name} are enabled"),
            "Stripe has everything it needs. What is due is paid on schedule from now on.".to_owned(),
        ),
        "payouts_held" => (
            format!("Payouts to {name} are held"),
            "Stripe does not let us send money to your account at present. What you earn is kept until it does."
                .to_owned(),
        ),
        "bank_payout_failed" => (
            format!("The bank of {name} has sent money back"),
            "It is yours and stands in your account at Stripe. What you earn from now on is kept here until your bank takes payouts again."
                .to_owned(),
        ),
        "bank_payout_paid" => (
            format!("The bank of {name} takes payouts again"),
            "A payout has arrived. What is due is paid on schedule from now on.".to_owned(),
        ),
        other => (
            format!("News about {name}"),
            format!("The state of {name} has changed: {other} ({reason_code})."),
        ),
    };
    let draft = Draft::new(subject).say(opening);
    let draft = partner.open_holds().fold(draft, |draft, hold| draft.facts(facts(hold)));
    draft.link(
        "See your partner account",
        format!("{public_url}/partners/{}", partner.id),
    )
}

/// A hold: what, why, who, until when.
fn facts(hold: &Hold) -> [(&'static str, String); 4] {
    let day = hold.due_at.to_string();
    [
        (
            "Open",
            format!("{} ({})", hold.reason_code.explanation(), hold.reason_code),
        ),
        ("Because of", hold.evidence.clone()),
        ("Waits for", hold.reason_code.waits_for().to_string()),
        ("Until", day.split('T').next().unwrap_or_default().to_owned()),
    ]
}

/// About a version that was handed in for review.
pub(crate) fn submission(
    partner: &Partner,
    title: &str,
    version: &str,
    decision: &str,
    reason_code: &str,
    public_url: &str,
) -> Draft {
    let (verdict, next) = match decision {
        "approved" => ("was approved", "You can publish it now."),
        "changes_requested" => ("needs changes", "Change what is named below and hand in a new version."),
        "rejected" => ("was rejected", "See the submission for the evidence."),
        other => (other, "See the submission for details."),
    };
    let draft = Draft::new(format!("{title} {version} {verdict}"))
        .say(format!("{title}, version {version}, {verdict}. {next}"));
    let draft = if reason_code.is_empty() {
        draft
    } else {
        draft.facts([("Reason", reason_code)])
    };
    draft.link(
        "See your listings",
        format!("{public_url}/partners/{}/listings", partner.id),
    )
}
