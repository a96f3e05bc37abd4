//! Stated quotas, evaluations, functions and invitations.

use super::Loader;
use crate::core::state::SimState;
use crate::organization::StatedInvitation;

impl Loader<'_> {
    pub(super) fn stated(&self, state: &mut SimState) {
        state.quotas.clone_from(&self.file.quotas);
        state
            .config_evaluations
            .clone_from(&self.file.config_evaluations);
        for evaluation in &mut state.config_evaluations {
            evaluation.account = self.account(&evaluation.account);
        }
        state.functions.clone_from(&self.file.functions);
        for function in &mut state.functions {
            function.account = self.account(&function.account);
            for with in &mut function.shared_with {
                *with = self.account(with);
            }
        }
    }

    pub(super) fn invitations(&self) -> Vec<StatedInvitation> {
        let all = self.file.organization.invitations.iter();
        let by_id = all.map(|row| StatedInvitation {
            account: self.account(&row.account),
            ..row.clone()
        });
        by_id.collect()
    }
}
