//! Open approvals of a pending request, for all channels and reminders: by current rules if
//! evaluated, else by those at the request.

use std::collections::BTreeSet;

use hallpass_base::Email;
use hallpass_rules::{ApprovalHours, ApprovalsOpen, StageProgress};

use super::Request;
use crate::Actor;

impl Request {
    /// Users whose approval helps.
    pub fn deciders(&self) -> BTreeSet<Email> {
        match &self.outstanding {
            Some(found) => found.helpers.clone(),
            None => self.who_has_not_given(&self.decided.approvers),
        }
    }

    /// Current approvers if evaluated while pending, else those at the request.
    pub fn approvers(&self) -> Vec<Email> {
        match &self.outstanding {
            Some(found) => found.helpers.iter().cloned().collect(),
            None => self.decided.approvers.clone(),
        }
    }

    pub fn still_asked(&self) -> Vec<Email> {
        let asked = match &self.outstanding {
            Some(found) => found.notify.clone(),
            None => self.who_has_not_given(&self.decided.notify),
        };
        asked.into_iter().collect()
    }

    pub fn is_helped_by(&self, actor: &Actor) -> bool {
        let found = self.outstanding.as_ref();
        let user = actor.user.as_ref();
        found.is_some_and(|found| user.is_some_and(|user| found.users.contains(user)))
    }

    /// Counting and needed approvals. Excludes those that fill no stage.
    pub fn approvals(&self) -> (u32, u32) {
        match &self.outstanding {
            Some(found) if found.needed > 0 => (found.given, found.needed),
            // Today's rules have no approver: report the original need.
            Some(_) | None => {
                let given = u32::try_from(self.reviewers().len()).unwrap_or(u32::MAX);
                (given, self.decided.approvals_needed)
            }
        }
    }

    /// At least one, even if an action just has to decide.
    pub fn approvals_lacking(&self) -> u32 {
        let (given, needed) = self.approvals();
        needed.saturating_sub(given).max(1)
    }

    pub fn stages(&self) -> &[StageProgress] {
        let found = self.outstanding.as_ref();
        found
            .map(|found| found.stages.as_slice())
            .unwrap_or_default()
    }

    pub fn approval_hours(&self) -> &[ApprovalHours] {
        let found = self.outstanding.as_ref();
        found
            .map(|found| found.hours.as_slice())
            .unwrap_or_default()
    }

    pub fn approvals_open(&self) -> ApprovalsOpen {
        let found = self.outstanding.as_ref();
        found.map_or(ApprovalsOpen::Now, |found| found.open)
    }

    /// Listed users without a counting approval. If enough count but the request is pending, any
    /// approver can decide, so all are listed.
    fn who_has_not_given(&self, list: &[Email]) -> BTreeSet<Email> {
        let given: BTreeSet<&Email> = self.reviewers().into_iter().map(|it| &it.by).collect();
        let needed = usize::try_from(self.decided.approvals_needed).unwrap_or(usize::MAX);
        let is_complete = given.len() >= needed && self.agreed_start().is_none();
        let asked = list.iter().filter(|it| is_complete || !given.contains(it));
        asked.cloned().collect()
    }
}
