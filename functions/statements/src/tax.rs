//! The tax report as a table: a row for each partner and currency, a column for each box.

use crate::api::TaxReportView;
use crate::csv::Csv;

const SELLER: [&str; 7] = [
    "partner_id",
    "trade_name",
    "country",
    "contact_name",
    "contact_email",
    "processor_account",
    "missing",
];
const QUARTER: [&str; 5] = ["consideration", "fees", "activities", "returned", "returned_fees"];

pub(crate) fn table(reports: &[TaxReportView]) -> Result<Vec<u8>, csv::Error> {
    let months = ('a'..='l').map(|month| format!("form_1099_k_box_5{month}"));
    let quarters = (1..=4).flat_map(|quarter| QUARTER.map(|name| format!("dac7_q{quarter}_{name}")));
    let form = ["currency", "form_1099_k_box_1a", "form_1099_k_box_3"].map(str::to_owned);
    let mut table = Csv::new(
        SELLER
            .map(str::to_owned)
            .into_iter()
            .chain(form)
            .chain(months)
            .chain(quarters),
    )?;
    for TaxReportView { seller, totals } in reports {
        for totals in totals {
            let form = &totals.form_1099_k;
            table
                .text(&seller.partner_id.to_string())?
                .text(&seller.trade_name)?
                .text(&seller.country)?;
            table.text(seller.contact_name.as_deref().unwrap_or_default())?;
            table.text(seller.contact_email.as_deref().unwrap_or_default())?;
            table.text(seller.processor_account.as_deref().unwrap_or_default())?;
            table.text(&seller.missing.join("; "))?;
            table
                .text(form.box_1a.currency().code())?
                .amount(form.box_1a)?
                .count(form.box_3)?;
            for month in form.boxes_5a_to_5l {
                table.amount(month)?;
            }
            for quarter in &totals.dac7 {
                table
                    .amount(quarter.consideration)?
                    .amount(quarter.fees)?
                    .count(quarter.activities)?;
                table.amount(quarter.returned)?.amount(quarter.returned_fees)?;
            }
            table.end_row()?;
        }
    }
    table.finish()
}
