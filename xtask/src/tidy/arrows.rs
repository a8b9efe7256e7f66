//! The arrows: which crate may use which. ARCHITECTURE.md draws them, cargo metadata says what is true.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::Value;

use super::Untidy;

type Arrows = BTreeMap<String, BTreeSet<String>>;

pub fn check(root: &Path) -> Result<Vec<Untidy>> {
    let drawn = drawn_arrows(&std::fs::read_to_string(root.join("ARCHITECTURE.md"))?)?;
    let metadata = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("running cargo metadata")?;
    let metadata: Value = serde_json::from_slice(&metadata.stdout).context("reading cargo metadata")?;
    Ok(compare(&drawn, &metadata))
}

/// Reads the block fenced as `arrows`: lines of `a, b → c, d`; `nothing` means no arrow.
fn drawn_arrows(document: &str) -> Result<Arrows> {
    let block = document.split("```arrows\n").nth(1).and_then(|rest| rest.split("```").next());
    let block = block.context("ARCHITECTURE.md has no ```arrows block")?;
    let mut arrows = Arrows::new();
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        let (from, to) = line.split_once('→').with_context(|| format!("no arrow in: {line}"))?;
        let names = |side: &str| -> BTreeSet<String> {
            side.split(',').map(|name| name.trim().to_owned()).filter(|name| name != "nothing").collect()
        };
        for user in names(from) {
            arrows.entry(user).or_default().extend(names(to));
        }
    }
    Ok(arrows)
}

fn compare(drawn: &Arrows, metadata: &Value) -> Vec<Untidy> {
    let packages: Vec<&Value> = metadata["packages"].as_array().into_iter().flatten().collect();
    let members: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut found = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(allowed) = drawn.get(name) else {
            found.push(Untidy {
                place: "ARCHITECTURE.md".into(),
                what: format!("crate `{name}` has no line among the arrows: draw it"),
            });
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let used = dependency["name"].as_str().unwrap_or_default();
            let for_tests = dependency["kind"].as_str() == Some("dev");
            let fine = !members.contains(used)
                || allowed.contains(used)
                || (for_tests && (used == "testkit" || name == "e2e"));
            if !fine {
                found.push(Untidy {
                    place: format!("{name}/Cargo.toml"),
                    what: format!("uses `{used}`, an arrow the house does not have"),
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(drawn: &str, package: &str, uses: &str, kind: Option<&str>, expected: usize) {
        let drawn = drawn_arrows(&format!("```arrows\n{drawn}\n```")).unwrap();
        let metadata = serde_json::json!({ "packages": [
            { "name": package, "dependencies": [{ "name": uses, "kind": kind }] },
            { "name": uses, "dependencies": [] },
        ]});
        assert_eq!(compare(&drawn, &metadata).len(), expected, "{package} uses {uses}");
    }

    #[test]
    fn an_edge_that_is_not_drawn_is_found() {
        let drawn = "model, testkit → nothing\nwire → model";
        check(drawn, "wire", "model", None, 0);
        check(drawn, "model", "wire", None, 1);
        check(drawn, "wire", "testkit", None, 1);
        check(drawn, "wire", "testkit", Some("dev"), 0);
        check(drawn, "stranger", "model", None, 1);
    }
}
