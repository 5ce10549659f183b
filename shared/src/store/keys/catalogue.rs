//! The keys of the table `catalogue`.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Key, TableName, hashed, key};
use crate::ids::{AppealId, CaseId, ListingId, PartnerId, ReplyId, RescanId, SubmissionId, UploadId, VersionId};
use crate::listing::Standing;
use crate::store::table::Query;

pub fn listing(partner: PartnerId, listing: ListingId) -> Key {
    key(TableName::Catalogue, format!("PTN#{partner}"), format!("LST#{listing}"))
}

pub fn listings(partner: PartnerId) -> Query {
    Query::partition(TableName::Catalogue, format!("PTN#{partner}")).prefix("LST#".into())
}

pub fn version(listing: ListingId, version: VersionId) -> Key {
    key(TableName::Catalogue, format!("LST#{listing}"), format!("VER#{version}"))
}

pub fn versions(listing: ListingId) -> Query {
    Query::partition(TableName::Catalogue, format!("LST#{listing}")).prefix("VER#".into())
}

/// Taken by the first version of a listing that has this number.
pub fn version_number(listing: ListingId, number: &str) -> Key {
    key(
        TableName::Catalogue,
        format!("LST#{listing}"),
        format!("SEMVER#{number}"),
    )
}

pub fn upload(version: VersionId, upload: UploadId) -> Key {
    key(TableName::Catalogue, format!("VER#{version}"), format!("UPL#{upload}"))
}

/// One check's result on one upload.
pub fn check(version: VersionId, upload: UploadId, check: &str) -> Key {
    key(
        TableName::Catalogue,
        format!("VER#{version}"),
        format!("CHECK#{upload}#{check}"),
    )
}

pub fn checks(version: VersionId, upload: UploadId) -> Query {
    Query::partition(TableName::Catalogue, format!("VER#{version}")).prefix(format!("CHECK#{upload}#"))
}

pub fn submission(partner: PartnerId, submission: SubmissionId) -> Key {
    key(
        TableName::Catalogue,
        format!("PTN#{partner}"),
        format!("SUB#{submission}"),
    )
}

pub fn submissions(partner: PartnerId) -> Query {
    Query::partition(TableName::Catalogue, format!("PTN#{partner}")).prefix("SUB#".into())
}

/// Says that a submission is rejected on that day, unless something is mended before.
pub fn delayed_rejection(rejects_at: Timestamp, submission: SubmissionId) -> Key {
    key(
        TableName::Catalogue,
        "REJECT#delayed".to_owned(),
        format!("{:015}#{submission}", rejects_at.as_millisecond()),
    )
}

pub fn delayed_rejections() -> Query {
    Query::partition(TableName::Catalogue, "REJECT#delayed".to_owned())
}

/// What a partner or a moderator has said about a version.
pub fn reply(version: VersionId, reply: ReplyId) -> Key {
    key(TableName::Catalogue, format!("VER#{version}"), format!("RPL#{reply}"))
}

pub fn replies(version: VersionId) -> Query {
    Query::partition(TableName::Catalogue, format!("VER#{version}")).prefix("RPL#".into())
}

/// Something that waits for a moderator.
pub fn case(partner: PartnerId, case: CaseId) -> Key {
    key(TableName::Catalogue, format!("PTN#{partner}"), format!("CASE#{case}"))
}

/// Index: the moderators' queue, the most urgent first.
pub fn case_by_urgency(urgent_since: Timestamp, case: CaseId) -> (String, String) {
    (
        "CASE#open".to_owned(),
        format!("{:015}#{case}", urgent_since.as_millisecond()),
    )
}

pub fn cases_by_urgency() -> Query {
    Query::index(TableName::Catalogue, "CASE#open".to_owned())
}

/// A case that was decided, under the month of its decision.
pub fn closed_case(decided_at: Timestamp, case: CaseId) -> Key {
    let day = decided_at.to_zoned(TimeZone::UTC).date();
    key(
        TableName::Catalogue,
        month_of_cases(day),
        format!("{decided_at}#{case}"),
    )
}

pub fn closed_cases(month: Date) -> Query {
    Query::partition(TableName::Catalogue, month_of_cases(month))
}

fn month_of_cases(day: Date) -> String {
    format!("CASES#{}", day.strftime("%Y-%m"))
}

pub fn appeal(partner: PartnerId, appeal: AppealId) -> Key {
    key(TableName::Catalogue, format!("PTN#{partner}"), format!("APL#{appeal}"))
}

pub fn appeals(partner: PartnerId) -> Query {
    Query::partition(TableName::Catalogue, format!("PTN#{partner}")).prefix("APL#".into())
}

/// Index: versions that can be downloaded, or those that are stopped; listing by listing.
pub fn version_by_standing(standing: Standing, listing: ListingId, version: VersionId) -> (String, String) {
    (format!("VERSION#{standing}"), format!("{listing}#{version}"))
}

pub fn versions_by_standing(standing: Standing) -> Query {
    Query::index(TableName::Catalogue, format!("VERSION#{standing}"))
}

/// Index: versions that wait for the scan of their bytes.
pub fn version_to_be_scanned(listing: ListingId, version: VersionId) -> (String, String) {
    ("VERSION#scanning".to_owned(), format!("{listing}#{version}"))
}

pub fn versions_to_be_scanned() -> Query {
    Query::index(TableName::Catalogue, "VERSION#scanning".to_owned())
}

/// A rescan of everything that is listed.
pub fn rescan(rescan: RescanId) -> Key {
    key(TableName::Catalogue, "RSC#all".to_owned(), rescan.to_string())
}

pub fn rescans() -> Query {
    Query::partition(TableName::Catalogue, "RSC#all".to_owned())
}

/// Says that everything is being scanned with these rules, or has been.
pub fn known_rules(ruleset: &str) -> Key {
    key(TableName::Catalogue, format!("RULES#{ruleset}"), "RULES")
}

/// What a rescan says of a version that does not pass it.
pub fn rescan_finding(rescan: RescanId, version: VersionId) -> Key {
    key(
        TableName::Catalogue,
        format!("RSC#{rescan}"),
        format!("FOUND#{version}"),
    )
}

pub fn rescan_findings(rescan: RescanId) -> Query {
    Query::partition(TableName::Catalogue, format!("RSC#{rescan}")).prefix("FOUND#".into())
}

/// Says that a rescan has counted this, which is a version that passes or a page of them.
pub fn rescan_counted(rescan: RescanId, what: &str) -> Key {
    key(TableName::Catalogue, format!("RSC#{rescan}"), format!("SEEN#{what}"))
}

/// What the public sees of a listing.
pub fn published(listing: ListingId) -> Key {
    key(TableName::Catalogue, format!("PUB#{listing}"), "LISTING")
}

/// The published titles that have this name, as [`lookalike`](crate::listing::lookalike) makes it.
pub fn titles(name: &str) -> Key {
    key(TableName::Catalogue, format!("LOOK#{}", hashed(&[name])), "TITLES")
}

/// Over how many partitions a shelf, or the beginning of a word, is spread: all are read for a page, so more of them cost more.
const SHARDS: u8 = 4;

/// A published listing under its category (or under all of them), sorted by title within its shard.
pub fn shelf(category: Option<&str>, title: &str, listing: ListingId) -> Key {
    key(
        TableName::Catalogue,
        sharded(&shelf_partition(category), listing),
        format!("{title}#{listing}"),
    )
}

/// The same as it was kept before shelves were spread.
pub fn whole_shelf(category: Option<&str>, title: &str, listing: ListingId) -> Key {
    key(
        TableName::Catalogue,
        shelf_partition(category),
        format!("{title}#{listing}"),
    )
}

/// All that a shelf is made of, first what was never spread: each sorted by title.
pub fn shelves(category: Option<&str>) -> Vec<Query> {
    spread(&shelf_partition(category))
}

/// A published listing under one word of its title. Words are spread over partitions by their first two characters and over shards.
pub fn word(category: Option<&str>, word: &str, listing: ListingId) -> Key {
    let pk = sharded(&word_partition(category, word), listing);
    key(TableName::Catalogue, pk, format!("{word}#{listing}"))
}

/// The same as it was kept before words were spread over shards.
pub fn whole_word(category: Option<&str>, word: &str, listing: ListingId) -> Key {
    key(
        TableName::Catalogue,
        word_partition(category, word),
        format!("{word}#{listing}"),
    )
}

pub fn words(category: Option<&str>, prefix: &str) -> Vec<Query> {
    let partitions = spread(&word_partition(category, prefix)).into_iter();
    partitions.map(|query| query.prefix(prefix.into())).collect()
}

fn shelf_partition(category: Option<&str>) -> String {
    format!("SHELF#{}", category.unwrap_or("*"))
}

fn word_partition(category: Option<&str>, word: &str) -> String {
    let head: String = word.chars().take(2).collect();
    format!("WORD#{}#{head}", category.unwrap_or("*"))
}

/// By the listing's id, which is as good as random in its last character.
fn sharded(partition: &str, listing: ListingId) -> String {
    let last = listing.to_string().bytes().last().unwrap_or_default();
    format!("{partition}#{}", last % SHARDS)
}

fn spread(partition: &str) -> Vec<Query> {
    let shards = (0..SHARDS).map(|shard| format!("{partition}#{shard}"));
    let partitions = std::iter::once(partition.to_owned()).chain(shards);
    partitions
        .map(|pk| Query::partition(TableName::Catalogue, pk))
        .collect()
}
