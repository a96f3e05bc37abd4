//! Approvers of remediations (`organization.md` R-3).

use hallpass_base::Email;
use serde::Deserialize;

use crate::remediation::conditions::Conditions;

pub(crate) const GROUP: &str = "group:";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApproverEntry {
    pub people: Vec<String>,
    /// Everything if empty.
    pub matches: Conditions,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApproverForm {
    people: Vec<String>,
    #[serde(default, rename = "match")]
    matches: Conditions,
}

pub(crate) fn read_approvers(number: usize, form: ApproverForm) -> Result<ApproverEntry, String> {
    if form.people.is_empty() {
        return Err(format!("approvers {number}: `people` is empty"));
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
