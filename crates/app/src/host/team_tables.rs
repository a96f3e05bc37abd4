//! Reads AWS TEAM tables directly from `DynamoDB`.

use std::collections::BTreeSet;

use hallpass_aws::RoleToAssume;
use hallpass_imports::SourceFile;
use hallpass_imports::team::TeamExport;
use hallpass_org::{Operation, ReadCalls, ReadPlace};
use hallpass_terminal::exit::Failure;
use serde_json::{Value, json};

use crate::host::home_region::home_region;
use crate::host::named_calls::NamedCalls;

const LIST: Operation = ("dynamodb", "ListTables");
const SCAN: Operation = ("dynamodb", "Scan");
/// Limit of 1 MB pages per table: exceeds a file's limit.
const PAGES_MAX: usize = 512;
const CONCURRENCY: usize = 1;

/// Live table options.
#[derive(Debug, clap::Args)]
pub struct LiveTablesArgs {
    /// Read the live tables with the credentials of the environment
    #[arg(long)]
    live: bool,
    /// Suffix of the table names, if there are several: `abcdefghij-main`
    #[arg(long, value_name = "SUFFIX", requires = "live")]
    tables: Option<String>,
    /// The Region of the tables [default: us-east-1]
    #[arg(
        long,
        value_name = "REGION",
        env = "AWS_REGION",
        hide_env_values = true
    )]
    region: Option<String>,
}

pub struct LiveTables {
    calls: NamedCalls,
    suffix: String,
    names: BTreeSet<String>,
}

impl LiveTablesArgs {
    pub fn region(&self) -> Option<&String> {
        self.region.as_ref()
    }

    /// Finds the tables for a live read. `needed` are required name prefixes.
    ///
    /// # Errors
    /// Exit 2 for no or several AWS TEAMs; exit 1 if AWS refuses to list.
    pub async fn found(&self, needed: &[&str]) -> Result<Option<LiveTables>, Failure> {
        if !self.live {
            return Ok(None);
        }
        let home = home_region(self.region.as_ref())?;
        let calls = NamedCalls::new(home.clone(), RoleToAssume::default(), CONCURRENCY).await?;
        let names = pages(&calls, LIST, json!({}), "TableNames").await?;
        let names: BTreeSet<String> = names
            .iter()
            .filter_map(|it| Some(it.as_str()?.to_owned()))
            .collect();
        let suffix = suffix(&names, needed, self.tables.as_deref())
            .map_err(|why| Failure::bad_input(format!("{why} in {home}")).code("E_TABLES"))?;
        Ok(Some(LiveTables {
            calls,
            suffix,
            names,
        }))
    }
}

impl LiveTables {
    pub fn has(&self, kind: &str) -> bool {
        self.names.contains(&named(kind, &self.suffix))
    }

    /// Scans a table.
    pub async fn read(&self, kind: &str) -> Result<TeamExport, Failure> {
        let name = named(kind, &self.suffix);
        let input = json!({"TableName": name, "ConsistentRead": true});
        let items = pages(&self.calls, SCAN, input, "Items").await?;
        let bytes = json!({"Count": items.len(), "Items": items}).to_string();
        Ok(TeamExport {
            files: vec![SourceFile {
                name: name.clone(),
                bytes: bytes.into_bytes(),
            }],
            name,
        })
    }
}

fn named(kind: &str, suffix: &str) -> String {
    format!("{kind}-{suffix}")
}

fn suffix(
    names: &BTreeSet<String>,
    needed: &[&str],
    given: Option<&str>,
) -> Result<String, String> {
    let lacks = |suffix: &str| {
        let wanted = needed.iter().map(|kind| named(kind, suffix));
        wanted.into_iter().find(|name| !names.contains(name))
    };
    if let Some(given) = given {
        return match lacks(given) {
            None => Ok(given.to_owned()),
            Some(name) => Err(format!("there is no table `{name}`")),
        };
    }
    let first = needed.first().copied().unwrap_or_default();
    let ends = names
        .iter()
        .filter_map(|name| name.strip_prefix(first)?.strip_prefix('-'))
        .filter(|end| lacks(end).is_none());
    match ends.collect::<Vec<_>>().as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => {
            let wanted: Vec<String> = needed.iter().map(|kind| format!("`{kind}-…`")).collect();
            let among = names.len();
            let wanted = wanted.join(", ");
            Err(format!(
                "no AWS TEAM is among {among} tables (it has {wanted} with one end)"
            ))
        }
        several => Err(format!(
            "several AWS TEAMs have tables, give one end as --tables: {}",
            several.join(", ")
        )),
    }
}

async fn pages(
    calls: &dyn ReadCalls,
    operation: Operation,
    mut input: Value,
    name: &str,
) -> Result<Vec<Value>, Failure> {
    let (place, mut all) = (ReadPlace::default(), Vec::new());
    for _ in 0..PAGES_MAX {
        let found = calls.call(&place, operation, &input).await;
        let (answer, next) = found.map_err(|failed| {
            let (service, call) = operation;
            let (code, message) = (failed.code, failed.message);
            Failure::failed(format!("{service}:{call}: {code}: {message}"))
                .help("it takes the rights `dynamodb:ListTables` and `dynamodb:Scan` on the tables")
        })?;
        let rows = answer.get(name).and_then(Value::as_array);
        all.extend(rows.into_iter().flatten().cloned());
        let (Some(next), Some(members)) = (next, input.as_object_mut()) else {
            return Ok(all);
        };
        members.extend(next);
    }
    let (service, call) = operation;
    Err(Failure::failed(format!(
        "{service}:{call} has more than {PAGES_MAX} pages: export the table to S3 and import that"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: &[&str] = &["Eligibility", "Approvers", "Settings"];

    #[test]
    fn one_team_is_found_and_several_are_to_be_named() {
        let of = |ends: &[&str], more: &[&str]| -> BTreeSet<String> {
            let whole = ends
                .iter()
                .flat_map(|end| NEEDED.iter().map(move |kind| named(kind, end)));
            whole
                .chain(more.iter().map(|it| (*it).to_owned()))
                .collect()
        };
        let many = &["orders", "Eligibility-x", "Approvers-y-main", "Settings"];
        for (names, given, wanted) in [
            (of(&["a-main"], &[]), None, Ok("a-main")),
            (of(&["a-main"], many), None, Ok("a-main")),
            (of(&["a-main", "b-dev"], many), None, Err("a-main, b-dev")),
            (of(&["a-main", "b-dev"], many), Some("b-dev"), Ok("b-dev")),
            (
                of(&["a-main"], many),
                Some("x"),
                Err("no table `Approvers-x`"),
            ),
            (of(&[], many), None, Err("among 4 tables")),
            (of(&[], &[]), None, Err("among 0 tables")),
        ] {
            let found = suffix(&names, NEEDED, given);
            match (found, wanted) {
                (Ok(found), Ok(wanted)) => assert_eq!(found, wanted),
                (Err(why), Err(wanted)) => assert!(why.contains(wanted), "{why}"),
                (found, wanted) => panic!("{found:?} {wanted:?}"),
            }
        }
    }
}
