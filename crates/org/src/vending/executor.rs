//! Carries single steps out: looks, sends one write, looks until it shows. Access is given by the steps of access
//! files and nothing else.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hallpass_access_files::AccessAction;
use hallpass_model::{AccountId, Clock, TimeSpan, Timestamp};
use hallpass_runner::{
    Class, Effect, PlanStep, Retry, StepError, StepExecutor, StepProbe, Undo, Verify, WriteAnswer,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::facts::KnownAccount;
use super::plan::{ASSIGN, AccessWish, AccountPlace, CREATE, MOVE, UNASSIGN};
use super::ports::{AccountAdmin, AccountCreation, NewAccount};
use super::tags::{AccountTags, TAG};
use crate::ports::OrganizationFault;
use crate::step_executor::setback;
use crate::steps::stored;

/// Under which a step fails whose account AWS began to make, and did not.
pub(crate) const CREATION_FAILED: &str = "CreateAccount";
/// AWS's word for an address that is taken.
const EMAIL_TAKEN: &str = "EMAIL_ALREADY_EXISTS";
/// How old a listing may be that is looked at again; after a write of ours it is read anew. Many rows are looked at
/// in one go, and an organization may have thousands of accounts.
const LISTING_AGE_MAX: TimeSpan = TimeSpan::seconds(2);

type AccountListing = Arc<Vec<KnownAccount>>;

/// Whoever carries the steps of lists of accounts out.
pub struct VendingStepExecutor {
    admin: Arc<dyn AccountAdmin>,
    access: Arc<dyn StepExecutor>,
    clock: Arc<dyn Clock>,
    /// The last listing, and when it was asked for.
    listed: Mutex<Option<(Timestamp, AccountListing)>>,
}

impl VendingStepExecutor {
    /// An executor over its ports; `access` carries the steps of access files out.
    pub fn new(
        admin: Arc<dyn AccountAdmin>,
        access: Arc<dyn StepExecutor>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            admin,
            access,
            clock,
            listed: Mutex::default(),
        }
    }

    async fn accounts(&self) -> Result<AccountListing, StepError> {
        let now = self.clock.now();
        let kept = self.remembered();
        if let Some((_, listing)) = kept.filter(|(at, _)| now < LISTING_AGE_MAX.after(*at)) {
            return Ok(listing);
        }
        let listing = Arc::new(self.admin.accounts().await.map_err(setback)?);
        self.remember(Some((now, Arc::clone(&listing))));
        Ok(listing)
    }

    fn remembered(&self) -> Option<(Timestamp, AccountListing)> {
        // every change is whole
        self.listed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn remember(&self, listing: Option<(Timestamp, AccountListing)>) {
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = listing;
    }

    async fn account_of(&self, email: &str) -> Result<Option<KnownAccount>, StepError> {
        let all = self.accounts().await?;
        let found = all.iter().find(|it| it.email.eq_ignore_ascii_case(email));
        Ok(found.cloned())
    }

    async fn look_create(&self, wanted: &NewAccount) -> Result<StepProbe, StepError> {
        if let Some(there) = self.account_of(&wanted.email).await? {
            return Ok(if there.name == wanted.name {
                StepProbe::Satisfied
            } else {
                let reason = format!("{} has the address, and is called {}", there.id, there.name);
                StepProbe::Blocked { reason }
            });
        }
        let under_way = self.admin.under_way().await.map_err(setback)?;
        let ours = under_way.into_iter().find(|(name, _)| *name == wanted.name);
        Ok(match ours {
            Some((_, remote)) => StepProbe::InProgress { remote },
            None => StepProbe::Absent,
        })
    }

    async fn look_place(&self, place: &AccountPlace) -> Result<StepProbe, StepError> {
        let Some(there) = self.account_of(&place.email).await? else {
            return Ok(StepProbe::Absent);
        };
        let parent = self.admin.parent(&there.id).await.map_err(setback)?;
        Ok(if parent == place.to {
            StepProbe::Satisfied
        } else {
            StepProbe::Absent
        })
    }

    async fn create(&self, wanted: &NewAccount) -> Result<WriteAnswer, StepError> {
        self.remember(None);
        let sent = self.admin.create(wanted).await;
        self.remember(None);
        let remote = sent.map_err(setback)?;
        Ok(WriteAnswer::Accepted { remote })
    }

    async fn relocate(&self, place: &AccountPlace) -> Result<WriteAnswer, StepError> {
        let Some(there) = self.account_of(&place.email).await? else {
            return Ok(WriteAnswer::later(format!(
                "the account of {} is not seen yet",
                place.email
            )));
        };
        let parent = self.admin.parent(&there.id).await.map_err(setback)?;
        if parent != place.from && parent != place.to {
            let text = format!("account {} is in {parent}", there.id);
            return Err(StepError::failed("elsewhere", &text));
        }
        let moved = self.admin.relocate(&there.id, &place.from, &place.to).await;
        match moved {
            Ok(()) | Err(OrganizationFault::AlreadyThere { .. }) => {
                Ok(WriteAnswer::Accepted { remote: there.id })
            }
            Err(fault) => Err(setback(fault)),
        }
    }

    async fn creation(&self, wanted: &NewAccount, remote: &str) -> Result<Verify, StepError> {
        let account = match self.admin.creation(remote).await.map_err(setback)? {
            AccountCreation::InProgress => return Ok(Verify::Running),
            AccountCreation::Failed { reason } => return self.not_made(wanted, reason).await,
            AccountCreation::Succeeded { account } => account,
        };
        let all = self.accounts().await?;
        Ok(match all.iter().find(|it| it.id == account) {
            // listings lag behind
            None => Verify::Running,
            Some(made) if made.email.eq_ignore_ascii_case(&wanted.email) => done(wanted, &account),
            Some(_) => Verify::Again(Retry::new(
                Class::Conflict,
                format!("{account} was made by somebody else, with the same name"),
            )),
        })
    }

    /// What a failure of AWS's means.
    async fn not_made(&self, wanted: &NewAccount, reason: String) -> Result<Verify, StepError> {
        Ok(match reason.as_str() {
            "CONCURRENT_ACCOUNT_MODIFICATION" => Verify::Again(Retry::new(Class::Conflict, reason)),
            "INTERNAL_FAILURE" => Verify::Again(Retry::new(Class::Throttle, reason)),
            // an earlier try of ours, whose answer was lost and which no listing showed
            EMAIL_TAKEN => match self.account_of(&wanted.email).await? {
                Some(there) if there.name == wanted.name => done(wanted, &there.id),
                _ => Verify::Setback(StepError::failed(CREATION_FAILED, &reason)),
            },
            _ => Verify::Setback(StepError::failed(CREATION_FAILED, &reason)),
        })
    }

    async fn placed(&self, place: &AccountPlace, account: &str) -> Result<Verify, StepError> {
        let parent = self.admin.parent(account).await.map_err(setback)?;
        Ok(if parent == place.to {
            Verify::Done(Effect {
                new: json!({"account": account, "unit": place.to}),
                requests: Vec::new(),
            })
        } else {
            Verify::Running
        })
    }

    async fn look_tags(&self, wish: &AccountTags) -> Result<StepProbe, StepError> {
        let Some(there) = self.account_of(&wish.email).await? else {
            return Ok(StepProbe::Absent);
        };
        let has = self.admin.account_tags(&there.id).await.map_err(setback)?;
        let missing = wish
            .tags
            .iter()
            .any(|(key, value)| has.get(key) != Some(value));
        Ok(if missing {
            // whatever it has: an account that was made meanwhile is no drift
            StepProbe::Absent
        } else {
            StepProbe::Satisfied
        })
    }

    async fn tag(&self, wish: &AccountTags) -> Result<WriteAnswer, StepError> {
        let Some(there) = self.account_of(&wish.email).await? else {
            return Ok(WriteAnswer::later("the account is not seen yet".to_owned()));
        };
        let sent = self.admin.tag_account(&there.id, &wish.tags).await;
        sent.map_err(setback)?;
        Ok(WriteAnswer::Accepted { remote: there.id })
    }

    async fn tagged(&self, wish: &AccountTags, account: &str) -> Result<Verify, StepError> {
        Ok(match self.look_tags(wish).await? {
            StepProbe::Satisfied => Verify::Done(Effect {
                new: json!({"account": account, "tags": wish.tags}),
                requests: Vec::new(),
            }),
            // listings lag behind
            _ => Verify::Running,
        })
    }

    /// A step of access files for the account, once it is seen.
    async fn access_step(&self, step: &PlanStep) -> Result<Option<PlanStep>, StepError> {
        let wish: AccessWish = read(step)?;
        let Some(there) = self.account_of(&wish.email).await? else {
            return Ok(None);
        };
        let account = AccountId::new(there.id)
            .map_err(|error| StepError::failed("account", &error.to_string()))?;
        let wanted = wish.in_account(account);
        let action = if step.kind == UNASSIGN {
            AccessAction::Unassign(wanted)
        } else {
            AccessAction::Assign(wanted)
        };
        Ok(Some(PlanStep {
            kind: action.kind().to_owned(),
            desired: stored(&action),
            ..step.clone()
        }))
    }

    async fn probe_any(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        match step.kind.as_str() {
            CREATE => self.look_create(&read(step)?).await,
            MOVE => self.look_place(&read(step)?).await,
            TAG => self.look_tags(&read(step)?).await,
            ASSIGN | UNASSIGN => match self.access_step(step).await? {
                // nobody has access to what is not there
                None if step.kind == UNASSIGN => Ok(StepProbe::Satisfied),
                None => Ok(StepProbe::Absent),
                Some(step) => self.access.probe(&step).await,
            },
            other => Err(StepError::unknown_step(other)),
        }
    }

    async fn act_on(&self, step: &PlanStep, seen: &StepProbe) -> Result<WriteAnswer, StepError> {
        match step.kind.as_str() {
            CREATE => self.create(&read(step)?).await,
            MOVE => self.relocate(&read(step)?).await,
            TAG => self.tag(&read(step)?).await,
            ASSIGN | UNASSIGN => match self.access_step(step).await? {
                None => Ok(WriteAnswer::later("the account is not seen yet".to_owned())),
                Some(step) => Ok(self.access.act(&step, seen).await),
            },
            other => Err(StepError::unknown_step(other)),
        }
    }

    async fn verify_any(&self, step: &PlanStep, remote: &str) -> Result<Verify, StepError> {
        match step.kind.as_str() {
            CREATE => self.creation(&read(step)?, remote).await,
            MOVE => self.placed(&read(step)?, remote).await,
            TAG => self.tagged(&read(step)?, remote).await,
            ASSIGN | UNASSIGN => match self.access_step(step).await? {
                None => Ok(Verify::Running),
                Some(step) => Ok(self.access.verify(&step, remote).await),
            },
            other => Err(StepError::unknown_step(other)),
        }
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

fn read<T: DeserializeOwned>(step: &PlanStep) -> Result<T, StepError> {
    let read = serde_json::from_value(step.desired.clone());
    read.map_err(|error| StepError::failed("plan", &format!("the step cannot be read: {error}")))
}

#[async_trait]
impl StepExecutor for VendingStepExecutor {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        self.probe_any(step).await
    }

    async fn act(&self, step: &PlanStep, seen: &StepProbe) -> WriteAnswer {
        let sent = self.act_on(step, seen).await;
        sent.unwrap_or_else(WriteAnswer::Setback)
    }

    async fn verify(&self, step: &PlanStep, remote: &str) -> Verify {
        let asked = self.verify_any(step, remote).await;
        asked.unwrap_or_else(Verify::Setback)
    }

    fn undo(&self, step: &PlanStep, _old: &Value, _new: &Value) -> Undo {
        match step.kind.as_str() {
            CREATE => {
                Undo::Not("an account that was made stays: closing it is up to people".to_owned())
            }
            MOVE => match read::<AccountPlace>(step) {
                Ok(place) => Undo::By(vec![(
                    MOVE.to_owned(),
                    stored(&AccountPlace {
                        from: place.to,
                        to: place.from,
                        ..place
                    }),
                )]),
                Err(_) => Undo::Not("the step cannot be read".to_owned()),
            },
            TAG => Undo::Not("the tags of an account stay, as the account does".to_owned()),
            // by address, as it was given: what is recorded need not have the account, where an answer was lost
            ASSIGN => Undo::By(vec![(UNASSIGN.to_owned(), step.desired.clone())]),
            UNASSIGN => Undo::By(vec![(ASSIGN.to_owned(), step.desired.clone())]),
            other => Undo::Not(format!("no step is called `{other}`")),
        }
    }
}
