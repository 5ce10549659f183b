//! What reviews would have to repeat about the code itself.

use crate::tree::{Source, assert_none, rust};

const EVERYWHERE: &[&str] = &["shared/src", "functions", "scanner", "infra", "sdk", "tests"];
const PRODUCT: &[&str] = &["shared/src", "functions"];
const MAX_FILE_LINES: usize = 600;

/// Lines of product code that have one of these texts, outside the places that may.
fn lines_with(texts: &[&str], allowed: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in rust(PRODUCT)
        .iter()
        .filter(|source| !source.is_test() && !allowed.iter().any(|place| source.path.starts_with(place)))
    {
        for (number, line) in source
            .code()
            .filter(|(_, line)| texts.iter().any(|text| line.contains(text)))
        {
            wrong.push(format!("{}:{number}: {}", source.path, line.trim()));
        }
    }
    wrong
}

#[test]
fn examples_are_tests() {
    let mut wrong = Vec::new();
    for source in rust(EVERYWHERE) {
        let comments = source.text.lines().enumerate().filter_map(|(index, line)| {
            let line = line.trim_start();
            let text = line.strip_prefix("//!").or_else(|| line.strip_prefix("///"))?;
            Some((index + 1, text.trim().strip_prefix("```")?))
        });
        // Every other fence closes what the one before opened.
        let opened = comments.step_by(2).filter(|(_, language)| *language != "text");
        wrong.extend(opened.map(|(number, _)| format!("{}:{number}", source.path)));
    }
    assert_none(
        "An example in a comment is compiled by no test: write a test, or mark a drawing as `text`",
        &wrong,
    );
}

#[test]
fn keys_are_made_in_one_module() {
    let mut wrong = Vec::new();
    for source in rust(PRODUCT)
        .iter()
        .filter(|source| !source.is_test() && !source.path.starts_with("shared/src/store/keys"))
    {
        for (number, line) in source.code().filter(|(_, line)| line.contains("format!(")) {
            // The text of the format, without raw strings and markdown headings.
            let literal = line
                .split("format!(\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next())
                .unwrap_or_default();
            if literal.contains("#{") || literal.contains("}#") {
                wrong.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none("A key is built outside shared/src/store/keys", &wrong);
}

#[test]
fn only_the_runtime_reads_clock_and_environment() {
    let wrong = lines_with(
        &["std::env::", "env::var(", "env!(\"AWS"],
        &["shared/src/runtime/", "functions/build.rs"],
    );
    assert_none("The environment is read by shared::runtime::env", &wrong);
    let wrong = lines_with(
        &[
            "Timestamp::now(",
            "Zoned::now(",
            "SystemTime::now(",
            "Clock::System.now(",
        ],
        &["shared/src/clock.rs", "shared/src/runtime/"],
    );
    assert_none("Time comes in as an argument", &wrong);
}

#[test]
fn functions_do_not_speak_dynamodb_or_make_ids() {
    let wrong = lines_with(
        &["aws_sdk_dynamodb"],
        &["shared/src/store/", "shared/src/runtime/", "functions/outbox/"],
    );
    assert_none("Tables are spoken to by shared::store", &wrong);
    let wrong = lines_with(
        &["Uuid::new_v4", "Uuid::now_v7"],
        &["shared/src/seed.rs", "shared/src/ids.rs"],
    );
    assert_none("Ids are made from a Seed", &wrong);
}

#[test]
fn nothing_is_ignored_or_left_undone() {
    let mut wrong = Vec::new();
    let marks = [
        concat!("#[ig", "nore"),
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("db", "g!("),
    ];
    for source in rust(EVERYWHERE) {
        for (number, line) in source
            .text
            .lines()
            .enumerate()
            .filter(|(_, line)| marks.iter().any(|mark| line.contains(mark)))
        {
            wrong.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
        }
    }
    assert_none("Tests run, and work is done", &wrong);
}

#[test]
fn lints_are_expected_with_a_reason_or_not_at_all() {
    let mut wrong = Vec::new();
    let allow = concat!("#[al", "low(");
    for source in rust(EVERYWHERE) {
        for (number, line) in source
            .text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains(allow) || line.contains(concat!("#![al", "low(")))
        {
            wrong.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
        }
    }
    assert_none("#[expect(…, reason = \"…\")] instead", &wrong);
}

#[test]
fn modules_say_what_they_are_and_stay_readable() {
    let mut wrong = Vec::new();
    for source in rust(&["shared/src", "functions", "tests"]) {
        let is_opened = source.text.starts_with("//!") || is_small_test_module(&source);
        if !is_opened {
            wrong.push(format!("{} does not open with what it owns", source.path));
        }
        let lines = source.text.lines().count();
        if lines > MAX_FILE_LINES {
            wrong.push(format!("{} has {lines} lines", source.path));
        }
        let name = source.path.rsplit('/').next().unwrap_or_default();
        if [
            "utils.rs",
            "util.rs",
            "helpers.rs",
            "helper.rs",
            "services.rs",
            "manager.rs",
            "common.rs",
            "misc.rs",
        ]
        .contains(&name)
        {
            wrong.push(format!("{} is named for nothing", source.path));
        }
    }
    assert_none("A module opens with what it owns", &wrong);
}

/// The tests of the module beside them need no introduction.
fn is_small_test_module(source: &Source) -> bool {
    source.path.ends_with("tests.rs") || source.path.contains("/src/tests/")
}

#[test]
fn floats_stay_out_of_the_product() {
    let wrong = lines_with(&[": f64", ": f32", "as f64", "as f32"], &[]);
    assert_none("No floats anywhere", &wrong);
}

/// How many scenarios every money path must survive; each has a test that names it.
const SCENARIOS: usize = 47;

#[test]
fn every_money_scenario_has_a_test_that_names_it() {
    let sources = rust(EVERYWHERE);
    let is_shown = |number: &usize| {
        let name = format!("fn scenario_{number}_");
        sources.iter().any(|source| source.text.contains(&name))
    };
    let missing: Vec<_> = (1..=SCENARIOS)
        .filter(|number| !is_shown(number))
        .map(|number| number.to_string())
        .collect();
    assert_none("No test names the scenario", &missing);
}
