//! A sweep without storage: present access, and a run's planned actions.

use std::collections::BTreeSet;

use hallpass_base::HoldKey;

use super::{Access, AccessError};
use crate::{Directory, Findings, GroupSyncSettings, MayAct, StandingScope, SweepReach};

#[derive(Clone, Debug)]
pub struct StandingSurvey {
    pub found: Findings,
    /// Items outside `access.sweep.scope`: no sweep reports or ends them.
    pub out_of_scope: BTreeSet<HoldKey>,
}

impl Access {
    /// Returns the scope of a sweep. Excludes attribute-based groups; if one cannot be resolved,
    /// excludes all groups.
    pub(super) fn sweep_scope(&self, reach: SweepReach, directory: &Directory) -> StandingScope {
        let settings = &self.settings;
        let out_of_reach = settings.out_of_reach.as_ref();
        let scope = StandingScope::new(reach, &self.rules(), directory, out_of_reach);
        let sync = settings.group_sync.as_ref();
        let refs = sync.map(GroupSyncSettings::group_refs).unwrap_or_default();
        let managed = refs.iter().map(|it| directory.resolve_group(it));
        match managed.collect::<Option<Vec<_>>>() {
            Some(managed) => scope.without_groups(managed.iter().map(|group| &group.id)),
            None => scope.without_any_group(),
        }
    }

    /// Surveys all accounts, sets and groups regardless of the scope, and stores and plans nothing.
    ///
    /// # Errors
    /// If AWS or the store fails.
    pub async fn survey(&self) -> Result<StandingSurvey, AccessError> {
        let directory = self.directory_for_sweep().await?;
        let scope = self.sweep_scope(SweepReach::All, &directory);
        let before = self.held(self.now()).await?;
        let listing = self.read_standing(&scope).await;
        let known = self.known(&before, listing.began).await?;
        let sweep = self.step().sweep_id();
        let found = self.findings(sweep, &scope, &listing, &known, &directory, MayAct::No);
        let swept = self.sweep_scope(self.settings.sweep.reach, &directory);
        let keys = found.items.iter().map(|item| &item.key);
        let out_of_scope = keys.filter(|key| !swept.contains(&key.target));
        Ok(StandingSurvey {
            out_of_scope: out_of_scope.cloned().collect(),
            found,
        })
    }
}
