//! Takes policies of ours away that nobody stored any more.

use std::collections::BTreeSet;

use super::armer::{EndArmer, EndArmerReport, seen_policy};
use super::leaving::{Left, done, left};
use super::observed::Act;
use super::statement::{Denial, account_of_name, policy_name};
use super::wanted::is_spent;
use crate::ports::PolicyRow;

/// Whether an account has ends that are not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AccountEnds {
    Open,
    None,
}

impl EndArmer {
    /// Policies called as ours that nothing stored is about: left by a stop between detaching and deleting, or by a store
    /// that was lost. Only what can refuse nothing any more goes. In an account with ends, that is a further policy which is
    /// attached nowhere: the first is found by its name when it is written.
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
            let ends = if known.contains(account) {
                AccountEnds::Open
            } else {
                AccountEnds::None
            };
            if ends == AccountEnds::Open && row.name == policy_name(account, 0) {
                continue;
            }
            match self.remove_if_spent(account, &row, ends).await {
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

    async fn remove_if_spent(
        &self,
        account: &str,
        row: &PolicyRow,
        ends: AccountEnds,
    ) -> Result<bool, Left> {
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
        // what is attached nowhere refuses nobody; what is attached where ends are open is tended with them
        let refuses = !targets.is_empty()
            && match ends {
                AccountEnds::Open => true,
                AccountEnds::None => !seen.parts.denials.iter().all(is_spent),
            };
        if !seen.parts.foreign.is_empty() || refuses {
            return Ok(false);
        }
        match ends {
            // listings of what it is attached to are late: AWS deletes nothing that is, and it is not detached for that
            AccountEnds::Open => done(self.keeper.organization.delete_policy(&row.id).await)?,
            AccountEnds::None => {
                let id = row.id.clone();
                self.act(account, &Act::Remove { id }).await?;
            }
        }
        Ok(true)
    }
}
