//! Converts published AWS service models to the compact tables of `aws-model`: names, types and
//! limits, no prose. One operation or shape per line, for readable diffs.
#![expect(
    clippy::indexing_slicing,
    reason = "a `Value` indexed by name gives null where there is nothing"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::{Map, Value, json};

use crate::json_files::{self, JsonFileError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// With limits, named values and errors, for answering as AWS does.
    Full,
    /// For writing requests and reading answers.
    Wire,
}

/// Version of the table format; `aws-model` refuses any other.
const FORMAT: u32 = 1;

#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    #[error("no version of `{service}` with a service model below `{folder}`")]
    NoModel { service: String, folder: PathBuf },
    #[error(transparent)]
    File(#[from] JsonFileError),
    #[error("`{0}` is missing in the model")]
    Missing(&'static str),
}

/// Returns services with a table: those that decide or show access.
pub(crate) fn committed(tables: &Path) -> Result<Vec<String>, TableError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(tables).map_err(JsonFileError::unread(tables))? {
        let name = entry.map_err(JsonFileError::unread(tables))?.file_name();
        names.extend(
            name.to_str()
                .and_then(|it| it.strip_suffix(".json"))
                .map(str::to_owned),
        );
    }
    names.sort();
    Ok(names)
}

pub(crate) fn write(models: &Path, service: &str, tables: &Path) -> Result<PathBuf, TableError> {
    let text = table(models, service)?;
    let path = tables.join(format!("{service}.json"));
    json_files::write(&path, text)?;
    Ok(path)
}

pub(crate) fn table(models: &Path, service: &str) -> Result<String, TableError> {
    let folder = newest(&models.join(service), service)?;
    let model = read_json(&folder, "service-2.json")?.ok_or_else(|| TableError::NoModel {
        service: service.to_owned(),
        folder: folder.clone(),
    })?;
    let pages = read_json(&folder, "paginators-1.json")?.unwrap_or(Value::Null);
    render(service, &model, &pages, Detail::Full)
}

/// Returns the newest version folder; versions are dates, so text order is time order.
pub(crate) fn newest(folder: &Path, service: &str) -> Result<PathBuf, TableError> {
    let none = || TableError::NoModel {
        service: service.to_owned(),
        folder: folder.to_owned(),
    };
    let entries = fs::read_dir(folder).map_err(|_| none())?;
    let mut versions: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    versions.retain(|path| path.is_dir());
    versions.sort();
    versions.pop().ok_or_else(none)
}

pub(crate) fn read_json(folder: &Path, name: &str) -> Result<Option<Value>, TableError> {
    let plain = folder.join(name);
    let packed = folder.join(format!("{name}.gz"));
    let path = if plain.exists() { plain } else { packed };
    if !path.exists() {
        return Ok(None);
    }
    let raw = fs::read(&path).map_err(JsonFileError::unread(&path))?;
    let mut text = Vec::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut unpack = GzDecoder::new(raw.as_slice());
        unpack
            .read_to_end(&mut text)
            .map_err(JsonFileError::unread(&path))?;
    } else {
        text = raw;
    }
    Ok(Some(json_files::parsed(&path, &text)?))
}

pub(crate) fn render(
    service: &str,
    model: &Value,
    pages: &Value,
    detail: Detail,
) -> Result<String, TableError> {
    let mut out = String::from("{\n");
    for (key, value) in head(service, model)? {
        let _infallible = writeln!(out, "{}: {value},", Value::from(key));
    }
    let operations = sorted(&model["operations"]).map(|(name, it)| {
        (
            name,
            operation(model, it, &pages["pagination"][name], detail),
        )
    });
    let used = match detail {
        Detail::Full => None,
        Detail::Wire => Some(reached(model)),
    };
    let shapes = sorted(&model["shapes"])
        .filter(|(name, _)| {
            used.as_ref()
                .is_none_or(|used| used.contains(name.as_str()))
        })
        .map(|(name, it)| (name, shape(it, detail)));
    out.push_str("\"operations\": {\n");
    out.push_str(&lines(operations));
    out.push_str("},\n\"shapes\": {\n");
    out.push_str(&lines(shapes));
    out.push_str("}\n}\n");
    Ok(out)
}

fn lines<'a>(entries: impl Iterator<Item = (&'a String, Value)>) -> String {
    let lines: Vec<String> = entries
        .map(|(name, it)| format!("{}: {it}", Value::from(name.as_str())))
        .collect();
    lines.join(",\n") + "\n"
}

fn sorted(map: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let mut entries: Vec<_> = map.as_object().into_iter().flatten().collect();
    entries.sort_by_key(|(name, _)| *name);
    entries.into_iter()
}

fn head(service: &str, model: &Value) -> Result<Map<String, Value>, TableError> {
    let meta = &model["metadata"];
    let prefix = meta["endpointPrefix"]
        .as_str()
        .ok_or(TableError::Missing("endpointPrefix"))?;
    let protocol = meta["protocol"]
        .as_str()
        .ok_or(TableError::Missing("protocol"))?;
    let mut head = Map::new();
    head.insert("format".into(), json!(FORMAT));
    head.insert("name".into(), json!(service));
    copy(
        meta,
        &mut head,
        &[("serviceId", "id"), ("apiVersion", "version")],
    );
    let protocols = match &meta["protocols"] {
        Value::Array(all) if !all.is_empty() => json!(all),
        _ => json!([protocol]),
    };
    head.insert("protocols".into(), protocols);
    head.insert(
        "signing".into(),
        json!(meta["signingName"].as_str().unwrap_or(prefix)),
    );
    head.insert("endpoint".into(), json!(prefix));
    let rest = [
        ("jsonVersion", "json_version"),
        ("targetPrefix", "target"),
        ("xmlNamespace", "xmlns"),
    ];
    copy(meta, &mut head, &rest);
    Ok(head)
}

fn reached(model: &Value) -> BTreeSet<&str> {
    let operations = model["operations"].as_object().into_iter().flatten();
    let mut open: Vec<&str> = operations
        .flat_map(|(_, it)| [&it["input"]["shape"], &it["output"]["shape"]])
        .filter_map(Value::as_str)
        .collect();
    let mut found = BTreeSet::new();
    while let Some(name) = open.pop() {
        if found.insert(name) {
            let shape = &model["shapes"][name];
            let members = shape["members"].as_object().into_iter().flatten();
            open.extend(members.filter_map(|(_, it)| it["shape"].as_str()));
            let parts = ["member", "key", "value"].iter();
            open.extend(parts.filter_map(|part| shape[*part]["shape"].as_str()));
        }
    }
    found
}

fn has_events(model: &Value, output: &str) -> bool {
    let members = model["shapes"][output]["members"].as_object();
    members.into_iter().flatten().any(|(_, it)| {
        let shape = it["shape"].as_str().unwrap_or_default();
        model["shapes"][shape]["eventstream"] == json!(true)
    })
}

fn operation(service: &Value, model: &Value, page: &Value, detail: Detail) -> Value {
    let mut out = Map::new();
    let http = &model["http"];
    if http["requestUri"] != json!("/") || http["method"] != json!("POST") {
        out.insert("method".into(), http["method"].clone());
        out.insert("path".into(), http["requestUri"].clone());
    }
    if let Some(name) = model["input"]["shape"].as_str() {
        out.insert("input".into(), json!(name));
    }
    if let Some(name) = model["output"]["shape"].as_str() {
        out.insert("output".into(), json!(name));
    }
    copy(&model["output"], &mut out, &[("resultWrapper", "wrapper")]);
    let errors = model["errors"].as_array().into_iter().flatten();
    let errors: Vec<&Value> = errors.map(|error| &error["shape"]).collect();
    if !errors.is_empty() && detail == Detail::Full {
        out.insert("errors".into(), json!(errors));
    }
    if model["authtype"] == json!("none") {
        out.insert("unsigned".into(), json!(true));
    }
    copy(
        &model["endpoint"],
        &mut out,
        &[("hostPrefix", "host_prefix")],
    );
    let output = model["output"]["shape"].as_str().unwrap_or_default();
    if has_events(service, output) {
        out.insert("events".into(), json!(true));
    }
    if page.is_object() {
        out.insert("page".into(), pagination(page));
    }
    Value::Object(out)
}

fn pagination(page: &Value) -> Value {
    let mut out = Map::new();
    let many = |value: &Value| match value {
        Value::Array(all) => json!(all),
        Value::Null => json!([]),
        one => json!([one]),
    };
    out.insert("input".into(), many(&page["input_token"]));
    out.insert("output".into(), many(&page["output_token"]));
    out.insert("result".into(), many(&page["result_key"]));
    copy(
        page,
        &mut out,
        &[("limit_key", "limit"), ("more_results", "more")],
    );
    Value::Object(out)
}

fn shape(model: &Value, detail: Detail) -> Value {
    let mut out = Map::new();
    copy(model, &mut out, &[("type", "type")]);
    if model["type"] == json!("structure") {
        out.insert("members".into(), members(model));
    }
    for (from, to) in [("member", "element"), ("key", "key"), ("value", "value")] {
        if let Some(name) = model[from]["shape"].as_str() {
            out.insert(to.into(), json!(name));
        }
    }
    for (from, to) in [
        ("member", "element_wire"),
        ("key", "key_wire"),
        ("value", "value_wire"),
    ] {
        copy(&model[from], &mut out, &[("locationName", to)]);
    }
    let limits = ["min", "max", "pattern", "enum"];
    let facts = ["sensitive", "flattened", "union", "document", "payload"];
    let limits = limits.iter().filter(|_| detail == Detail::Full);
    for fact in limits.chain(&facts) {
        copy(model, &mut out, &[(fact, fact)]);
    }
    if model["type"] == "float" || model["type"] == "double" {
        // tables have integer bounds only
        out.remove("min");
        out.remove("max");
    }
    copy(model, &mut out, &[("timestampFormat", "time")]);
    if model["exception"] == json!(true) && detail == Detail::Full {
        out.insert("error".into(), error(model));
    }
    Value::Object(out)
}

fn members(model: &Value) -> Value {
    let required = model["required"].as_array().cloned().unwrap_or_default();
    let members = model["members"].as_object().into_iter().flatten();
    let members: Vec<Value> = members
        .map(|(name, member)| {
            let mut out = Map::new();
            out.insert("name".into(), json!(name));
            copy(
                member,
                &mut out,
                &[
                    ("shape", "shape"),
                    ("locationName", "wire"),
                    ("queryName", "query"),
                    ("location", "location"),
                    ("xmlAttribute", "attribute"),
                ],
            );
            if required.contains(&json!(name)) {
                out.insert("required".into(), json!(true));
            }
            copy(
                member,
                &mut out,
                &[("timestampFormat", "time"), ("flattened", "flattened")],
            );
            copy(
                member,
                &mut out,
                &[("idempotencyToken", "token"), ("deprecated", "deprecated")],
            );
            Value::Object(out)
        })
        .collect();
    Value::Array(members)
}

/// Reads status and fault; JSON services name neither code nor status, there a `fault` marks the
/// server's failures.
fn error(model: &Value) -> Value {
    let mut out = Map::new();
    copy(
        &model["error"],
        &mut out,
        &[("code", "code"), ("httpStatusCode", "status")],
    );
    let sender = match (&model["error"]["senderFault"], &model["fault"]) {
        (Value::Bool(sender), _) => *sender,
        (_, Value::Bool(fault)) => !fault,
        _ => out
            .get("status")
            .and_then(Value::as_u64)
            .is_none_or(|status| status < 500),
    };
    out.insert("sender".into(), json!(sender));
    if model["retryable"].is_object() {
        let throttling = model["retryable"]["throttling"] == json!(true);
        out.insert(
            "retry".into(),
            json!(if throttling {
                "throttling"
            } else {
                "transient"
            }),
        );
    }
    Value::Object(out)
}

/// Copies facts under short names; omits missing and `false` ones.
fn copy(from: &Value, to: &mut Map<String, Value>, names: &[(&str, &str)]) {
    for (long, short) in names {
        match from.get(*long) {
            None | Some(Value::Null | Value::Bool(false)) => {}
            Some(value) => {
                to.insert((*short).to_owned(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_becomes_a_table_without_prose() {
        let model = json!({
            "metadata": {"apiVersion": "2020-01-01", "endpointPrefix": "demo", "protocol": "json",
                "serviceId": "Demo", "targetPrefix": "Demo", "jsonVersion": "1.1"},
            "operations": {"List": {"name": "List", "http": {"method": "POST", "requestUri": "/"},
                "input": {"shape": "In"}, "output": {"shape": "Out"},
                "errors": [{"shape": "Denied"}], "documentation": "prose"}},
            "shapes": {
                "In": {"type": "structure", "required": ["A"], "documentation": "prose",
                    "members": {"B": {"shape": "S"}, "A": {"shape": "S", "locationName": "a"}}},
                "Out": {"type": "structure", "members": {}},
                "S": {"type": "string", "max": 3, "pattern": "[a]*"},
                "Denied": {"type": "structure", "members": {}, "exception": true, "fault": true,
                    "retryable": {"throttling": false}}
            }
        });
        let pages = json!({"pagination": {"List": {"input_token": "T", "output_token": "T",
            "limit_key": "Max", "result_key": ["X"]}}});
        let text = render("demo", &model, &pages, Detail::Full).unwrap();
        let expected = concat!(
            "{\n\"format\": 1,\n\"name\": \"demo\",\n\"id\": \"Demo\",\n",
            "\"version\": \"2020-01-01\",\n\"protocols\": [\"json\"],\n\"signing\": \"demo\",\n",
            "\"endpoint\": \"demo\",\n\"json_version\": \"1.1\",\n\"target\": \"Demo\",\n",
            "\"operations\": {\n",
            "\"List\": {\"input\":\"In\",\"output\":\"Out\",\"errors\":[\"Denied\"],",
            "\"page\":{\"input\":[\"T\"],\"output\":[\"T\"],\"result\":[\"X\"],\"limit\":\"Max\"}}\n",
            "},\n\"shapes\": {\n",
            "\"Denied\": {\"type\":\"structure\",\"members\":[],",
            "\"error\":{\"sender\":false,\"retry\":\"transient\"}},\n",
            "\"In\": {\"type\":\"structure\",\"members\":[{\"name\":\"B\",\"shape\":\"S\"},",
            "{\"name\":\"A\",\"shape\":\"S\",\"wire\":\"a\",\"required\":true}]},\n",
            "\"Out\": {\"type\":\"structure\",\"members\":[]},\n",
            "\"S\": {\"type\":\"string\",\"max\":3,\"pattern\":\"[a]*\"}\n}\n}\n",
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_missing_service_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(folder.path(), "nothing", folder.path()).unwrap_err();
        assert!(error.to_string().contains("`nothing`"), "{error}");
    }
}
