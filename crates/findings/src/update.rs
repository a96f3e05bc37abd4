//! From a finding, what is known of its account, and settings to what is written.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::account::AccountFacts;
use crate::finding::Finding;
use crate::settings::EnrichSettings;
use crate::text::is_blank;
use crate::{fields, note};

/// The OU of an account that is not the organization's.
const OUTSIDE: &str = "OUTSIDE_ORGANIZATION";

/// What is written to a finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FindingUpdate {
    /// The note; `None`: the one that stands there stays.
    pub note: Option<WrittenNote>,
    /// All fields that the finding has afterwards.
    pub fields: BTreeMap<String, String>,
    /// Its workflow status, as Security Hub spells it; `None`: that stays.
    pub workflow: Option<&'static str>,
}

/// A note that is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WrittenNote {
    /// What it says.
    pub text: String,
    /// Who it says it is by.
    pub updated_by: String,
}

impl FindingUpdate {
    /// The members of `BatchUpdateFindings` that say it.
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

/// What is written to a finding (`organization.md` E-5 to E-8, E-10).
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

/// What is written where Security Hub takes no more: no note, no tags (`organization.md` E-9).
pub(crate) fn least_update(finding: &Finding, facts: &AccountFacts) -> FindingUpdate {
    let (own, _) = own_parts(finding, facts);
    FindingUpdate {
        note: None,
        fields: fields::with_existing(&own, &finding.fields),
        workflow: None,
    }
}

/// What is written to a finding by whoever did something about it: a note by the same rules, its own fields beside
/// all that stand there, and a workflow status, where that is ours to set (`organization.md` R-6).
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

/// Our own fields, and our note.
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
