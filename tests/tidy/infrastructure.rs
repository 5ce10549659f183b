//! `template.yaml` against the code it deploys and against the rules that no linter knows.

use std::collections::BTreeSet;

use serde_json::Value;
use support::template::{Function, functions, load, resources};

use crate::tree::{assert_none, rust};

/// What Lambda sets itself.
const LAMBDAS_OWN: [&str; 6] = [
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "LAMBDA_TASK_ROOT",
];

/// The variables that a function's code reads, from the calls of its context: each method of `Start` stands for those it reads.
fn read_by(function: &str) -> BTreeSet<String> {
    let sources = rust(&[&format!("functions/{function}/src")]);
    let text: String = sources
        .iter()
        .filter(|source| !source.is_test())
        .flat_map(|source| {
            source
                .code()
                .map(|(_, line)| line.to_owned() + "\n")
                .collect::<Vec<_>>()
        })
        .collect();
    let mut names = BTreeSet::new();
    let mut read = |more: &[&str]| names.extend(more.iter().map(|name| (*name).to_owned()));
    if text.contains("start.edge(") {
        read(&["OIDC_ISSUER", "OIDC_AUDIENCE", "OIDC_ROLES_CLAIM"]);
    }
    if text.contains("start.stripe(") {
        read(&["STRIPE_SECRET_ARN", "STRIPE_API_BASE"]);
    }
    if text.contains("start.stripe_secret(") {
        read(&["STRIPE_SECRET_ARN"]);
    }
    if text.contains("start.payout_rules(") {
        read(&["PAYOUT_MINIMUM_MINOR", "CURRENCY", "PAYPAL_OFFERED"]);
    }
    if text.contains("start.paypal(") {
        read(&["PAYPAL_SECRET_ARN", "PAYPAL_API_BASE"]);
    }
    if text.contains("start.paypal_secret(") {
        read(&["PAYPAL_SECRET_ARN"]);
    }
    if text.contains("start.paypal_certificates(") {
        read(&["PAYPAL_API_BASE"]);
    }
    if text.contains("start.signer(") {
        read(&["SIGNING_SECRET_ARN"]);
    }
    if text.contains("start.mail(") {
        read(&["MAIL_SENDER", "MAIL_CONFIGURATION_SET"]);
    }
    if text.contains("with_parking(") {
        read(&["PARKED_QUEUE_URL"]);
    }
    if text.contains("start.store(") {
        for (table, name) in [
            ("Accounts", "ACCOUNTS"),
            ("Catalogue", "CATALOGUE"),
            ("Commerce", "COMMERCE"),
            ("Ledger", "LEDGER"),
            ("Requests", "REQUESTS"),
        ] {
            if text.contains(&format!("TableName::{table}")) {
                read(&[&format!("{name}_TABLE")]);
            }
        }
    }
    if text.contains("start.objects(") {
        read(&["QUARANTINE_BUCKET", "CLEAN_BUCKET"]);
    }
    if text.contains("start.queues(") {
        let all = text.contains("Queue::iter()") || text.contains("Queue::ALL");
        for (queue, name) in [
            ("Settlement", "SETTLEMENT"),
            ("Onboarding", "ONBOARDING"),
            ("PayoutDecide", "PAYOUT_DECIDE"),
            ("PayoutTransfer", "PAYOUT_TRANSFER"),
            ("Scan", "SCAN"),
            ("Notify", "NOTIFY"),
        ] {
            if all || text.contains(&format!("Queue::{queue}")) {
                read(&[&format!("{name}_QUEUE_URL")]);
            }
        }
    }
    for name in shared::runtime::env::ALL {
        if text.contains(&format!("env::{name})")) || text.contains(&format!("&{name})")) {
            read(&[name]);
        }
    }
    // What the runtime reads for every function.
    let runtime = rust(&["shared/src/runtime"]);
    let start = runtime
        .iter()
        .find(|source| source.path.ends_with("/start.rs"))
        .unwrap();
    for name in ["STAGE", "DEPLOYMENT", "LOG_LEVEL"]
        .iter()
        .filter(|name| start.text.contains(&format!("env::{name})")))
    {
        read(&[name]);
    }
    names
}

fn given_to(template: &Value, function: &Function) -> BTreeSet<String> {
    let global = &template["Globals"]["Function"]["Environment"]["Variables"];
    let own = &function.properties["Environment"]["Variables"];
    [global, own]
        .into_iter()
        .filter_map(Value::as_object)
        .flat_map(|variables| variables.keys().cloned())
        .collect()
}

#[test]
fn a_function_gets_exactly_the_variables_it_reads() {
    let template = load();
    let mut wrong = Vec::new();
    for function in functions(&template) {
        let (given, read) = (given_to(&template, &function), read_by(&function.name));
        for name in given.difference(&read) {
            wrong.push(format!("{} is given {name} and does not read it", function.name));
        }
        for name in read
            .difference(&given)
            .filter(|name| !LAMBDAS_OWN.contains(&name.as_str()))
        {
            wrong.push(format!("{} reads {name} and is not given it", function.name));
        }
        for name in given
            .iter()
            .filter(|name| !shared::runtime::env::ALL.contains(&name.as_str()))
        {
            wrong.push(format!(
                "{} is given {name}, which shared/src/runtime/env.rs does not know",
                function.name
            ));
        }
    }
    assert_none("Environment", &wrong);
}

/// A property of a function or, where it has none, of all.
fn setting(template: &Value, function: &Function, name: &str) -> u64 {
    let own = function.properties[name].as_u64();
    own.or_else(|| template["Globals"]["Function"][name].as_u64())
        .unwrap_or_else(|| panic!("{} has no {name}", function.name))
}

fn referred(value: &Value) -> String {
    let name = value["Fn::GetAtt"][0].as_str().or_else(|| value["Ref"].as_str());
    name.unwrap_or_default().to_owned()
}

#[test]
fn queues_outlast_their_consumers_and_lose_nothing() {
    let template = load();
    let queues = resources(&template, "AWS::SQS::Queue");
    let queue = |id: &str| {
        queues
            .iter()
            .find(|(other, _)| other == id)
            .map(|(_, properties)| properties.clone())
            .unwrap_or_default()
    };
    let mut wrong = Vec::new();
    for function in functions(&template) {
        let timeout = setting(&template, &function, "Timeout");
        for event in function.events("SQS") {
            let (name, source) = (referred(&event["Properties"]["Queue"]), &event["Properties"]);
            let properties = queue(&name);
            if properties["VisibilityTimeout"].as_u64().unwrap_or(30) < 6 * timeout {
                wrong.push(format!(
                    "{name}: visibility below six times the {timeout} s of {}",
                    function.name
                ));
            }
            if !source["FunctionResponseTypes"]
                .as_array()
                .is_some_and(|types| types.iter().any(|kind| kind == "ReportBatchItemFailures"))
            {
                wrong.push(format!("{}: {name} does not report failures per item", function.name));
            }
            if properties["FifoQueue"] == true && source["BatchSize"] != 1 {
                wrong.push(format!("{}: {name} is FIFO, so it is read one message at a time: what waits behind a poison message must not die with it", function.name));
            }
            let dead = referred(&properties["RedrivePolicy"]["deadLetterTargetArn"]);
            if properties["RedrivePolicy"]["maxReceiveCount"] != 5
                || queue(&dead)["FifoQueue"] != properties["FifoQueue"]
            {
                wrong.push(format!("{name}: no dead-letter queue of its kind after five receives"));
            }
            let retention = |properties: &Value| properties["MessageRetentionPeriod"].as_u64().unwrap_or(345_600);
            if retention(&queue(&dead)) < retention(&properties) {
                wrong.push(format!("{dead} forgets sooner than {name}"));
            }
        }
    }
    for (id, properties) in &queues {
        if properties["SqsManagedSseEnabled"] != true {
            wrong.push(format!("{id} is not encrypted"));
        }
    }
    assert_none("Queues", &wrong);
}

#[test]
fn dead_letters_and_errors_call_somebody() {
    let template = load();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    let watched = |metric: &str, id: &str| {
        alarms
            .iter()
            .any(|(_, alarm)| alarm["MetricName"] == metric && referred(&alarm["Dimensions"][0]["Value"]) == id)
    };
    let mut wrong = Vec::new();
    for (id, properties) in resources(&template, "AWS::SQS::Queue") {
        if properties["RedrivePolicy"].is_null() && !watched("ApproximateNumberOfMessagesVisible", &id) {
            wrong.push(format!("{id} fills up and nobody hears of it"));
        }
    }
    for function in functions(&template) {
        if !watched("Errors", &function.logical_id) {
            wrong.push(format!("{} fails and nobody hears of it", function.name));
        }
    }
    assert_none("Alarms", &wrong);
}

#[test]
fn streams_wait_for_the_queues_and_forget_nothing() {
    let template = load();
    let mut wrong = Vec::new();
    for function in functions(&template) {
        for event in function.events("DynamoDB") {
            let source = &event["Properties"];
            let reports = source["FunctionResponseTypes"]
                .to_string()
                .contains("ReportBatchItemFailures");
            // A batch that cannot be sent waits; the function parks what never can be.
            let waits = source["MaximumRetryAttempts"] == -1 && source["MaximumRecordAgeInSeconds"] == -1;
            let filters = source["FilterCriteria"]["Filters"].as_array();
            let is_filtered =
                filters.is_some_and(|filters| filters.iter().all(|filter| looks_for_marker(&template, filter)));
            if !reports
                || !waits
                || !is_filtered
                || source["BisectBatchOnFunctionError"] != true
                || source["DestinationConfig"]["OnFailure"].is_null()
            {
                wrong.push(format!("{}: {source}", function.name));
            }
        }
    }
    assert_none("Stream events", &wrong);
}

/// A filter finds leaves of a record, so it asks for the number beside the list of messages.
fn looks_for_marker(template: &Value, filter: &Value) -> bool {
    let path = &filter["Pattern"]["Fn::FindInMap"];
    let [map, first, second] = [0, 1, 2].map(|index| path[index].as_str().unwrap_or_default());
    let pattern = template["Mappings"][map][first][second].as_str().unwrap_or_default();
    let pattern: Value = serde_json::from_str(pattern).unwrap_or_default();
    let marker = shared::store::outbox::MARKER;
    pattern == serde_json::json!({"dynamodb": {"NewImage": {marker: {"N": [{"exists": true}]}}}})
}

#[test]
fn somebody_hears_of_streams_that_nobody_reads() {
    let template = load();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    let is_watched = |function: &Function| {
        alarms.iter().any(|(_, alarm)| {
            alarm["MetricName"] == "IteratorAge"
                && alarm["Threshold"].as_u64().is_some_and(|ms| ms <= 900_000)
                && referred(&alarm["Dimensions"][0]["Value"]) == function.logical_id
        })
    };
    let functions = functions(&template);
    let readers = functions
        .iter()
        .filter(|function| !function.events("DynamoDB").is_empty());
    let wrong: Vec<_> = readers
        .filter(|function| !is_watched(function))
        .map(|function| format!("{} falls behind and nobody hears of it", function.name))
        .collect();
    assert_none("Streams", &wrong);
}

#[test]
fn queues_in_order_are_of_high_throughput() {
    let template = load();
    let slow: Vec<_> = resources(&template, "AWS::SQS::Queue")
        .into_iter()
        .filter(|(_, queue)| queue["FifoQueue"] == true)
        .filter(|(_, queue)| {
            queue["DeduplicationScope"] != "messageGroup" || queue["FifoThroughputLimit"] != "perMessageGroupId"
        })
        .map(|(id, _)| format!("{id} takes 300 messages a second of all groups together"))
        .collect();
    assert_none("Queues", &slow);
}

/// A statement covers a request only if its condition holds for all keys of the request, and those of a transaction come together. So what one
/// role may do to one table with one action stands in one statement.
#[test]
fn leading_keys_are_not_split_over_statements() {
    let template = load();
    let mut seen: BTreeSet<(String, String, String)> = BTreeSet::new();
    let mut split = Vec::new();
    for allowed in allowed(&template) {
        if allowed.statement["Condition"]
            .to_string()
            .contains("dynamodb:LeadingKeys")
        {
            for action in &allowed.actions {
                let resource = allowed.statement["Resource"].to_string();
                if !seen.insert((allowed.role.clone(), resource.clone(), action.clone())) {
                    split.push(format!("{}: {action} on {resource} in two statements", allowed.role));
                }
            }
        }
    }
    assert_none("Leading keys", &split);
}

/// Action, resource and condition of every statement that allows something, by role.
struct Allowed {
    role: String,
    actions: Vec<String>,
    statement: Value,
}

fn allowed(template: &Value) -> Vec<Allowed> {
    let texts = |value: &Value| match value {
        Value::Array(items) => items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    };
    let mut all = Vec::new();
    for (role, properties) in resources(template, "AWS::IAM::Role") {
        for policy in properties["Policies"].as_array().into_iter().flatten() {
            for statement in policy["PolicyDocument"]["Statement"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|statement| statement["Effect"] == "Allow")
            {
                all.push(Allowed {
                    role: role.clone(),
                    actions: texts(&statement["Action"]),
                    statement: statement.clone(),
                });
            }
        }
    }
    all
}

#[test]
fn every_function_has_a_role_of_its_own() {
    let template = load();
    let roles: Vec<String> = functions(&template)
        .iter()
        .map(|function| referred(&function.properties["Role"]))
        .collect();
    let different: BTreeSet<&String> = roles.iter().collect();
    assert!(
        roles.iter().all(|role| !role.is_empty()) && different.len() == roles.len(),
        "{roles:?}"
    );
    let wrong: Vec<String> = resources(&template, "AWS::IAM::Role")
        .into_iter()
        .filter(|(_, properties)| !properties["ManagedPolicyArns"].is_null())
        .map(|(role, _)| format!("{role} has managed policies, which are wider than what it does"))
        .collect();
    assert_none("Roles", &wrong);
}

#[test]
fn every_function_is_named_by_an_output() {
    let template = load();
    let unnamed: Vec<_> = functions(&template)
        .into_iter()
        .map(|function| function.logical_id)
        .filter(|id| template["Outputs"][format!("{id}Name")].is_null())
        .collect();
    assert_none("functions without an output that names them", &unnamed);
}

#[test]
fn no_policy_allows_everything() {
    let mut wrong = Vec::new();
    for Allowed {
        role,
        actions,
        statement,
    } in allowed(&load())
    {
        if actions.iter().any(|action| action.contains('*')) || statement["NotAction"] != Value::Null {
            wrong.push(format!("{role} may do everything of its kind: {actions:?}"));
        }
        // Tracing has no resources that could be named.
        let is_tracing = actions.iter().all(|action| action.starts_with("xray:"));
        if !is_tracing
            && (statement["Resource"] == "*"
                || statement["Resource"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(|one| one == "*")))
        {
            wrong.push(format!("{role} may do {actions:?} to everything"));
        }
    }
    assert_none("Policies", &wrong);
}

#[test]
fn tables_have_an_index_where_questions_go_through_it() {
    let keys = include_str!("../../shared/src/store/KEYS.md");
    let asked: BTreeSet<String> = keys
        .lines()
        .filter(|row| row.contains("(index)"))
        .filter_map(|row| row.split('|').nth(1))
        .map(|table| format!("{}Table", table.trim()))
        .collect();
    let indexed: BTreeSet<String> = resources(&load(), "AWS::DynamoDB::Table")
        .into_iter()
        .filter(|(_, properties)| properties["GlobalSecondaryIndexes"][0]["IndexName"] == "by-kind")
        .map(|(table, _)| table.to_lowercase().replace("table", "Table"))
        .collect();
    assert_eq!(indexed, asked);
}

fn concerns(statement: &Value, resource: &str) -> bool {
    statement["Resource"].to_string().contains(resource)
}

#[test]
fn journal_entries_can_neither_be_changed_nor_deleted() {
    let mut wrong = Vec::new();
    for Allowed {
        role,
        actions,
        statement,
    } in allowed(&load())
        .iter()
        .filter(|allowed| concerns(&allowed.statement, "LedgerTable"))
    {
        for action in actions {
            let verb = action.trim_start_matches("dynamodb:");
            let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
            let spares_the_journal = keys.as_array().is_some_and(|keys| !keys.is_empty() && keys.iter().all(|key| !matches!(key.as_str(), Some(key) if "JRN#".starts_with(key.trim_end_matches('*')) || key.starts_with("JRN"))));
            match verb {
                "DeleteItem" | "BatchWriteItem" | "DeleteTable" | "PartiQLUpdate" | "PartiQLDelete"
                | "PartiQLInsert" => wrong.push(format!("{role} may {verb}")),
                "UpdateItem" if !spares_the_journal => wrong.push(format!("{role} may update journal entries")),
                _ => {}
            }
        }
    }
    assert_none("The journal is only ever added to", &wrong);
}

#[test]
fn only_the_ledgers_own_functions_write_it() {
    let writers: BTreeSet<String> = allowed(&load())
        .into_iter()
        .filter(|allowed| {
            concerns(&allowed.statement, "LedgerTable")
                && allowed
                    .actions
                    .iter()
                    .any(|action| ["PutItem", "UpdateItem"].iter().any(|verb| action.ends_with(verb)))
        })
        .map(|allowed| allowed.role)
        .collect();
    assert_eq!(
        writers.into_iter().collect::<Vec<_>>(),
        [
            "EarningsRole",
            "PayoutDecideRole",
            "PayoutTransferRole",
            "ReconcileRole",
            "RefundsRole",
            "RevenueRole",
            "SettlementRole"
        ]
    );
}

/// Who refunds within the window has not been paid for it by then, as long as nobody says otherwise.
#[test]
fn by_default_nothing_is_paid_out_that_may_still_be_refunded() {
    let template = load();
    let default = |name: &str| template["Parameters"][name]["Default"].as_i64().unwrap();
    assert!(default("PayoutHoldDays") >= default("RefundWindowDays"));
}

#[test]
fn consumers_may_bring_failed_messages_back() {
    let template = load();
    let all = allowed(&template);
    let mut wrong = Vec::new();
    for function in functions(&template) {
        let role = referred(&function.properties["Role"]);
        for event in function.events("SQS") {
            let queue = referred(&event["Properties"]["Queue"]);
            for action in [
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ChangeMessageVisibility",
            ] {
                if !all.iter().any(|allowed| {
                    allowed.role == role
                        && concerns(&allowed.statement, &queue)
                        && allowed.actions.iter().any(|other| other == action)
                }) {
                    wrong.push(format!("{role} may not {action} on {queue}"));
                }
            }
        }
    }
    assert_none("Consumers", &wrong);
}

#[test]
fn browsers_may_call_from_one_origin() {
    let template = load();
    let origins = &template["Globals"]["HttpApi"]["CorsConfiguration"]["AllowOrigins"];
    assert!(
        origins
            .as_array()
            .is_some_and(|origins| origins.len() == 1 && origins[0] == serde_json::json!({"Ref": "AllowedOrigin"})),
        "{origins}"
    );
    for (bucket, properties) in resources(&template, "AWS::S3::Bucket") {
        assert!(
            !properties["CorsConfiguration"].to_string().contains("\"*\""),
            "{bucket} may be called from everywhere"
        );
    }
}

#[test]
fn data_is_encrypted_recoverable_and_private() {
    let template = load();
    let mut wrong = Vec::new();
    for (table, properties) in resources(&template, "AWS::DynamoDB::Table") {
        let is_right = properties["SSESpecification"]["SSEEnabled"] == true
            && properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] == true
            && properties["BillingMode"] == "PAY_PER_REQUEST";
        if !is_right {
            wrong.push(table);
        }
    }
    let policies = resources(&template, "AWS::S3::BucketPolicy");
    for (bucket, properties) in resources(&template, "AWS::S3::Bucket") {
        let block = &properties["PublicAccessBlockConfiguration"];
        let is_private = [
            "BlockPublicAcls",
            "BlockPublicPolicy",
            "IgnorePublicAcls",
            "RestrictPublicBuckets",
        ]
        .iter()
        .all(|name| block[name] == true);
        let needs_tls = policies.iter().any(|(_, policy)| {
            referred(&policy["Bucket"]) == bucket && policy.to_string().contains("aws:SecureTransport")
        });
        if !is_private
            || !needs_tls
            || properties["BucketEncryption"].is_null()
            || properties["VersioningConfiguration"]["Status"] != "Enabled"
        {
            wrong.push(bucket);
        }
    }
    for (group, properties) in resources(&template, "AWS::Logs::LogGroup") {
        if properties["RetentionInDays"].is_null() {
            wrong.push(format!("{group} keeps logs for ever"));
        }
    }
    assert_none("Data at rest", &wrong);
}
