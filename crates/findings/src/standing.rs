//! Reads findings from Security Hub right before a write. Events and listings only identify
//! findings (`organization.md` E-13).

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _};
use hallpass_aws_model::facts;
use serde_json::{Value, json};

use crate::finding::{Finding, FindingKey, read_finding};
use crate::ports::{CallRefusal, FindingCalls, RefusalKind};

/// Filter values and page size.
const NAMED_AT_ONCE: usize = facts::FINDING_FILTER_VALUES.count();
const PAGE: usize = facts::FINDINGS_PAGE.count();
/// Products rarely share ids, so few pages suffice.
const PAGES_MAX: usize = 20;
const AT_ONCE: usize = 6;

#[derive(Clone, Debug, PartialEq)]
pub struct StandingFinding {
    /// Updated in the Region of the read.
    pub finding: Finding,
    /// The whole finding in AWS Security Finding Format.
    pub document: Value,
}

impl StandingFinding {
    /// Security Hub's spelling; may be empty.
    pub fn workflow(&self) -> &str {
        let status = self.document.pointer("/Workflow/Status");
        status.and_then(Value::as_str).unwrap_or_default()
    }
}

/// None if Security Hub lacks the finding.
pub type StandingFindings = BTreeMap<FindingKey, Result<Option<StandingFinding>, CallRefusal>>;

pub async fn read_standing(
    calls: &dyn FindingCalls,
    keys: impl IntoIterator<Item = FindingKey>,
) -> StandingFindings {
    let mut regions: BTreeMap<String, BTreeSet<FindingKey>> = BTreeMap::new();
    for key in keys {
        regions.entry(key.region.clone()).or_default().insert(key);
    }
    let mut lots: Vec<Vec<FindingKey>> = Vec::new();
    for keys in regions.into_values() {
        let keys: Vec<FindingKey> = keys.into_iter().collect();
        lots.extend(keys.chunks(NAMED_AT_ONCE).map(<[FindingKey]>::to_vec));
    }
    let reads = lots.into_iter().map(|lot| async move {
        let read = read_some(calls, &lot).await;
        (lot, read)
    });
    let read: Vec<_> = stream::iter(reads)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut all = StandingFindings::new();
    for (lot, read) in read {
        match read {
            Ok(mut found) => {
                all.extend(lot.into_iter().map(|key| {
                    let one = found.remove(&key);
                    (key, Ok(one))
                }));
            }
            Err(refusal) => all.extend(lot.into_iter().map(|key| (key, Err(refusal.clone())))),
        }
    }
    all
}

async fn read_some(
    calls: &dyn FindingCalls,
    keys: &[FindingKey],
) -> Result<BTreeMap<FindingKey, StandingFinding>, CallRefusal> {
    let mut found = BTreeMap::new();
    let Some(region) = keys.first().map(|key| key.region.as_str()) else {
        return Ok(found);
    };
    let ids: BTreeSet<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    let ids: Vec<Value> = ids
        .into_iter()
        .map(|id| json!({ "Value": id, "Comparison": "EQUALS" }))
        .collect();
    let mut input = json!({ "Filters": { "Id": ids }, "MaxResults": PAGE });
    for _ in 0..PAGES_MAX {
        let answer = calls
            .call(Some(region), "securityhub", "GetFindings", &input)
            .await?;
        let rows = answer.get("Findings").and_then(Value::as_array);
        for row in rows.into_iter().flatten() {
            let Ok(mut finding) = read_finding(row, region) else {
                continue;
            };
            region.clone_into(&mut finding.region);
            let key = finding.key();
            if keys.contains(&key) {
                let document = row.clone();
                found.insert(key, StandingFinding { finding, document });
            }
        }
        let next = answer.get("NextToken").and_then(Value::as_str);
        let Some(next) = next.filter(|it| !it.is_empty()) else {
            return Ok(found);
        };
        if found.len() == keys.len() {
            return Ok(found);
        }
        if let Some(members) = input.as_object_mut() {
            members.insert("NextToken".to_owned(), next.into());
        }
    }
    // an incomplete read does not prove deletion
    Err(CallRefusal {
        kind: RefusalKind::Passing,
        operation: "GetFindings".to_owned(),
        code: "Endless".to_owned(),
        message: format!("the answer has more than {PAGES_MAX} pages"),
    })
}
