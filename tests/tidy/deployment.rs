//! What no emulator shows: names that the next stack must be able to take, concurrency, and how much of a table a role may write.

use serde_json::Value;
use support::template::{functions, load, resources};

use crate::tree::{assert_none, files, read};

/// As the README asks for.
const LONGEST_STACK_NAME: usize = 40;

/// The property that names a resource, and how many characters it may have.
const NAMES: [(&str, &str, usize); 9] = [
    ("AWS::Serverless::Function", "FunctionName", 64),
    ("AWS::SQS::Queue", "QueueName", 80),
    ("AWS::DynamoDB::Table", "TableName", 255),
    ("AWS::S3::Bucket", "BucketName", 63),
    ("AWS::Logs::LogGroup", "LogGroupName", 512),
    ("AWS::IAM::Role", "RoleName", 64),
    ("AWS::SecretsManager::Secret", "Name", 512),
    ("AWS::SES::ConfigurationSet", "Name", 64),
    ("AWS::CloudWatch::Alarm", "AlarmName", 255),
];

/// A name at its longest, in the account and region with the longest names.
fn longest(template: &Value, name: &Value) -> String {
    let text = name["Fn::Sub"].as_str().or_else(|| name.as_str()).unwrap_or_default();
    let stage = template["Parameters"]["Stage"]["AllowedPattern"].as_str().unwrap();
    assert_eq!(stage, "[a-z][a-z0-9-]{0,15}", "how long a stage is has changed");
    text.replace("${AWS::StackName}", &"s".repeat(LONGEST_STACK_NAME))
        .replace("${AWS::AccountId}", &"1".repeat(12))
        .replace("${AWS::Region}", "ap-southeast-99")
        .replace("${Stage}", &"t".repeat(16))
}

#[test]
fn every_name_has_room_for_the_longest_stack_name() {
    let template = load();
    let mut wrong = Vec::new();
    let mut check = |id: &str, name: &Value, most: usize| {
        let longest = longest(&template, name);
        if longest.contains("${") || longest.chars().count() > most {
            wrong.push(format!("{id}: {longest} is not a name of at most {most} characters"));
        }
    };
    for (kind, property, most) in NAMES {
        for (id, properties) in resources(&template, kind) {
            check(&id, &properties[property], most);
        }
    }
    for function in functions(&template) {
        for event in function.events("ScheduleV2") {
            check(&function.logical_id, &event["Properties"]["Name"], 64);
        }
    }
    assert_none("Names", &wrong);
    let readme = std::fs::read_to_string(support::template::root().join("README.md")).unwrap();
    assert!(readme.contains(&format!("A stack's name has at most {LONGEST_STACK_NAME} characters")));
}

#[test]
fn what_outlives_the_stack_does_not_hold_its_names() {
    let template = load();
    let mut wrong = Vec::new();
    for (id, resource) in template["Resources"].as_object().unwrap() {
        let outlives = resource["DeletionPolicy"]
            .as_str()
            .is_some_and(|policy| policy.starts_with("Retain"));
        let is_named = |property: &&str| !resource["Properties"][*property].is_null();
        let names: Vec<_> = NAMES
            .iter()
            .map(|(_, property, _)| *property)
            .filter(is_named)
            .collect();
        if outlives && !names.is_empty() {
            wrong.push(format!(
                "{id} stays when its stack is deleted, and its {names:?} cannot be taken again"
            ));
        }
    }
    assert_none("Retained resources with fixed names", &wrong);
}

/// A version names the bytes it has by the id of an object's version, which need not be the newest.
#[test]
fn nothing_that_was_sold_expires() {
    let buckets = resources(&load(), "AWS::S3::Bucket");
    let (_, clean) = buckets.iter().find(|(id, _)| id == "CleanBucket").unwrap();
    let expiring: Vec<String> = clean["LifecycleConfiguration"]["Rules"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|rule| rule.as_object().unwrap().keys().any(|key| key.contains("Expiration")))
        .map(Value::to_string)
        .collect();
    assert_none("CleanBucket", &expiring);
}

/// Functions that move money or that it passes through on its way, and that more than one call at once comes to.
const MONEY: [&str; 7] = [
    "onboarding-events",
    "outbox",
    "payout-decide",
    "payout-transfer",
    "purchase-webhook",
    "refunds",
    "settlement",
];

#[test]
fn money_has_concurrency_of_its_own() {
    let template = load();
    assert_eq!(
        template["Parameters"]["MoneyConcurrency"]["Default"], 0,
        "a new account has nothing to reserve"
    );
    let mut wrong = Vec::new();
    for function in functions(&template) {
        let reserved = &function.properties["ReservedConcurrentExecutions"]["Fn::If"];
        let is_money = MONEY.contains(&function.name.as_str());
        let follows = |value: &Value| value[0] == "KeepsConcurrency" && value[1]["Ref"] == "MoneyConcurrency";
        if is_money && (!follows(reserved) || reserved[2]["Ref"] != "AWS::NoValue") {
            wrong.push(format!("{} has no concurrency of its own", function.name));
        }
        for event in function.events("SQS") {
            let most = &event["Properties"]["ScalingConfig"]["MaximumConcurrency"]["Fn::If"];
            // What a queue asks for beyond what is kept is refused, and each refusal takes one of the five receives of a message.
            if most[2] != 2 || (is_money && !follows(most)) {
                wrong.push(format!(
                    "{}: its queue may ask for more calls than there are: {most}",
                    function.name
                ));
            }
        }
    }
    let running: Vec<_> = functions(&template).into_iter().map(|function| function.name).collect();
    wrong.extend(
        MONEY
            .iter()
            .filter(|name| !running.iter().any(|other| other == *name))
            .map(|name| format!("there is no {name}")),
    );
    assert_none("Concurrency", &wrong);
}

const WRITES: [&str; 5] = [
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "TransactWriteItems",
];

/// The emulator does not know `dynamodb:LeadingKeys`, so a prefix that is missing is found by reading: KEYS.md says who asks.
#[test]
fn no_role_may_write_a_whole_table() {
    let template = load();
    let tables: Vec<String> = resources(&template, "AWS::DynamoDB::Table")
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    let prefixes = built_prefixes();
    let mut wrong = Vec::new();
    for (role, properties) in resources(&template, "AWS::IAM::Role") {
        let policies = properties["Policies"].as_array().into_iter().flatten();
        for statement in
            policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().into_iter().flatten())
        {
            let (actions, resource) = (statement["Action"].to_string(), statement["Resource"].to_string());
            let writes = WRITES.iter().any(|verb| actions.contains(&format!("dynamodb:{verb}")));
            if !writes || !tables.iter().any(|table| resource.contains(table.as_str())) {
                continue;
            }
            let condition = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
            let keys: Vec<&str> = condition
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            if keys.is_empty() {
                wrong.push(format!("{role}: {} may write every item", statement["Sid"]));
            }
            for key in keys {
                let prefix = key.trim_end_matches('*');
                if !prefixes.iter().any(|built| prefix.starts_with(built.as_str())) {
                    wrong.push(format!(
                        "{role}: {} names {key}, which no key begins with",
                        statement["Sid"]
                    ));
                }
            }
        }
    }
    assert_none("Rights to write", &wrong);
}

/// What the partitions begin with that `keys.rs` builds, such as `PTN#`.
fn built_prefixes() -> Vec<String> {
    let sources = files(&["shared/src/store/keys", "shared/src/store/keys.rs"]);
    let keys = support::template::root().join("shared/src/store/keys.rs");
    let texts = sources.into_iter().chain([keys]).map(|path| read(&path).text);
    let mut prefixes: Vec<String> = texts
        .flat_map(|text| text.split('"').map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|literal| literal.split_once('#').map(|(head, _)| format!("{head}#")))
        .filter(|prefix| prefix.len() > 1 && prefix.chars().all(|c| c.is_ascii_uppercase() || c == '#'))
        .collect();
    prefixes.sort();
    prefixes.dedup();
    prefixes
}
