//! Packs the client's part of every published AWS service model into one file of `aws-wire`: an
//! index with hosts and Regions, then one deflated table per service.
#![expect(
    clippy::indexing_slicing,
    reason = "a `Value` indexed by name gives null where there is nothing"
)]

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::{Map, Value, json};

use crate::aws_tables::{Detail, TableError, newest, read_json, render};
use crate::json_files::{self, JsonFileError};

#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) services: usize,
    pub(crate) bytes: usize,
}

pub(crate) fn write(models: &Path, path: &Path) -> Result<Packed, TableError> {
    let endpoints = read_json(models, "endpoints.json")?.unwrap_or(Value::Null);
    let (mut rows, mut tables) = (Vec::new(), Vec::new());
    for name in names(models)? {
        let Ok(folder) = newest(&models.join(&name), &name) else {
            continue;
        };
        let Some(model) = read_json(&folder, "service-2.json")? else {
            continue;
        };
        let pages = read_json(&folder, "paginators-1.json")?.unwrap_or(Value::Null);
        let table = deflated(&render(&name, &model, &pages, Detail::Wire)?, path)?;
        let prefix = model["metadata"]["endpointPrefix"]
            .as_str()
            .unwrap_or(&name);
        let mut row = Map::new();
        row.insert("name".into(), json!(name));
        row.insert("id".into(), model["metadata"]["serviceId"].clone());
        row.insert("bytes".into(), json!(table.len()));
        hosts(&endpoints, prefix, &mut row);
        rows.push(Value::Object(row));
        tables.push(table);
    }
    let services = rows.len();
    let index = json!({"partitions": partitions(&endpoints), "services": rows}).to_string();
    let index = deflated(&index, path)?;
    let length = u32::try_from(index.len()).unwrap_or(u32::MAX);
    let mut file = length.to_le_bytes().to_vec();
    file.extend(index);
    file.extend(tables.concat());
    json_files::write(path, &file)?;
    Ok(Packed {
        services,
        bytes: file.len(),
    })
}

fn names(models: &Path) -> Result<Vec<String>, TableError> {
    let entries = fs::read_dir(models).map_err(JsonFileError::unread(models))?;
    let folders = entries.flatten().filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}

fn deflated(text: &str, path: &Path) -> Result<Vec<u8>, TableError> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
    let whole = packed
        .write_all(text.as_bytes())
        .and_then(|()| packed.finish());
    Ok(whole.map_err(JsonFileError::unwritten(path))?)
}

fn partitions(endpoints: &Value) -> Value {
    let all = endpoints["partitions"].as_array().into_iter().flatten();
    let rows = all.map(|partition| {
        let regions = partition["regions"].as_object().into_iter().flatten();
        let mut regions: Vec<&String> = regions.map(|(name, _)| name).collect();
        regions.sort();
        json!({"name": partition["partition"], "suffix": partition["dnsSuffix"], "regions": regions})
    });
    rows.collect()
}

/// Adds hosts other than `PREFIX.REGION.SUFFIX`, and the location of global services.
fn hosts(endpoints: &Value, prefix: &str, row: &mut Map<String, Value>) {
    let (mut named, mut global) = (Map::new(), Map::new());
    for partition in endpoints["partitions"].as_array().into_iter().flatten() {
        let service = &partition["services"][prefix];
        let places = service["endpoints"].as_object().into_iter().flatten();
        let places = places.filter(|(_, it)| it["deprecated"] != json!(true));
        let only = service["partitionEndpoint"].as_str();
        let is_global = service["isRegionalized"] == json!(false)
            || places.clone().count() == 1 && only.is_some();
        for (region, place) in places {
            let Some(host) = place["hostname"].as_str() else {
                continue;
            };
            if only == Some(region) && is_global {
                let signed = place["credentialScope"]["region"].as_str();
                let entry = json!({"region": signed.unwrap_or(region), "host": host});
                global.insert(text(&partition["partition"]), entry);
            } else if only != Some(region) && partition["regions"][region].is_object() {
                named.insert(region.clone(), json!(host));
            }
        }
    }
    let variants = variants(endpoints, prefix);
    for (name, map) in [("global", global), ("hosts", named), ("variants", variants)] {
        if !map.is_empty() {
            row.insert(name.into(), Value::Object(map));
        }
    }
}

/// Returns FIPS and dual-stack hosts: tags joined by `-` → Region (of a global service the
/// partition) → host. A missing Region has no known one.
fn variants(endpoints: &Value, prefix: &str) -> Map<String, Value> {
    let mut found: Map<String, Value> = Map::new();
    for partition in endpoints["partitions"].as_array().into_iter().flatten() {
        let service = &partition["services"][prefix];
        let only = service["partitionEndpoint"].as_str();
        let places = service["endpoints"].as_object().into_iter().flatten();
        for (region, place) in places.filter(|(_, it)| it["deprecated"] != json!(true)) {
            let key = match only {
                Some(only) if only == region => text(&partition["partition"]),
                _ if partition["regions"][region].is_object() => region.clone(),
                _ => continue,
            };
            for variant in place["variants"].as_array().into_iter().flatten() {
                let tags = tags(variant);
                let defaults = [
                    variant,
                    like(&service["defaults"], &tags),
                    like(&partition["defaults"], &tags),
                ];
                let of = |name: &str| defaults.iter().find_map(|it| it[name].as_str());
                let suffix = of("dnsSuffix").or(partition["dnsSuffix"].as_str());
                let Some(host) = of("hostname") else {
                    continue;
                };
                let host = host
                    .replace("{service}", prefix)
                    .replace("{region}", region)
                    .replace("{dnsSuffix}", suffix.unwrap_or_default());
                let of_tags = found.entry(tags).or_insert_with(|| json!({}));
                if let Some(hosts) = of_tags.as_object_mut() {
                    hosts.insert(key.clone(), json!(host));
                }
            }
        }
    }
    found
}

fn tags(variant: &Value) -> String {
    let tags = variant["tags"].as_array().into_iter().flatten();
    let mut tags: Vec<&str> = tags.filter_map(Value::as_str).collect();
    tags.sort_unstable();
    tags.join("-")
}

fn like<'a>(defaults: &'a Value, wanted: &str) -> &'a Value {
    let all = defaults["variants"].as_array().into_iter().flatten();
    let mut same = all.filter(|it| tags(it) == wanted);
    same.next().unwrap_or(&Value::Null)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
