//! A finding in the AWS Security Finding Format, as far as it is read, and whether it is to be enriched.

use std::collections::BTreeMap;

use crate::events::OrganizationEvent;
use hallpass_base::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fields::ENRICHED;

/// A finding by its identifier, and where it is read and updated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FindingKey {
    /// The product that found it.
    pub product: String,
    /// Its id there.
    pub id: String,
    /// Its Region.
    pub region: String,
}

/// A finding that somebody or something wants enriched. It says which one, and no more: what is written follows from
/// the finding as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedFinding {
    /// Which.
    pub key: FindingKey,
    /// The account that it is said to be about.
    pub account: AccountId,
    /// Why it is looked at.
    pub trigger: EnrichTrigger,
}

/// A finding, as far as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which product found it; with `id` the identifier.
    pub product_arn: String,
    /// Its id within the product.
    pub id: String,
    /// The account that it is about.
    pub account: AccountId,
    /// The name that Security Hub knows of that account.
    pub account_name: Option<String>,
    /// The Region that it is updated in.
    pub region: String,
    /// Whether it stands: `RecordState` is `ACTIVE`.
    pub active: bool,
    /// What somebody wrote to it.
    pub note: Option<FindingNote>,
    /// Its user-defined fields.
    pub fields: BTreeMap<String, String>,
}

impl Finding {
    /// Its identifier, and where it is updated.
    pub fn key(&self) -> FindingKey {
        FindingKey {
            product: self.product_arn.clone(),
            id: self.id.clone(),
            region: self.region.clone(),
        }
    }

    /// It, to be enriched.
    pub fn wanted(&self, trigger: EnrichTrigger) -> WantedFinding {
        WantedFinding {
            key: self.key(),
            account: self.account.clone(),
            trigger,
        }
    }

    /// A finding of which nothing is known but its account: to show what one would get.
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

/// A note on a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingNote {
    /// What it says.
    pub text: String,
    /// Who wrote it.
    pub updated_by: String,
}

/// A document that is no finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindingProblem {
    /// A member that every finding has.
    #[error("the finding has no `{0}`")]
    Missing(&'static str),
    /// `AwsAccountId` is none.
    #[error("the finding's `AwsAccountId` is no account: {0}")]
    Account(String),
}

/// Why a finding is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrichTrigger {
    /// It is new, or was changed, by us too: what is enriched already stays, which ends that loop.
    Imported,
    /// Somebody wants it, enriched already or not.
    CustomAction,
}

/// Whether a finding is to be enriched (`organization.md` E-1, E-2).
pub fn wants(finding: &Finding, trigger: EnrichTrigger) -> bool {
    match trigger {
        EnrichTrigger::Imported => finding.active && !finding.fields.contains_key(ENRICHED),
        EnrichTrigger::CustomAction => true,
    }
}

/// The findings of an event of Security Hub, each with its row, or why it is none.
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

/// Reads a finding; `region` is the one where its event comes from, for a finding that names none.
///
/// # Errors
/// It is no finding.
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
