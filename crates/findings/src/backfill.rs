//! Reads existing findings (`organization.md` E-12).

use hallpass_aws_model::facts;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::finding::{EnrichTrigger, Finding, read_finding, wants};
use crate::ports::{CallRefusal, FindingCalls};

/// Security Hub's maximum.
const PAGE: u32 = facts::FINDINGS_PAGE.value;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundFindings {
    pub wanted: Vec<Finding>,
    pub enriched: usize,
    pub unreadable: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackfillError {
    #[error("Region {region}: {refusal}")]
    Refused {
        region: String,
        refusal: CallRefusal,
    },
    /// A page token that repeats.
    #[error("Region {0}: the listing of findings does not end")]
    Endless(String),
}

/// Regions to read: the aggregation Region, else the given ones.
pub async fn homes(
    calls: &dyn FindingCalls,
    regions: &[String],
) -> Result<Vec<String>, CallRefusal> {
    let region = regions.first().map(String::as_str);
    let answer = calls
        .call(region, "securityhub", "ListFindingAggregators", &json!({}))
        .await?;
    let arn = answer
        .pointer("/FindingAggregators/0/FindingAggregatorArn")
        .and_then(Value::as_str);
    // arn:aws:securityhub:REGION:ACCOUNT:finding-aggregator/ID
    let home = arn
        .and_then(|it| it.split(':').nth(3))
        .filter(|it| !it.is_empty());
    Ok(home.map_or_else(|| regions.to_vec(), |it| vec![it.to_owned()]))
}

pub async fn find_findings(
    calls: &dyn FindingCalls,
    region: &str,
    (since, until): (Timestamp, Timestamp),
    mut progress: impl FnMut(usize),
) -> Result<FoundFindings, BackfillError> {
    let filters = json!({
        "RecordState": [{ "Value": "ACTIVE", "Comparison": "EQUALS" }],
        "UpdatedAt": [{ "Start": since.to_string(), "End": until.to_string() }],
    });
    let mut input = json!({ "Filters": filters, "MaxResults": PAGE });
    let mut found = FoundFindings::default();
    let mut token: Option<String> = None;
    loop {
        let answer = calls
            .call(Some(region), "securityhub", "GetFindings", &input)
            .await;
        let answer = answer.map_err(|refusal| BackfillError::Refused {
            region: region.to_owned(),
            refusal,
        })?;
        let rows = answer.get("Findings").and_then(Value::as_array);
        for row in rows.into_iter().flatten() {
            match read_finding(row, region) {
                Ok(finding) if wants(&finding, EnrichTrigger::Imported) => {
                    found.wanted.push(finding);
                }
                Ok(_) => found.enriched += 1,
                Err(problem) => found.unreadable.push(problem.to_string()),
            }
        }
        progress(found.wanted.len() + found.enriched);
        let next = answer
            .get("NextToken")
            .and_then(Value::as_str)
            .filter(|it| !it.is_empty());
        let Some(next) = next.map(str::to_owned) else {
            return Ok(found);
        };
        if token.as_ref() == Some(&next) {
            return Err(BackfillError::Endless(region.to_owned()));
        }
        if let Some(members) = input.as_object_mut() {
            members.insert("NextToken".to_owned(), next.clone().into());
        }
        token = Some(next);
    }
}
