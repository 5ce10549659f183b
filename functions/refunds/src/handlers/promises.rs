//! What a partner's refund takes back, kept on the balances of those who bear it until the settlement posts it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::http::Problem;
use shared::ids::PartnerId;
use shared::money::Money;
use shared::payout::Balance;
use shared::purchase::Order;
use shared::purchase::promise::{promised, shares};
use shared::purchase::refund::Begun;
use shared::store::{Versioned, Write, keys, ledger, partners, payouts};

use crate::context::Context;

/// The refund with what the balances of those who bear it promise; `None` where they are not owed as much.
pub(super) async fn secure(
    context: &Context,
    order: &Order,
    begun: Begun,
    now: Timestamp,
) -> Result<Option<(Begun, Vec<Write>)>, Problem> {
    let shares = shares(order, &begun.refund).map_err(Problem::internal)?;
    let (mut funds, mut balances) = (BTreeMap::new(), BTreeMap::new());
    for partner in shares.keys().copied() {
        let balance = ledger::balance(&context.store, &keys::balance(partner, order.total.currency())).await?;
        if let Some(balance) = balance {
            funds.insert(partner, funds_of(context, &balance, now).await?);
            balances.insert(partner, balance);
        }
    }
    let Some(begun) = promised(order, begun, &funds).map_err(Problem::internal)? else {
        return Ok(None);
    };
    let promised = begun.refund.promised.iter();
    let writes = promised.filter_map(|promise| Some(ledger::promise(balances.get(&promise.partner)?, promise.minor)));
    let writes = writes.collect();
    Ok(Some((begun, writes)))
}

/// What the partner is owed, matured or not, and nothing else takes back.
async fn funds_of(context: &Context, balance: &Versioned<Balance>, now: Timestamp) -> Result<Money, Problem> {
    let partner: PartnerId = balance.partner;
    let uncommitted = balance.uncommitted().map_err(Problem::internal)?;
    let Some(partner) = partners::load(&context.store, partner).await? else {
        return Ok(uncommitted);
    };
    let debt = payouts::owed_elsewhere(&context.store, &partner, balance.currency(), now).await?;
    uncommitted.checked_sub(debt).map_err(Problem::internal)
}
