//! Invoices and credit notes as documents.

use shared::invoice::Issued;
use shared::money::Money;
use shared::purchase::refund::{Refund, RefundReason, RefundState};
use shared::purchase::{Order, OrderLine};
use shared::store::accounts::UserItem;

use crate::document::{Cell, Column, Document, Row, Table, day};

const NO_TAX: &str = "Prices are what was charged. No tax is shown separately.";

pub(crate) fn invoice(issued: &Issued, order: &Order, customer: Option<&UserItem>) -> Document {
    let mut facts = about(issued, order);
    facts.extend(order.paid_at.map(|at| ("Paid on", day(at))));
    let lines = order.lines.iter().map(|line| (line, line.price));
    Document {
        title: format!("Invoice {}", issued.number()),
        issuer: issued.seller.clone(),
        addressee: addressee(order, customer),
        facts,
        tables: vec![items("Items", lines, "Total paid", order.total)],
        notes: vec![NO_TAX.to_owned()],
        drawn_up_at: issued.issued_at,
    }
}

/// The credit note of a refund, which corrects `invoice`.
pub(crate) fn credit_note(
    issued: &Issued,
    invoice: &Issued,
    order: &Order,
    refund: &Refund,
    customer: Option<&UserItem>,
) -> Document {
    let mut facts = about(issued, order);
    facts.push((
        "Corrects",
        format!("{} of {}", invoice.number(), day(invoice.issued_at)),
    ));
    facts.push(("Refund", refund.id.to_string()));
    facts.push(("Reason", reason(refund.reason).to_owned()));
    let currency = refund.amount.currency();
    let lines = refund
        .lines
        .iter()
        .filter_map(|part| Some((order.lines.get(part.line)?, Money::new(part.minor, currency))));
    let mut notes = vec![NO_TAX.to_owned()];
    if let RefundState::Failed { at, .. } = &refund.state {
        notes.insert(
            0,
            format!(
                "Void: on {} the refund was found not to have arrived, and was taken back.",
                day(*at)
            ),
        );
    }
    Document {
        title: format!("Credit note {}", issued.number()),
        issuer: issued.seller.clone(),
        addressee: addressee(order, customer),
        facts,
        tables: vec![items("Given back", lines, "Total given back", refund.amount)],
        notes,
        drawn_up_at: issued.issued_at,
    }
}

/// Who bought: by name and address where they are known, always by the id that stays when a person is erased.
fn addressee(order: &Order, customer: Option<&UserItem>) -> Vec<String> {
    let known = customer.map(|customer| [customer.name.clone(), customer.email.clone()]);
    known
        .into_iter()
        .flatten()
        .flatten()
        .chain([format!("Customer {}", order.customer)])
        .collect()
}

fn about(issued: &Issued, order: &Order) -> Vec<(&'static str, String)> {
    vec![
        ("Number", issued.number().to_string()),
        ("Date", day(issued.issued_at)),
        ("Order", order.id.to_string()),
        ("Ordered on", day(order.placed_at)),
    ]
}

fn items<'a>(
    caption: &str,
    lines: impl Iterator<Item = (&'a OrderLine, Money)>,
    sum: &'static str,
    total: Money,
) -> Table {
    let row = |(line, amount): (&OrderLine, Money)| {
        let licence = format!("Licence {}", line.licence);
        Row::new([Cell::text(&line.title).with_details([licence]), Cell::amount(amount)])
    };
    let sum = Row::new([
        Cell::text(format!("{sum} in {}", total.currency())),
        Cell::amount(total),
    ])
    .strong();
    Table {
        caption: caption.to_owned(),
        columns: vec![Column::wide("Item"), Column::amount("Amount")],
        rows: lines.map(row).chain([sum]).collect(),
    }
}

fn reason(reason: RefundReason) -> &'static str {
    match reason {
        RefundReason::RequestedByCustomer => "Requested by the customer",
        RefundReason::Duplicate => "Bought twice",
        RefundReason::Fraudulent => "Fraudulent purchase",
        RefundReason::NotAsDescribed => "Not as described",
        RefundReason::DoesNotWork => "Does not work",
        RefundReason::NoLongerOffered => "No longer offered",
        RefundReason::Other => "Other",
    }
}
