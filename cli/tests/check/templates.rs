//! The ready templates: they are YAML, and what they ask of `fewer` exists.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use yaml_rust2::{Yaml, YamlLoader};

const TEMPLATES: [&str; 5] = [
    "github/action.yml",
    "github/examples/fewer.yml",
    "github/examples/fewer-publish.yml",
    "gitlab/fewer.gitlab-ci.yml",
    "gitea/fewer.yml",
];

fn options(command: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_fewer")).args([command, "--help"]).output().unwrap();
    words(&String::from_utf8(output.stdout).unwrap())
}

/// Everything that is written like a long option.
fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|character: char| !(character.is_ascii_lowercase() || character == '-'));
    let is_option = |word: &&str| word.len() > 4 && word.starts_with("--") && !word.starts_with("---");
    words.filter(is_option).map(|word| word.trim_end_matches('-').to_owned()).collect()
}

/// Every text in a document that a shell is given.
fn scripts(yaml: &Yaml, found: &mut Vec<String>) {
    match yaml {
        Yaml::Hash(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    (Some("run"), Yaml::String(text)) => found.push(text.clone()),
                    (Some("script"), Yaml::Array(lines)) => {
                        found.extend(lines.iter().filter_map(Yaml::as_str).map(str::to_owned));
                    }
                    _ => scripts(value, found),
                }
            }
        }
        Yaml::Array(values) => values.iter().for_each(|value| scripts(value, found)),
        _ => {}
    }
}

#[test]
fn templates_parse_and_name_only_what_exists() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let known: BTreeSet<String> = options("check").union(&options("publish")).cloned().collect();
    let mut asked = BTreeSet::new();
    for name in TEMPLATES {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let documents = YamlLoader::load_from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut found = Vec::new();
        documents.iter().for_each(|document| scripts(document, &mut found));
        for script in &found {
            let options = words(script);
            let missing: Vec<&String> = options.difference(&known).collect();
            assert!(missing.is_empty(), "{name}: {missing:?}");
            // An expression in a script is a way in for whoever names a branch.
            assert!(!script.contains("${{"), "{name}: {script}");
            asked.extend(options);
        }
    }
    assert!(["--publish", "--forge", "--report"].iter().all(|option| asked.contains(*option)), "{asked:?}");
}

#[test]
fn the_job_that_may_write_runs_nothing_of_the_change() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/github/examples/fewer-publish.yml");
    let text = fs::read_to_string(path).unwrap();
    let workflow = &YamlLoader::load_from_str(&text).unwrap()[0];
    let steps = workflow["jobs"]["publish"]["steps"].as_vec().unwrap();
    let used: Vec<&str> = steps.iter().filter_map(|step| step["uses"].as_str()).collect();
    assert_eq!(used, ["actions/download-artifact@v4"], "no checkout");
    let rights = workflow["permissions"].as_hash().unwrap();
    let writes = rights.iter().filter(|(_, right)| right.as_str() == Some("write"));
    assert_eq!(writes.count(), 2);
}
