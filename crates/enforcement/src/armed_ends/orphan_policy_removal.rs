use std::collections::BTreeSet;

use super::armer::{EndArmer, EndArmerReport, seen_policy};
use super::leaving::{Left, done, left};
use super::observed::Act;
use super::statement::{Denial, account_of_name, policy_name};
use super::wanted::is_spent;
use crate::ports::PolicyRow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AccountEnds {
    Open,
    None,
}

impl EndArmer {
    /// Removes Hallpass policies without a stored end, left by a stop between detach and delete or
    /// by a lost store. Only policies without effect are removed. In an account with ends, these
    /// are extra unattached ones: the first is reused by name.
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
        // unattached policies deny nothing; attached ones of open ends are processed with them
        let refuses = !targets.is_empty()
            && match ends {
                AccountEnds::Open => true,
                AccountEnds::None => !seen.parts.denials.iter().all(is_spent),
            };
        if !seen.parts.foreign.is_empty() || refuses {
            return Ok(false);
        }
        match ends {
            // target listings lag: AWS refuses to delete an attached policy, and it is not detached
            // here
            AccountEnds::Open => done(self.keeper.organization.delete_policy(&row.id).await)?,
            AccountEnds::None => {
                let id = row.id.clone();
                self.act(account, &Act::Remove { id }).await?;
            }
        }
        Ok(true)
    }
}
