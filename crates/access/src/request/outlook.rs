//! Whom a request that waits waits for. Every door and every reminder asks here: what was found by the rules of
//! now where somebody looked, else what the rules said when it was made.

use std::collections::BTreeSet;

use hallpass_base::Email;
use hallpass_rules::{ApprovalHours, ApprovalsOpen, StageProgress};

use super::Request;
use crate::Actor;

impl Request {
    /// Who could still say yes: those whose yes brings it nearer.
    pub fn deciders(&self) -> BTreeSet<Email> {
        match &self.outstanding {
            Some(found) => found.helpers.clone(),
            None => self.who_has_not_given(&self.decided.approvers),
        }
    }

    /// Who can approve it now, where somebody looked while it waits; else who could when it was made.
    pub fn approvers(&self) -> Vec<Email> {
        match &self.outstanding {
            Some(found) => found.helpers.iter().cloned().collect(),
            None => self.decided.approvers.clone(),
        }
    }

    /// Whom a reminder goes to.
    pub fn still_asked(&self) -> Vec<Email> {
        let asked = match &self.outstanding {
            Some(found) => found.notify.clone(),
            None => self.who_has_not_given(&self.decided.notify),
        };
        asked.into_iter().collect()
    }

    /// Whether the actor's yes brings it nearer, where somebody looked.
    pub fn is_helped_by(&self, actor: &Actor) -> bool {
        let found = self.outstanding.as_ref();
        let user = actor.user.as_ref();
        found.is_some_and(|found| user.is_some_and(|user| found.users.contains(user)))
    }

    /// How many approvals count towards it, and how many it needs. One that fills no stage is not among them.
    pub fn approvals(&self) -> (u32, u32) {
        match &self.outstanding {
            Some(found) if found.needed > 0 => (found.given, found.needed),
            // by today's rules nobody could approve it: what was wanted when it was made is told
            Some(_) | None => {
                let given = u32::try_from(self.reviewers().len()).unwrap_or(u32::MAX);
                (given, self.decided.approvals_needed)
            }
        }
    }

    /// How many more it needs, while it waits: one, also where enough are there and a press is to decide.
    pub fn approvals_lacking(&self) -> u32 {
        let (given, needed) = self.approvals();
        needed.saturating_sub(given).max(1)
    }

    /// Its stages, where somebody looked.
    pub fn stages(&self) -> &[StageProgress] {
        let found = self.outstanding.as_ref();
        found
            .map(|found| found.stages.as_slice())
            .unwrap_or_default()
    }

    /// When approvals of it may be given, where somebody looked.
    pub fn approval_hours(&self) -> &[ApprovalHours] {
        let found = self.outstanding.as_ref();
        found
            .map(|found| found.hours.as_slice())
            .unwrap_or_default()
    }

    /// Whether approvals of it may be given now, by its rules' hours for that.
    pub fn approvals_open(&self) -> ApprovalsOpen {
        let found = self.outstanding.as_ref();
        found.map_or(ApprovalsOpen::Now, |found| found.open)
    }

    /// Those of a list whose yes does not count yet. Where enough did and it waits all the same, whoever presses now
    /// decides: then nobody is left out.
    fn who_has_not_given(&self, list: &[Email]) -> BTreeSet<Email> {
        let given: BTreeSet<&Email> = self.reviewers().into_iter().map(|it| &it.by).collect();
        let needed = usize::try_from(self.decided.approvals_needed).unwrap_or(usize::MAX);
        let is_complete = given.len() >= needed && self.agreed_start().is_none();
        let asked = list.iter().filter(|it| is_complete || !given.contains(it));
        asked.cloned().collect()
    }
}
