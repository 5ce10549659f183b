//! A statement as a document and as a table.

use jiff::Timestamp;
use shared::invoice::Seller;
use shared::ledger::Fact;
use shared::money::{Money, MoneyError};
use shared::statement::{Line, Section, Statement};

use crate::csv::Csv;
use crate::document::{Cell, Column, Document, Row, Table, day, price};

pub(crate) fn document(
    statement: &Statement,
    addressee: Vec<String>,
    seller: &Seller,
    now: Timestamp,
) -> Result<Document, MoneyError> {
    let period = statement.period;
    let mut facts = vec![
        ("From", format!("{} (UTC)", period.first())),
        ("To", format!("{} (UTC)", period.last())),
        ("Drawn up", day(now)),
        ("Partner", statement.partner.to_string()),
    ];
    let mut tables = Vec::new();
    for section in &statement.sections {
        facts.push(("Closing balance", price(section.closing)));
        tables.push(summary(section)?);
        if !section.lines.is_empty() {
            tables.push(lines(section));
        }
    }
    let mut notes = Vec::new();
    if statement.sections.is_empty() {
        notes.push("Nothing was owed and nothing happened in this period.".to_owned());
    }
    if !period.is_over(now) {
        notes.push("The period has not ended yet: more lines will follow.".to_owned());
    }
    notes.push("Every line is an entry of the journal. The closing balance is what is owed to the partner; below zero, what the partner owes.".to_owned());
    Ok(Document {
        title: format!("Statement {period}"),
        issuer: seller.clone(),
        addressee,
        facts,
        tables,
        notes,
        drawn_up_at: now,
    })
}

fn summary(section: &Section) -> Result<Table, MoneyError> {
    let mut rows = vec![Row::new([Cell::text("Opening balance"), Cell::amount(section.opening)])];
    for (fact, sum) in section.summary()? {
        rows.push(Row::new([Cell::text(names(fact).1), Cell::amount(sum)]));
    }
    rows.push(Row::new([Cell::text("Closing balance"), Cell::amount(section.closing)]).strong());
    Ok(Table {
        caption: format!("Summary in {}", section.currency()),
        columns: vec![Column::wide("What"), Column::amount("Net")],
        rows,
    })
}

fn lines(section: &Section) -> Table {
    let columns = vec![
        Column::text("Date"),
        Column::wide("What"),
        Column::amount("Gross"),
        Column::amount("Commission"),
        Column::amount("Net"),
        Column::amount("Balance"),
    ];
    let row = |line: &Line| {
        let what = match &line.sold {
            Some(sold) => format!("{}: {}", names(&line.fact).0, sold.titles.join(", ")),
            None => names(&line.fact).0.to_owned(),
        };
        Row::new([
            Cell::text(day(line.at)),
            Cell::text(what).with_details(references(line)),
            Cell::maybe_amount(line.division.map(|division| division.gross)),
            Cell::maybe_amount(line.division.map(|division| division.commission)),
            Cell::amount(line.net),
            Cell::amount(line.balance),
        ])
    };
    Table {
        caption: format!("Lines in {}", section.currency()),
        columns,
        rows: section.lines.iter().map(row).collect(),
    }
}

/// What a line can be looked up by.
fn references(line: &Line) -> Vec<String> {
    let reference = line.fact.reference();
    let order = line
        .order
        .map(|order| order.to_string())
        .filter(|order| *order != reference);
    let rules = line
        .sold
        .as_ref()
        .map(|sold| format!("rule {}", joined(sold.rules.iter())));
    [Some(reference), order, rules].into_iter().flatten().collect()
}

fn joined(texts: impl Iterator<Item = impl AsRef<str>>) -> String {
    texts
        .map(|text| text.as_ref().to_owned())
        .collect::<Vec<_>>()
        .join("; ")
}

/// A line for each line of the statement, between the opening and the closing balance of its currency.
pub(crate) fn table(statement: &Statement) -> Result<Vec<u8>, csv::Error> {
    let mut table = Csv::new([
        "currency",
        "time",
        "kind",
        "reference",
        "order",
        "items",
        "rules",
        "gross",
        "commission",
        "net",
        "balance",
        "entry",
    ])?;
    for section in &statement.sections {
        let currency = section.currency();
        balance(&mut table, section, "opening_balance", section.opening)?;
        for line in &section.lines {
            let (titles, rules) = line.sold.as_ref().map_or_else(Default::default, |sold| {
                (joined(sold.titles.iter()), joined(sold.rules.iter()))
            });
            table
                .text(currency.code())?
                .text(&line.at.to_string())?
                .text(line.fact.name())?
                .text(&line.fact.reference())?;
            table
                .text(&line.order.map(|order| order.to_string()).unwrap_or_default())?
                .text(&titles)?
                .text(&rules)?;
            table.maybe_amount(line.division.map(|division| division.gross))?;
            table.maybe_amount(line.division.map(|division| division.commission))?;
            table
                .amount(line.net)?
                .amount(line.balance)?
                .text(&line.entry.to_string())?
                .end_row()?;
        }
        balance(&mut table, section, "closing_balance", section.closing)?;
    }
    table.finish()
}

fn balance(table: &mut Csv, section: &Section, kind: &str, balance: Money) -> Result<(), csv::Error> {
    table.text(section.currency().code())?.text("")?.text(kind)?;
    for _ in 0..7 {
        table.text("")?;
    }
    table.amount(balance)?.text("")?.end_row()
}

/// What people call one of these, and many.
fn names(fact: &Fact) -> (&'static str, &'static str) {
    match fact {
        Fact::Sale(_) => ("Sale", "Sales"),
        Fact::Referral(_) => ("Referral", "Referrals"),
        Fact::FeeShare(_) => ("Processing fee", "Processing fees"),
        Fact::Refund(_) => ("Refund", "Refunds"),
        Fact::RefundFailed(_) => ("Failed refund", "Failed refunds"),
        Fact::DisputeLost(_) => ("Lost dispute", "Lost disputes"),
        Fact::Payout(_) => ("Payout", "Payouts"),
        Fact::PayoutCancelled(_) => ("Cancelled payout", "Cancelled payouts"),
        Fact::TransferReversed(_) => ("Returned payout", "Returned payouts"),
        // These change no partner's balance, so no statement has them.
        Fact::Fee(_) | Fact::DisputeFunds(_) | Fact::Transfer(_) | Fact::Processor(_) => ("Movement", "Movements"),
    }
}
