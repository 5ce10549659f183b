//! A document before it has a form: what stands in it, and in which order. Rendered as a web page ([`html`]) and for paper ([`pdf`]);
//! both show the same words.

pub(crate) mod html;
pub(crate) mod pdf;

use jiff::Timestamp;
use shared::invoice::Seller;
use shared::money::Money;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    pub title: String,
    pub issuer: Seller,
    /// A line each, the name first.
    pub addressee: Vec<String>,
    pub facts: Vec<(&'static str, String)>,
    pub tables: Vec<Table>,
    pub notes: Vec<String>,
    pub drawn_up_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub caption: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub title: &'static str,
    pub kind: Kind,
}

/// How a column shares the width of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As wide as its longest text.
    Text,
    /// What the others leave; one in each table.
    Wide,
    /// As wide as its longest number, aligned to the right.
    Amount,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub cells: Vec<Cell>,
    /// A sum, or where one begins.
    pub is_strong: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    pub text: String,
    /// Smaller, below.
    pub details: Vec<String>,
}

impl Column {
    pub(crate) fn text(title: &'static str) -> Self {
        Self {
            title,
            kind: Kind::Text,
        }
    }

    pub(crate) fn wide(title: &'static str) -> Self {
        Self {
            title,
            kind: Kind::Wide,
        }
    }

    pub(crate) fn amount(title: &'static str) -> Self {
        Self {
            title,
            kind: Kind::Amount,
        }
    }

    pub(crate) fn is_amount(&self) -> bool {
        self.kind == Kind::Amount
    }

    /// How a style sheet calls it.
    fn class(&self) -> &'static str {
        match self.kind {
            Kind::Text => "text",
            Kind::Wide => "wide",
            Kind::Amount => "amount",
        }
    }
}

impl Row {
    pub(crate) fn new(cells: impl IntoIterator<Item = Cell>) -> Self {
        Self {
            cells: cells.into_iter().collect(),
            is_strong: false,
        }
    }

    #[must_use]
    pub(crate) fn strong(self) -> Self {
        Self {
            is_strong: true,
            ..self
        }
    }

    /// The cells, each with its column's.
    pub(crate) fn under<'a>(&'a self, columns: &'a [Column]) -> impl Iterator<Item = (&'a Column, &'a Cell)> {
        columns.iter().zip(&self.cells)
    }
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            details: Vec::new(),
        }
    }

    #[must_use]
    pub(crate) fn with_details(self, details: impl IntoIterator<Item = String>) -> Self {
        Self {
            details: details.into_iter().collect(),
            ..self
        }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.details.is_empty()
    }

    pub(crate) fn amount(amount: Money) -> Self {
        Self::text(decimal(amount))
    }

    pub(crate) fn maybe_amount(amount: Option<Money>) -> Self {
        amount.map(Self::amount).unwrap_or_default()
    }
}

/// A number for reading: with a minus sign that is as wide as a digit. Its currency stands elsewhere.
pub(crate) fn decimal(amount: Money) -> String {
    amount.decimal().replace('-', "\u{2212}")
}

/// "12.99 EUR".
pub(crate) fn price(amount: Money) -> String {
    format!("{} {}", decimal(amount), amount.currency())
}

/// The day in UTC.
pub(crate) fn day(at: Timestamp) -> String {
    shared::clock::day(at).to_string()
}
