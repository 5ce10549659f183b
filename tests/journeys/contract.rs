//! The promises of the table, kept by DynamoDB as the stack has it: the same suite that the backend in memory passes.

use shared::runtime::{Clients, Env};
use shared::seed::Seed;
use shared::store::{Store, TableName};
use shared::testing::table_contract;
use support::Stack;

#[tokio::test]
async fn the_table_keeps_its_contract_on_the_stack() {
    let stack = Stack::load();
    table_contract::run(&store(&stack), Seed::fresh(support::now())).await;
}

/// The stack's own tables; every case of the suite works under keys of its own.
fn store(stack: &Stack) -> Store {
    let description = stack.description();
    let tables = [
        TableName::Accounts,
        TableName::Catalogue,
        TableName::Commerce,
        TableName::Ledger,
        TableName::Requests,
    ];
    let named = tables.map(|table| {
        (
            format!("{}_TABLE", table.to_string().to_uppercase()),
            description.tables[&table.to_string()].clone(),
        )
    });
    let common = [
        ("AWS_REGION".to_owned(), description.region.clone()),
        ("AWS_ACCESS_KEY_ID".to_owned(), description.access_key_id.clone()),
        (
            "AWS_SECRET_ACCESS_KEY".to_owned(),
            description.secret_access_key.clone(),
        ),
        ("AWS_ENDPOINT_URL".to_owned(), description.aws_endpoint.clone()),
    ];
    Env::from_pairs(named.into_iter().chain(common))
        .load(|env| Clients::from_env(env).store(env, &tables))
        .unwrap()
}
