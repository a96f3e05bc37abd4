//! A sweep that stores nothing: what stands now, and what a run would do about it.

use super::{Access, AccessError};
use crate::{Directory, Findings, MayAct, StandingScope, SweepReach};

impl Access {
    /// Where a sweep looks. Groups whose members follow attributes are compared with these instead.
    pub(super) fn sweep_scope(&self, reach: SweepReach, directory: &Directory) -> StandingScope {
        let settings = &self.settings;
        let out_of_reach = settings.out_of_reach.as_ref();
        let scope = StandingScope::new(reach, &self.rules(), directory, out_of_reach);
        let Some(sync) = &settings.group_sync else {
            return scope;
        };
        let refs = sync.group_refs();
        let managed = refs.iter().filter_map(|it| directory.resolve_group(it));
        scope.without_groups(managed.map(|group| &group.id))
    }

    /// Looks at everything in scope as a sweep would, and stores nothing. Nothing is planned by it.
    ///
    /// # Errors
    /// When neither AWS nor the store says what is there.
    pub async fn survey(&self) -> Result<Findings, AccessError> {
        let directory = self.directory_for_sweep().await?;
        let scope = self.sweep_scope(self.settings.sweep.reach, &directory);
        let before = self.held(self.now()).await?;
        let listing = self.read_standing(&scope).await;
        let known = self.known(&before, listing.began).await?;
        let read = (&scope, &listing);
        Ok(self.findings(self.step().sweep_id(), read, &known, &directory, MayAct::No))
    }
}
