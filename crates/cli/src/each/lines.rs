//! Output for a page: one line of JSON, projected (`inventory.md` F-10, F-13).

use hallpass_aws::ResultWriter;
use hallpass_plans::fanout::Slice;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;
use jmespath::Expression;
use serde_json::{Map, Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EmptyPages {
    Dropped,
    Kept,
}

pub(super) fn writer(query: Option<Expression<'static>>, empty: EmptyPages) -> ResultWriter {
    std::sync::Arc::new(
        move |slice: &Slice, name: &str, page: u32, answer: &Value| {
            let found = match &query {
                None => answer.clone(),
                Some(query) => {
                    let found = query.search(answer).map_err(|error| one_line(&error))?;
                    serde_json::to_value(&*found).map_err(|error| error.to_string())?
                }
            };
            if query.is_some() && empty == EmptyPages::Dropped && is_empty(&found) {
                return Ok(Vec::new());
            }
            let line = json!({
                "account": slice.account,
                "name": name,
                "region": slice.region,
                "page": page,
                "data": found,
            });
            let line = output::compact(&line).map_err(|error| error.words())?;
            Ok(line.into_bytes())
        },
    )
}

pub(super) fn compile(query: &str) -> Result<Expression<'static>, Failure> {
    jmespath::compile(query).map_err(|error| {
        Failure::bad_input(format!("`--query` is no JMESPath: {}", one_line(&error)))
            .help("see https://jmespath.org; put text in single quotes: 'igw-'")
    })
}

fn one_line(error: &jmespath::JmespathError) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

pub(super) fn merged(pages: &[Value]) -> Value {
    let Some(Value::Object(first)) = pages.first() else {
        return Value::Null;
    };
    let data: Vec<&Value> = pages.iter().filter_map(|it| it.get("data")).collect();
    let data = match data.as_slice() {
        [only] => (*only).clone(),
        several if several.iter().all(|it| it.is_array()) => {
            let elements = several.iter().filter_map(|it| it.as_array()).flatten();
            elements.cloned().collect()
        }
        several => several.iter().map(|it| (*it).clone()).collect(),
    };
    let mut line = first.clone();
    line.shift_remove("page");
    line.insert("data".to_owned(), data);
    Value::Object(line)
}

/// Converts a line to table rows: one per list element, and a structure's members beside account,
/// name and Region.
pub(super) fn rows(line: &Value) -> Vec<Map<String, Value>> {
    let of = |element: &Value| {
        let mut row = Map::new();
        for name in ["account", "name", "region"] {
            row.insert(name.to_owned(), line.get(name).cloned().unwrap_or_default());
        }
        match element {
            // a member with one of these names does not replace them
            Value::Object(members) => {
                for (name, value) in members {
                    let name = if row.contains_key(name) {
                        format!("data.{name}")
                    } else {
                        name.clone()
                    };
                    row.insert(name, value.clone());
                }
            }
            other => {
                row.insert("value".to_owned(), other.clone());
            }
        }
        row
    };
    match line.get("data") {
        Some(Value::Array(all)) => all.iter().map(of).collect(),
        Some(one) => vec![of(one)],
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use hallpass_base::AccountId;

    use super::*;

    fn slice() -> Slice {
        Slice {
            account: AccountId::new("111122223333").unwrap(),
            region: "eu-west-1".to_owned(),
        }
    }

    #[test]
    fn a_projection_that_finds_nothing_is_no_line_unless_it_is_kept() {
        let answer = json!({"Vpcs": [], "Other": "x"});
        for (query, empty, expected) in [
            (Some("Vpcs"), EmptyPages::Dropped, ""),
            (Some("Nothing"), EmptyPages::Dropped, ""),
            (Some("Vpcs"), EmptyPages::Kept, "[]"),
            (Some("Other"), EmptyPages::Dropped, "\"x\""),
            (Some("length(Vpcs)"), EmptyPages::Dropped, "0"),
            (None, EmptyPages::Dropped, "{\"Vpcs\":[],\"Other\":\"x\"}"),
        ] {
            let query = query.map(|it| compile(it).unwrap());
            let line = writer(query, empty)(&slice(), "n", 1, &answer).unwrap();
            let line = String::from_utf8(line).unwrap();
            let head =
                r#"{"account":"111122223333","name":"n","region":"eu-west-1","page":1,"data":"#;
            let whole = format!("{head}{expected}}}\n");
            assert_eq!(
                line,
                if expected.is_empty() {
                    String::new()
                } else {
                    whole
                }
            );
        }
        let failing = compile("starts_with(Nothing, 'a')").unwrap();
        assert!(writer(Some(failing), EmptyPages::Kept)(&slice(), "n", 1, &answer).is_err());
    }

    #[test]
    fn pages_are_merged_and_rows_are_taken_apart() {
        let page = |n: u32, data: Value| json!({"account": "1", "name": "n", "region": "r", "page": n, "data": data});
        let one = merged(&[page(1, json!([1])), page(2, json!([2, 3]))]);
        assert_eq!(
            one,
            json!({"account": "1", "name": "n", "region": "r", "data": [1, 2, 3]})
        );
        let other = merged(&[page(1, json!("a")), page(2, json!("b"))]);
        assert_eq!(other["data"], json!(["a", "b"]));
        let rows = rows(&page(1, json!([{"id": "x", "name": "own"}, 7])));
        assert_eq!(
            Value::from(rows[0].clone()),
            json!({"account": "1", "name": "n", "region": "r", "id": "x", "data.name": "own"})
        );
        assert_eq!(rows[1]["value"], json!(7));
    }
}
