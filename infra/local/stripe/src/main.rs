//! Starts the stand-in from flags or the environment and runs until it is interrupted.

use std::process::ExitCode;

use stripe_standin::{Config, serve};

const USAGE: &str = "\
Stripe stand-in: a local, stateful double of the Stripe API.

  --port <n>               port to listen on, 0 for a free one  [STRIPE_STANDIN_PORT, default 12111]
  --bind <address>         address to listen on                 [STRIPE_STANDIN_BIND, default 127.0.0.1]
  --public-url <url>       origin of payment and set-up pages   [STRIPE_STANDIN_PUBLIC_URL]
  --secret-key <key>       the API key that is accepted         [STRIPE_STANDIN_SECRET_KEY]
  --webhook-url <url>      receives every event of the platform's own account; repeatable
                                                                [STRIPE_STANDIN_WEBHOOK_URLS, comma-separated]
  --webhook-secret <text>  signs what is sent there             [STRIPE_STANDIN_WEBHOOK_SECRET]
  --connect-webhook-url <url>      receives every event of connected accounts; repeatable
                                                                [STRIPE_STANDIN_CONNECT_WEBHOOK_URLS]
  --connect-webhook-secret <text>  signs what is sent there     [STRIPE_STANDIN_CONNECT_WEBHOOK_SECRET]
";

#[tokio::main]
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people and scripts answers on its terminal"
)]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this program that reads the environment"
)]
async fn main() -> ExitCode {
    let config = match configured(std::env::args().skip(1), |name| std::env::var(name).ok()) {
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
    println!("Stripe stand-in: {}", server.url());
    standin::interrupted().await;
    ExitCode::SUCCESS
}

/// Flags go before the environment; `None` asks for the usage.
fn configured(
    mut flags: impl Iterator<Item = String>,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Option<Config>, String> {
    let mut config = Config {
        port: 12111,
        ..Config::default()
    };
    let (mut urls, mut connect_urls): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let port_of = |text: &str| text.parse::<u16>().map_err(|_| format!("{text} is not a port"));
    if let Some(port) = env("STRIPE_STANDIN_PORT") {
        config.port = port_of(&port)?;
    }
    if let Some(bind) = env("STRIPE_STANDIN_BIND") {
        config.bind = bind;
    }
    if let Some(key) = env("STRIPE_STANDIN_SECRET_KEY") {
        config.secret_key = key;
    }
    if let Some(secret) = env("STRIPE_STANDIN_WEBHOOK_SECRET") {
        config.webhook_secret = secret;
    }
    if let Some(secret) = env("STRIPE_STANDIN_CONNECT_WEBHOOK_SECRET") {
        config.connect_webhook_secret = secret;
    }
    config.public_url = env("STRIPE_STANDIN_PUBLIC_URL");
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
            "--port" => config.port = port_of(&value()?)?,
            "--bind" => config.bind = value()?,
            "--public-url" => config.public_url = Some(value()?),
            "--secret-key" => config.secret_key = value()?,
            "--webhook-url" => urls.push(value()?),
            "--webhook-secret" => config.webhook_secret = value()?,
            "--connect-webhook-url" => connect_urls.push(value()?),
            "--connect-webhook-secret" => config.connect_webhook_secret = value()?,
            _ => return Err(format!("Unknown flag {name}")),
        }
    }
    let listed = |name: &str| -> Vec<String> {
        let listed = env(name).unwrap_or_default();
        let urls = listed.split(',').map(str::trim).filter(|url| !url.is_empty());
        urls.map(str::to_owned).collect()
    };
    if urls.is_empty() {
        urls = listed("STRIPE_STANDIN_WEBHOOK_URLS");
    }
    if connect_urls.is_empty() {
        connect_urls = listed("STRIPE_STANDIN_CONNECT_WEBHOOK_URLS");
    }
    (config.webhook_urls, config.connect_webhook_urls) = (urls, connect_urls);
    Ok(Some(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(flags: &[&str], env: &[(&str, &str)]) -> Result<Option<Config>, String> {
        let lookup = |name: &str| {
            env.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        configured(flags.iter().map(|flag| (*flag).to_owned()), lookup)
    }

    #[test]
    fn flags_go_before_the_environment() {
        let env = [
            ("STRIPE_STANDIN_PORT", "1"),
            ("STRIPE_STANDIN_WEBHOOK_URLS", "http://a, http://b"),
        ];
        let config = parse(&["--port=2", "--secret-key", "sk_test_x"], &env)
            .ok()
            .flatten()
            .expect("a configuration");
        assert_eq!((config.port, config.secret_key.as_str()), (2, "sk_test_x"));
        assert_eq!(config.webhook_urls, ["http://a", "http://b"]);
        let config = parse(
            &["--webhook-url", "http://c", "--connect-webhook-url", "http://d"],
            &env,
        )
        .ok()
        .flatten()
        .expect("a configuration");
        assert_eq!(config.webhook_urls, ["http://c"]);
        assert_eq!(config.connect_webhook_urls, ["http://d"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(
            parse(&["--prot", "1"], &[]).err().as_deref(),
            Some("Unknown flag --prot")
        );
        assert_eq!(parse(&["--port", "x"], &[]).err().as_deref(), Some("x is not a port"));
        assert_eq!(parse(&["--port"], &[]).err().as_deref(), Some("--port needs a value"));
        assert!(matches!(parse(&["--help"], &[]), Ok(None)));
    }
}
