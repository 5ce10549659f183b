//! Starts the stand-in from flags and runs until it is interrupted.

use std::process::ExitCode;

use paypal_standin::{Config, serve};

const USAGE: &str = "\
PayPal stand-in: a local, stateful double of the PayPal API.

  --port <n>              port to listen on, 0 for a free one [default 12112]
  --bind <address>        address to listen on                [default 127.0.0.1]
  --public-url <url>      the API's base as its callers know it: origin of pages and certificate
  --client-id <text>      the client that gets a token
  --client-secret <text>  and its secret
  --webhook-url <url>     receives every event; repeatable
  --webhook-id <text>     what events are signed for
";

#[tokio::main]
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people and scripts answers on its terminal"
)]
async fn main() -> ExitCode {
    let config = match configured(std::env::args().skip(1)) {
        Ok(Some(config)) => config,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("{message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let (bind, port) = (config.bind.clone(), config.port);
    let server = match serve(config).await {
        Ok(server) => server,
        Err(error) => {
            eprintln!("Cannot listen on {bind}:{port}: {error}. Choose another port with --port.");
            return ExitCode::FAILURE;
        }
    };
    println!("PayPal stand-in: {}", server.url());
    standin::interrupted().await;
    ExitCode::SUCCESS
}

/// `None` asks for the usage.
fn configured(mut flags: impl Iterator<Item = String>) -> Result<Option<Config>, String> {
    let mut config = Config {
        port: 12112,
        ..Config::default()
    };
    while let Some(flag) = flags.next() {
        if flag == "--help" || flag == "-h" {
            return Ok(None);
        }
        let (name, inline) = match flag.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (flag, None),
        };
        let mut value = || {
            inline
                .clone()
                .or_else(|| flags.next())
                .ok_or_else(|| format!("{name} needs a value"))
        };
        match name.as_str() {
            "--port" => {
                let port = value()?;
                config.port = port.parse().map_err(|_| format!("{port} is not a port"))?;
            }
            "--bind" => config.bind = value()?,
            "--public-url" => config.public_url = Some(value()?),
            "--client-id" => config.client_id = value()?,
            "--client-secret" => config.client_secret = value()?,
            "--webhook-url" => config.webhook_urls.push(value()?),
            "--webhook-id" => config.webhook_id = value()?,
            _ => return Err(format!("Unknown flag {name}")),
        }
    }
    Ok(Some(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(flags: &[&str]) -> Result<Option<Config>, String> {
        configured(flags.iter().map(|flag| (*flag).to_owned()))
    }

    #[test]
    fn flags_are_read_in_both_forms() {
        let config = parse(&[
            "--port=2",
            "--client-id",
            "me",
            "--webhook-url",
            "http://a",
            "--webhook-url=http://b",
        ])
        .ok()
        .flatten()
        .expect("a configuration");
        assert_eq!((config.port, config.client_id.as_str()), (2, "me"));
        assert_eq!(config.webhook_urls, ["http://a", "http://b"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(parse(&["--prot", "1"]).err().as_deref(), Some("Unknown flag --prot"));
        assert_eq!(parse(&["--port", "x"]).err().as_deref(), Some("x is not a port"));
        assert_eq!(parse(&["--port"]).err().as_deref(), Some("--port needs a value"));
        assert!(matches!(parse(&["--help"]), Ok(None)));
    }
}
