//! Builds an update from a finding, account data and settings.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::account::AccountFacts;
use crate::finding::Finding;
use crate::settings::EnrichSettings;
use crate::text::is_blank;
use crate::{fields, note};

const OUTSIDE: &str = "OUTSIDE_ORGANIZATION";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FindingUpdate {
    /// `None` keeps the existing note.
    pub note: Option<WrittenNote>,
    /// Complete fields after the update.
    pub fields: BTreeMap<String, String>,
    /// Security Hub's spelling; `None` keeps the status.
    pub workflow: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WrittenNote {
    pub text: String,
    pub updated_by: String,
}

impl FindingUpdate {
    /// Members of `BatchUpdateFindings`.
    pub(crate) fn members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("UserDefinedFields".to_owned(), json!(self.fields));
        if let Some(note) = &self.note {
            let note = json!({ "Text": note.text, "UpdatedBy": note.updated_by });
            members.insert("Note".to_owned(), note);
        }
        if let Some(status) = self.workflow {
            members.insert("Workflow".to_owned(), json!({ "Status": status }));
        }
        members
    }
}

/// Builds an update (`organization.md` E-5 to E-8, E-10).
pub fn update_of(
    finding: &Finding,
    facts: &AccountFacts,
    settings: &EnrichSettings,
) -> FindingUpdate {
    let (own, words) = own_parts(finding, facts);
    let tags = match facts {
        AccountFacts::Member(account) => account.tags.as_slice(),
        AccountFacts::Outside => &[],
    };
    let text = note::merged(&words, finding.note.as_ref(), settings);
    FindingUpdate {
        note: text.map(|text| WrittenNote {
            text,
            updated_by: settings.updated_by.clone(),
        }),
        fields: fields::merged(&own, &finding.fields, tags, settings),
        workflow: None,
    }
}

/// Minimal update without note and tags, if Security Hub refuses more (`organization.md` E-9).
pub(crate) fn least_update(finding: &Finding, facts: &AccountFacts) -> FindingUpdate {
    let (own, _) = own_parts(finding, facts);
    FindingUpdate {
        note: None,
        fields: fields::with_existing(&own, &finding.fields),
        workflow: None,
    }
}

/// Builds a remediation's update: a note by the same rules, fields next to the existing ones, and a
/// workflow status if we may set it (`organization.md` R-6).
pub fn annotation(
    finding: &Finding,
    note: &str,
    own: &BTreeMap<String, String>,
    workflow: Option<&'static str>,
    settings: &EnrichSettings,
) -> FindingUpdate {
    let text = note::merged(&note::fitting(note), finding.note.as_ref(), settings);
    FindingUpdate {
        note: text.map(|text| WrittenNote {
            text,
            updated_by: settings.updated_by.clone(),
        }),
        fields: fields::beside(own, &finding.fields),
        workflow,
    }
}

fn own_parts(finding: &Finding, facts: &AccountFacts) -> (BTreeMap<String, String>, String) {
    let id = finding.account.as_str();
    let or_id = |name: &str| {
        if is_blank(name) {
            id.to_owned()
        } else {
            name.to_owned()
        }
    };
    match facts {
        AccountFacts::Member(account) => {
            let name = or_id(&account.name);
            let unit = if is_blank(&account.unit) {
                "-"
            } else {
                &account.unit
            };
            let contact = account.contact.as_ref();
            let words = contact.map(crate::account::SecurityContact::words);
            let own = fields::own(&name, unit, words.as_deref());
            (own, note::own(&name, unit, &account.tags, contact))
        }
        AccountFacts::Outside => {
            let name = or_id(finding.account_name.as_deref().unwrap_or_default());
            (
                fields::own(&name, OUTSIDE, None),
                note::own(&name, OUTSIDE, &[], None),
            )
        }
    }
}
