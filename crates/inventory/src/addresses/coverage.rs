//! Places that AWS Config does not record, so their addresses are unknown (`inventory.md` B-10).

use std::collections::{BTreeMap, BTreeSet};

use crate::collect::ServiceCalls;
use futures_util::stream::{self, StreamExt as _};
use hallpass_base::{AccountId, account_state};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::addresses::pages::listed;
use crate::addresses::read::text;
use crate::addresses::select_error::SelectError;

/// Accounts queried concurrently.
const ACCOUNTS_AT_ONCE: usize = 8;
/// The most that the account service returns per page.
const REGIONS_A_PAGE: u32 = 50;

/// A place with no data, or no new data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UncoveredPlace {
    /// `None` for all accounts.
    pub account_id: Option<AccountId>,
    /// `None` for all Regions.
    pub region: Option<String>,
    pub reason: String,
}

impl UncoveredPlace {
    /// Whether this place is within the uncovered one.
    pub fn holds(&self, account: &AccountId, region: &str) -> bool {
        self.account_id.as_ref().is_none_or(|it| it == account)
            && self.region.as_deref().is_none_or(|it| it == region)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedPlaces {
    /// Active accounts with their enabled Regions.
    pub places: BTreeSet<(AccountId, String)>,
    /// Places for which that is unknown.
    pub unknown: Vec<UncoveredPlace>,
    pub names: BTreeMap<AccountId, String>,
}

async fn accounts(calls: &dyn ServiceCalls) -> Result<Vec<Value>, SelectError> {
    let operation = ("organizations", "ListAccounts");
    listed(calls, operation, json!({}), "Accounts").await
}

fn names(accounts: &[Value]) -> BTreeMap<AccountId, String> {
    let named = accounts.iter().filter_map(|it| {
        let id = AccountId::new(text(it, "Id")?).ok()?;
        Some((id, text(it, "Name")?.to_owned()))
    });
    named.collect()
}

/// # Errors
/// The accounts cannot be listed.
pub async fn account_names(
    calls: &dyn ServiceCalls,
) -> Result<BTreeMap<AccountId, String>, SelectError> {
    Ok(names(&accounts(calls).await?))
}

pub async fn expected_places(calls: &dyn ServiceCalls) -> ExpectedPlaces {
    let accounts = match accounts(calls).await {
        Ok(accounts) => accounts,
        Err(failure) => {
            let reason = unread(
                "the accounts of the organization could not be listed",
                &failure,
            );
            let nowhere = UncoveredPlace {
                account_id: None,
                region: None,
                reason,
            };
            return ExpectedPlaces {
                unknown: vec![nowhere],
                ..ExpectedPlaces::default()
            };
        }
    };
    let active = accounts
        .iter()
        .filter(|it| account_state(|name| text(it, name)) == Some("ACTIVE"));
    let ids: Vec<AccountId> = active
        .filter_map(|it| AccountId::new(text(it, "Id")?).ok())
        .collect();
    let regions = stream::iter(ids).map(|account| async {
        let input = json!({
            "AccountId": account, "MaxResults": REGIONS_A_PAGE,
            "RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT"],
        });
        let found = listed(calls, ("account", "ListRegions"), input, "Regions").await;
        (account, found)
    });
    let found: Vec<_> = regions.buffered(ACCOUNTS_AT_ONCE).collect().await;
    let (mut places, mut unknown) = (BTreeSet::new(), Vec::new());
    for (account, regions) in found {
        match regions {
            Ok(regions) => {
                let names = regions.iter().filter_map(|it| text(it, "RegionName"));
                places.extend(names.map(|it| (account.clone(), it.to_owned())));
            }
            Err(failure) => unknown.push(UncoveredPlace {
                account_id: Some(account),
                region: None,
                reason: unread("its Regions could not be listed", &failure),
            }),
        }
    }
    ExpectedPlaces {
        places,
        unknown,
        names: names(&accounts),
    }
}

fn unread(what: &str, error: &SelectError) -> String {
    format!("{what}: {error}")
}

/// Places that the aggregator lacks, lost, or whose recorder does not reach it.
pub fn uncovered_by_aggregator(
    expected: &BTreeSet<(AccountId, String)>,
    sources: &[Value],
) -> Vec<UncoveredPlace> {
    let mut states: BTreeMap<(AccountId, String), Option<String>> = BTreeMap::new();
    let mut uncovered = Vec::new();
    for source in sources {
        let region = text(source, "AwsRegion").unwrap_or_default().to_owned();
        let account = text(source, "SourceId").and_then(|it| AccountId::new(it).ok());
        let wrong = wrong(source);
        match account {
            Some(account) => {
                states.insert((account, region), wrong);
            }
            // The whole organization
            None => uncovered.extend(wrong.map(|reason| UncoveredPlace {
                account_id: None,
                region: None,
                reason: format!("the source `organization`: {reason}"),
            })),
        }
    }
    for place in expected {
        let reason = match states.get(place) {
            Some(None) => continue,
            Some(Some(wrong)) => wrong.clone(),
            None => "it is not in the aggregator, or has no recorder".to_owned(),
        };
        uncovered.push(UncoveredPlace {
            account_id: Some(place.0.clone()),
            region: Some(place.1.clone()),
            reason,
        });
    }
    uncovered.sort();
    uncovered
}

fn wrong(source: &Value) -> Option<String> {
    let why = text(source, "LastErrorCode").map(|it| format!(" ({it})"));
    let why = why.unwrap_or_default();
    match text(source, "LastUpdateStatus") {
        Some("SUCCEEDED") => None,
        Some("OUTDATED") => Some(format!("what the aggregator has is outdated{why}")),
        Some("FAILED") => Some(format!("the aggregator could not collect from it{why}")),
        other => Some(format!("its state is {}", other.unwrap_or("unknown"))),
    }
}

/// Why an account's resources in a Region are not recorded, from the answers of
/// `DescribeConfigurationRecorders` and `DescribeConfigurationRecorderStatus`; `None` if all types
/// are.
pub fn unrecorded(recorders: &Value, status: &Value, types: &BTreeSet<&str>) -> Option<String> {
    let rows = |answer: &Value, name: &str| {
        let rows = answer.get(name).and_then(Value::as_array).cloned();
        rows.unwrap_or_default()
    };
    let text = |row: &Value, name: &str| {
        let text = row.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    // A recorder with a connector records another cloud.
    let mut recorders = rows(recorders, "ConfigurationRecorders");
    recorders.retain(|it| text(it, "connectorArn").is_empty());
    let names: BTreeSet<String> = recorders.iter().map(|it| text(it, "name")).collect();
    if recorders.is_empty() {
        return Some("there is no recorder".to_owned());
    }
    let switches = rows(status, "ConfigurationRecordersStatus");
    if !switches.iter().any(|it| {
        it.get("recording") == Some(&Value::Bool(true)) && names.contains(&text(it, "name"))
    }) {
        return Some("its recorder is switched off".to_owned());
    }
    let missing = types.iter().filter(|wanted| {
        !recorders
            .iter()
            .any(|recorder| records(recorder.get("recordingGroup"), wanted))
    });
    let missing: Vec<&str> = missing.copied().collect();
    (!missing.is_empty()).then(|| format!("its recorder leaves out {}", missing.join(", ")))
}

fn records(group: Option<&Value>, wanted: &str) -> bool {
    let at = |path: &str| group.and_then(|it| it.pointer(path));
    let lists = |path: &str| {
        let names = at(path).and_then(Value::as_array);
        names.is_some_and(|all| all.iter().any(|it| it == wanted))
    };
    match at("/recordingStrategy/useOnly").and_then(Value::as_str) {
        Some("EXCLUSION_BY_RESOURCE_TYPES") => !lists("/exclusionByResourceTypes/resourceTypes"),
        Some("INCLUSION_BY_RESOURCE_TYPES") => lists("/resourceTypes"),
        _ => at("/allSupported") == Some(&Value::Bool(true)) || lists("/resourceTypes"),
    }
}
