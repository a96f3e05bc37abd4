//! Takes policies of ours away that nobody stored any more.

use std::collections::BTreeSet;

use super::armer::{EndArmer, EndArmerReport, seen_policy};
use super::leaving::{Left, left};
use super::observed::Act;
use super::statement::{Denial, account_of_name};
use super::wanted::is_spent;
use crate::ports::PolicyRow;

impl EndArmer {
    /// Policies called as ours that nothing stored is about: left by a stop between detaching and deleting, or by a store
    /// that was lost. Only what can refuse nothing any more goes.
    pub(super) async fn remove_litter(
        &self,
        known: &BTreeSet<String>,
        report: &mut EndArmerReport,
    ) {
        let Ok(all) = self.keeper.organization.policies().await else {
            return;
        };
        for row in all {
            let Some(account) = account_of_name(&row.name) else {
                continue;
            };
            if known.contains(account) {
                continue;
            }
            match self.remove_if_spent(account, &row).await {
                Ok(true) => report.acts += 1,
                Ok(false) | Err(Left::Unseen | Left::Moved | Left::NotStored(_)) => {}
                Err(Left::Passing(why) | Left::Silent(why)) => {
                    report.delayed.push((account.to_owned(), why));
                }
                Err(Left::Refused(why) | Left::TooLong(why) | Left::NoAccount(why)) => {
                    report.failed.push((account.to_owned(), why));
                }
            }
        }
    }

    async fn remove_if_spent(&self, account: &str, row: &PolicyRow) -> Result<bool, Left> {
        let Some(policy) = self
            .keeper
            .organization
            .policy(&row.id)
            .await
            .map_err(left)?
        else {
            return Ok(false);
        };
        let seen = seen_policy(&policy.row, policy.content)?;
        let now = self.keeper.clock.now();
        let is_spent = |denial: &Denial| is_spent(denial, now);
        let targets = match self.keeper.organization.targets_of(&row.id).await {
            Ok(targets) => targets,
            Err(fault) => return Err(left(fault)),
        };
        // what is attached nowhere refuses nobody
        let refuses = !targets.is_empty() && !seen.parts.denials.iter().all(is_spent);
        if !seen.parts.foreign.is_empty() || refuses {
            return Ok(false);
        }
        let id = row.id.clone();
        self.act(account, &Act::Remove { id }, &BTreeSet::new())
            .await?;
        Ok(true)
    }
}
