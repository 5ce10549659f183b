//! What DynamoDB does not take, however often it is asked: the memory backend refuses it too, so that a test finds it before AWS does.
//!
//! From the developer guide, "Quotas in Amazon DynamoDB" and "Constraints", and from the API reference of each operation. What has to
//! do with size is [`StoreError::TooLarge`], everything else [`StoreError::Invalid`], as the DynamoDB backend tells them apart.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;

use super::keys::Key;
use super::table::{
    Action, INDEX_PK, INDEX_SK, Item, MAX_BATCH_KEYS, MAX_TRANSACTION_ITEMS, PageKey, Query, StoreError, Update, Write,
};

/// With the names of the attributes and with the key.
pub(super) const MAX_ITEM_BYTES: usize = 400 * 1024;
const MAX_TRANSACTION_BYTES: usize = 4 * 1024 * 1024;
const MAX_PARTITION_KEY_BYTES: usize = 2048;
const MAX_SORT_KEY_BYTES: usize = 1024;
/// An answer to a query ends at the item with which it reaches this size.
pub(super) const MAX_PAGE_BYTES: usize = 1024 * 1024;
const MAX_NUMBER_DIGITS: usize = 38;
/// From 1E-130 to 9.9E+125.
const EXPONENTS: std::ops::RangeInclusive<i64> = -130..=125;
const MAX_NESTING: usize = 32;

pub(super) fn check_key(key: &Key) -> Result<(), StoreError> {
    check_key_text("pk", &key.pk, MAX_PARTITION_KEY_BYTES)?;
    check_key_text("sk", &key.sk, MAX_SORT_KEY_BYTES)
}

fn check_key_text(name: &str, text: &str, most: usize) -> Result<(), StoreError> {
    if text.is_empty() {
        return Err(invalid(format!("the key attribute {name} is empty")));
    }
    within(text.len(), most)
}

pub(super) fn check_batch(keys: &[Key]) -> Result<(), StoreError> {
    keys.iter().try_for_each(check_key)?;
    let distinct: BTreeSet<_> = keys.iter().collect();
    if keys.is_empty() || keys.len() > MAX_BATCH_KEYS {
        Err(invalid(format!("a batch of {} keys", keys.len())))
    } else if distinct.len() < keys.len() {
        Err(invalid("a batch that names a key twice"))
    } else {
        Ok(())
    }
}

pub(super) fn check_query(query: &Query) -> Result<(), StoreError> {
    check_key_text("pk", &query.pk, MAX_PARTITION_KEY_BYTES)?;
    if let Some(prefix) = &query.sk_prefix {
        check_key_text("sk", prefix, MAX_SORT_KEY_BYTES)?;
    }
    check_limit(query.limit)
}

/// A scan of a table begins at a place or after a key of it.
pub(super) fn check_scan(after: Option<&PageKey>, limit: usize) -> Result<(), StoreError> {
    let is_key = |PageKey(key): &PageKey| {
        key.len() == 2
            && ["pk", "sk"]
                .iter()
                .all(|name| key.get(*name).is_some_and(|text| !text.is_empty()))
    };
    if after.is_some_and(|after| !is_key(after)) {
        return Err(invalid("the page key is no key of the table"));
    }
    check_limit(limit)
}

fn check_limit(limit: usize) -> Result<(), StoreError> {
    if limit == 0 {
        Err(invalid("a page of no items"))
    } else {
        Ok(())
    }
}

/// What can be said of writes before any item is looked at.
pub(super) fn check_writes(writes: &[Write]) -> Result<(), StoreError> {
    let distinct: BTreeSet<_> = writes.iter().map(|write| &write.key).collect();
    if writes.is_empty() {
        return Err(invalid("a transaction of no items"));
    }
    within(writes.len(), MAX_TRANSACTION_ITEMS)?;
    if distinct.len() < writes.len() {
        return Err(invalid("a transaction that names an item twice"));
    }
    for write in writes {
        check_key(&write.key)?;
        match &write.action {
            Action::Put(item) => check_values(item.iter())?,
            Action::Update(update) => check_update(update)?,
            Action::Delete | Action::Check => {}
        }
    }
    Ok(())
}

fn check_update(update: &Update) -> Result<(), StoreError> {
    let names = update.set.keys().chain(update.add.keys()).chain(&update.remove);
    let mut touched = BTreeSet::new();
    for name in names {
        if ["pk", "sk"].contains(&name.as_str()) {
            return Err(invalid(format!("{name} is part of the key and cannot be changed")));
        }
        if !touched.insert(name) {
            return Err(invalid(format!("an update that changes {name} twice")));
        }
    }
    check_values(update.set.iter())
}

/// Adding needs a number, or nothing.
pub(super) fn check_sums(update: &Update, old: Option<&Item>) -> Result<(), StoreError> {
    let added_to = update.add.keys().filter_map(|name| Some((name, old?.get(name)?)));
    for (name, value) in added_to {
        if !value.is_n() {
            return Err(invalid(format!("{name} is no number and cannot be added to")));
        }
    }
    Ok(())
}

/// The items as they would be after a transaction, and after a write alone.
pub(super) fn check_sizes<'a>(items: impl Iterator<Item = &'a Item>) -> Result<(), StoreError> {
    let mut all = 0;
    for item in items {
        within(size(item), MAX_ITEM_BYTES)?;
        all += size(item);
    }
    within(all, MAX_TRANSACTION_BYTES)
}

fn check_values<'a>(attributes: impl Iterator<Item = (&'a String, &'a AttributeValue)>) -> Result<(), StoreError> {
    for (name, value) in attributes {
        match (name.as_str(), value) {
            (INDEX_PK, AttributeValue::S(text)) => check_key_text(name, text, MAX_PARTITION_KEY_BYTES)?,
            (INDEX_SK, AttributeValue::S(text)) => check_key_text(name, text, MAX_SORT_KEY_BYTES)?,
            (INDEX_PK | INDEX_SK, _) => return Err(invalid(format!("the key attribute {name} is no text"))),
            _ => check_value(value, 1)?,
        }
    }
    Ok(())
}

fn check_value(value: &AttributeValue, depth: usize) -> Result<(), StoreError> {
    if depth > MAX_NESTING {
        return Err(invalid("an attribute that nests too deeply"));
    }
    match value {
        AttributeValue::N(number) if !is_number(number) => Err(invalid(format!("{number} is no number of DynamoDB's"))),
        AttributeValue::L(list) => list.iter().try_for_each(|value| check_value(value, depth + 1)),
        AttributeValue::M(map) => map.values().try_for_each(|value| check_value(value, depth + 1)),
        _ => Ok(()),
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let digits = format!("{whole}{fraction}");
    let Ok(exponent) = exponent.parse::<i64>() else {
        return false;
    };
    let leading_zeros = digits.len() - digits.trim_start_matches('0').len();
    let significant = digits.trim_matches('0');
    // Of the first digit that counts.
    let magnitude =
        exponent + i64::try_from(whole.len()).unwrap_or(i64::MAX) - i64::try_from(leading_zeros).unwrap_or(0) - 1;
    !digits.is_empty()
        && is_digits(whole)
        && is_digits(fraction)
        && significant.len() <= MAX_NUMBER_DIGITS
        && (significant.is_empty() || EXPONENTS.contains(&magnitude))
}

/// An item's size as DynamoDB documents it ("Item sizes and formats"): names and values in bytes.
pub(super) fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.trim_start_matches('-').len().div_ceil(2) + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + value_size(value)).sum::<usize>(),
        AttributeValue::M(map) => {
            3 + map
                .iter()
                .map(|(name, value)| 1 + name.len() + value_size(value))
                .sum::<usize>()
        }
        _ => 1,
    }
}

fn within(size: usize, most: usize) -> Result<(), StoreError> {
    if size > most { Err(StoreError::TooLarge) } else { Ok(()) }
}

fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Invalid(why.into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::TableName;

    fn key(sk: &str) -> Key {
        Key {
            table: TableName::Commerce,
            pk: "CUS#1".to_owned(),
            sk: sk.to_owned(),
        }
    }

    fn put(sk: &str, value: &serde_json::Value) -> Write {
        Write::create(key(sk), &BTreeMap::from([("value", value)])).expect("an item")
    }

    fn is_invalid(outcome: &Result<(), StoreError>) -> bool {
        matches!(outcome, Err(StoreError::Invalid(_)))
    }

    #[test]
    fn numbers_have_38_digits_and_a_magnitude() {
        let digits = "1".repeat(38);
        for number in [
            "0",
            "-1",
            "9223372036854775807",
            "0.10",
            "1E125",
            "-1E-130",
            "000123",
            &digits,
            &format!("{digits}000"),
        ] {
            assert!(is_number(number), "{number}");
        }
        for number in [
            "",
            "x",
            "1.2.3",
            "0x1",
            "1E126",
            "1E-131",
            "--1",
            "1e",
            &format!("{digits}1"),
            &format!("0.{digits}1"),
        ] {
            assert!(!is_number(number), "{number}");
        }
    }

    #[test]
    fn values_nest_32_deep() {
        let nested =
            |depth: usize| (1..depth).fold(AttributeValue::Bool(true), |value, _| AttributeValue::L(vec![value]));
        assert!(check_value(&nested(32), 1).is_ok());
        assert!(is_invalid(&check_value(&nested(33), 1)));
    }

    #[test]
    fn a_transaction_has_some_items_each_once_and_all_in_four_megabytes() {
        let one = serde_json::json!(1);
        assert!(check_writes(&[put("a", &one), put("b", &one)]).is_ok());
        assert!(is_invalid(&check_writes(&[])));
        assert!(is_invalid(&check_writes(&[put("a", &one), put("a", &one)])));
        let many: Vec<_> = (0..101).map(|i| put(&i.to_string(), &one)).collect();
        assert!(matches!(check_writes(&many), Err(StoreError::TooLarge)));
        let item = |bytes: usize| Item::from([("v".to_owned(), AttributeValue::S("x".repeat(bytes)))]);
        let (large, small) = (item(399 * 1024), item(1024));
        assert!(check_sizes(std::iter::repeat_n(&large, 10)).is_ok());
        assert!(matches!(
            check_sizes(std::iter::repeat_n(&large, 11)),
            Err(StoreError::TooLarge)
        ));
        assert!(check_sizes(std::iter::repeat_n(&small, 100)).is_ok());
    }

    #[test]
    fn an_item_is_measured_with_its_names_and_its_key() {
        let name = "n".repeat(1024);
        let bytes = |rest: usize| {
            Item::from([(
                name.clone(),
                AttributeValue::S("x".repeat(MAX_ITEM_BYTES - 1024 + rest)),
            )])
        };
        assert!(check_sizes([bytes(0)].iter()).is_ok());
        assert!(matches!(check_sizes([bytes(1)].iter()), Err(StoreError::TooLarge)));
    }

    #[test]
    fn keys_and_index_keys_are_texts_of_some_length() {
        assert!(is_invalid(&check_key(&key(""))));
        assert!(check_key(&key(&"x".repeat(1024))).is_ok());
        assert!(matches!(check_key(&key(&"x".repeat(1025))), Err(StoreError::TooLarge)));
        let one = serde_json::json!(1);
        let indexed = |pk: &str, sk: &str| check_writes(&[put("a", &one).indexed((pk.to_owned(), sk.to_owned()))]);
        assert!(indexed("KIND", "1").is_ok());
        assert!(is_invalid(&indexed("", "1")) && is_invalid(&indexed("KIND", "")));
        assert!(matches!(indexed(&"x".repeat(2049), "1"), Err(StoreError::TooLarge)));
    }

    #[test]
    fn an_update_touches_an_attribute_once_and_no_key() {
        let update = |update: Update| check_writes(&[Write::update(key("a"), update)]);
        assert!(update(Update::new().add("n", 1).set_text("t", "x").remove("gone")).is_ok());
        assert!(is_invalid(&update(Update::new().add("n", 1).set_number("n", 1))));
        assert!(is_invalid(&update(Update::new().set_text("t", "x").remove("t"))));
        assert!(is_invalid(&update(Update::new().remove("t").remove("t"))));
        assert!(is_invalid(&update(Update::new().set_text("pk", "x"))));
        let text = Item::from([("n".to_owned(), AttributeValue::S("x".to_owned()))]);
        assert!(is_invalid(&check_sums(&Update::new().add("n", 1), Some(&text))));
        assert!(check_sums(&Update::new().add("m", 1), Some(&text)).is_ok());
        assert!(check_sums(&Update::new().add("n", 1), None).is_ok());
    }

    #[test]
    fn a_batch_names_up_to_a_hundred_keys_each_once() {
        let keys = |count: usize| (0..count).map(|i| key(&i.to_string())).collect::<Vec<_>>();
        assert!(check_batch(&keys(100)).is_ok());
        assert!(is_invalid(&check_batch(&keys(101))) && is_invalid(&check_batch(&[])));
        assert!(is_invalid(&check_batch(&[key("a"), key("a")])));
    }

    #[test]
    fn a_page_has_items_and_begins_after_a_key() {
        let after = |names: &[&str]| PageKey(names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect());
        assert!(check_scan(None, 1).is_ok() && check_scan(Some(&after(&["pk", "sk"])), 1).is_ok());
        assert!(is_invalid(&check_scan(None, 0)));
        assert!(is_invalid(&check_scan(Some(&after(&["pk"])), 1)));
        assert!(is_invalid(&check_scan(Some(&after(&["pk", "sk", "more"])), 1)));
    }
}
