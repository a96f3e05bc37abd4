//! Renders the report for people, programs and scanners, and saves it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use hallpass_app::host::snapshots_at::{SnapshotsAt, bucket, bucket_failure};
use hallpass_channels::wording::plan::account;
use hallpass_inventory::addresses::{AddressReport, DifferenceSide, FoundAddress, UncoveredPlace};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::{self, Format, OutputArgs, Table};
use serde::Serialize;
use serde_json::Value;

use super::AddressFormat;

/// Limit for people; JSON has all reasons.
const REASONS_SHOWN: usize = 20;
const PLACES_SHOWN: usize = 3;
const COLUMNS: [&str; 21] = [
    "public_ip",
    "family",
    "account_id",
    "region",
    "az",
    "resource_id",
    "resource_type",
    "interface_type",
    "attached_to",
    "attached_kind",
    "owner",
    "vpc_id",
    "subnet_id",
    "private_ip",
    "dns_name",
    "name",
    "description",
    "capture_time",
    "sources",
    "conflict",
    "account_name",
];

pub(super) fn show(report: &AddressReport, asked: Option<AddressFormat>) -> Result<(), Failure> {
    let rows: Vec<NamedAddress<'_>> = { report.addresses.iter() }
        .map(|address| NamedAddress {
            account_name: report.account_name(&address.account_id),
            address,
        })
        .collect();
    let format = match asked {
        Some(AddressFormat::Targets) => {
            let ips: BTreeSet<_> = rows.iter().map(|it| it.address.public_ip).collect();
            let mut lines: Vec<String> = ips.iter().map(ToString::to_string).collect();
            lines.push(String::new());
            return output::print(&lines.join("\n"));
        }
        Some(AddressFormat::Json) => {
            return output::one(Format::Json, report, &[], String::new);
        }
        Some(AddressFormat::Table) => Format::Table,
        Some(AddressFormat::Jsonl) => Format::Jsonl,
        Some(AddressFormat::Csv) => Format::Csv,
        None => OutputArgs::default().format(),
    };
    output::list(format, &rows, &COLUMNS, || table(&rows))
}

/// The name is empty if unknown.
#[derive(Serialize)]
struct NamedAddress<'a> {
    #[serde(flatten)]
    address: &'a FoundAddress,
    account_name: &'a str,
}

fn table(rows: &[NamedAddress<'_>]) -> Table {
    let mut table = Table::new(&["=ADDRESS", "=ACCOUNT", "=REGION", "USED BY", "SEEN AS"]);
    for NamedAddress {
        address: row,
        account_name,
    } in rows
    {
        let kind = serde_json::to_value(row.attached_kind).unwrap_or_default();
        let kind = kind.as_str().unwrap_or_default().replace('_', " ");
        let mut used_by = match &row.attached_to {
            Some(id) => format!("{kind} {id}"),
            None => kind,
        };
        if row.conflict {
            used_by.push_str(" (conflict: recorded elsewhere, too)");
        }
        let sources: Vec<&str> = row.sources.iter().map(|it| it.name()).collect();
        table.row([
            row.public_ip.to_string(),
            account(account_name, row.account_id.as_str()),
            row.region.clone(),
            used_by,
            sources.join(" "),
        ]);
    }
    table
}

pub(super) fn tell(report: &AddressReport) {
    if let Some(found) = &report.verification {
        for it in &found.differences {
            let side = match it.side {
                DifferenceSide::OnlyConfig => "only_config",
                DifferenceSide::OnlyLive => "only_live",
            };
            let (ip, account, region) = (it.public_ip, &it.account_id, &it.region);
            output::say(&format!("{side}: {ip} in {account}/{region}"));
        }
        places("unverified", &found.unverified);
    }
    places("uncovered", &report.uncovered);
    if report.left_out > 0 {
        let left_out = report.left_out;
        output::say(&format!(
            "left out: {left_out} items that were deleted or are not recorded any more"
        ));
    }
    if let Some(oldest) = report.oldest() {
        let hours = report.as_of.duration_since(oldest).as_hours();
        output::say(&format!(
            "the oldest item was recorded {hours} h ago, {oldest}"
        ));
    }
    let count = report.addresses.len();
    let uncovered = report.uncovered.len();
    output::say(&match (count, uncovered) {
        (0, 0) => "no public addresses".to_owned(),
        (0, _) => format!(
            "no public address is recorded, and {uncovered} places are not covered: whether there are any is not known"
        ),
        (_, 0) => format!("{count} public addresses"),
        _ => format!("{count} public addresses; {uncovered} places are not covered"),
    });
    output::say(&format!("note: {}", report.never_found));
}

fn put_once(folder: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let (path, half) = (folder.join(name), folder.join(format!(".{name}.part")));
    let unwritable = |error| Failure::unwritable(path.display(), &error);
    fs::write(&half, text).map_err(unwritable)?;
    // unlike a rename, a link never replaces a file
    let linked = fs::hard_link(&half, &path);
    fs::remove_file(&half).map_err(unwritable)?;
    linked.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            let message = format!("`{}` is there already and was not changed", path.display());
            Failure::failed(message).help("give another `--as-of`, or another place")
        }
        _ => unwritable(error),
    })
}

fn places(word: &str, all: &[UncoveredPlace]) {
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for it in all {
        let account = it.account_id.as_ref().map(ToString::to_string);
        let account = account.unwrap_or_else(|| "the organization".to_owned());
        let place = match &it.region {
            Some(region) => format!("{account}/{region}"),
            None => account,
        };
        reasons.entry(&it.reason).or_default().push(place);
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, places)| std::cmp::Reverse(places.len()));
    for (reason, places) in reasons.iter().take(REASONS_SHOWN) {
        let shown: Vec<&str> = places
            .iter()
            .take(PLACES_SHOWN)
            .map(String::as_str)
            .collect();
        let more = match places.len().saturating_sub(PLACES_SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let line = format!("{word}: {}{more}: {reason}", shown.join(", "));
        output::say(&output::plain(&line));
    }
    if let Some(more) = reasons
        .len()
        .checked_sub(REASONS_SHOWN)
        .filter(|it| *it > 0)
    {
        output::say(&format!(
            "{word}: {more} more reasons; `-o json` has all of them"
        ));
    }
}

/// Saves a report under its timestamp, atomically, without replacing a file.
pub(super) async fn save(report: &AddressReport, at: &SnapshotsAt) -> Result<(), Failure> {
    let name = format!(
        "public-ips-{}.json",
        report.as_of.strftime("%Y%m%dT%H%M%SZ")
    );
    let document: Value = serde_json::to_value(report).map_err(Failure::bug)?;
    let text = output::compact(&document)?;
    match at {
        SnapshotsAt::Folder(folder) => {
            put_once(folder, &name, &text)?;
        }
        SnapshotsAt::Bucket(place) => {
            let files = bucket(place).await.map_err(Failure::failed)?;
            let put = files.put_once(&name, text.into()).await;
            put.map_err(|error| bucket_failure(&error))?;
        }
    }
    output::say(&format!(
        "kept as {}/{name}",
        at.to_string().trim_end_matches('/')
    ));
    Ok(())
}
