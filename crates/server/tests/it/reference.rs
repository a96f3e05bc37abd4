//! The HTTP API reference, generated and compared with `docs/reference/api.md`. `BLESS=1` rewrites
//! it.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

fn name_of(schema: &Value) -> String {
    if let Some(target) = schema["$ref"].as_str() {
        let name = target.rsplit('/').next().unwrap();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    for joined in ["oneOf", "anyOf", "allOf"] {
        if let Some(options) = schema[joined].as_array() {
            let names: Vec<String> = options
                .iter()
                .map(name_of)
                .filter(|it| it != "null")
                .collect();
            return names.join(" or ");
        }
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .filter(|it| *it != "null")
            .collect(),
        _ => vec!["any"],
    };
    match kinds.as_slice() {
        ["array"] => format!("list of {}", name_of(&schema["items"])),
        kinds => kinds.join(" or "),
    }
}

fn line(text: &Value) -> String {
    text.as_str().unwrap_or_default().replace('\n', " ")
}

/// The description of an optional form is in its `oneOf`.
fn meaning(member: &Value) -> String {
    let options = member["oneOf"].as_array().into_iter().flatten();
    let all = std::iter::once(member).chain(options);
    let mut described = all.map(|it| &it["description"]).filter(|it| !it.is_null());
    described.next().map(line).unwrap_or_default()
}

fn item(text: &mut String, name: &str, kind: &str, meaning: &str) {
    let meaning = if meaning.is_empty() {
        String::new()
    } else {
        format!(": {meaning}")
    };
    writeln!(text, "- `{name}` ({kind}){meaning}").unwrap();
}

fn operation(text: &mut String, method: &str, path: &str, operation: &Value) {
    let words = [&operation["summary"], &operation["description"]]
        .map(line)
        .join(" ");
    write!(
        text,
        "\n## {} {path}\n\n{}\n",
        method.to_uppercase(),
        words.trim()
    )
    .unwrap();
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    // the address alone explains a part of the path without a description
    let explained =
        parameters.filter(|one| !(one["in"] == "path" && line(&one["description"]).is_empty()));
    for (index, one) in explained.enumerate() {
        if index == 0 {
            text.push_str("\nParameters:\n\n");
        }
        let place = match &one["in"] {
            place if place == "query" => String::new(),
            place => format!(", {}", line(place)),
        };
        let (name, meaning) = (line(&one["name"]), line(&one["description"]));
        let kind = name_of(&one["schema"]);
        item(text, &name, &format!("{kind}{place}"), &meaning);
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        write!(text, "\nBody: {}.\n", name_of(body)).unwrap();
    }
    let responses = operation["responses"].as_object().into_iter().flatten();
    let mut answers: Vec<(String, Vec<&str>)> = Vec::new();
    for (status, answer) in responses.filter(|(status, _)| !EVERYWHERE.contains(&status.as_str())) {
        let content = answer["content"]
            .as_object()
            .and_then(|all| all.values().next());
        let kind = content.map_or_else(
            || "no body".to_owned(),
            |content| name_of(&content["schema"]),
        );
        match answers.last_mut() {
            Some((last, statuses)) if *last == kind => statuses.push(status),
            _ => answers.push((kind, vec![status])),
        }
    }
    let answers: Vec<String> = answers
        .into_iter()
        .map(|(kind, statuses)| format!("{}: {kind}", statuses.join(", ")))
        .collect();
    write!(text, "\nAnswers {}.\n", answers.join("; ")).unwrap();
}

const EVERYWHERE: [&str; 6] = ["400", "401", "408", "413", "415", "429"];

fn page() -> String {
    let document = serde_json::to_value(hallpass_server::openapi_document()).unwrap();
    let mut text = String::from(
        "# API reference\n\nFor developers of programs that call Hallpass: every call of `/api/v1`, made from the description at `/api/openapi.json`. \
         [HTTP API](http.md) says how to call it, what is remembered and how it fails: refusals that any call may be \
         answered (400, 401, 408, 413, 415, 429) are only there.\n",
    );
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            operation(&mut text, method, path, call);
        }
    }
    text.push_str("\n# Forms\n");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        write!(text, "\n## {name}\n\n{}\n", line(&schema["description"])).unwrap();
        if let Some(values) = schema["enum"].as_array() {
            let values = values.iter().map(|it| format!("`{}`", line(it)));
            let values: Vec<String> = values.collect();
            write!(text, "\nValues: {}.\n", values.join(", ")).unwrap();
        }
        let Some(members) = schema["properties"].as_object() else {
            continue;
        };
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        text.push('\n');
        for (member, one) in members {
            let optional = if required.contains(&member.as_str()) {
                ""
            } else {
                ", optional"
            };
            let kind = name_of(one) + optional;
            item(&mut text, member, &kind, &meaning(one));
        }
    }
    text
}

#[test]
fn the_page_of_the_api_is_as_the_description_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/api.md");
    let made = page();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/reference/api.md differs from the description; BLESS=1 writes it"
    );
}
