//! The DynamoDB backend: turns the primitives of [`super::table`] into requests and DynamoDB's answers into [`StoreError`]s.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, ConsumedCapacity, Delete, KeysAndAttributes, Put,
    ReturnConsumedCapacity, TransactWriteItem,
};

use super::contention::{Pauses, longest_pause};
use super::keys::{Key, TableName};
use super::meter::Meter;
use super::table::{
    Action, Condition, INDEX, INDEX_PK, INDEX_SK, Item, Page, PageKey, Query, REVISION, Segment, StoreError,
    TableNames, Update, Write,
};
use crate::runtime::Clients;

/// So often in a row a batch may come back without a single item that was left for later.
const MOST_EMPTY_ANSWERS: u32 = 4;

#[derive(Debug, Clone)]
pub struct DynamoBackend {
    clients: Clients,
    names: TableNames,
    meter: Meter,
}

impl DynamoBackend {
    pub(crate) fn new(clients: Clients, names: TableNames, meter: Meter) -> Self {
        Self { clients, names, meter }
    }

    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let answer = self
            .clients
            .dynamo()
            .get_item()
            .table_name(self.names.get(key.table)?)
            .set_key(Some(key_item(key)))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(failed)?;
        self.count_read(answer.consumed_capacity());
        Ok(answer.item)
    }

    /// One batch. What DynamoDB leaves of it for later is asked for again, after a pause.
    pub(crate) async fn get_many(&self, keys: &[Key], pauses: &dyn Pauses) -> Result<Vec<Item>, StoreError> {
        let mut wanted: HashMap<String, KeysAndAttributes> = HashMap::new();
        for key in keys {
            let table = self.names.get(key.table)?.to_owned();
            let so_far = wanted.remove(&table).map(|keys| keys.keys).unwrap_or_default();
            let keys = KeysAndAttributes::builder()
                .consistent_read(true)
                .set_keys(Some(so_far))
                .keys(key_item(key));
            wanted.insert(table, keys.build().map_err(corrupt)?);
        }
        let mut found = Vec::with_capacity(keys.len());
        let mut empty_handed = 0;
        while !wanted.is_empty() {
            let request = self.clients.dynamo().batch_get_item().set_request_items(Some(wanted));
            let answer = request
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(failed)?;
            let consumed = answer.consumed_capacity();
            self.meter.count(consumed.iter().map(|c| tenths(Some(c))).sum(), 0);
            let before = found.len();
            found.extend(answer.responses.unwrap_or_default().into_values().flatten());
            wanted = answer.unprocessed_keys.unwrap_or_default();
            empty_handed = if found.len() > before { 0 } else { empty_handed + 1 };
            if empty_handed == MOST_EMPTY_ANSWERS {
                return Err(StoreError::Busy);
            }
            if !wanted.is_empty() {
                pauses.pause(longest_pause(empty_handed + 1)).await;
            }
        }
        Ok(found)
    }

    pub(crate) async fn query(&self, query: Query) -> Result<Page<Item>, StoreError> {
        let (pk, sk) = if query.indexed {
            (INDEX_PK, INDEX_SK)
        } else {
            ("pk", "sk")
        };
        let mut expression = Expression::default();
        let mut condition = format!(
            "{} = {}",
            expression.name(pk),
            expression.value(AttributeValue::S(query.pk))
        );
        if let Some(prefix) = query.sk_prefix {
            let prefix = format!(
                "begins_with({}, {})",
                expression.name(sk),
                expression.value(AttributeValue::S(prefix))
            );
            condition = format!("{condition} AND {prefix}");
        }
        let answer = self
            .clients
            .dynamo()
            .query()
            .table_name(self.names.get(query.table)?)
            .set_index_name(query.indexed.then(|| INDEX.to_owned()))
            .consistent_read(!query.indexed)
            .key_condition_expression(condition)
            .set_expression_attribute_names(expression.names())
            .set_expression_attribute_values(expression.values())
            .set_exclusive_start_key(query.after.map(start))
            .limit(i32::try_from(query.limit).unwrap_or(i32::MAX))
            .scan_index_forward(!query.descending)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(failed)?;
        self.count_read(answer.consumed_capacity());
        Ok(Page {
            items: answer.items.unwrap_or_default(),
            next: answer.last_evaluated_key.map(next),
        })
    }

    pub(crate) async fn scan(
        &self,
        table: TableName,
        segment: Segment,
        after: Option<PageKey>,
        limit: usize,
    ) -> Result<Page<Item>, StoreError> {
        let part = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let answer = self
            .clients
            .dynamo()
            .scan()
            .table_name(self.names.get(table)?)
            .segment(part(segment.index))
            .total_segments(part(segment.of))
            .consistent_read(true)
            .set_exclusive_start_key(after.map(start))
            .limit(part(u32::try_from(limit).unwrap_or(u32::MAX)))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(failed)?;
        self.count_read(answer.consumed_capacity());
        Ok(Page {
            items: answer.items.unwrap_or_default(),
            next: answer.last_evaluated_key.map(next),
        })
    }

    /// A single write. Put, update and delete each have a request of their own, which costs half of a transaction.
    pub(crate) async fn write(&self, write: Write) -> Result<(), StoreError> {
        let table = self.names.get(write.key.table)?.to_owned();
        let mut expression = Expression::default();
        let condition = write
            .condition
            .as_ref()
            .map(|condition| expression.condition(condition));
        let consumed = match write.action {
            Action::Put(item) => {
                let request = self
                    .clients
                    .dynamo()
                    .put_item()
                    .table_name(table)
                    .set_item(Some(with_key(&write.key, item)));
                let request = request
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(expression.names());
                let request = request.set_expression_attribute_values(expression.values());
                let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total);
                request.send().await.map_err(failed)?.consumed_capacity
            }
            Action::Update(update) => {
                let request = self
                    .clients
                    .dynamo()
                    .update_item()
                    .table_name(table)
                    .set_key(Some(key_item(&write.key)));
                let request = request
                    .update_expression(expression.update(&update))
                    .set_condition_expression(condition);
                let request = request.set_expression_attribute_names(expression.names());
                let request = request.set_expression_attribute_values(expression.values());
                let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total);
                request.send().await.map_err(failed)?.consumed_capacity
            }
            Action::Delete => {
                let request = self
                    .clients
                    .dynamo()
                    .delete_item()
                    .table_name(table)
                    .set_key(Some(key_item(&write.key)));
                let request = request
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(expression.names());
                let request = request.set_expression_attribute_values(expression.values());
                let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total);
                request.send().await.map_err(failed)?.consumed_capacity
            }
            Action::Check => return self.transact(vec![write]).await,
        };
        self.meter.count(0, tenths(consumed.as_ref()));
        Ok(())
    }

    pub(crate) async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let items = writes
            .into_iter()
            .map(|write| self.transact_item(write))
            .collect::<Result<Vec<_>, _>>()?;
        let request = self
            .clients
            .dynamo()
            .transact_write_items()
            .set_transact_items(Some(items));
        let answer = request
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(cancelled)?;
        self.meter
            .count(0, answer.consumed_capacity().iter().map(|c| tenths(Some(c))).sum());
        Ok(())
    }

    fn transact_item(&self, write: Write) -> Result<TransactWriteItem, StoreError> {
        let table = self.names.get(write.key.table)?.to_owned();
        let mut expression = Expression::default();
        let condition = write
            .condition
            .as_ref()
            .map(|condition| expression.condition(condition));
        let item = TransactWriteItem::builder();
        let item = match write.action {
            Action::Put(value) => item.put(
                Put::builder()
                    .table_name(table)
                    .set_item(Some(with_key(&write.key, value)))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(expression.names())
                    .set_expression_attribute_values(expression.values())
                    .build()
                    .map_err(corrupt)?,
            ),
            Action::Update(update) => item.update(
                aws_sdk_dynamodb::types::Update::builder()
                    .table_name(table)
                    .set_key(Some(key_item(&write.key)))
                    .update_expression(expression.update(&update))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(expression.names())
                    .set_expression_attribute_values(expression.values())
                    .build()
                    .map_err(corrupt)?,
            ),
            Action::Delete => item.delete(
                Delete::builder()
                    .table_name(table)
                    .set_key(Some(key_item(&write.key)))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(expression.names())
                    .set_expression_attribute_values(expression.values())
                    .build()
                    .map_err(corrupt)?,
            ),
            Action::Check => item.condition_check(
                ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(key_item(&write.key)))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(expression.names())
                    .set_expression_attribute_values(expression.values())
                    .build()
                    .map_err(corrupt)?,
            ),
        };
        Ok(item.build())
    }

    fn count_read(&self, consumed: Option<&ConsumedCapacity>) {
        self.meter.count(tenths(consumed), 0);
    }
}

fn start(PageKey(key): PageKey) -> Item {
    key.into_iter()
        .map(|(name, value)| (name, AttributeValue::S(value)))
        .collect()
}

fn next(last: Item) -> PageKey {
    let texts = last
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_s().ok()?.clone())));
    PageKey(texts.collect())
}

fn key_item(key: &Key) -> Item {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(key.pk.clone())),
        ("sk".to_owned(), AttributeValue::S(key.sk.clone())),
    ])
}

fn with_key(key: &Key, mut item: Item) -> Item {
    item.extend(key_item(key));
    item
}

/// Capacity comes as a float of halves; it is counted in tenths so that sums stay exact.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_arithmetic,
    reason = "a small positive number of halves"
)]
fn tenths(consumed: Option<&ConsumedCapacity>) -> u64 {
    consumed
        .and_then(ConsumedCapacity::capacity_units)
        .map_or(0, |units| (units * 10.0).round() as u64)
}

/// Builds an expression's placeholders as it goes: attribute names are never written out, so none can be a reserved word.
#[derive(Default)]
struct Expression {
    names: Vec<String>,
    values: Vec<AttributeValue>,
}

impl Expression {
    fn name(&mut self, name: &str) -> String {
        let index = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        format!("#n{index}")
    }

    fn value(&mut self, value: AttributeValue) -> String {
        self.values.push(value);
        format!(":v{}", self.values.len() - 1)
    }

    fn number(&mut self, value: &impl ToString) -> String {
        self.value(AttributeValue::N(value.to_string()))
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        let names: HashMap<_, _> = self
            .names
            .iter()
            .enumerate()
            .map(|(i, name)| (format!("#n{i}"), name.clone()))
            .collect();
        (!names.is_empty()).then_some(names)
    }

    fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        let values: HashMap<_, _> = self
            .values
            .iter()
            .enumerate()
            .map(|(i, value)| (format!(":v{i}"), value.clone()))
            .collect();
        (!values.is_empty()).then_some(values)
    }

    fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Absent => format!("attribute_not_exists({})", self.name("pk")),
            Condition::Present => format!("attribute_exists({})", self.name("pk")),
            Condition::Revision(revision) => format!("{} = {}", self.name(REVISION), self.number(revision)),
            Condition::Equals(name, value) => format!("{} = {}", self.name(name), self.value(value.clone())),
            Condition::AtLeast(name, number) => format!("{} >= {}", self.name(name), self.number(number)),
            Condition::Below(name, number) => format!("{} < {}", self.name(name), self.number(number)),
            Condition::All(parts) => self.joined(parts, " AND "),
            Condition::Any(parts) => self.joined(parts, " OR "),
        }
    }

    fn joined(&mut self, parts: &[Condition], word: &str) -> String {
        let parts: Vec<_> = parts.iter().map(|part| self.condition(part)).collect();
        format!("({})", parts.join(word))
    }

    fn update(&mut self, update: &Update) -> String {
        let set: Vec<_> = update
            .set
            .iter()
            .map(|(k, v)| format!("{} = {}", self.name(k), self.value(v.clone())))
            .collect();
        let add: Vec<_> = update
            .add
            .iter()
            .map(|(k, v)| format!("{} {}", self.name(k), self.number(v)))
            .collect();
        let remove: Vec<_> = update.remove.iter().map(|k| self.name(k)).collect();
        let clause =
            |word: &str, parts: Vec<String>| (!parts.is_empty()).then(|| format!("{word} {}", parts.join(", ")));
        [clause("SET", set), clause("ADD", add), clause("REMOVE", remove)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }
}

fn corrupt(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Corrupt(Box::new(error))
}

fn failed<E, R>(error: SdkError<E, R>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match (error.code(), error.message()) {
        (Some("ConditionalCheckFailedException"), _) => StoreError::Conflict { failed: vec![0] },
        (
            Some(
                "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "ThrottlingException"
                | "TransactionConflictException",
            ),
            _,
        ) => StoreError::Busy,
        (Some("ValidationException"), message) => never(message.unwrap_or_default()),
        _ => StoreError::Unavailable(Box::new(error)),
    }
}

/// DynamoDB does not take the request as it is, now or later.
fn never(message: &str) -> StoreError {
    if message.to_ascii_lowercase().contains("size") {
        StoreError::TooLarge
    } else {
        StoreError::Invalid(message.into())
    }
}

fn cancelled<R>(error: SdkError<TransactWriteItemsError, R>) -> StoreError
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return failed(error);
    };
    why_cancelled(cancelled.cancellation_reasons()).unwrap_or_else(|| StoreError::Unavailable(Box::new(error)))
}

/// A cancelled transaction names a reason for each of its items. One failed condition makes it a conflict, whatever the others say: what is
/// decided anew may well fit. An item that would grow too large is for good. Only other transactions at the same items and throttling make
/// it worth the same call again.
fn why_cancelled(reasons: &[CancellationReason]) -> Option<StoreError> {
    let of = |codes: &[&str]| {
        let is_of = |reason: &CancellationReason| reason.code().is_some_and(|code| codes.contains(&code));
        let matching = reasons.iter().enumerate().filter(move |(_, reason)| is_of(reason));
        matching.map(|(index, _)| index).collect::<Vec<_>>()
    };
    let permanent = of(&["ValidationError", "ItemCollectionSizeLimitExceeded"]);
    let failed = of(&["ConditionalCheckFailed"]);
    let busy = of(&[
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
    ]);
    if !failed.is_empty() {
        Some(StoreError::Conflict { failed })
    } else if let Some(first) = permanent.first() {
        Some(never(reasons[*first].message().unwrap_or("a validation error")))
    } else if !busy.is_empty() {
        Some(StoreError::Busy)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason((code, message): &(&str, &str)) -> CancellationReason {
        CancellationReason::builder().code(*code).message(*message).build()
    }

    #[track_caller]
    fn check(reasons: &[(&str, &str)], expected: &str) {
        let reasons: Vec<_> = reasons.iter().map(reason).collect();
        let told = match why_cancelled(&reasons) {
            Some(StoreError::Conflict { failed }) => format!("conflict {failed:?}"),
            Some(StoreError::Busy) => "busy".to_owned(),
            Some(StoreError::TooLarge) => "too large".to_owned(),
            Some(StoreError::Invalid(why)) => format!("invalid: {why}"),
            Some(other) => format!("{other:?}"),
            None => "unknown".to_owned(),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn a_cancelled_transaction_says_whether_to_try_again() {
        let none = ("None", "");
        check(&[none, ("TransactionConflict", "")], "busy");
        check(&[none, ("ThrottlingError", "")], "busy");
        check(&[("ProvisionedThroughputExceeded", ""), none], "busy");
        check(
            &[("TransactionConflict", ""), ("ConditionalCheckFailed", "")],
            "conflict [1]",
        );
        let grown = (
            "ValidationError",
            "Item size to update has exceeded the maximum allowed size",
        );
        check(&[none, grown], "too large");
        check(&[("ConditionalCheckFailed", ""), grown], "conflict [0]");
        check(&[("TransactionConflict", ""), grown], "too large");
        let mistyped = (
            "ValidationError",
            "An operand in the update expression has an incorrect data type",
        );
        check(&[mistyped], &format!("invalid: {}", mistyped.1));
        check(
            &[("ItemCollectionSizeLimitExceeded", "Collection size exceeded.")],
            "too large",
        );
        check(&[none, none], "unknown");
        check(&[("SomethingNew", "")], "unknown");
    }
}
