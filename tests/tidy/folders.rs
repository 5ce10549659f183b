//! A function is a folder, a package, a binary, a resource, a policy and three sample events, all of one name.

use std::collections::BTreeSet;

use serde_json::Value;
use support::routes::ROUTES;
use support::template::{self, Function, functions, load, root};

use crate::tree::{assert_none, files, folders, read, rust};

const MAX_MAIN_LINES: usize = 20;

fn names(functions: &[Function]) -> Vec<String> {
    let names: BTreeSet<String> = functions.iter().map(|function| function.name.clone()).collect();
    names.into_iter().collect()
}

#[test]
fn every_folder_is_a_function_of_the_template() {
    assert_eq!(folders("functions"), names(&functions(&load())));
}

#[test]
fn every_function_has_its_files() {
    let mut wrong = Vec::new();
    for name in folders("functions") {
        for file in ["Cargo.toml", "src/main.rs", "src/lib.rs", "src/context.rs"] {
            if !root().join("functions").join(&name).join(file).is_file() {
                wrong.push(format!("functions/{name}/{file} is missing"));
            }
        }
        let manifest = read(&root().join("functions").join(&name).join("Cargo.toml")).text;
        if !manifest.contains(&format!("name = \"{name}\"")) {
            wrong.push(format!("functions/{name}/Cargo.toml names another package"));
        }
        if !manifest.contains("build = \"../build.rs\"") {
            wrong.push(format!("functions/{name}/Cargo.toml does not link as the others do"));
        }
        if !manifest.contains("[lints]\nworkspace = true") {
            wrong.push(format!(
                "functions/{name}/Cargo.toml does not take the workspace's lints"
            ));
        }
        let lib = read(&root().join("functions").join(&name).join("src/lib.rs")).text;
        if !lib.starts_with("//!") {
            wrong.push(format!(
                "functions/{name}/src/lib.rs does not begin by saying what it owns"
            ));
        }
        for said in ["Trigger", "Idempotency"] {
            let told = lib
                .lines()
                .take_while(|line| line.starts_with("//!"))
                .any(|line| line.contains(said));
            let only_reads = lib.contains("Writes nothing");
            if !(told || said == "Idempotency" && only_reads) {
                wrong.push(format!("functions/{name}/src/lib.rs does not tell its {said}"));
            }
        }
    }
    assert_none("A function's crate", &wrong);
}

#[test]
fn every_function_has_sample_events_and_no_others() {
    let mut wrong = Vec::new();
    for name in folders("functions") {
        for sample in ["valid", "duplicate", "malformed"] {
            let file = root().join("events").join(&name).join(format!("{sample}.json"));
            match serde_json::from_str::<Value>(&read(&file).text) {
                Ok(_) => {}
                Err(error) => wrong.push(format!("events/{name}/{sample}.json: {error}")),
            }
        }
    }
    let functions = folders("functions");
    for folder in folders("events").iter().filter(|folder| !functions.contains(folder)) {
        wrong.push(format!("events/{folder} is for no function"));
    }
    assert_none("Sample events", &wrong);
}

#[test]
fn main_starts_and_does_not_think() {
    let mut wrong = Vec::new();
    for source in rust(&["functions"])
        .iter()
        .filter(|source| source.path.ends_with("/src/main.rs"))
    {
        let lines = source.text.lines().count();
        if lines >= MAX_MAIN_LINES || !source.text.contains("shared::runtime::") {
            wrong.push(format!("{}: {lines} lines", source.path));
        }
    }
    assert_none("main.rs hands over to the runtime in a few lines", &wrong);
}

#[test]
fn no_function_depends_on_another() {
    let functions = folders("functions");
    let mut wrong = Vec::new();
    for name in &functions {
        let manifest = read(&root().join("functions").join(name).join("Cargo.toml"));
        for line in manifest.text.lines() {
            let dependency = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if (functions.iter().any(|other| other == dependency && other != name) && line.contains(['=', '.']))
                || line.contains("path = \"../../functions")
            {
                wrong.push(format!("{}: {line}", manifest.path));
            }
        }
    }
    assert_none("functions → shared, never function → function", &wrong);
}

/// The routes that the code serves, from its `#[utoipa::path]` and its plain `.route(…)`.
fn served(function: &str) -> BTreeSet<(String, String)> {
    let mut routes = BTreeSet::new();
    for source in rust(&[&format!("functions/{function}/src")])
        .iter()
        .filter(|source| !source.is_test())
    {
        for attribute in source.text.split("utoipa::path(").skip(1) {
            let method = attribute.split(',').next().unwrap_or_default().trim().to_uppercase();
            let path = attribute
                .split("path = \"")
                .nth(1)
                .and_then(|rest| rest.split('"').next())
                .unwrap_or_default();
            routes.insert((method, path.to_owned()));
        }
        for plain in source.text.split(".route(").skip(1) {
            let path = plain
                .trim_start()
                .trim_start_matches('"')
                .split('"')
                .next()
                .unwrap_or_default();
            let arguments = plain.split("\n\n").next().unwrap_or_default();
            for method in ["get", "post", "put", "patch", "delete"] {
                if arguments.contains(&format!("{method}(")) {
                    routes.insert((method.to_uppercase(), path.to_owned()));
                }
            }
        }
    }
    routes
}

#[test]
fn the_template_has_exactly_the_routes_that_the_code_serves() {
    let mut wrong = Vec::new();
    for function in functions(&load()) {
        let (given, served): (BTreeSet<_>, _) = (function.routes().into_iter().collect(), served(&function.name));
        for (method, path) in given.difference(&served) {
            wrong.push(format!(
                "{}: the template has {method} {path}, the code has not",
                function.name
            ));
        }
        for (method, path) in served.difference(&given) {
            wrong.push(format!(
                "{}: the code has {method} {path}, the template has not",
                function.name
            ));
        }
    }
    assert_none("Routes", &wrong);
}

#[test]
fn every_route_has_a_row_that_says_who_may() {
    let given: BTreeSet<_> = template::routes(&load()).into_iter().collect();
    let rows: BTreeSet<_> = ROUTES
        .iter()
        .map(|route| (route.method.to_owned(), route.path.to_owned()))
        .collect();
    let missing: Vec<_> = given
        .difference(&rows)
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    assert_none("tests/support/routes.rs lacks a row for", &missing);
    let surplus: Vec<_> = rows
        .difference(&given)
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    assert_none("tests/support/routes.rs has a row too many for", &surplus);
}

#[test]
fn paths_are_named_as_the_conventions_say() {
    let mut wrong = Vec::new();
    for (method, path) in template::routes(&load()) {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let is_word = |segment: &&str| {
            segment
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'_' || byte == b'{' || byte == b'}')
        };
        if segments.first() != Some(&"v1") || !segments[1..].iter().all(is_word) {
            wrong.push(format!("{method} {path}"));
        }
    }
    assert_none("/v1, lower case, hyphens", &wrong);
}

#[test]
fn the_readme_names_every_function() {
    let readme = read(&root().join("README.md")).text;
    let missing: Vec<_> = folders("functions")
        .into_iter()
        .filter(|name| !readme.contains(&format!("functions/{name}")) && !readme.contains(&format!("`{name}`")))
        .collect();
    assert_none("README.md does not mention", &missing);
}

#[test]
fn nothing_is_left_behind() {
    let mut wrong = Vec::new();
    for path in files(&["functions", "shared", "scanner", "tests", "infra", "events"]) {
        let name = path.to_string_lossy();
        if [".orig", ".rej", ".bak", ".snap.new", "~"]
            .iter()
            .any(|end| name.ends_with(end))
        {
            wrong.push(name.into_owned());
        }
    }
    assert_none("Leftovers", &wrong);
}
