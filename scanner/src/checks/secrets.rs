//! Credentials left in files, text or binary, in 8-bit or UTF-16 form.
//!
//! Each rule has the literal marks that a credential of its kind carries, and the form of the
//! whole. One pass finds the marks of all rules; only there the forms are tried. Hashes have no
//! mark, so a list of SHA-256 sums is no hit; documented example keys and placeholders are
//! recognised. Evidence shows enough to find the place, never enough to use the secret.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Match, MatchKind, packed};
use regex::bytes::Regex;

use super::{File, Interrupted};
use crate::clock::Deadline;
use crate::report::{Finding, Severity};

/// The longest form that is looked at, from its mark on. A PEM key's first lines fit.
const WINDOW_BYTES: usize = 512;
/// Input per step: the deadline is looked at this often.
const STEP_BYTES: usize = 8 << 20;
/// One file full of keys is one problem.
const FINDINGS_PER_FILE: usize = 20;

struct Rule {
    name: &'static str,
    /// What it is, for the reader of the finding.
    what: &'static str,
    marks: &'static [&'static str],
    /// Tried where a mark starts. The group `s` is the secret part; without it, all of it is.
    form: &'static str,
    /// Different characters that a random secret of this length has at least: placeholders have few.
    variety: usize,
}

const RULES: &[Rule] = &[
    Rule {
        name: "private_key",
        what: "a private key",
        marks: &["-----BEGIN "],
        form: r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\n|\\r)*(?:[A-Za-z-]+: [^\r\n]*\s+)*(?P<s>[A-Za-z0-9+/=]{40,}|(?:[A-Za-z0-9+/=]{16,}(?:\s|\\n|\\r)+){3,})",
        variety: 16,
    },
    Rule {
        name: "aws_access_key",
        what: "an AWS access key id",
        marks: &["AKIA", "ASIA"],
        form: r"A[KS]IA(?P<s>[A-Z2-7]{16})",
        variety: 6,
    },
    Rule {
        name: "aws_secret_key",
        what: "an AWS secret access key",
        marks: &[
            "aws_secret_access_key",
            "AWS_SECRET_ACCESS_KEY",
            "aws_secret_key",
            "AWS_SECRET_KEY",
            "secretAccessKey",
            "SecretAccessKey",
        ],
        form: r#"[A-Za-z_]+["']?\s*(?:=|:|=>|,)\s*["']?(?P<s>[A-Za-z0-9/+]{40})"#,
        variety: 14,
    },
    Rule {
        name: "github_token",
        what: "a GitHub token",
        marks: &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        form: r"gh[pousr]_(?P<s>[A-Za-z0-9]{36,251})",
        variety: 10,
    },
    Rule {
        name: "github_token",
        what: "a GitHub fine-grained token",
        marks: &["github_pat_"],
        form: r"github_pat_(?P<s>[A-Za-z0-9]{22}_[A-Za-z0-9]{59})",
        variety: 16,
    },
    Rule {
        name: "gitlab_token",
        what: "a GitLab token",
        marks: &["glpat-"],
        form: r"glpat-(?P<s>[A-Za-z0-9_-]{20,})",
        variety: 9,
    },
    Rule {
        name: "stripe_key",
        what: "a Stripe secret key",
        marks: &["sk_live_", "sk_test_", "rk_live_", "rk_test_"],
        form: r"[sr]k_(?:live|test)_(?P<s>[A-Za-z0-9]{16,247})",
        variety: 9,
    },
    Rule {
        name: "stripe_webhook_secret",
        what: "a Stripe webhook secret",
        marks: &["whsec_"],
        form: r"whsec_(?P<s>[A-Za-z0-9+/=]{32,})",
        variety: 12,
    },
    Rule {
        name: "slack_token",
        what: "a Slack token",
        marks: &["xoxb-", "xoxa-", "xoxp-", "xoxr-", "xoxs-", "xoxe-", "xapp-"],
        form: r"(?:xox[abprse]|xapp)-(?P<s>[0-9A-Za-z.]{1,14}-[0-9A-Za-z-]{14,})",
        variety: 7,
    },
    Rule {
        name: "slack_webhook",
        what: "a Slack webhook address",
        marks: &["hooks.slack.com/"],
        form: r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<s>[A-Za-z0-9+/]{30,})",
        variety: 10,
    },
    Rule {
        name: "discord_webhook",
        what: "a Discord webhook address",
        marks: &["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"],
        form: r"discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/(?P<s>[A-Za-z0-9_-]{60,})",
        variety: 16,
    },
    Rule {
        name: "telegram_token",
        what: "a Telegram bot token",
        marks: &["api.telegram.org/bot"],
        form: r"api\.telegram\.org/bot[0-9]{8,10}:(?P<s>[A-Za-z0-9_-]{34,36})",
        variety: 12,
    },
    Rule {
        name: "google_api_key",
        what: "a Google API key",
        marks: &["AIza"],
        form: r"AIza(?P<s>[A-Za-z0-9_-]{35})",
        variety: 12,
    },
    Rule {
        name: "google_service_account",
        what: "a Google OAuth client secret",
        marks: &["GOCSPX-"],
        form: r"GOCSPX-(?P<s>[A-Za-z0-9_-]{28})",
        variety: 10,
    },
    Rule {
        name: "openai_key",
        what: "an OpenAI API key",
        marks: &["sk-"],
        form: r"sk-(?P<s>(?:(?:proj|svcacct|admin)-)?[A-Za-z0-9_-]{20,}T3BlbkFJ[A-Za-z0-9_-]{20,})",
        variety: 16,
    },
    Rule {
        name: "anthropic_key",
        what: "an Anthropic API key",
        marks: &["sk-ant-"],
        form: r"sk-ant-(?:api|admin)[0-9]{2}-(?P<s>[A-Za-z0-9_-]{80,})",
        variety: 16,
    },
    Rule {
        name: "npm_token",
        what: "an npm token",
        marks: &["npm_"],
        form: r"npm_(?P<s>[A-Za-z0-9]{36})",
        variety: 10,
    },
    Rule {
        name: "pypi_token",
        what: "a PyPI token",
        marks: &["pypi-AgE"],
        form: r"pypi-AgE(?P<s>[A-Za-z0-9_-]{50,})",
        variety: 16,
    },
    Rule {
        name: "hugging_face_token",
        what: "a Hugging Face token",
        marks: &["hf_"],
        form: r"hf_(?P<s>[A-Za-z]{34,})",
        variety: 10,
    },
    Rule {
        name: "sendgrid_key",
        what: "a SendGrid key",
        marks: &["SG."],
        form: r"SG\.(?P<s>[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})",
        variety: 16,
    },
    Rule {
        name: "password_in_address",
        what: "an address with a password",
        marks: &[
            "postgres://",
            "postgresql://",
            "mysql://",
            "mongodb://",
            "mongodb+srv://",
            "amqp://",
            "redis://",
        ],
        form: r"[a-z+]+://[A-Za-z0-9._%-]*:(?P<s>[A-Za-z0-9._~%!+-]{12,})@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+",
        variety: 9,
    },
];

/// Published as examples by those who issue such keys.
const DOCUMENTED: &[&str] = &["4eC39HqLyjWDarjtT1zdp7dc", "BQokikJOvBiI2HlWgH4olfQ2"];
const PLACEHOLDERS: &[&str] = &[
    "EXAMPLE",
    "PLACEHOLDER",
    "CHANGEME",
    "YOUR_",
    "YOUR-",
    "XXXX",
    "REDACTED",
];

/// For the ruleset's hash.
pub(crate) fn fingerprint() -> String {
    RULES
        .iter()
        .map(|rule| format!("{}\t{}\t{}\n", rule.name, rule.form, rule.variety))
        .collect()
}

struct Matcher {
    /// In 8 bits and in UTF-16, apart: few enough marks at a time for the vector search, which reads four bytes where the automaton reads one.
    marks: [Marks; 2],
    forms: Vec<Regex>,
}

/// Every mark in one form.
struct Marks {
    wide: bool,
    search: Search,
    /// The rule of each mark.
    rules: Vec<usize>,
}

enum Search {
    Vector(packed::Searcher),
    /// For processors whose vectors are too short.
    Automaton(AhoCorasick),
}

impl Search {
    fn new(patterns: &[Vec<u8>]) -> Option<Self> {
        let mut vector = packed::Config::new();
        vector.match_kind(packed::MatchKind::LeftmostLongest);
        if let Some(search) = vector.builder().extend(patterns).build() {
            return Some(Self::Vector(search));
        }
        // The byte that it would look for first is the NUL of UTF-16, which is anywhere.
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .prefilter(false)
            .build(patterns);
        automaton.ok().map(Self::Automaton)
    }

    fn find_iter<'a>(&'a self, content: &'a [u8]) -> Box<dyn Iterator<Item = Match> + 'a> {
        match self {
            Self::Vector(search) => Box::new(search.find_iter(content)),
            Self::Automaton(search) => Box::new(search.find_iter(content)),
        }
    }
}

static MATCHER: LazyLock<Option<Matcher>> = LazyLock::new(Matcher::new);

impl Marks {
    fn new(wide: bool) -> Option<Self> {
        let marks = || {
            let of = |(index, rule): (usize, &'static Rule)| rule.marks.iter().map(move |mark| (index, *mark));
            RULES.iter().enumerate().flat_map(of)
        };
        let patterns = marks().map(|(_, mark)| match wide {
            false => mark.bytes().collect(),
            true => mark.bytes().flat_map(|byte| [byte, 0]).collect(),
        });
        let search = Search::new(&patterns.collect::<Vec<_>>())?;
        Some(Self {
            wide,
            search,
            rules: marks().map(|(rule, _)| rule).collect(),
        })
    }
}

impl Matcher {
    fn new() -> Option<Self> {
        let forms = RULES.iter().map(|rule| Regex::new(&format!("(?-u)^(?:{})", rule.form)));
        Some(Matcher {
            marks: [Marks::new(false)?, Marks::new(true)?],
            forms: forms.collect::<Result<_, _>>().ok()?,
        })
    }
}

/// Looks for credentials in one file.
pub(crate) fn check(file: File<'_>, deadline: &Deadline) -> Result<Vec<Finding>, Interrupted> {
    let Some(matcher) = MATCHER.as_ref() else {
        return Err(Interrupted::Failed("the rules for secrets do not compile".to_owned()));
    };
    let mut findings = Vec::new();
    let mut step_at = 0;
    while step_at < file.content.len() {
        if deadline.is_over() {
            return Err(Interrupted::OutOfTime);
        }
        // Marks that start before `step_end` belong to this step; the overlap completes them.
        let step_end = step_at.saturating_add(STEP_BYTES).min(file.content.len());
        let end = step_end.saturating_add(64).min(file.content.len());
        let step = file.content.get(step_at..end).unwrap_or_default();
        for marks in &matcher.marks {
            for mark in marks.search.find_iter(step) {
                let at = step_at + mark.start();
                if at >= step_end || findings.len() >= FINDINGS_PER_FILE {
                    break;
                }
                let rule = marks.rules.get(mark.pattern().as_usize());
                findings.extend(rule.and_then(|rule| matcher.secret(file, at, *rule, marks.wide)));
            }
        }
        step_at = step_end;
    }
    Ok(findings)
}

impl Matcher {
    /// The finding for the mark of `rule` at `at`, where the whole form is there.
    fn secret(&self, file: File<'_>, at: usize, rule: usize, wide: bool) -> Option<Finding> {
        let (rule, form) = (RULES.get(rule)?, self.forms.get(rule)?);
        let before = at
            .checked_sub(if wide { 2 } else { 1 })
            .and_then(|i| file.content.get(i));
        // Part of a longer word is not this kind of credential.
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let rest = file.content.get(at..)?;
        let narrowed: Vec<u8>;
        let window = match wide {
            false => rest.get(..WINDOW_BYTES).unwrap_or(rest),
            true => {
                let pairs = rest.chunks_exact(2).take(WINDOW_BYTES);
                narrowed = pairs.take_while(|pair| pair[1] == 0).map(|pair| pair[0]).collect();
                &narrowed
            }
        };
        let captures = form.captures(window)?;
        let whole = captures.get(0)?;
        let secret = captures.name("s").unwrap_or(whole);
        is_real(secret.as_bytes(), rule.variety).then(|| {
            let shown = window.get(..secret.start() + 3).unwrap_or_default();
            let shown = String::from_utf8_lossy(shown).into_owned();
            let remedy = "Remove it and revoke it now: whoever had the file may have it. Let customers \
                          supply their own through `permissions.secrets`.";
            Finding::new(format!("secrets.{}", rule.name), Severity::Quarantine, remedy)
                .in_file(file.path)
                .at(at as u64)
                .saw(format!("{}: `{shown}…`", rule.what))
        })
    }
}

/// Whether `secret` looks random rather than made up for a text.
fn is_real(secret: &[u8], variety: usize) -> bool {
    let text = String::from_utf8_lossy(secret);
    let upper = text.to_ascii_uppercase();
    let mut different: Vec<u8> = secret.to_vec();
    different.sort_unstable();
    different.dedup();
    different.len() >= variety
        && !PLACEHOLDERS.iter().any(|word| upper.contains(word))
        && !DOCUMENTED.iter().any(|key| text.starts_with(key))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check_text(text: &[u8], rules: &[&str]) {
        let deadline = Deadline::after(Duration::from_secs(60));
        let found = check(
            File {
                path: "a",
                content: text,
            },
            &deadline,
        )
        .expect("no interruption");
        let found: Vec<&str> = found.iter().map(|f| f.rule.as_str()).collect();
        assert_eq!(found, rules, "{}", String::from_utf8_lossy(text));
    }

    /// Characters without a pattern, the same in every run.
    fn random(len: usize) -> String {
        let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').collect();
        (0..len).map(|i| alphabet[(i * i * 7 + i * 31 + 11) % 62]).collect()
    }

    #[test]
    fn every_kind_is_found() {
        let r = random;
        for (text, rule) in [
            (format!("key = {}{}", "AKIA", "QYLPMN5HTHFPZAM2"), "aws_access_key"),
            (format!("aws_secret_access_key = \"{}\"", r(40)), "aws_secret_key"),
            (format!("{{\"secretAccessKey\": \"{}\"}}", r(40)), "aws_secret_key"),
            (format!("token: {}{}", "ghp_", r(36)), "github_token"),
            (format!("{}{}_{}", "github_pat_", r(22), r(59)), "github_token"),
            (format!("{}{}", "glpat-", r(20)), "gitlab_token"),
            (format!("{}{}", "sk_live_", r(24)), "stripe_key"),
            (format!("{}{}", "rk_test_", r(99)), "stripe_key"),
            (format!("{}{}", "whsec_", r(32)), "stripe_webhook_secret"),
            (
                format!("{}{}-{}-{}", "xoxb-", "263594206564", "2343594206574", r(24)),
                "slack_token",
            ),
            (
                format!("https://{}services/T0{}/B0{}/{}", "hooks.slack.com/", r(8), r(8), r(24)),
                "slack_webhook",
            ),
            (
                format!(
                    "https://{}{}/{}",
                    "discord.com/api/webhooks/",
                    "112233445566778899",
                    r(68)
                ),
                "discord_webhook",
            ),
            (
                format!("https://{}{}:{}", "api.telegram.org/bot", "123456789", r(35)),
                "telegram_token",
            ),
            (format!("{}{}", "AIza", r(35)), "google_api_key"),
            (format!("{}{}T3BlbkFJ{}", "sk-", r(20), r(20)), "openai_key"),
            (format!("{}proj-{}T3BlbkFJ{}", "sk-", r(74), r(74)), "openai_key"),
            (format!("{}api03-{}AA", "sk-ant-", r(93)), "anthropic_key"),
            (format!("{}{}", "npm_", r(36)), "npm_token"),
            (format!("{}IcHlwaS5vcmc{}", "pypi-AgE", r(70)), "pypi_token"),
            (format!("{}{}.{}", "SG.", r(22), r(43)), "sendgrid_key"),
            (
                format!("postgres://app:{}@db.internal.net/x", r(16)),
                "password_in_address",
            ),
        ] {
            let rule = format!("secrets.{rule}");
            check_text(text.as_bytes(), &[&rule]);
            // The same as a Windows program keeps its strings.
            let wide: Vec<u8> = text.bytes().flat_map(|byte| [byte, 0]).collect();
            check_text(&wide, &[&rule]);
        }
    }

    #[test]
    fn private_keys_of_every_kind() {
        let body: String = random(256)
            .as_bytes()
            .chunks(64)
            .map(|l| String::from_utf8_lossy(l) + "\n")
            .collect();
        for kind in ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "] {
            let pem = format!("-----BEGIN {kind}PRIVATE KEY-----\n{body}-----END");
            check_text(pem.as_bytes(), &["secrets.private_key"]);
            check_text(pem.replace('\n', "\\n").as_bytes(), &["secrets.private_key"]);
        }
        let headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n";
        check_text(
            format!("-----BEGIN RSA PRIVATE KEY-----\n{headers}{body}").as_bytes(),
            &["secrets.private_key"],
        );
        check_text(format!("-----BEGIN PUBLIC KEY-----\n{body}").as_bytes(), &[]);
        check_text(
            b"Paste it between -----BEGIN PRIVATE KEY----- and -----END PRIVATE KEY-----",
            &[],
        );
        check_text(
            b"-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
            &[],
        );
    }

    #[test]
    fn examples_hashes_and_placeholders_are_no_hits() {
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "AKIAI44QH8DHBEXAMPLE",
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty.txt",
            "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "xoxb-your-token-goes-here",
            "postgres://user:password@localhost/db",
            "task-force risk-management sk-",
            "MAKIAVELLIABCDEFGHIJ",
        ] {
            check_text(text.as_bytes(), &[]);
        }
    }

    #[test]
    fn evidence_hides_the_secret() {
        let secret = random(36);
        let text = format!("{}{secret}", "ghp_");
        let deadline = Deadline::after(Duration::from_secs(60));
        let found = check(
            File {
                path: "a",
                content: text.as_bytes(),
            },
            &deadline,
        )
        .expect("found");
        assert_eq!(found[0].evidence, format!("a GitHub token: `ghp_{}…`", &secret[..3]));
    }

    #[test]
    fn both_searches_find_the_same() {
        let marks: Vec<Vec<u8>> = RULES
            .iter()
            .flat_map(|rule| rule.marks)
            .map(|mark| mark.bytes().collect())
            .collect();
        let text = marks.join(&b" \0sk"[..]);
        let vector = Search::new(&marks).expect("a search");
        // More than vectors take.
        let more = |number: u8| [0xff, 0xfe, 0xfd, number].to_vec();
        let automaton = Search::new(&marks.iter().cloned().chain((0..200).map(more)).collect::<Vec<_>>());
        let automaton = automaton.expect("a search");
        assert!(matches!(automaton, Search::Automaton(_)));
        let found = |search: &Search| search.find_iter(&text).collect::<Vec<_>>();
        assert!(found(&vector).len() >= marks.len());
        assert_eq!(found(&vector), found(&automaton));
    }
}
