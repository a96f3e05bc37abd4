//! Who may say yes to what a rule asks about (`organization.md` R-3).

use std::collections::BTreeSet;

use hallpass_model::Email;
use serde::Deserialize;

use crate::conditions::Conditions;
use crate::deviation::Deviation;
use crate::rules::RuleFile;

/// How the name of a group begins.
const GROUP: &str = "group:";

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

impl RuleFile {
    /// Whom the file names for a deviation in an account of that OU: all entries that are for it together; `None` where
    /// none is, and administrators are asked.
    pub fn approvers_of(&self, it: &Deviation, unit: &str) -> Option<Vec<String>> {
        let fits = |entry: &&ApproverEntry| entry.matches.hold_whoever_says(it, unit);
        let people: Vec<String> = self
            .approvers
            .iter()
            .filter(fits)
            .flat_map(|entry| entry.people.iter().cloned())
            .collect();
        (!people.is_empty()).then_some(people)
    }

    /// Everybody whom the file names.
    pub fn everybody_asked(&self) -> Vec<String> {
        let people = self.approvers.iter().flat_map(|entry| &entry.people);
        people.cloned().collect()
    }

    /// The groups that the file names: their members have to be known.
    pub fn approver_groups(&self) -> BTreeSet<String> {
        let people = self.approvers.iter().flat_map(|entry| &entry.people);
        let groups = people.filter_map(|it| it.strip_prefix(GROUP));
        groups.map(str::to_owned).collect()
    }
}
