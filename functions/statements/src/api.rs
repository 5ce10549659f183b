//! Wire types: statements and tax reports as JSON.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use shared::ids::{JournalId, OrderId, PartnerId};
use shared::money::{Money, MoneyError};
use shared::partner::Partner;
use shared::statement::tax::{Quarter, TaxYear, Totals};
use shared::statement::{Line, Period, Section, Statement};
use shared::store::accounts::UserItem;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Periods {
    /// Years and months since the partner applied, newest first. Days (`2026-11-22`) can be asked for too.
    pub items: Vec<PeriodView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PeriodView {
    /// What the statement is asked for by: `2026`, `2026-11`.
    #[schema(example = "2026-11")]
    pub period: String,
    /// In UTC, as is `last`.
    #[schema(value_type = String, format = Date)]
    pub first: Date,
    #[schema(value_type = String, format = Date)]
    pub last: Date,
    /// Whether no more lines will follow.
    pub is_over: bool,
}

impl PeriodView {
    pub(crate) fn of(period: Period, now: Timestamp) -> Self {
        Self {
            period: period.to_string(),
            first: period.first(),
            last: period.last(),
            is_over: period.is_over(now),
        }
    }
}

/// What a partner was owed when a period began, everything that changed it, and what the partner was owed at the end.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatementView {
    pub partner: PartnerId,
    #[serde(flatten)]
    pub period: PeriodView,
    /// One for each currency that was owed or moved.
    pub sections: Vec<SectionView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SectionView {
    pub opening: Money,
    /// By time.
    pub lines: Vec<LineView>,
    pub closing: Money,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineView {
    /// Of the journal.
    pub entry: JournalId,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// As in the journal: `sale`, `refund`, `payout`, ….
    pub fact: &'static str,
    /// What the fact is about: the order, the refund, the payout.
    pub reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// What was sold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub titles: Vec<String>,
    /// Names and versions of the rules by which it was divided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// Where a customer's money was divided or given back. `gross` less `commission` is `net`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gross: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commission: Option<Money>,
    pub net: Money,
    /// What the partner was owed afterwards.
    pub balance: Money,
}

impl StatementView {
    pub(crate) fn of(statement: Statement, now: Timestamp) -> Self {
        Self {
            partner: statement.partner,
            period: PeriodView::of(statement.period, now),
            sections: statement.sections.into_iter().map(SectionView::from).collect(),
        }
    }
}

impl From<Section> for SectionView {
    fn from(section: Section) -> Self {
        Self {
            opening: section.opening,
            lines: section.lines.into_iter().map(LineView::from).collect(),
            closing: section.closing,
        }
    }
}

impl From<Line> for LineView {
    fn from(line: Line) -> Self {
        let (titles, rules) = line
            .sold
            .map(|sold| (sold.titles, sold.rules.into_iter().collect()))
            .unwrap_or_default();
        Self {
            entry: line.entry,
            at: line.at,
            fact: line.fact.name(),
            reference: line.fact.reference(),
            order_id: line.order,
            titles,
            rules,
            gross: line.division.map(|division| division.gross),
            commission: line.division.map(|division| division.commission),
            net: line.net,
            balance: line.balance,
        }
    }
}

/// What a tax report asks of a seller that Souk does not know, by the names that the forms use. The processor verifies most of it and has it.
pub(crate) const MISSING: [&str; 6] = [
    "legal_name",
    "primary_address",
    "tax_identification_number",
    "business_registration_number",
    "date_of_birth",
    "financial_account_identifier",
];

/// One partner's year.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaxReportView {
    pub seller: SellerView,
    /// One for each currency in which something was sold or taken back. Nothing is converted.
    pub totals: Vec<TotalsView>,
}

/// Who the report is about, as far as Souk knows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SellerView {
    pub partner_id: PartnerId,
    /// The name that the partner trades under; not necessarily the legal one.
    pub trade_name: String,
    /// Of residence or establishment, as the partner said.
    pub country: String,
    pub contact_name: Option<String>,
    pub contact_email: Option<String>,
    /// Where the partner is paid: the account at Stripe, which knows what is missing here, or the receiver at PayPal.
    pub processor_account: Option<String>,
    /// What the forms ask for and Souk does not have.
    #[schema(value_type = Vec<String>)]
    pub missing: [&'static str; 6],
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TotalsView {
    pub form_1099_k: Form1099K,
    /// By quarter.
    #[schema(value_type = Vec<QuarterView>)]
    pub dac7: [QuarterView; 4],
}

/// By the boxes of Form 1099-K. Gross: nothing is deducted for fees, refunds or disputes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Form1099K {
    /// Gross amount of the year.
    pub box_1a: Money,
    /// Number of payments, refunds not counted.
    pub box_3: u32,
    /// Gross amounts of the months, boxes 5a (January) to 5l (December).
    #[schema(value_type = Vec<Money>)]
    pub boxes_5a_to_5l: [Money; 12],
}

/// As DAC7 wants it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuarterView {
    /// Credited for sales, after fees.
    pub consideration: Money,
    /// What the platform withheld.
    pub fees: Money,
    /// Orders in which something was sold.
    pub activities: u32,
    /// Consideration, of this or earlier quarters, that was taken back for refunds and lost disputes. Not deducted above.
    pub returned: Money,
    /// Fees that were given back with it. Not deducted above.
    pub returned_fees: Money,
}

impl TaxReportView {
    pub(crate) fn of(partner: &Partner, contact: Option<UserItem>, year: &TaxYear) -> Result<Self, MoneyError> {
        let (contact_name, contact_email) = contact.map(|contact| (contact.name, contact.email)).unwrap_or_default();
        let seller = SellerView {
            partner_id: partner.id,
            trade_name: partner.name.as_str().to_owned(),
            country: partner.country.to_string(),
            contact_name,
            contact_email,
            processor_account: partner.destination().map(|paid_to| partner.shown(&paid_to)),
            missing: MISSING,
        };
        Ok(Self {
            seller,
            totals: year.totals().map(TotalsView::of).collect::<Result<_, _>>()?,
        })
    }
}

impl TotalsView {
    fn of(totals: &Totals) -> Result<Self, MoneyError> {
        let form_1099_k = Form1099K {
            box_1a: totals.gross()?,
            box_3: totals.payments(),
            boxes_5a_to_5l: totals.months.map(|month| month.gross),
        };
        Ok(Self {
            form_1099_k,
            dac7: totals.quarters.map(QuarterView::from),
        })
    }
}

impl From<Quarter> for QuarterView {
    fn from(quarter: Quarter) -> Self {
        let Quarter {
            consideration,
            fees,
            activities,
            returned,
            returned_fees,
        } = quarter;
        Self {
            consideration,
            fees,
            activities,
            returned,
            returned_fees,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct StatementPath {
    pub period: Period,
}
