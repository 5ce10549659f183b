//! `bench [SECTION…]`: measures the stack that SOUK_STACK names with the binaries in SOUK_BINARIES. `make bench` starts both.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    bench::run(std::env::args().skip(1).collect()).await
}
