//! A Lambda that does nothing but answer: what the runtime itself costs, on one thread as Souk's functions run.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(lambda_runtime::run(service_fn(answer)))
}

#[expect(
    clippy::print_stdout,
    reason = "a function logs a line for each call, and the emulator waits 50 ms for it"
)]
async fn answer(_: LambdaEvent<Value>) -> Result<Value, Error> {
    println!("{{}}");
    Ok(json!({ "statusCode": 200, "headers": { "content-type": "application/json" }, "body": "{}" }))
}
