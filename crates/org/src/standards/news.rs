//! News about accounts that differ from the file, and about reverted changes (`organization.md`
//! S-8). Facts only, without wording.

use std::collections::BTreeMap;

use hallpass_base::{AccountId, Timestamp};
use hallpass_enforcement::standards_visits::{
    ChangeAuthor, ChangedThing, StandardsChange, StandardsVisit,
};
use hallpass_plans::PlanId;

use super::allowed::LeftAlone;
use super::compare::ComparedHub;
use super::facts::{HubLook, StandardsFacts};
use super::file::ControlStatus;
use super::names::short_name;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountDifference {
    pub account: AccountId,
    pub changes: Vec<StandardsChange>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandardsNews {
    /// An account was given up, or failed.
    Stuck { visit: StandardsVisit, why: String },
    /// The file has unknown names: it changes nothing.
    Unusable {
        hash: String,
        /// With line numbers.
        why: String,
    },
    /// Accounts differ, and stay unchanged.
    Differs {
        accounts: Vec<AccountDifference>,
        why: LeftAlone,
        at: Timestamp,
    },
    /// An account was reverted to the file.
    PutBack {
        account: AccountId,
        plan: PlanId,
        changes: Vec<StandardsChange>,
    },
}

impl ComparedHub {
    pub(super) fn changes(&self, facts: &StandardsFacts) -> Vec<StandardsChange> {
        let of = |what, wanted_on| StandardsChange {
            region: self.region.clone(),
            what,
            wanted_on,
            author: ChangeAuthor::NotAsked,
        };
        let standard = |arn: &String| ChangedThing::Standard(short_name(arn).to_owned());
        let hub = self.enable_hub.then(|| of(ChangedThing::Hub, true));
        let on = self.enable.iter().map(|it| of(standard(it), true));
        let off = self.disable.iter().map(|it| of(standard(it), false));
        let key = (self.account.clone(), self.region.clone());
        let seen = facts.hubs.get(&key);
        let controls = self.updates.iter().map(|it| {
            let key = (it.standard.clone(), it.control.clone());
            let found = match seen {
                Some(HubLook::Seen(hub)) => hub.associations.get(&key),
                Some(HubLook::Skipped(_) | HubLook::Blocked(_) | HubLook::Unread(_)) | None => None,
            };
            let what = ChangedThing::Control {
                standard: short_name(&it.standard).to_owned(),
                control: it.control.clone(),
                reason: found.and_then(|it| it.reason.clone()),
            };
            of(what, it.status == ControlStatus::Enabled)
        });
        let named = self.named.iter().map(|it| {
            let of_all = || "each standard".to_owned();
            let what = ChangedThing::Control {
                standard: it
                    .standards
                    .as_ref()
                    .map_or_else(of_all, |it| it.join(", ")),
                control: it.name.clone(),
                reason: None,
            };
            of(what, it.status == ControlStatus::Enabled)
        });
        let controls = controls.chain(named);
        let all = hub.into_iter().chain(on).chain(controls).chain(off);
        all.collect()
    }
}

/// Differing accounts by the reason to leave them.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<LeftAlone, Vec<AccountDifference>>);

impl Told {
    pub(super) fn add(
        &mut self,
        why: LeftAlone,
        account: AccountId,
        changes: Vec<StandardsChange>,
    ) {
        if !changes.is_empty() || why == LeftAlone::Policies {
            let rows = self.0.entry(why).or_default();
            rows.push(AccountDifference { account, changes });
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        for (why, mut accounts) in other.0 {
            self.0.entry(why).or_default().append(&mut accounts);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One piece of news per reason.
    pub(super) fn news(self, at: Timestamp) -> impl Iterator<Item = StandardsNews> {
        let all = self.0.into_iter();
        all.map(move |(why, accounts)| StandardsNews::Differs { accounts, why, at })
    }
}
