//! The faults of `tests/simulation/mutants`, each of which the simulation must find: whether each still says exactly where it belongs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use support::template::root;

#[derive(Debug, Deserialize)]
struct Area {
    mutant: Vec<Mutant>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    name: String,
    file: String,
    /// What stands in the file, with the expression to be replaced between « and ».
    r#in: String,
    fault: String,
    /// The opening to play in place of random plans.
    opening: Option<String>,
}

#[test]
fn every_mutant_is_there_exactly_once() {
    let mut names = BTreeSet::new();
    for mutant in mutants() {
        let name = &mutant.name;
        assert!(names.insert(name.clone()), "two mutants are called {name:?}");
        let parts: Vec<_> = mutant.r#in.split(['«', '»']).collect();
        let [before, expression, after] = parts.as_slice() else {
            panic!("{name:?} needs one expression between « and »");
        };
        assert_ne!(*expression, mutant.fault, "{name:?} changes nothing");
        let text = fs::read_to_string(root().join(&mutant.file)).unwrap();
        let found = text.matches(&format!("{before}{expression}{after}")).count();
        assert_eq!(
            found, 1,
            "{name:?}: the code of {} has moved on, so its mutant moves with it",
            mutant.file
        );
    }
}

#[test]
fn the_opening_that_a_mutant_names_exists() {
    for mutant in mutants() {
        if let Some(opening) = &mutant.opening {
            let file = format!("tests/simulation/src/openings/{}.rs", opening.replace('-', "_"));
            assert!(root().join(&file).exists(), "{:?} is looked for in {file}", mutant.name);
        }
    }
}

fn mutants() -> Vec<Mutant> {
    let folder = root().join("tests/simulation/mutants");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: &Path| -> Area { toml::from_str(&fs::read_to_string(path).unwrap()).unwrap() };
    let areas: Vec<_> = files.map(|path| read(&path)).collect();
    assert!(areas.len() >= 5, "there is a file for each area");
    areas.into_iter().flat_map(|area| area.mutant).collect()
}
