//! Who may say yes to what a rule asks about (`organization.md` R-3).

use hallpass_base::Email;
use serde::Deserialize;

use crate::remediation::conditions::Conditions;

/// How the name of a group begins.
pub(crate) const GROUP: &str = "group:";

/// People, and what they may say yes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApproverEntry {
    /// `group:NAME`, or the e-mail address of a person.
    pub people: Vec<String>,
    /// What they are asked about; everything where it is empty.
    pub matches: Conditions,
}

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApproverForm {
    people: Vec<String>,
    #[serde(default, rename = "match")]
    matches: Conditions,
}

/// Reads the entry that is the `number`th, from 1.
pub(crate) fn read_approvers(number: usize, form: ApproverForm) -> Result<ApproverEntry, String> {
    if form.people.is_empty() {
        return Err(format!("approvers {number}: `people` names nobody"));
    }
    let is_somebody = |it: &String| match it.strip_prefix(GROUP) {
        Some(name) => !name.trim().is_empty(),
        None => Email::new(it).is_ok(),
    };
    if let Some(bad) = form.people.iter().find(|it| !is_somebody(it)) {
        return Err(format!(
            "approvers {number}: `{bad}` is neither `group:NAME` nor an e-mail address"
        ));
    }
    Ok(ApproverEntry {
        people: form.people,
        matches: form.matches,
    })
}
