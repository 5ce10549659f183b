//! What partners are told.

use jiff::Timestamp;
use shared::messages::{AppealVerdict, HeldVerdict, ListedNews, ListedVerdict, PartnerNews, Verdict};
use shared::partner::{Hold, Partner, PayPalAddress};

use crate::letter::Draft;

const NOT_YOU: &str = "If that was none of you, tell us at once: payouts that have not been sent can still be stopped.";

/// About the partner itself: its application, a suspension, its payouts.
pub(crate) fn partner(partner: &Partner, news: PartnerNews, public_url: &str, now: Timestamp) -> Draft {
    let name = &partner.name;
    let (subject, opening) = match news {
        PartnerNews::Received => (
            format!("We have received the application of {name}"),
            "Thank you for applying. Here is what happens next, and what you can do meanwhile.".to_owned(),
        ),
        PartnerNews::Approved => (
            format!("{name} is approved"),
            format!("Welcome: {name} may now sell here."),
        ),
        PartnerNews::Rejected => (
            format!("The application of {name} was not accepted"),
            format!("We have reviewed the application of {name} and cannot accept it as it is."),
        ),
        PartnerNews::Suspended => (
            format!("{name} is suspended"),
            format!("{name} cannot publish, sell or be paid for now. What is owed to you is kept."),
        ),
        PartnerNews::Reinstated => (
            format!("{name} is reinstated"),
            format!("The suspension of {name} has been lifted."),
        ),
        PartnerNews::Reopened => (
            format!("The application of {name} is being reviewed again"),
            format!("The application of {name} has been reopened."),
        ),
        PartnerNews::PayoutsEnabled => (
            format!("Payouts to {name} are enabled"),
            "Stripe has everything it needs. What is due is paid on schedule from now on.".to_owned(),
        ),
        PartnerNews::PayoutsHeld => (
            format!("Payouts to {name} are held"),
            "Stripe does not let us send money to your account at present. What you earn is kept until it does."
                .to_owned(),
        ),
        PartnerNews::BankPayoutFailed => (
            format!("The bank of {name} has sent money back"),
            "It is yours and stands in your account at Stripe. What you earn from now on is kept here until your bank takes payouts again."
                .to_owned(),
        ),
        PartnerNews::BankPayoutPaid => (
            format!("The bank of {name} takes payouts again"),
            "A payout has arrived. What is due is paid on schedule from now on.".to_owned(),
        ),
        PartnerNews::PaidAtPayPal => (
            format!("{name} is paid at PayPal from now on"),
            {
                let receiver = partner.paypal_address().map_or("somebody", PayPalAddress::as_str);
                format!("An owner of {name} has named {receiver} as its receiver at PayPal. {NOT_YOU}")
            },
        ),
        PartnerNews::ReceiverUnpaid => (
            format!("PayPal could not pay {name}"),
            "What was sent is owed to you again, and what you earn is kept until you name who is to be paid.".to_owned(),
        ),
        PartnerNews::PaidAtStripe => (
            format!("{name} is paid at Stripe from now on"),
            format!("An owner of {name} has left PayPal: payouts go to the account at Stripe again. {NOT_YOU}"),
        ),
        PartnerNews::AccountConnected => (
            format!("{name} is connected to an account at Stripe"),
            format!("An owner of {name} has begun to set up an account at Stripe, which payouts go to once it is complete. {NOT_YOU}"),
        ),
        PartnerNews::AgreementAccepted => (
            format!("The partner agreement was accepted for {name}"),
            format!("An owner of {name} has accepted the agreement that now binds it. {NOT_YOU}"),
        ),
        PartnerNews::TeamChanged => (
            format!("The team of {name} has changed"),
            format!("Somebody was added to the team of {name}, or is not in it any more. {NOT_YOU}"),
        ),
        PartnerNews::HoldReleased => (
            format!("A hold on {name} has been released"),
            "An operator of the marketplace has ended it. What is still open is listed here.".to_owned(),
        ),
    };
    let draft = Draft::new(subject).say(opening);
    let draft = partner
        .open_holds(now)
        .fold(draft, |draft, hold| draft.facts(facts(hold)));
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
    (title, version): (&str, &str),
    (decision, rejects_at): (Verdict, Option<Timestamp>),
    reason_code: &str,
    public_url: &str,
) -> Draft {
    let delayed = rejects_at.map(|day| {
        let day = day.strftime("%-d %B %Y");
        format!("Upload a package with the changes before {day} and hand it in. Otherwise it is rejected on that day.")
    });
    let (verdict, next) = match decision {
        Verdict::Approved => ("was approved", "You can publish it now."),
        Verdict::ChangesRequested => (
            "needs changes",
            delayed
                .as_deref()
                .unwrap_or("Upload a package with the changes and hand it in again."),
        ),
        Verdict::Rejected => (
            "was rejected",
            "See the submission for the evidence. You can appeal within 184 days.",
        ),
    };
    let what = format!("{title} {version} {verdict}");
    let opening = format!("{title}, version {version}, {verdict}. {next}");
    about_version(partner, what, opening, reason_code, public_url)
}

/// What a moderator asks about a version.
pub(crate) fn reply(partner: &Partner, (title, version): (&str, &str), text: &str, public_url: &str) -> Draft {
    let subject = format!("A question about {title} {version}");
    let opening = format!("We are looking at {title}, version {version}, and want to know:");
    let draft = Draft::new(subject).say(opening).say(text);
    draft.link(
        "Answer at your listing",
        format!("{public_url}/partners/{}/listings", partner.id),
    )
}

/// About a version whose package its scan held.
pub(crate) fn held_scan(
    partner: &Partner,
    title: &str,
    version: &str,
    decision: HeldVerdict,
    reason_code: &str,
    public_url: &str,
) -> Draft {
    let (verdict, next) = match decision {
        HeldVerdict::Released => (
            "is no longer held",
            "Somebody has looked at what the scan found. The package is scanned once more; when it has passed, you can hand it in.",
        ),
        HeldVerdict::Rejected => (
            "stays held",
            "Somebody has looked at what the scan found, and it cannot be offered as it is. You can upload another package, or appeal within 184 days.",
        ),
    };
    let what = format!("{title} {version} {verdict}");
    let opening = format!("The package of {title}, version {version}, {verdict}. {next}");
    about_version(partner, what, opening, reason_code, public_url)
}

/// About a version that has been published.
pub(crate) fn listed(partner: &Partner, news: &ListedNews, public_url: &str) -> Draft {
    let (verdict, next) = match news.decision {
        ListedVerdict::Suspended => (
            "is suspended",
            "It is neither offered nor downloaded until somebody has looked into it. We tell you what was decided.",
        ),
        ListedVerdict::TakenDown => (
            "was taken down",
            "It is neither offered nor downloaded any more. You can appeal within 184 days; somebody else will decide about it.",
        ),
        ListedVerdict::Reinstated => (
            "is back",
            "It is listed as it was before, and those who have bought it have been told.",
        ),
    };
    let what = format!("{} {} {verdict}", news.listing_title, news.version);
    let opening = format!("{}, version {}, {verdict}. {next}", news.listing_title, news.version);
    about_version(partner, what, opening, &news.reason_code, public_url)
}

/// About an appeal of the partner's.
pub(crate) fn appeal(
    partner: &Partner,
    title: &str,
    version: &str,
    decision: AppealVerdict,
    reason_code: &str,
    public_url: &str,
) -> Draft {
    let (verdict, next) = match decision {
        AppealVerdict::Upheld => ("was upheld", "You were right: what we had refused goes on."),
        AppealVerdict::Dismissed => (
            "was dismissed",
            "Somebody else has looked at it again, and the refusal stands.",
        ),
    };
    let what = format!("Your appeal about {title} {version} {verdict}");
    let opening = format!("Your appeal about {title}, version {version}, {verdict}. {next}");
    about_version(partner, what, opening, reason_code, public_url)
}

fn about_version(partner: &Partner, subject: String, opening: String, reason_code: &str, public_url: &str) -> Draft {
    let draft = Draft::new(subject).say(opening);
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
