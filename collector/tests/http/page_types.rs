//! The pages' types are written from the served OpenAPI document. After a change of the API, write them again with
//! `FEWER_WRITE_TYPES=1 cargo test -p collector page_types`.

#![allow(clippy::expect_used, clippy::panic)]

use std::{fmt::Write, fs, path::Path};

use serde_json::{Map, Value};

use crate::support::Server;

const HEAD: &str = "\
// The JSON of the query API, written from the collector's OpenAPI document by its tests. Change `wire::api` instead.
// house: long list, one entry for each type of the API.
";

#[test]
fn the_pages_know_the_api() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let document = Server::start(folder.path(), |_| {}).get("/openapi.json").body;
    let document: Value = serde_json::from_str(&document).expect("the document is JSON");
    let schemas = document["components"]["schemas"].as_object().expect("the document has schemas");
    let written: String =
        schemas.iter().fold(HEAD.to_owned(), |text, (name, schema)| text + "\n" + &interface(name, schema));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/src/api/types.ts");
    if std::env::var_os("FEWER_WRITE_TYPES").is_some() {
        fs::write(&file, &written).expect("the types can be written");
    }
    let found = fs::read_to_string(&file).expect("the pages have types");
    assert!(
        found == written,
        "web/src/api/types.ts is not what /openapi.json says; see the head of this file"
    );
}

fn interface(name: &str, schema: &Value) -> String {
    let none = Map::new();
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> =
            words.iter().filter_map(Value::as_str).map(|word| format!("'{word}'")).collect();
        return comment(schema, "") + &format!("export type {} = {};\n", type_name(name), words.join(" | "));
    }
    let mut text = comment(schema, "") + &format!("export interface {} {{\n", type_name(name));
    for (field, schema) in schema["properties"].as_object().unwrap_or(&none) {
        let (kind, is_nullable) = type_of(schema);
        text += &comment(schema, "  ");
        let mark = if is_nullable { "?" } else { "" };
        let or_null = if is_nullable { " | null" } else { "" };
        writeln!(text, "  {field}{mark}: {kind}{or_null};").expect("text grows");
    }
    text + "}\n"
}

fn comment(schema: &Value, indent: &str) -> String {
    let lines: Vec<&str> = schema["description"].as_str().unwrap_or_default().lines().collect();
    match lines.as_slice() {
        [] => String::new(),
        [line] => format!("{indent}/** {line} */\n"),
        lines => {
            let body: String =
                lines.iter().map(|line| format!("{indent} * {line}").trim_end().to_owned() + "\n").collect();
            format!("{indent}/**\n{body}{indent} */\n")
        }
    }
}

/// The type in TypeScript, and whether it may be null.
fn type_of(schema: &Value) -> (String, bool) {
    if let Some(reference) = schema["$ref"].as_str() {
        return (type_name(reference.rsplit('/').next().unwrap_or_default()), false);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let others = choices.iter().filter(|choice| choice["type"] != "null");
        let kinds: Vec<String> = others.map(|choice| type_of(choice).0).collect();
        return (kinds.join(" | "), kinds.len() < choices.len());
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    let kind = match kinds.iter().find(|kind| **kind != "null") {
        Some(&"integer" | &"number") => "number".to_owned(),
        Some(&"array") => match type_of(&schema["items"]) {
            (item, true) => format!("({item} | null)[]"),
            (item, false) => item + "[]",
        },
        Some(&"object") => format!("Record<string, {}>", type_of(&schema["additionalProperties"]).0),
        Some(plain) => (*plain).to_owned(),
        // Anything at all.
        None => "unknown".to_owned(),
    };
    (kind, kinds.contains(&"null"))
}

/// `Function` is a type of JavaScript's own.
fn type_name(name: &str) -> String {
    if name == "Function" { "FunctionInfo".into() } else { name.into() }
}
