//! Parses AWS Security Finding Format, and decides on enrichment.

use std::collections::BTreeMap;

use crate::events::OrganizationEvent;
use hallpass_base::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fields::ENRICHED;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FindingKey {
    pub product: String,
    pub id: String,
    pub region: String,
}

/// Reference to a finding to enrich; the update depends on its current state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedFinding {
    pub key: FindingKey,
    pub account: AccountId,
    pub trigger: EnrichTrigger,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub product_arn: String,
    pub id: String,
    pub account: AccountId,
    pub account_name: Option<String>,
    pub region: String,
    /// `RecordState` is `ACTIVE`.
    pub active: bool,
    pub note: Option<FindingNote>,
    pub fields: BTreeMap<String, String>,
}

impl Finding {
    pub fn key(&self) -> FindingKey {
        FindingKey {
            product: self.product_arn.clone(),
            id: self.id.clone(),
            region: self.region.clone(),
        }
    }

    pub fn wanted(&self, trigger: EnrichTrigger) -> WantedFinding {
        WantedFinding {
            key: self.key(),
            account: self.account.clone(),
            trigger,
        }
    }

    pub fn bare(account: AccountId) -> Self {
        Self {
            product_arn: String::new(),
            id: String::new(),
            account,
            account_name: None,
            region: String::new(),
            active: true,
            note: None,
            fields: BTreeMap::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingNote {
    pub text: String,
    pub updated_by: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindingProblem {
    #[error("the finding has no `{0}`")]
    Missing(&'static str),
    #[error("the finding's `AwsAccountId` is no account: {0}")]
    Account(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrichTrigger {
    /// New or changed, even by us: skipping enriched ones ends that loop.
    Imported,
    /// Requested by a user, even if enriched.
    CustomAction,
}

/// Whether a finding is to be enriched (`organization.md` E-1, E-2).
pub fn wants(finding: &Finding, trigger: EnrichTrigger) -> bool {
    match trigger {
        EnrichTrigger::Imported => finding.active && !finding.fields.contains_key(ENRICHED),
        EnrichTrigger::CustomAction => true,
    }
}

pub fn findings_of(event: &OrganizationEvent) -> Vec<Result<(Finding, &Value), String>> {
    let Some(rows) = event.detail.get("findings").and_then(Value::as_array) else {
        return vec![Err("the event has no `detail.findings`".to_owned())];
    };
    let read = |row| match read_finding(row, &event.region) {
        Ok(finding) => Ok((finding, row)),
        Err(problem) => Err(problem.to_string()),
    };
    rows.iter().map(read).collect()
}

/// `region` is the default for findings without one.
pub fn read_finding(document: &Value, region: &str) -> Result<Finding, FindingProblem> {
    let optional = |name| text(document, name).filter(|it| !it.is_empty());
    let member = |name| {
        optional(name)
            .map(str::to_owned)
            .ok_or(FindingProblem::Missing(name))
    };
    let account = member("AwsAccountId")?;
    let account =
        AccountId::new(account).map_err(|error| FindingProblem::Account(error.to_string()))?;
    let note = document.get("Note").and_then(|note| {
        Some(FindingNote {
            text: text(note, "Text")?.to_owned(),
            updated_by: text(note, "UpdatedBy").unwrap_or_default().to_owned(),
        })
    });
    let fields = document.get("UserDefinedFields").and_then(Value::as_object);
    let fields = fields.into_iter().flatten();
    Ok(Finding {
        product_arn: member("ProductArn")?,
        id: member("Id")?,
        account,
        account_name: optional("AwsAccountName").map(str::to_owned),
        region: optional("Region").unwrap_or(region).to_owned(),
        active: text(document, "RecordState") == Some("ACTIVE"),
        note,
        fields: fields
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
    })
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}
