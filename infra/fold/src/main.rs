//! `fold`: reads the books that LEDGER_TABLE and COMMERCE_TABLE name and says whether they agree with themselves. `make books` starts it.

use std::process::ExitCode;

use shared::clock::Clock;
use shared::runtime::{Clients, Env};
use shared::store::TableName;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
async fn main() -> anyhow::Result<ExitCode> {
    let tables = [TableName::Ledger, TableName::Commerce];
    let store = Env::from_process().load(|env| Clients::from_env(env).store(env, &tables))?;
    let verdict = fold::check(&store, Clock::System.now()).await?;
    for difference in &verdict.differences {
        println!("{difference}");
    }
    println!("{}", verdict.summary());
    Ok(if verdict.differences.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
