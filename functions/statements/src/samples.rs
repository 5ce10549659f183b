//! A month, an order and a refund that are always the same, for the tests of what documents look like.

use shared::ids::{Id, OrderId, PartnerId, UserId};
use shared::invoice::{Issued, Seller, Subject};
use shared::ledger::{Account, Fact, JournalEntry, Posting};
use shared::money::{BasisPoints, Currency, Money};
use shared::purchase::refund::{self, Refund, RefundOrigin, RefundPolicy, RefundReason, RefundRequest, RefundState};
use shared::purchase::{Offer, Order, Payment, place, settle};
use shared::revenue::{Referrers, Terms, Turnovers};
use shared::seed::Seed;
use shared::statement::{Draft, Sold, Statement};
use shared::store::accounts::UserItem;

use crate::document::Document;
use crate::{invoice, statement};

pub(crate) const FORMULA: &str = "=HYPERLINK(\"https://evil.example\",\"Łódź\") <script>alert(1)</script>";

pub(crate) fn seed() -> Seed {
    "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid")
}

pub(crate) fn at(text: &str) -> jiff::Timestamp {
    text.parse().expect("a time")
}

fn partner() -> PartnerId {
    seed().id("partner")
}

fn seller() -> Seller {
    Seller {
        name: "Souk Marketplace GmbH".to_owned(),
        address: vec![
            "Marktplatz 1".to_owned(),
            "10115 Berlin".to_owned(),
            "Germany".to_owned(),
        ],
        tax_id: "DE123456789".to_owned(),
    }
}

/// Three things, one of them with a name that means harm; paid.
fn order(label: &str) -> Order {
    let offer = |(index, (title, minor)): (usize, (&str, i64))| Offer {
        listing: seed().id(&format!("listing {index}")),
        partner: partner(),
        title: title.to_owned(),
        price: Money::new(minor, Currency::EUR),
        terms: Terms::default_rule(BasisPoints::try_from(2000).expect("a rate")),
        policy: None,
    };
    let titles = [
        (
            "Pocket Grooves: forty grooves in odd and even metres for drummers who count",
            1299,
        ),
        (FORMULA, 500),
        ("Ζεστοί ήχοι · Тёплые звуки · Tiếng Việt", 0),
    ];
    let offers: Vec<_> = titles.into_iter().enumerate().map(offer).collect();
    let placed = place(
        seed().id("customer"),
        &offers,
        Referrers::default(),
        seed(),
        at("2026-11-02T10:00:00Z"),
    )
    .expect("an order");
    let placed = Order {
        id: seed().id(label),
        ..placed
    };
    let payment = Payment {
        amount: placed.total,
        charge: Some("ch_1".to_owned()),
        at: at("2026-11-02T10:05:00Z"),
    };
    settle(&placed, &payment, &Turnovers::new(), 7, seed(), || [9; 16])
        .expect("paid in full")
        .order
}

fn entry(label: &str, fact: Fact, time: &str, net: Money, commission: i64) -> JournalEntry {
    let posting = |account, minor| Posting {
        account,
        amount: Money::new(minor, net.currency()),
    };
    let other = match fact {
        Fact::Payout(_) => Account::PayoutsInTransit(partner()),
        _ => Account::ProcessorClearing,
    };
    let postings = vec![
        posting(Account::PartnerPayable(partner()), -net.minor()),
        posting(Account::PlatformRevenue, -commission),
        posting(other, net.minor() + commission),
    ];
    JournalEntry::new(seed().id(label), fact, Some(partner()), at(time), postings).expect("balanced")
}

/// A month with a sale, its refund, a payout, and a sale in dollars; `sales` more sales of a cent.
pub(crate) fn month(sales: usize) -> Statement {
    let (eur, usd) = (
        |minor| Money::new(minor, Currency::EUR),
        |minor| Money::new(minor, Currency::USD),
    );
    let sold: OrderId = seed().id("order");
    let mut entries = vec![
        entry(
            "a",
            Fact::Sale(seed().id("before")),
            "2026-10-20T09:00:00Z",
            eur(123_456),
            30_864,
        ),
        entry("b", Fact::Sale(sold), "2026-11-02T10:05:00Z", eur(1440), 359),
        entry(
            "c",
            Fact::Refund(seed().id("refund")),
            "2026-11-05T08:00:00Z",
            eur(-400),
            -100,
        )
        .of_order(sold),
        entry(
            "d",
            Fact::Payout(seed().id("payout")),
            "2026-11-09T06:00:00Z",
            eur(-123_456),
            0,
        ),
        entry(
            "e",
            Fact::Sale(seed().id("dollars")),
            "2026-11-30T23:59:59Z",
            usd(800),
            200,
        ),
    ];
    for number in 0..sales {
        let label = format!("small {number}");
        entries.push(entry(
            &label,
            Fact::Sale(seed().id(&label)),
            "2026-11-12T12:00:00Z",
            eur(1),
            0,
        ));
    }
    let mut draft = Draft::new(partner(), "2026-11".parse().expect("a period"));
    entries.iter().for_each(|entry| draft.add(entry).expect("few"));
    let known = Sold::of(&order("order"), partner());
    draft.finish().expect("small").described(&[(sold, known)].into())
}

pub(crate) fn statement_document(sales: usize) -> Document {
    let addressee = vec!["Åsa & Σία Sounds".to_owned(), "DE".to_owned()];
    statement::document(&month(sales), addressee, &seller(), at("2026-12-01T00:00:00Z")).expect("small")
}

fn customer() -> UserItem {
    UserItem {
        id: UserId::from_uuid(seed().id::<UserId>("customer").uuid()),
        email: Some("chiara@people.example".to_owned()),
        name: Some("Chiara Nguyễn-Żółć".to_owned()),
        created_at: at("2026-01-01T00:00:00Z"),
    }
}

fn issued(subject: Subject, time: &str) -> Issued {
    Issued::after(41, seed().id("order"), subject, seller(), at(time))
}

pub(crate) fn invoice_document() -> Document {
    let issued = issued(Subject::Invoice, "2026-11-02T11:00:00Z");
    invoice::invoice(&issued, &order("order"), Some(&customer()))
}

/// Of a part of the first thing, for a customer who has been erased.
pub(crate) fn credit_note_document(state: RefundState) -> Document {
    let (order, now) = (order("order"), at("2026-11-05T08:00:00Z"));
    let request = RefundRequest {
        lines: Some(vec![(0, Some(Money::new(500, Currency::EUR)))]),
        reason: RefundReason::DoesNotWork,
        note: None,
    };
    let origin = RefundOrigin::Operator {
        user: seed().id("operator"),
    };
    let begun = refund::begin(&order, &request, origin, RefundPolicy { window_days: 14 }, seed(), now).expect("paid");
    let refund = Refund { state, ..begun.refund };
    let note = issued(Subject::CreditNote(refund.id), "2026-11-06T11:00:00Z");
    invoice::credit_note(
        &note,
        &issued(Subject::Invoice, "2026-11-02T11:00:00Z"),
        &order,
        &refund,
        None,
    )
}
