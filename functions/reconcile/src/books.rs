//! What each processor lists, behind one face: its events, and the movements on the platform's balance.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use shared::ids::MessageId;
use shared::money::MoneyError;
use shared::processor::movement::RELEASE_OF_A_HOLD;
use shared::processor::paypal::objects::{Transaction, TransactionStatus};
use shared::processor::paypal::requests::{EventsPage, TransactionsPage};
use shared::processor::stripe::intake::EventSource;
use shared::processor::stripe::objects::{BalanceTransaction, Identified};
use shared::processor::stripe::requests::ListPage;
use shared::processor::{Listed, Processor, ProcessorError, paypal, stripe};
use shared::reconciliation::{Movement, Subject};
use shared::runtime::Failure;
use shared::seed::Seed;
use shared::store::commerce;

use crate::context::Context;
use crate::run::Run;

/// PayPal's movements appear up to three hours late; asked for a time of which it has none yet, it refuses.
const PAYPAL_IS_LATE: SignedDuration = SignedDuration::from_hours(4);
/// The longest time of which PayPal lists movements at once.
pub(crate) const PAYPAL_LISTS: SignedDuration = SignedDuration::from_hours(31 * 24);

/// How long after a movement it is in the processor's books.
pub(crate) fn lateness(processor: Processor) -> SignedDuration {
    match processor {
        Processor::Stripe => SignedDuration::ZERO,
        Processor::PayPal => PAYPAL_IS_LATE,
    }
}

/// One page of a processor's events.
pub(crate) enum Events {
    Stripe(ListPage),
    PayPal(EventsPage),
}

impl Events {
    pub(crate) fn first(processor: Processor, from: Timestamp, until: Timestamp) -> Self {
        match processor {
            Processor::Stripe => Self::Stripe(list_page(from, until)),
            Processor::PayPal => Self::PayPal(EventsPage::first(from, until)),
        }
    }

    /// Takes in what is on the page and not in the inbox, and says which page is next.
    pub(crate) async fn take_in(self, run: &mut Run<'_>) -> Result<Option<Self>, Failure> {
        match self {
            Self::Stripe(page) => Ok(match take_in_stripes(run, None, page).await? {
                StripeEvents::Page(next) => Some(Self::Stripe(next)),
                StripeEvents::End | StripeEvents::Hidden => None,
            }),
            Self::PayPal(page) => {
                let list = run.context.paypal.events(&page).await?;
                let next = list.next_page().map(Self::PayPal);
                let ids = list.events.iter().map(|event| event.id(|event| &event.id));
                let known = known(run, Processor::PayPal, ids).await?;
                let is_new = |event: &Listed<_>| !known.contains(event.id(|event: &paypal::objects::Event| &event.id));
                for event in list.events.into_iter().filter(is_new) {
                    let (store, ours, now) = (&run.context.store, &run.context.policy.deployment, run.tick.now);
                    let taken = match event {
                        Listed::Read(event) => {
                            let seed = seed(run, &event.id);
                            paypal::intake::take_in(store, *event, ours, seed, now).await
                        }
                        Listed::Unread(value) => paypal::intake::keep_unread(store, &text(&value), now).await,
                    };
                    run.count_event(taken)?;
                }
                Ok(next)
            }
        }
    }
}

/// What comes after a page of Stripe's events.
pub(crate) enum StripeEvents {
    Page(ListPage),
    End,
    /// Stripe no longer shows the account's events.
    Hidden,
}

/// One page of Stripe's events: of the platform, or of a connected account.
pub(crate) async fn take_in_stripes(
    run: &mut Run<'_>,
    account: Option<&str>,
    page: ListPage,
) -> Result<StripeEvents, Failure> {
    let list = match run.context.stripe.events(account, &page).await {
        Ok(list) => list,
        // Large events make large pages: fewer of them fit.
        Err(error) if error.is_answer_too_large() && page.limit > 1 => {
            let limit = (page.limit / 10).max(1);
            return Ok(StripeEvents::Page(ListPage { limit, ..page }));
        }
        Err(ProcessorError::Refused { .. }) if account.is_some() => return Ok(StripeEvents::Hidden),
        Err(error) => return Err(error.into()),
    };
    let next = list.next_page().map(|last| after(&page, last));
    let known = known(run, Processor::Stripe, list.data.iter().map(Identified::id)).await?;
    for event in list
        .data
        .into_iter()
        .filter(|event| !known.contains(Identified::id(event)))
    {
        let (store, policy, now) = (&run.context.store, &run.context.policy, run.tick.now);
        let taken = match event {
            Listed::Read(event) => {
                let seed = seed(run, &event.id);
                let event = stripe::intake::rewrite_listed(&run.context.stripe, *event).await?;
                match account {
                    None => stripe::intake::take_in(store, event, EventSource::PlatformList, policy, seed, now).await,
                    Some(account) => {
                        let event = event.of_account(account);
                        stripe::intake::take_in(store, event, EventSource::ConnectList, policy, seed, now).await
                    }
                }
            }
            Listed::Unread(value) => {
                let kept = stripe::intake::keep_unread(store, &text(&value), now).await;
                kept.map(|(_, taken)| taken)
            }
        };
        run.count_event(taken)?;
    }
    Ok(next.map_or(StripeEvents::End, StripeEvents::Page))
}

fn text(value: &impl ToString) -> Vec<u8> {
    value.to_string().into_bytes()
}

async fn known(
    run: &Run<'_>,
    processor: Processor,
    ids: impl Iterator<Item = &str>,
) -> Result<HashSet<String>, Failure> {
    Ok(commerce::known_events(&run.context.store, processor, ids).await?)
}

fn seed(run: &Run<'_>, event: &str) -> Seed {
    Seed::of(&run.tick.seed.id::<MessageId>(event))
}

/// One page of a processor's movements.
pub(crate) enum Movements {
    Stripe(ListPage),
    PayPal(TransactionsPage),
}

/// A movement in its processor's own words.
pub(crate) enum Told {
    Stripe(Box<BalanceTransaction>),
    PayPal(Transaction),
}

impl Movements {
    pub(crate) fn first(processor: Processor, from: Timestamp, until: Timestamp) -> Self {
        match processor {
            Processor::Stripe => Self::Stripe(list_page(from, until)),
            Processor::PayPal => Self::PayPal(TransactionsPage::first(from, until)),
        }
    }

    /// What PayPal has released of what it held from `from` on: the release of a hold bears the hold's date.
    pub(crate) fn releases(from: Timestamp) -> Self {
        Self::PayPal(TransactionsPage {
            code: Some(RELEASE_OF_A_HOLD),
            ..TransactionsPage::first(from, from + PAYPAL_LISTS)
        })
    }

    /// What is on the page, and the next one.
    pub(crate) async fn read(self, context: &Context) -> Result<(Vec<Told>, Option<Self>), ProcessorError> {
        match self {
            Self::Stripe(page) => {
                let list = context.stripe.balance_transactions(&page).await?;
                let next = list.next_page().map(|last| Self::Stripe(after(&page, last)));
                let told = list.data.into_iter().map(|one| Told::Stripe(Box::new(one)));
                Ok((told.collect(), next))
            }
            Self::PayPal(page) => {
                let list = context.paypal.transactions(&page).await?;
                let next = list.next_page(&page).map(Self::PayPal);
                // What was denied has not moved.
                let has_moved = |one: &Transaction| one.transaction_status != TransactionStatus::Denied;
                let told = list.into_transactions().filter(has_moved).map(Told::PayPal);
                Ok((told.collect(), next))
            }
        }
    }
}

/// A movement that was seen before `seen`, as its processor tells it now. `None` where it is no longer shown.
pub(crate) async fn movement(
    context: &Context,
    processor: Processor,
    id: &str,
    seen: Timestamp,
) -> Result<Option<Told>, ProcessorError> {
    match processor {
        Processor::Stripe => match context.stripe.balance_transaction(id).await {
            Ok(transaction) => Ok(Some(Told::Stripe(Box::new(transaction)))),
            Err(ProcessorError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        },
        Processor::PayPal => {
            let mut found = at_paypal(context, Transaction::id_of(id), seen).await?;
            Ok(found.find(|one| one.movement_id() == id).map(Told::PayPal))
        }
    }
}

/// What PayPal has moved under this transaction id, in the month before `seen`.
pub(crate) async fn at_paypal(
    context: &Context,
    transaction: &str,
    seen: Timestamp,
) -> Result<impl Iterator<Item = Transaction>, ProcessorError> {
    let page = TransactionsPage {
        transaction: Some(transaction.to_owned()),
        ..TransactionsPage::first(seen - PAYPAL_LISTS, seen)
    };
    Ok(context.paypal.transactions(&page).await?.into_transactions())
}

impl Told {
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Stripe(transaction) => transaction.id.clone(),
            Self::PayPal(transaction) => transaction.movement_id(),
        }
    }

    pub(crate) fn subject(&self) -> Subject {
        match self {
            Self::Stripe(transaction) => transaction.subject(),
            Self::PayPal(transaction) => transaction.subject(),
        }
    }

    pub(crate) fn movement(&self) -> Result<Movement, MoneyError> {
        match self {
            Self::Stripe(transaction) => transaction.movement(),
            Self::PayPal(transaction) => transaction.movement(),
        }
    }

    /// Since when it has waited to be decided, if it does: an unclaimed payout for up to 30 days.
    pub(crate) fn pending_since(&self) -> Option<Timestamp> {
        match self {
            Self::PayPal(transaction) if transaction.transaction_status == TransactionStatus::Pending => {
                Some(transaction.transaction_initiation_date)
            }
            Self::Stripe(_) | Self::PayPal(_) => None,
        }
    }
}

pub(crate) fn list_page(from: Timestamp, until: Timestamp) -> ListPage {
    ListPage {
        created_from: Some(from),
        created_before: Some(until),
        ..ListPage::default()
    }
}

fn after(page: &ListPage, last: String) -> ListPage {
    ListPage {
        starting_after: Some(last),
        ..page.clone()
    }
}
