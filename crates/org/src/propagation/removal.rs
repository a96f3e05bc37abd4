//! Removes policies of this and earlier measurements until AWS no longer lists them.

use std::collections::BTreeSet;
use std::time::Duration;

use hallpass_base::{AccountId, Clock, TimeSpan};
use hallpass_enforcement::{Organization, OrganizationFault, PolicyText};
use hallpass_plans::Sleeper;

use super::statement::{account_of_name, is_ours};

const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// Retry limit.
const TRIED_FOR: TimeSpan = TimeSpan::minutes(3);
/// Search time after a creation without an answer: the call may still be applied, and listings lag.
const LOST_FOR: TimeSpan = TimeSpan::seconds(15);
/// AWS refuses a deletion until the detachment is processed.
const IN_USE: &str = "PolicyInUseException";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Made {
    Nothing,
    Unknown,
    Policy(String),
}

enum NotRemoved {
    Passing(String),
    Lasting(String),
}

fn not_removed(fault: OrganizationFault) -> NotRemoved {
    match fault {
        OrganizationFault::Refused { ref code, .. } if code != IN_USE => {
            NotRemoved::Lasting(fault.to_string())
        }
        fault => NotRemoved::Passing(fault.to_string()),
    }
}

fn gone(done: Result<(), OrganizationFault>) -> Result<(), NotRemoved> {
    match done {
        Ok(()) | Err(OrganizationFault::NotThere { .. }) => Ok(()),
        Err(fault) => Err(not_removed(fault)),
    }
}

pub(super) struct Removal<'a> {
    pub(super) organization: &'a dyn Organization,
    pub(super) clock: &'a dyn Clock,
    pub(super) sleeper: &'a dyn Sleeper,
    pub(super) account: &'a AccountId,
}

impl Removal<'_> {
    /// # Errors
    /// Why a policy may remain.
    pub(super) async fn run(&self, made: &Made) -> Result<(), String> {
        let until = TRIED_FOR.after(self.clock.now());
        let quiet_for = match made {
            Made::Unknown => LOST_FOR,
            Made::Nothing | Made::Policy(_) => TimeSpan::ZERO,
        };
        let (mut deleted, mut quiet_since) = (BTreeSet::new(), None);
        loop {
            let why = match self.once(made, &mut deleted).await {
                Ok(false) => {
                    let now = self.clock.now();
                    if quiet_for.after(*quiet_since.get_or_insert(now)) <= now {
                        return Ok(());
                    }
                    "it is not known whether AWS made the policy".to_owned()
                }
                Ok(true) => {
                    quiet_since = None;
                    "AWS shows the policy still".to_owned()
                }
                Err(NotRemoved::Passing(why)) => why,
                Err(NotRemoved::Lasting(why)) => return Err(why),
            };
            if self.clock.now() >= until {
                return Err(why);
            }
            self.sleeper.sleep(LOOK_PAUSE).await;
        }
    }

    async fn once(&self, made: &Made, deleted: &mut BTreeSet<String>) -> Result<bool, NotRemoved> {
        let rows = self.organization.policies().await.map_err(not_removed)?;
        let named = rows
            .into_iter()
            .filter_map(|row| Some((row.id, account_of_name(&row.name)?)));
        let mut seen: Vec<(String, AccountId)> = named.collect();
        if let Made::Policy(id) = made
            && !deleted.contains(id)
            && !seen.iter().any(|(other, _)| other == id)
        {
            seen.push((id.clone(), self.account.clone()));
        }
        let mut was_there = false;
        for (id, account) in seen {
            was_there |= self.remove(&id, &account, made, deleted).await?;
        }
        Ok(was_there)
    }

    async fn remove(
        &self,
        id: &str,
        account: &AccountId,
        made: &Made,
        deleted: &mut BTreeSet<String>,
    ) -> Result<bool, NotRemoved> {
        match self.organization.policy(id).await.map_err(not_removed)? {
            Some(found) if is_ours(&found.content, account) => {}
            Some(found) => return self.leave(&found, account),
            // not listed yet, or already removed
            None if *made == Made::Policy(id.to_owned()) && !deleted.contains(id) => {}
            None => return Ok(false),
        }
        gone(self.organization.detach(id, account.as_str()).await)?;
        gone(self.organization.delete_policy(id).await)?;
        deleted.insert(id.to_owned());
        Ok(true)
    }

    /// Keeps a foreign text.
    fn leave(&self, found: &PolicyText, account: &AccountId) -> Result<bool, NotRemoved> {
        if account != self.account {
            return Ok(false);
        }
        Err(NotRemoved::Lasting(format!(
            "policy `{}` has a text not written by Hallpass: check its purpose, and delete it",
            found.row.name
        )))
    }
}
