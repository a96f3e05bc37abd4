//! Finds foreign statements in Hallpass's policies: each account is checked once per executor, and
//! again while a finding remains, with or without an enforced expiry.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;

use super::armer::EndArmer;
use super::foreign::{ForeignStatements, NotOurs};
use super::leaving::Left;
use super::observed::not_ours;
use super::statement::account_of_name;
use super::{ArmedEnd, WhyNotArmed};

/// Accounts per tick, so that due work is not delayed.
const LOOKS_MAX: usize = 5;

impl EndArmer {
    pub(super) async fn look_for_others(
        &self,
        accounts: &mut BTreeMap<String, Vec<ArmedEnd>>,
        now: Timestamp,
    ) {
        let Some(desk) = self.foreign.as_deref() else {
            return;
        };
        self.list_ours(desk, now).await;
        for account in desk.due(now, LOOKS_MAX) {
            let ends = accounts.get(&account).map_or(&[][..], Vec::as_slice);
            match self.look(&account).await {
                Ok(seen) => desk.note(&account, not_ours(&seen, ends, now), now),
                Err(Left::NoAccount(_)) => desk.note(&account, NotOurs::default(), now),
                Err(_) => {
                    desk.rest(now);
                    break;
                }
            }
        }
        for account in desk.take_freed() {
            for end in accounts.get_mut(&account).into_iter().flatten() {
                let waited =
                    { end.not_armed() }.is_some_and(|it| it.why == WhyNotArmed::ForeignStatement);
                if waited {
                    end.due = end.due.min(now);
                }
            }
        }
    }

    async fn list_ours(&self, desk: &ForeignStatements, now: Timestamp) {
        if !desk.is_to_be_listed(now) {
            return;
        }
        if !self.settings.is_on {
            return desk.list(BTreeSet::new());
        }
        match self.keeper.organization.policies().await {
            Ok(all) => {
                let ours = all.iter().filter_map(|row| account_of_name(&row.name));
                desk.list(ours.map(str::to_owned).collect());
            }
            Err(_) => desk.rest(now),
        }
    }
}
