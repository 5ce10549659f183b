//! What customers get after paying.

use shared::licence::Licence;
use shared::purchase::Order;

use crate::letter::Draft;

/// The receipt: what was bought, for how much, and the licence key of each line.
pub(crate) fn write(order: &Order, licences: &[Licence], public_url: &str) -> Draft {
    let opening = format!(
        "Thank you for your order {}. Keep this mail: it has your licence keys.",
        order.id
    );
    let mut draft = Draft::new(format!("Your receipt: {}", order.total)).say(opening);
    for line in &order.lines {
        let key = licences
            .iter()
            .find(|licence| licence.id == line.licence)
            .map(|licence| licence.key.to_string());
        let price = if line.price.is_zero() {
            "free".to_owned()
        } else {
            line.price.to_string()
        };
        let key = key.unwrap_or_else(|| "shown with your licences on the web page".to_owned());
        draft = draft.facts([("Item", line.title.clone()), ("Price", price), ("Licence key", key)]);
    }
    let paid_at = order.paid_at.map(|at| at.to_string()).unwrap_or_default();
    let day = paid_at.split('T').next().unwrap_or_default().to_owned();
    draft = draft.facts([("Total", order.total.to_string()), ("Paid on", day)]);
    draft.link("Download what you bought", format!("{public_url}/orders/{}", order.id))
}
