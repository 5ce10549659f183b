//! Invoices and credit notes: numbered without gaps, dated once, never changed.
//!
//! An invoice is issued when somebody asks for it first. Number, day and seller are kept then; what was sold and for how much is frozen on
//! the order and the refund, and who bought it is read from the accounts, the only place of personal data. So a document reads the same
//! for ever, but for a customer who has been erased.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{OrderId, RefundId};

/// What a document is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Invoice,
    CreditNote(RefundId),
}

/// The circle of numbers that a document is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum Series {
    Invoice,
    CreditNote,
}

impl Subject {
    pub fn series(&self) -> Series {
        match self {
            Self::Invoice => Series::Invoice,
            Self::CreditNote(_) => Series::CreditNote,
        }
    }
}

/// A document that has been issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    pub order: OrderId,
    pub subject: Subject,
    /// Counts from 1 within its series, for the whole marketplace.
    number: u64,
    pub issued_at: Timestamp,
    /// As it called itself on that day.
    pub seller: Seller,
}

/// Who runs the marketplace and sells in its name, as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seller {
    pub name: String,
    /// A line each.
    pub address: Vec<String>,
    pub tax_id: String,
}

impl Issued {
    /// The document that follows the one with the number `last`; the first follows 0.
    pub fn after(last: u64, order: OrderId, subject: Subject, seller: Seller, now: Timestamp) -> Self {
        Self {
            order,
            subject,
            number: last + 1,
            issued_at: now,
            seller,
        }
    }

    pub fn number(&self) -> Number {
        Number {
            series: self.subject.series(),
            number: self.number,
        }
    }
}

/// Shown as `INV-000042` or `CRN-000007`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    series: Series,
    number: u64,
}

impl Number {
    pub fn count(&self) -> u64 {
        self.number
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.series {
            Series::Invoice => "INV",
            Series::CreditNote => "CRN",
        };
        write!(f, "{prefix}-{:06}", self.number)
    }
}
