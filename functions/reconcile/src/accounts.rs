//! The third walk: along the partners' accounts at Stripe. What has happened to them is not among the platform's own events, and the
//! endpoint for connected accounts may have missed it.
//!
//! Each account is asked for its events in its own name, and those that are not in the inbox are taken in as the endpoint would have. Of an
//! account under a hold that ends by what Stripe reports, whoever follows the accounts is told to look at it as if Stripe had said that it
//! changed. A run looks at a number of partners, and the next one goes on behind them.

use shared::ids::MessageId;
use shared::messages::{Envelope, Message};
use shared::partner::{EndedBy, Partner};
use shared::runtime::Failure;
use shared::store::partners;
use shared::store::reconciliation::{self, AccountsRound};

use crate::backfill::REACH;
use crate::books::{StripeEvents, list_page, take_in_stripes};
use crate::run::Run;
use crate::walk::OVERLAP;

/// One page of partners is remembered with one write, which carries a message for each of them at most.
const PAGE: usize = 50;
/// A run asks for the events of 500 accounts at most: some two minutes, which leaves the greater part of its time to the movements.
const PAGES: usize = 10;

/// `false` when there was not enough time.
pub(crate) async fn follow(run: &mut Run<'_>) -> Result<bool, Failure> {
    let store = &run.context.store;
    let latest = reconciliation::accounts_round(store).await?;
    let mut revision = latest.as_ref().map(|latest| latest.revision);
    let mut round = match latest.map(|latest| latest.value) {
        Some(unfinished) if !unfinished.is_ended => unfinished,
        ended => next_round(run, ended.as_ref()),
    };
    for _ in 0..PAGES {
        let page = partners::all(store, PAGE, round.after.clone()).await?;
        let mut news = Vec::new();
        for partner in &page.items {
            if run.is_out_of_time() {
                return Ok(false);
            }
            news.extend(look_at(run, partner, &round).await?);
        }
        round.is_ended = page.next.is_none();
        round.after = page.next;
        match reconciliation::save_accounts_round(store, &round, revision, &news).await? {
            Some(saved) if !round.is_ended => revision = Some(saved),
            // At its end; or another run is further.
            _ => break,
        }
    }
    Ok(true)
}

fn next_round(run: &Run<'_>, ended: Option<&AccountsRound>) -> AccountsRound {
    let reach = run.tick.now - REACH;
    AccountsRound {
        from: ended.map_or(reach, |ended| (ended.until - OVERLAP).max(reach)),
        until: run.until(),
        after: None,
        is_ended: false,
    }
}

/// Takes in what has happened to the partner's account, and says whom to tell that it is to be looked at.
async fn look_at(run: &mut Run<'_>, partner: &Partner, round: &AccountsRound) -> Result<Option<Envelope>, Failure> {
    let Some(account) = partner.payout_account.as_ref().map(|known| &known.account) else {
        return Ok(None);
    };
    let is_shown = take_in_events(run, account, round).await?;
    let is_held = partner
        .open_holds(run.tick.now)
        .any(|hold| hold.reason_code.ended_by() == EndedBy::StripeReport);
    let changed = || {
        let message = Message::AccountChanged {
            event_id: format!("reconcile {account}"),
            account: account.clone(),
        };
        Envelope::new(run.tick.seed.id::<MessageId>(account), message)
    };
    Ok((is_held || !is_shown).then(changed))
}

/// `false` when Stripe no longer shows the account: it is closed, or its owner has disconnected it.
async fn take_in_events(run: &mut Run<'_>, account: &str, round: &AccountsRound) -> Result<bool, Failure> {
    let mut page = list_page(round.from, round.until);
    loop {
        match take_in_stripes(run, Some(account), page).await? {
            StripeEvents::Page(next) => page = next,
            StripeEvents::End => return Ok(true),
            StripeEvents::Hidden => return Ok(false),
        }
    }
}
