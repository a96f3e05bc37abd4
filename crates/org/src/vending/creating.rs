//! The account creation step. It cannot be undone, so it checks that the account's purpose still
//! exists, and the result of requests without an answer.

use std::sync::Arc;

use hallpass_base::Clock;
use hallpass_plans::{Class, Effect, Retry, SentBefore, StepError, StepProbe, Verify, WriteAnswer};

use super::known::{ListingAge, SeenAccounts};
use super::listed::KnownAccount;
use super::plan::{DesiredAccount, NamedUnit};
use super::ports::{AccessNeeds, AccountAdmin, AccountCreation, AccountRequest, NewAccount};
use super::requests::asked_by_us;
use crate::retrying::UnsafeWrite;
use crate::steps::{setback, stored};

/// Failure code after AWS accepted the creation.
pub(crate) const CREATION_FAILED: &str = "CreateAccount";
/// AWS's code for a used address.
const EMAIL_TAKEN: &str = "EMAIL_ALREADY_EXISTS";

pub(super) struct AccountMaking {
    pub(super) admin: Arc<dyn AccountAdmin>,
    pub(super) needs: Arc<dyn AccessNeeds>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) seen: Arc<SeenAccounts>,
}

enum OwnRequests {
    /// In progress or done: its id.
    Goes(String),
    /// The newest failed because of a used address.
    Taken,
    /// No request, or only failed ones.
    Nothing,
}

fn blocked(reason: String) -> StepProbe {
    StepProbe::Blocked { reason }
}

impl AccountMaking {
    /// For a plan: all rows share one listing.
    pub(super) async fn look(&self, wish: &DesiredAccount) -> Result<StepProbe, StepError> {
        let there = self
            .seen
            .listed(&wish.account.email, ListingAge::Run)
            .await?;
        Ok(there.map_or(StepProbe::Absent, |it| judged(wish, &it)))
    }

    pub(super) async fn look_again(
        &self,
        wish: &DesiredAccount,
        sent: &SentBefore,
    ) -> Result<StepProbe, StepError> {
        if let Some(id) = &wish.there {
            return Ok(match self.account(id).await? {
                Some(there) => judged(wish, &there),
                None => blocked(format!("account {id} no longer exists")),
            });
        }
        let mut age = ListingAge::Run;
        if !sent.at.is_empty() {
            match self.own_requests(&wish.account, sent).await? {
                OwnRequests::Goes(remote) => return Ok(StepProbe::InProgress { remote }),
                OwnRequests::Taken if sent.in_this_run => {
                    return self.taken(wish).await;
                }
                OwnRequests::Taken => {}
                OwnRequests::Nothing => {
                    UnsafeWrite::CreateAccount.may_repeat(sent, self.clock.now())?;
                }
            }
            age = ListingAge::Now;
        }
        if let Some(there) = self.seen.listed(&wish.account.email, age).await? {
            return Ok(judged(wish, &there));
        }
        Ok(match self.gap(wish).await? {
            Some(reason) => blocked(reason),
            None => StepProbe::Absent,
        })
    }

    async fn account(&self, id: &str) -> Result<Option<KnownAccount>, StepError> {
        self.admin.account(id).await.map_err(setback)
    }

    /// Finds answered requests, and those that AWS accepted around a write without an answer
    /// (`organization.md` V-9).
    async fn own_requests(
        &self,
        wanted: &NewAccount,
        sent: &SentBefore,
    ) -> Result<OwnRequests, StepError> {
        let all = self.admin.requests().await.map_err(setback)?;
        let is_own = |it: &AccountRequest| it.name == wanted.name && asked_by_us(it, sent);
        let mut own: Vec<AccountRequest> = all.into_iter().filter(is_own).collect();
        own.sort_by_key(|it| it.at);
        for request in own.iter().rev() {
            let goes = match &request.state {
                AccountCreation::InProgress => true,
                AccountCreation::Succeeded { account } => {
                    // created, but not readable yet: keep polling its request
                    let made = self.account(account).await?;
                    made.is_none_or(|it| it.email.eq_ignore_ascii_case(&wanted.email))
                }
                AccountCreation::Failed { .. } => false,
            };
            if goes {
                return Ok(OwnRequests::Goes(request.id.clone()));
            }
        }
        Ok(match own.last().map(|it| &it.state) {
            Some(AccountCreation::Failed { reason }) if reason == EMAIL_TAKEN => OwnRequests::Taken,
            _ => OwnRequests::Nothing,
        })
    }

    /// Finds the owner of a used address.
    async fn taken(&self, wish: &DesiredAccount) -> Result<StepProbe, StepError> {
        let email = &wish.account.email;
        match self.seen.listed(email, ListingAge::Now).await? {
            Some(there) => Ok(judged(wish, &there)),
            None => Err(StepError::failed(CREATION_FAILED, EMAIL_TAKEN)),
        }
    }

    async fn gap(&self, wish: &DesiredAccount) -> Result<Option<String>, StepError> {
        if let Some(unit) = &wish.unit
            && let Some(reason) = self.unit_gap(unit).await?
        {
            return Ok(Some(reason));
        }
        for access in &wish.access {
            let missing = self.needs.missing(access).await.map_err(setback)?;
            if let Some(what) = missing {
                return Ok(Some(format!("{what} no longer exists")));
            }
        }
        Ok(None)
    }

    /// Why the account cannot move to its unit any more.
    pub(super) async fn unit_gap(&self, unit: &NamedUnit) -> Result<Option<String>, StepError> {
        let name = self.admin.unit_name(&unit.id).await.map_err(setback)?;
        Ok(match name {
            None => Some(format!(
                "unit `{}` ({}) no longer exists",
                unit.name, unit.id
            )),
            Some(name) if name != unit.name => Some(format!(
                "unit {} is called `{name}` by now, and was `{}`",
                unit.id, unit.name
            )),
            Some(_) => None,
        })
    }

    pub(super) async fn create(&self, wish: &DesiredAccount) -> Result<WriteAnswer, StepError> {
        let sent = self.admin.create(&wish.account).await;
        let remote = sent.map_err(setback)?;
        Ok(WriteAnswer::Accepted { remote })
    }

    pub(super) async fn progress(
        &self,
        wish: &DesiredAccount,
        remote: &str,
    ) -> Result<Verify, StepError> {
        let wanted = &wish.account;
        let account = match self.admin.creation(remote).await.map_err(setback)? {
            AccountCreation::InProgress => return Ok(Verify::Running),
            AccountCreation::Failed { reason } => return Ok(not_made(reason)),
            AccountCreation::Succeeded { account } => account,
        };
        Ok(match self.account(&account).await? {
            None => Verify::Running,
            Some(made) if made.email.eq_ignore_ascii_case(&wanted.email) => {
                self.seen.note_made(&wanted.email, &account);
                done(wanted, &account)
            }
            Some(_) => Verify::Again(Retry::new(
                Class::Conflict,
                format!("{account} was made outside Hallpass, with the same name"),
            )),
        })
    }
}

/// An account with the wanted address satisfies the step only if it is known to belong to it.
fn judged(wish: &DesiredAccount, there: &KnownAccount) -> StepProbe {
    let wanted = &wish.account;
    if !there.email.eq_ignore_ascii_case(&wanted.email) {
        return blocked(format!(
            "account {} has another address by now: {}",
            there.id, there.email
        ));
    }
    if !there.active {
        return blocked(format!(
            "account {} has the address, and is closed or suspended",
            there.id
        ));
    }
    if wish.there.as_ref() == Some(&there.id) {
        return if there.name == wanted.name {
            StepProbe::Satisfied
        } else {
            blocked(format!(
                "account {} is called {} by now",
                there.id, there.name
            ))
        };
    }
    let reason = if there.name == wanted.name {
        format!(
            "{} in use by account {}, which this plan did not make; `--adopt` takes it on",
            super::file::ACCOUNT_EMAIL,
            there.id
        )
    } else {
        format!(
            "{} in use by account {}, which is called {}",
            super::file::ACCOUNT_EMAIL,
            there.id,
            there.name
        )
    };
    blocked(reason)
}

fn not_made(reason: String) -> Verify {
    match reason.as_str() {
        "CONCURRENT_ACCOUNT_MODIFICATION" => Verify::Again(Retry::new(Class::Conflict, reason)),
        // possibly an own call without an answer: the next look decides
        "INTERNAL_FAILURE" | EMAIL_TAKEN => Verify::Again(Retry::new(Class::Throttle, reason)),
        _ => Verify::Setback(StepError::failed(CREATION_FAILED, &reason)),
    }
}

fn done(wanted: &NewAccount, account: &str) -> Verify {
    let mut new = stored(wanted);
    if let Some(members) = new.as_object_mut() {
        members.insert("account".to_owned(), account.into());
    }
    Verify::Done(Effect {
        new,
        requests: Vec::new(),
    })
}
