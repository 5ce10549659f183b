//! Invoices and credit notes, beside their order; and the counters of their numbers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys::{self, Key};
use super::table::{Store, StoreError, Versioned, Write};
use crate::ids::OrderId;
use crate::invoice::{Issued, Seller, Subject};

#[derive(Serialize, Deserialize)]
struct Counter {
    last: u64,
}

fn key(order: OrderId, subject: Subject) -> Key {
    match subject {
        Subject::Invoice => keys::invoice(order),
        Subject::CreditNote(refund) => keys::credit_note(order, refund),
    }
}

/// The document if it has been issued.
pub async fn issued(store: &Store, order: OrderId, subject: Subject) -> Result<Option<Issued>, StoreError> {
    Ok(store.get(&key(order, subject)).await?.map(|issued| issued.value))
}

/// The document, issued now if it has not been before. It takes its number in the transaction that counts it, so no number is given
/// twice and none is left out.
pub async fn issue(
    store: &Store,
    order: OrderId,
    subject: Subject,
    seller: &Seller,
    now: Timestamp,
) -> Result<Issued, StoreError> {
    let mut tries = store.tries();
    loop {
        if let Some(issued) = issued(store, order, subject).await? {
            return Ok(issued);
        }
        let counter_key = keys::document_counter(subject.series());
        let counter: Option<Versioned<Counter>> = store.get(&counter_key).await?;
        let last = counter.as_ref().map_or(0, |counter| counter.last);
        let issued = Issued::after(last, order, subject, seller.clone(), now);
        let counted = Counter {
            last: issued.number().count(),
        };
        let count = match counter {
            Some(counter) => Write::replace(counter_key, &counted, counter.revision)?,
            None => Write::create(counter_key, &counted)?,
        };
        match store
            .transact(vec![Write::create(key(order, subject), &issued)?, count])
            .await
        {
            Ok(()) => return Ok(issued),
            // Somebody issued this document, or took the number for another.
            Err(error) if tries.again(&error).await => {}
            Err(StoreError::Conflict { .. }) => return Err(StoreError::Busy),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestWorld;

    fn seller(name: &str) -> Seller {
        Seller {
            name: name.to_owned(),
            address: vec!["Street 1".to_owned()],
            tax_id: "DE1".to_owned(),
        }
    }

    #[tokio::test]
    async fn numbers_have_no_gaps_and_documents_never_change() {
        let world = TestWorld::new();
        let issue = async |order, subject, name: &str| {
            let issued = issue(&world.store, order, subject, &seller(name), world.now()).await;
            issued.expect("memory is never busy")
        };
        let orders: Vec<OrderId> = (0..3).map(|_| world.seed().id("order")).collect();
        let first = issue(orders[0], Subject::Invoice, "Souk").await;
        let note = issue(orders[0], Subject::CreditNote(world.seed().id("refund")), "Souk").await;
        let second = issue(orders[1], Subject::Invoice, "Souk").await;
        world.clock.advance(jiff::SignedDuration::from_hours(48));
        let again = issue(orders[0], Subject::Invoice, "Souk and Sons").await;
        let third = issue(orders[2], Subject::Invoice, "Souk and Sons").await;
        let numbers: Vec<_> = [&first, &note, &second, &third]
            .map(|issued| issued.number().to_string())
            .into();
        assert_eq!(numbers, ["INV-000001", "CRN-000001", "INV-000002", "INV-000003"]);
        assert_eq!(again, first, "day and seller are those of the first time");
    }
}
