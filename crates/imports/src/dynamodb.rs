//! Reads items of a `DynamoDB` table from an S3 export or a scan result (Amazon `DynamoDB`
//! Developer Guide, "`DynamoDB` table export output format"; API Reference, `Scan`).

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use hallpass_base::text;
use serde_json::{Map, Value};

use crate::strict_json::Strict;

/// Limit of unpacked bytes: a history of hundreds of thousands of requests.
const BYTES_MAX: u64 = 512 << 20;

/// Limit of characters of a foreign name in a message.
const SHOWN_MAX: usize = 80;

#[derive(Debug, Clone)]
pub struct SourceFile {
    pub name: String,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone)]
pub struct Item {
    pub file: String,
    /// Position in the file, from 1.
    pub number: usize,
    /// Without `DynamoDB`'s type wrappers.
    pub attributes: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRefused {
    pub file: String,
    pub item: Option<usize>,
    pub problem: ExportProblem,
}

impl fmt::Display for ExportRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = text::line(&self.file, SHOWN_MAX);
        match self.item {
            Some(item) => write!(f, "`{file}`, item {item}: {}", self.problem),
            None => write!(f, "`{file}`: {}", self.problem),
        }
    }
}

impl std::error::Error for ExportRefused {}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportProblem {
    #[error("not JSON, or truncated: {0}")]
    NotJson(String),
    #[error("cannot be unpacked, or is truncated: {0}")]
    Gzip(String),
    #[error("more than {} MiB of items", BYTES_MAX >> 20)]
    TooLarge,
    #[error("the export is in Amazon Ion; export the table as DynamoDB JSON")]
    Ion,
    #[error("the export holds changes of a period; export the whole table")]
    Incremental,
    #[error("this is the manifest of an export; name its folder")]
    Manifest,
    #[error("manifests of version `{0}` are not known")]
    ManifestVersion(String),
    #[error(
        "this is a data file of an export, which may have more of them; name the folder with its `manifest-summary.json`, \
         or scan the table"
    )]
    OneOfSeveral,
    #[error("the export lacks `{0}`")]
    Missing(String),
    #[error("the manifest does not name this file")]
    NotInManifest,
    #[error("{found} items instead of the stated {said}: part of it is missing")]
    Count { found: u64, said: u64 },
    #[error("{found} items of {of} that were scanned; scan the table without a filter")]
    Filtered { found: u64, of: u64 },
    #[error("the scan ends before the table does (`{0}`); continue it until this key is missing")]
    MorePages(&'static str),
    #[error("no item of a table: {0}")]
    NotAnItem(&'static str),
    #[error("DynamoDB's types stand around some attributes and not around others")]
    MixedTypes,
    #[error("attribute `{0}` has a value that is not of its type")]
    BadValue(String),
    #[error("these are items of {found}, and {wanted} are due")]
    WrongTable { found: String, wanted: &'static str },
    #[error("`id` is missing: this is not a table of AWS TEAM")]
    NoId,
    #[error("the id `{0}` is there twice: these are files of several exports")]
    RepeatedId(String),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct TableExport {
    pub(crate) table: Option<String>,
    pub(crate) items: Vec<Item>,
}

/// Reads a table from one file, or from an export's folder.
///
/// # Errors
/// The export is incomplete or unknown.
pub(crate) fn read_export(name: &str, files: &[SourceFile]) -> Result<TableExport, ExportRefused> {
    let of = |base: &str| files.iter().find(|file| file.name.ends_with(base));
    match (files, of(SUMMARY)) {
        ([only], None) => {
            let read = read_items(only)?;
            if read.is_data_file {
                return Err(refused(&only.name, ExportProblem::OneOfSeveral));
            }
            Ok(TableExport {
                table: None,
                items: read.items,
            })
        }
        (_, Some(summary)) => read_folder(name, files, summary),
        _ => Err(refused(name, ExportProblem::Missing(SUMMARY.to_owned()))),
    }
}

const SUMMARY: &str = "manifest-summary.json";
const FILES: &str = "manifest-files.json";
const MANIFEST_VERSIONS: [&str; 2] = ["2020-06-30", "2023-08-01"];

fn refused(file: &str, problem: ExportProblem) -> ExportRefused {
    ExportRefused {
        file: file.to_owned(),
        item: None,
        problem,
    }
}

fn read_folder(
    name: &str,
    files: &[SourceFile],
    summary: &SourceFile,
) -> Result<TableExport, ExportRefused> {
    let head = values(summary)?;
    let head = head.first().and_then(Value::as_object);
    let told = |key: &str| head.and_then(|head| head.get(key)).and_then(Value::as_str);
    let version = told("version").unwrap_or_default();
    if !MANIFEST_VERSIONS.contains(&version) {
        let version = text::line(version, SHOWN_MAX);
        return Err(refused(
            &summary.name,
            ExportProblem::ManifestVersion(version),
        ));
    }
    if told("outputFormat") == Some("ION") {
        return Err(refused(&summary.name, ExportProblem::Ion));
    }
    if told("exportType") == Some("INCREMENTAL_EXPORT") {
        return Err(refused(&summary.name, ExportProblem::Incremental));
    }
    let listing = files.iter().find(|file| file.name.ends_with(FILES));
    let listing = listing.ok_or_else(|| refused(name, ExportProblem::Missing(FILES.to_owned())))?;
    let mut named = listed_files(listing)?;
    let mut items = Vec::new();
    for file in files {
        let base = base(&file.name);
        if [SUMMARY, FILES].contains(&base) || is_beside(base) {
            continue;
        }
        let said = named
            .remove(base)
            .ok_or_else(|| refused(&file.name, ExportProblem::NotInManifest))?;
        let found = read_items(file)?.items;
        counted(&file.name, found.len(), said)?;
        items.extend(found);
    }
    if let Some((missing, _)) = named.pop_first() {
        return Err(refused(name, ExportProblem::Missing(missing)));
    }
    let said = head
        .and_then(|head| head.get("itemCount"))
        .and_then(Value::as_u64);
    counted(&summary.name, items.len(), said)?;
    let table = told("tableArn").and_then(|arn| arn.split_once(":table/"));
    Ok(TableExport {
        table: table.map(|(_, table)| table.to_owned()),
        items,
    })
}

fn base(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, base)| base)
}

fn is_beside(base: &str) -> bool {
    base == "_started" || base.rsplit_once('.').is_some_and(|(_, end)| end == "md5")
}

fn counted(file: &str, found: usize, said: Option<u64>) -> Result<(), ExportRefused> {
    let found = u64::try_from(found).unwrap_or(u64::MAX);
    match said {
        Some(said) if said != found => Err(refused(file, ExportProblem::Count { found, said })),
        _ => Ok(()),
    }
}

fn listed_files(listing: &SourceFile) -> Result<BTreeMap<String, Option<u64>>, ExportRefused> {
    let mut named = BTreeMap::new();
    for line in values(listing)? {
        let key = line.get("dataFileS3Key").and_then(Value::as_str);
        let key = key.ok_or_else(|| {
            let problem = ExportProblem::NotAnItem("a line of the manifest names no file");
            refused(&listing.name, problem)
        })?;
        let count = line.get("itemCount").and_then(Value::as_u64);
        named.insert(base(key).to_owned(), count);
    }
    Ok(named)
}

fn values(file: &SourceFile) -> Result<Vec<Value>, ExportRefused> {
    let unpacked;
    let bytes = if file.bytes.starts_with(&[0x1f, 0x8b]) {
        unpacked = unpack(file)?;
        unpacked.as_slice()
    } else {
        file.bytes.as_slice()
    };
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > BYTES_MAX {
        return Err(refused(&file.name, ExportProblem::TooLarge));
    }
    if bytes.starts_with(b"$ion_1_0") || bytes.starts_with(&[0xe0, 0x01, 0x00, 0xea]) {
        return Err(refused(&file.name, ExportProblem::Ion));
    }
    let text = text::decoded(bytes).map_err(|error| {
        let problem = ExportProblem::NotJson(format!("the file {error}"));
        refused(&file.name, problem)
    })?;
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Strict>() {
        match value {
            Ok(Strict(value)) => values.push(value),
            Err(error) => {
                return Err(ExportRefused {
                    file: file.name.clone(),
                    item: Some(values.len() + 1),
                    problem: ExportProblem::NotJson(error.to_string()),
                });
            }
        }
    }
    if values.is_empty() {
        let problem = ExportProblem::NotJson("the file is empty".to_owned());
        return Err(refused(&file.name, problem));
    }
    Ok(values)
}

fn unpack(file: &SourceFile) -> Result<Vec<u8>, ExportRefused> {
    let mut bytes = Vec::new();
    // one byte above the limit, to detect larger files
    let mut reader = MultiGzDecoder::new(file.bytes.as_slice()).take(BYTES_MAX + 1);
    match reader.read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(refused(&file.name, ExportProblem::Gzip(error.to_string()))),
    }
}

struct ReadItems {
    items: Vec<Item>,
    is_data_file: bool,
}

/// Accepts a scan result, a list, or one item per line.
fn read_items(file: &SourceFile) -> Result<ReadItems, ExportRefused> {
    let mut items = Vec::new();
    // an export writes an empty packed file for a part without items
    let mut is_data_file = file.bytes.starts_with(&[0x1f, 0x8b]) && unpack(file)?.is_empty();
    if is_data_file {
        return Ok(ReadItems {
            items,
            is_data_file,
        });
    }
    for value in values(file)? {
        let number = items.len() + 1;
        match value {
            Value::Array(list) => {
                for one in list {
                    items.push(item(file, items.len() + 1, one)?);
                }
            }
            Value::Object(map) if map.contains_key("Items") => scanned(file, map, &mut items)?,
            Value::Object(mut map) => {
                let one = match map.remove("Item") {
                    Some(one) if map.is_empty() => {
                        is_data_file = true;
                        one
                    }
                    Some(_) => return Err(at(file, number, ExportProblem::Incremental)),
                    None => Value::Object(map),
                };
                items.push(item(file, number, one)?);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let problem = ExportProblem::NotAnItem("an object is due");
                return Err(at(file, number, problem));
            }
        }
    }
    Ok(ReadItems {
        items,
        is_data_file,
    })
}

fn at(file: &SourceFile, number: usize, problem: ExportProblem) -> ExportRefused {
    ExportRefused {
        file: file.name.clone(),
        item: Some(number),
        problem,
    }
}

fn scanned(
    file: &SourceFile,
    map: Map<String, Value>,
    items: &mut Vec<Item>,
) -> Result<(), ExportRefused> {
    for more in ["LastEvaluatedKey", "NextToken"] {
        if map.get(more).is_some_and(|value| !value.is_null()) {
            return Err(refused(&file.name, ExportProblem::MorePages(more)));
        }
    }
    let number = |key: &str| map.get(key).and_then(Value::as_u64);
    let (said, looked_at) = (number("Count"), number("ScannedCount"));
    let Some(Value::Array(list)) = map
        .into_iter()
        .find(|(key, _)| key == "Items")
        .map(|it| it.1)
    else {
        let problem = ExportProblem::NotAnItem("`Items` is no list");
        return Err(refused(&file.name, problem));
    };
    counted(&file.name, list.len(), said)?;
    // a filter drops items after reading
    let found = u64::try_from(list.len()).unwrap_or(u64::MAX);
    if let Some(of) = looked_at.filter(|of| *of != found) {
        return Err(refused(&file.name, ExportProblem::Filtered { found, of }));
    }
    for one in list {
        items.push(item(file, items.len() + 1, one)?);
    }
    Ok(())
}

fn item(file: &SourceFile, number: usize, value: Value) -> Result<Item, ExportRefused> {
    let Value::Object(map) = value else {
        let problem = ExportProblem::NotAnItem("an object is due");
        return Err(at(file, number, problem));
    };
    if ["NewImage", "OldImage", "Keys"]
        .iter()
        .any(|key| map.contains_key(*key))
    {
        return Err(at(file, number, ExportProblem::Incremental));
    }
    if ["manifestFilesS3Key", "dataFileS3Key"]
        .iter()
        .any(|key| map.contains_key(*key))
    {
        return Err(refused(&file.name, ExportProblem::Manifest));
    }
    let attributes = untyped(map).map_err(|problem| at(file, number, problem))?;
    Ok(Item {
        file: file.name.clone(),
        number,
        attributes,
    })
}

const TYPES: [&str; 10] = ["S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"];

fn type_of(value: &Value) -> Option<(&str, &Value)> {
    let map = value.as_object()?;
    let (key, inner) = map.iter().next()?;
    (map.len() == 1 && TYPES.contains(&key.as_str())).then_some((key.as_str(), inner))
}

/// Removes type wrappers; an item without wrappers is unchanged.
fn untyped(map: Map<String, Value>) -> Result<Map<String, Value>, ExportProblem> {
    let typed = map
        .values()
        .filter(|value| type_of(value).is_some())
        .count();
    if typed == 0 {
        return Ok(map);
    }
    if typed < map.len() {
        return Err(ExportProblem::MixedTypes);
    }
    let mut plain = Map::new();
    for (key, value) in &map {
        let bad = || ExportProblem::BadValue(text::line(key, SHOWN_MAX));
        plain.insert(key.clone(), bare(value).ok_or_else(bad)?);
    }
    Ok(plain)
}

/// `None` if the value does not match its type, or is binary.
fn bare(value: &Value) -> Option<Value> {
    let (kind, inner) = type_of(value)?;
    match kind {
        "S" => inner.is_string().then(|| inner.clone()),
        "N" => number(inner.as_str()?),
        "BOOL" => inner.is_boolean().then(|| inner.clone()),
        "NULL" => Some(Value::Null),
        "L" => inner
            .as_array()?
            .iter()
            .map(bare)
            .collect::<Option<Vec<_>>>()
            .map(Value::Array),
        "M" => {
            let entries = inner.as_object()?.iter();
            let entries: Option<Map<String, Value>> = entries
                .map(|(key, value)| Some((key.clone(), bare(value)?)))
                .collect();
            entries.map(Value::Object)
        }
        "SS" | "NS" => {
            let texts = inner.as_array()?;
            texts.iter().all(Value::is_string).then(|| inner.clone())
        }
        _ => None,
    }
}

/// `DynamoDB` writes numbers as text with up to 38 digits. The text is kept if a number would lose
/// digits: log data must stay exact.
fn number(text: &str) -> Option<Value> {
    let number: serde_json::Number = text.parse().ok()?;
    let is_kept = number.to_string() == text;
    Some(if is_kept {
        Value::Number(number)
    } else {
        Value::String(text.to_owned())
    })
}
