//! The lines of an invoice, and what they come to.

use serde_json::{Value, json};

use crate::billing::amounts::Reduction;
use crate::billing::calendar::Period;
use crate::world::{World, text};

/// One line before it is on an invoice.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Before discounts, in minor units; less than zero gives back.
    pub amount: i64,
    pub description: String,
    pub price: Value,
    pub quantity: i64,
    pub period: Period,
    /// The item of the subscription it is for, if any.
    pub subscription_item: Option<String>,
    pub subscription: Option<String>,
    /// The invoice item that waited for this invoice, if any.
    pub invoice_item: Option<String>,
    pub proration: bool,
    pub metadata: Value,
}

impl Line {
    /// What was prorated has its discount in it already, and what is given back has none.
    fn discountable(&self) -> bool {
        !self.proration && self.amount >= 0
    }

    fn parent(&self) -> Value {
        let mut details = json!({
            "invoice_item": self.invoice_item,
            "proration": self.proration,
            "proration_details": {"credited_items": null},
            "subscription": self.subscription,
        });
        match &self.subscription_item {
            Some(item) => {
                details["subscription_item"] = json!(item);
                json!({"invoice_item_details": null, "subscription_item_details": details,
                    "type": "subscription_item_details"})
            }
            None => json!({"invoice_item_details": details, "subscription_item_details": null,
                "type": "invoice_item_details"}),
        }
    }

    fn shown(&self, world: &mut World, currency: &str, discounts: &[Value]) -> Value {
        json!({
            "id": world.id_with("il", 24),
            "object": "line_item",
            "amount": self.amount,
            "currency": currency,
            "description": self.description,
            "discount_amounts": discounts,
            "discountable": self.discountable(),
            "discounts": [],
            "invoice": null,
            "livemode": false,
            "metadata": self.metadata,
            "parent": self.parent(),
            "period": {"end": self.period.end, "start": self.period.start},
            "pretax_credit_amounts": [],
            "pricing": pricing(&self.price),
            "quantity": self.quantity,
            "subscription": self.subscription,
            "subtotal": self.amount,
            "taxes": [],
        })
    }
}

/// A price as lines and invoice items show it; null for an amount that has none.
pub(crate) fn pricing(price: &Value) -> Value {
    if price.is_null() {
        return Value::Null;
    }
    json!({
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    })
}

/// All lines as shown, with what each discount takes off them.
#[derive(Debug)]
pub(crate) struct Sum {
    pub lines: Vec<Value>,
    pub subtotal: i64,
    pub total: i64,
    /// `total_discount_amounts` of the invoice.
    pub discounts: Vec<Value>,
}

pub(crate) fn sum(world: &mut World, lines: &[Line], currency: &str, discounts: &[(String, Reduction)]) -> Sum {
    let subtotal: i64 = lines.iter().map(|line| line.amount).sum();
    // Each discount takes from what the ones before it have left.
    let mut open: Vec<i64> = lines
        .iter()
        .map(|line| if line.discountable() { line.amount } else { 0 })
        .collect();
    let mut per_line: Vec<Vec<Value>> = vec![Vec::new(); lines.len()];
    let mut totals = Vec::new();
    for (id, reduction) in discounts {
        let parts = reduction.over(&open);
        totals.push(json!({"amount": parts.iter().sum::<i64>(), "discount": id}));
        for (at, part) in parts.iter().enumerate() {
            open[at] -= part;
            if lines[at].discountable() {
                per_line[at].push(json!({"amount": part, "discount": id}));
            }
        }
    }
    let taken: i64 = totals.iter().map(|total| crate::world::int(total, "amount")).sum();
    let shown = lines
        .iter()
        .zip(&per_line)
        .map(|(line, discounts)| line.shown(world, currency, discounts))
        .collect();
    Sum {
        lines: shown,
        subtotal,
        total: subtotal - taken,
        discounts: totals,
    }
}

/// The invoice items that the lines of an invoice have used up.
pub(super) fn used_items(invoice: &Value) -> Vec<String> {
    let lines = invoice["lines"]["data"].as_array().into_iter().flatten();
    lines
        .filter_map(|line| {
            ["subscription_item_details", "invoice_item_details"]
                .iter()
                .find_map(|details| line["parent"][*details]["invoice_item"].as_str())
        })
        .map(str::to_owned)
        .collect()
}

/// The subscription an invoice is for; empty for one that is for none.
pub(crate) fn subscription_of(invoice: &Value) -> &str {
    text(&invoice["parent"]["subscription_details"], "subscription")
}
