//! Converts a published description of AWS actions, resource types and condition keys to the table
//! of `iam`: no prose, one fact per line for readable diffs; `crates/iam/src/facts/read.rs`
//! describes the lines. A second source supplies resource types missing in the first.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::json_files::{self, JsonFileError};

/// Version of the format; `iam` refuses any other.
const FORMAT: u32 = 1;

#[derive(Debug, thiserror::Error)]
pub(crate) enum FactsError {
    #[error(transparent)]
    File(#[from] JsonFileError),
    #[error("`{place}` has no `{field}`")]
    Missing { place: String, field: &'static str },
    #[error("`{place}` has the unknown {what} `{word}`")]
    Unknown {
        place: String,
        what: &'static str,
        word: String,
    },
}

/// Converts the package at `source` and the actions' resource types in `types` to the table at
/// `path`.
pub(crate) fn write(source: &Path, types: &Path, path: &Path) -> Result<(), FactsError> {
    let text = render(source, types)?;
    Ok(json_files::write(path, text)?)
}

fn render(source: &Path, types: &Path) -> Result<String, FactsError> {
    let types_of_actions = json_files::read(types)?;
    let package = json_files::read(&source.join("package.json"))?;
    let updated = text_of(&package, "updatedAt", "package.json")?;
    // an instant; the day is enough
    let day = updated.split('T').next().unwrap_or_default();
    let data = source.join("data");
    let reached = names(&json_files::read(&data.join("rcpSupportedServices.json"))?);
    let mut services = names(&json_files::read(&data.join("services.json"))?);
    services.sort();
    let mut out = format!("hallpass-iam-facts\t{FORMAT}\t{day}\n");
    for prefix in &services {
        let marks = if reached.contains(prefix) {
            "\trcp"
        } else {
            ""
        };
        let _infallible = writeln!(out, "@\t{prefix}{marks}");
        let part =
            |folder: &str| json_files::read(&data.join(folder).join(format!("{prefix}.json")));
        let service = ServiceRows {
            prefix,
            keys: rows(part("conditionKeys")?, "key"),
            types: rows(part("resourceTypes")?, "key"),
            actions: rows(part("actions")?, "name"),
            types_of_actions: types_of_actions
                .get(prefix)
                .and_then(|it| it.get("Actions")),
        };
        service.render(&mut out)?;
    }
    Ok(out)
}

fn names(list: &Value) -> Vec<String> {
    let names = list.as_array().into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn rows(map: Value, name: &str) -> Vec<Value> {
    let Value::Object(map) = map else {
        return Vec::new();
    };
    let mut rows: Vec<Value> = map.into_iter().map(|(_, row)| row).collect();
    let sorted_by = |row: &Value| {
        let name = row.get(name).and_then(Value::as_str).unwrap_or_default();
        name.to_ascii_lowercase()
    };
    rows.sort_by_key(sorted_by);
    rows
}

struct ServiceRows<'a> {
    prefix: &'a str,
    keys: Vec<Value>,
    types: Vec<Value>,
    actions: Vec<Value>,
    /// By lower-case action name, from the second source.
    types_of_actions: Option<&'a Value>,
}

impl ServiceRows<'_> {
    fn render(&self, out: &mut String) -> Result<(), FactsError> {
        let mut sets = Sets::default();
        let mut lines = String::new();
        for key in &self.keys {
            let name = text_of(key, "key", self.prefix)?;
            let kind = value_type(text_of(key, "type", name)?, name)?;
            let name = variable(name);
            // INVARIANT: a key's place is the number of its line; two spellings of one key are one
            let place = sets.places.len();
            if let Entry::Vacant(free) = sets.places.entry(name.to_ascii_lowercase()) {
                free.insert(place);
                let _infallible = writeln!(out, "k\t{name}\t{kind}");
            }
        }
        for row in &self.types {
            let name = text_of(row, "key", self.prefix)?;
            let arns = text_of(row, "arn", name)?.replace(", ", "\t");
            let set = sets.of(row, name)?;
            let _infallible = writeln!(lines, "r\t{name}\t{set}\t{arns}");
        }
        for row in &self.actions {
            let line = self.action(row, &mut sets)?;
            let _infallible = writeln!(lines, "{}", line.trim_end());
        }
        for set in &sets.written {
            let _infallible = writeln!(out, "s\t{set}");
        }
        out.push_str(&lines);
        Ok(())
    }

    fn action(&self, row: &Value, sets: &mut Sets) -> Result<String, FactsError> {
        let name = text_of(row, "name", self.prefix)?;
        let place = format!("{}:{name}", self.prefix);
        let class = class(text_of(row, "accessLevel", &place)?, &place)?;
        let set = sets.of(row, &place)?;
        let mut types = Vec::new();
        let used = row.get("resourceTypes").and_then(Value::as_array);
        let used: Vec<&Value> = used.into_iter().flatten().collect();
        let lost = self.lost_types(name, &used);
        for used in used {
            let name = text_of(used, "name", &place)?;
            // services sharing a prefix do not share required types
            let required = lost.is_empty() && used.get("required") == Some(&Value::Bool(true));
            let mark = if required { '!' } else { '?' };
            types.push(format!("{name}{mark}{}", sets.of(used, &place)?));
        }
        types.extend(lost.iter().map(|name| format!("{name}?")));
        Ok(format!("{class}\t{name}\t{set}\t{}", types.join(",")))
    }

    /// Returns an action's resource types that only the second source has. For services sharing a
    /// prefix (`elasticloadbalancing`, `ses`), the first source has only one service's types.
    fn lost_types(&self, action: &str, used: &[&Value]) -> Vec<&str> {
        let listed = self.types_of_actions.and_then(|it| {
            it.get(action.to_ascii_lowercase())?
                .get("Resources")?
                .as_array()
        });
        let listed = listed.into_iter().flatten().filter_map(Value::as_str);
        let is = |row: &Value, field: &str, name: &str| {
            let own = row.get(field).and_then(Value::as_str);
            own.is_some_and(|own| own.eq_ignore_ascii_case(name))
        };
        let mut lost: Vec<&str> = listed
            .filter(|name| !used.iter().any(|it| is(it, "name", name)))
            .filter_map(|name| {
                let known = self.types.iter().find(|it| is(it, "key", name))?;
                known.get("key").and_then(Value::as_str)
            })
            .collect();
        lost.sort_unstable();
        lost
    }
}

/// Sets of keys, each written once per service.
#[derive(Default)]
struct Sets {
    places: BTreeMap<String, usize>,
    written: Vec<String>,
}

impl Sets {
    fn of(&mut self, row: &Value, place: &str) -> Result<String, FactsError> {
        let mut keys = Vec::new();
        let listed = row.get("conditionKeys").and_then(Value::as_array);
        for key in listed.into_iter().flatten().filter_map(Value::as_str) {
            let known = self.places.get(&variable(key).to_ascii_lowercase());
            keys.push(*known.ok_or_else(|| FactsError::Unknown {
                place: place.to_owned(),
                what: "key",
                word: key.to_owned(),
            })?);
        }
        if keys.is_empty() {
            return Ok(String::new());
        }
        keys.sort_unstable();
        keys.dedup();
        let keys: Vec<String> = keys.iter().map(usize::to_string).collect();
        let keys = keys.join(",");
        let known = self.written.iter().position(|set| *set == keys);
        let number = known.unwrap_or_else(|| {
            self.written.push(keys);
            self.written.len() - 1
        });
        Ok(number.to_string())
    }
}

/// Normalizes the four notations of a tag key's variable end.
fn variable(key: &str) -> String {
    let ends = ["/tag-key", "/<key>", "/"];
    let end = ends.iter().find_map(|end| key.strip_suffix(end));
    end.map_or_else(|| key.to_owned(), |stem| format!("{stem}/${{TagKey}}"))
}

fn class(word: &str, place: &str) -> Result<char, FactsError> {
    Ok(match word {
        "List" => 'L',
        "Read" => 'R',
        "Write" => 'W',
        "Permissions management" | "Permissions management, Write" => 'P',
        "Tagging" | "Tagging, Write" => 'T',
        _ => {
            return Err(FactsError::Unknown {
                place: place.to_owned(),
                what: "access level",
                word: word.to_owned(),
            });
        }
    })
}

fn value_type(word: &str, place: &str) -> Result<String, FactsError> {
    let (one, many) = match word.strip_prefix("ArrayOf") {
        Some(one) => (one, "[]"),
        None => (word, ""),
    };
    let one = match one {
        "ARN" => "Arn",
        "IPAddress" => "IpAddress",
        "String" | "Bool" | "Numeric" | "Date" | "Binary" => one,
        _ => {
            return Err(FactsError::Unknown {
                place: place.to_owned(),
                what: "type",
                word: word.to_owned(),
            });
        }
    };
    Ok(format!("{one}{many}"))
}

fn text_of<'a>(row: &'a Value, field: &'static str, place: &str) -> Result<&'a str, FactsError> {
    let text = row.get(field).and_then(Value::as_str);
    text.ok_or_else(|| FactsError::Missing {
        place: place.to_owned(),
        field,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use std::fs;

    use super::*;

    fn source(action: &Value) -> tempfile::TempDir {
        source_with(action, &json!({}))
    }

    fn rendered(folder: &tempfile::TempDir) -> Result<String, FactsError> {
        render(folder.path(), &folder.path().join("types.json"))
    }

    fn source_with(action: &Value, types: &Value) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str, value: &Value| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, value.to_string()).unwrap();
        };
        put(
            "package.json",
            &json!({"updatedAt": "2026-01-02T03:04:05Z"}),
        );
        put("data/services.json", &json!(["demo"]));
        put("data/rcpSupportedServices.json", &json!(["demo"]));
        put(
            "data/conditionKeys/demo.json",
            &json!({
                "demo:resourcetag/tag-key":
                    {"key": "demo:ResourceTag/tag-key", "description": "prose", "type": "String"},
                "aws:tagkeys": {"key": "aws:TagKeys", "type": "ArrayOfString"},
                "demo:resourcetag/":
                    {"key": "demo:ResourceTag/", "description": "prose", "type": "String"},
                "demo:zone": {"key": "demo:Zone", "type": "String"},
            }),
        );
        put(
            "data/resourceTypes/demo.json",
            &json!({"big thing": {"key": "big thing",
                "arn": "arn:${Partition}:demo:::a/${A}, arn:${Partition}:demo:::b/${B}",
                "conditionKeys": ["demo:ResourceTag/tag-key"]},
                "small thing": {"key": "small thing", "arn": "arn:${Partition}:demo:::c/${C}",
                "conditionKeys": ["demo:Zone"]}}),
        );
        put("types.json", types);
        put("data/actions/demo.json", &json!({"tagit": action}));
        folder
    }

    #[test]
    fn a_description_becomes_a_table_without_prose() {
        let folder = source(&json!({"name": "TagIt", "description": "prose",
            "accessLevel": "Tagging, Write", "conditionKeys": ["aws:TagKeys"],
            "resourceTypes": [{"name": "big thing", "required": true,
                "conditionKeys": ["demo:ResourceTag/tag-key", "aws:TagKeys"]}]}));
        let expected = "hallpass-iam-facts\t1\t2026-01-02\n\
            @\tdemo\trcp\n\
            k\taws:TagKeys\tString[]\n\
            k\tdemo:ResourceTag/${TagKey}\tString\n\
            k\tdemo:Zone\tString\n\
            s\t1\n\
            s\t2\n\
            s\t0\n\
            s\t0,1\n\
            r\tbig thing\t0\tarn:${Partition}:demo:::a/${A}\tarn:${Partition}:demo:::b/${B}\n\
            r\tsmall thing\t1\tarn:${Partition}:demo:::c/${C}\n\
            T\tTagIt\t2\tbig thing!3\n";
        assert_eq!(rendered(&folder).unwrap(), expected);
    }

    #[test]
    fn types_that_the_first_source_lost_are_alternatives() {
        let action = json!({"name": "TagIt", "accessLevel": "Tagging",
            "resourceTypes": [{"name": "big thing", "required": true}]});
        let types = json!({"demo": {"Actions": {"tagit":
            {"Resources": ["Small Thing", "big thing", "unknown"]}}}});
        let table = rendered(&source_with(&action, &types)).unwrap();
        assert!(
            table.contains("T\tTagIt\t\tbig thing?,small thing?\n"),
            "{table}"
        );
        let none = json!({"demo": {"Actions": {"tagit": {"Resources": ["big thing"]}}}});
        let table = rendered(&source_with(&action, &none)).unwrap();
        assert!(table.contains("T\tTagIt\t\tbig thing!\n"), "{table}");
    }

    #[test]
    fn what_is_not_understood_is_named_rather_than_left_out() {
        let folder = source(&json!({"name": "TagIt", "accessLevel": "Magic"}));
        let error = rendered(&folder).unwrap_err().to_string();
        assert!(
            error.contains("demo:TagIt") && error.contains("Magic"),
            "{error}"
        );
        let folder = source(&json!({"name": "TagIt", "accessLevel": "Read",
            "conditionKeys": ["demo:Other"]}));
        let error = rendered(&folder).unwrap_err().to_string();
        assert!(error.contains("demo:Other"), "{error}");
    }
}
