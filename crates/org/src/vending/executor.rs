//! Executes single steps: look, one write, poll until visible. Access steps are those of access
//! files.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use hallpass_access_files::{AccessAction, AccountAssignment};
use hallpass_base::{AccountId, Clock};
use hallpass_enforcement::OrganizationFault;
use hallpass_plans::{
    Effect, PlanStep, SentBefore, StepError, StepExecutor, StepProbe, Undo, Verify, WriteAnswer,
};
use serde_json::{Value, json};

use super::creating::AccountMaking;
use super::known::{ListingAge, SeenAccounts};
use super::plan::{AccountPlace, DesiredAccess, VendingStepKind};
use super::ports::{AccessNeeds, AccountAdmin};
use super::tags::AccountTags;
use crate::steps::{StepKind as _, no_undo_of_unknown, setback, stored};

pub struct VendingStepExecutor {
    admin: Arc<dyn AccountAdmin>,
    access: Arc<dyn StepExecutor>,
    seen: Arc<SeenAccounts>,
    making: AccountMaking,
}

/// For a plan with a shared listing, or directly before a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LookFor {
    Plan,
    Write,
}

impl LookFor {
    const fn age(self) -> ListingAge {
        match self {
            Self::Plan => ListingAge::Run,
            Self::Write => ListingAge::Now,
        }
    }
}

fn blocked(reason: String) -> StepProbe {
    StepProbe::Blocked { reason }
}

fn not_seen_yet(email: &str) -> WriteAnswer {
    WriteAnswer::later(format!("the account of {email} is not seen yet"))
}

impl VendingStepExecutor {
    /// `seen`: accounts of the run; `access`: executor of access steps; `needs`: checks their
    /// prerequisites.
    pub fn new(
        admin: Arc<dyn AccountAdmin>,
        seen: Arc<SeenAccounts>,
        access: Arc<dyn StepExecutor>,
        needs: Arc<dyn AccessNeeds>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let making = AccountMaking {
            admin: Arc::clone(&admin),
            needs,
            clock,
            seen: Arc::clone(&seen),
        };
        Self {
            admin,
            access,
            seen,
            making,
        }
    }

    /// The account's parent. Any other than the wanted or planned one is drift.
    async fn look_place(
        &self,
        place: &AccountPlace,
        look: LookFor,
    ) -> Result<StepProbe, StepError> {
        let Some(id) = self.seen.id_of(&place.email, look.age()).await? else {
            return Ok(StepProbe::Absent);
        };
        if look == LookFor::Write
            && let Some(reason) = self.unfit(&id, &place.email).await?
        {
            return Ok(blocked(reason));
        }
        let parent = self.admin.parent(&id).await.map_err(setback)?;
        if parent == place.to {
            return Ok(StepProbe::Satisfied);
        }
        if look == LookFor::Write
            && let Some(reason) = self.no_way_to(&place.to, &id, &parent).await?
        {
            return Ok(blocked(reason));
        }
        Ok(if parent == place.from {
            StepProbe::Absent
        } else if look == LookFor::Plan {
            let reason = format!("account {id} stands in {parent} by now: it is left there");
            blocked(reason)
        } else {
            StepProbe::Differs {
                old: json!({ "account": id, "unit": parent }),
            }
        })
    }

    /// Why an account can no longer be changed.
    async fn unfit(&self, id: &str, email: &str) -> Result<Option<String>, StepError> {
        Ok(match self.admin.account(id).await.map_err(setback)? {
            Some(it) if !it.active => Some(format!("account {id} is closed or suspended")),
            Some(it) if !it.email.eq_ignore_ascii_case(email) => Some(format!(
                "account {id} has another address by now: {}",
                it.email
            )),
            Some(_) | None => None,
        })
    }

    /// Why a move is impossible; a root always exists.
    async fn no_way_to(
        &self,
        unit: &str,
        account: &str,
        stands: &str,
    ) -> Result<Option<String>, StepError> {
        if !unit.starts_with("ou-") {
            return Ok(None);
        }
        let name = self.admin.unit_name(unit).await.map_err(setback)?;
        Ok(name
            .is_none()
            .then(|| format!("unit {unit} no longer exists; account {account} stands in {stands}")))
    }

    async fn relocate(
        &self,
        place: &AccountPlace,
        seen: &StepProbe,
    ) -> Result<WriteAnswer, StepError> {
        let Some(id) = self.seen.id_of(&place.email, ListingAge::Now).await? else {
            return Ok(not_seen_yet(&place.email));
        };
        // the observed or planned parent: AWS requires the actual one
        let old = seen.old();
        let from = old.get("unit").and_then(Value::as_str);
        let from = from.unwrap_or(&place.from);
        match self.admin.relocate(&id, from, &place.to).await {
            Ok(()) | Err(OrganizationFault::AlreadyThere { .. }) => {
                Ok(WriteAnswer::Accepted { remote: id })
            }
            // moved meanwhile: the next look finds its parent
            Err(OrganizationFault::NotThere { .. }) => Ok(WriteAnswer::ChangedBefore),
            Err(fault) => Err(setback(fault)),
        }
    }

    async fn placed(&self, place: &AccountPlace, account: &str) -> Result<Verify, StepError> {
        let parent = self.admin.parent(account).await.map_err(setback)?;
        Ok(if parent == place.to {
            Verify::Done(Effect {
                new: json!({"account": account, "unit": place.to}),
                requests: Vec::new(),
            })
        } else if parent == place.from {
            Verify::NotShown(StepProbe::Absent)
        } else {
            let reason = format!("account {account} stands in {parent} by now: it was moved there");
            Verify::NotShown(StepProbe::Drifted { reason })
        })
    }

    /// Missing tags are added; a different value was set by a user or is the old form.
    async fn look_tags(&self, wish: &AccountTags, look: LookFor) -> Result<StepProbe, StepError> {
        let Some(id) = self.seen.id_of(&wish.email, look.age()).await? else {
            return Ok(StepProbe::Absent);
        };
        let has = self.admin.account_tags(&id).await.map_err(setback)?;
        let others: BTreeMap<&String, &String> = has
            .iter()
            .filter(|(key, value)| wish.tags.get(*key).is_some_and(|wanted| wanted != *value))
            .collect();
        Ok(if !others.is_empty() {
            StepProbe::Differs {
                old: json!({ "account": id, "tags": others }),
            }
        } else if wish.tags.keys().all(|key| has.contains_key(key)) {
            StepProbe::Satisfied
        } else {
            StepProbe::Absent
        })
    }

    async fn tag(&self, wish: &AccountTags) -> Result<WriteAnswer, StepError> {
        let Some(id) = self.seen.id_of(&wish.email, ListingAge::Now).await? else {
            return Ok(not_seen_yet(&wish.email));
        };
        let sent = self.admin.tag_account(&id, &wish.tags).await;
        sent.map_err(setback)?;
        Ok(WriteAnswer::Accepted { remote: id })
    }

    async fn tagged(&self, wish: &AccountTags, account: &str) -> Result<Verify, StepError> {
        Ok(match self.look_tags(wish, LookFor::Write).await? {
            StepProbe::Satisfied => Verify::Done(Effect {
                new: json!({"account": account, "tags": wish.tags}),
                requests: Vec::new(),
            }),
            _ => Verify::Running,
        })
    }

    /// A step of access files, once the account is visible.
    async fn access_step(
        &self,
        step: &PlanStep,
        wanted: fn(AccountAssignment) -> AccessAction,
        age: ListingAge,
    ) -> Result<Option<PlanStep>, StepError> {
        let wish: DesiredAccess = step.wish()?;
        let Some(id) = self.seen.id_of(&wish.email, age).await? else {
            return Ok(None);
        };
        let account =
            AccountId::new(id).map_err(|error| StepError::failed("account", &error.to_string()))?;
        let action = wanted(wish.in_account(account));
        Ok(Some(PlanStep {
            kind: action.kind().to_owned(),
            desired: stored(&action),
            ..step.clone()
        }))
    }

    /// `without`: the state if there is no account.
    async fn look_access(
        &self,
        step: &PlanStep,
        wanted: fn(AccountAssignment) -> AccessAction,
        without: StepProbe,
        sent: Option<&SentBefore>,
    ) -> Result<StepProbe, StepError> {
        let age = sent.map_or(ListingAge::Run, |_| ListingAge::Now);
        match self.access_step(step, wanted, age).await? {
            None => Ok(without),
            Some(step) => match sent {
                None => self.access.probe(&step).await,
                Some(sent) => self.access.look_again(&step, sent).await,
            },
        }
    }

    async fn probe_any(
        &self,
        step: &PlanStep,
        sent: Option<&SentBefore>,
    ) -> Result<StepProbe, StepError> {
        let look = sent.map_or(LookFor::Plan, |_| LookFor::Write);
        match VendingStepKind::of(step)? {
            VendingStepKind::Create => match sent {
                None => self.making.look(&step.wish()?).await,
                Some(sent) => self.making.look_again(&step.wish()?, sent).await,
            },
            VendingStepKind::Move => self.look_place(&step.wish()?, look).await,
            VendingStepKind::Tag => self.look_tags(&step.wish()?, look).await,
            VendingStepKind::Assign => {
                let without = StepProbe::Absent;
                self.look_access(step, AccessAction::Assign, without, sent)
                    .await
            }
            VendingStepKind::Unassign => {
                // no account, no access
                let without = StepProbe::Satisfied;
                self.look_access(step, AccessAction::Unassign, without, sent)
                    .await
            }
        }
    }

    async fn act_on(&self, step: &PlanStep, seen: &StepProbe) -> Result<WriteAnswer, StepError> {
        match VendingStepKind::of(step)? {
            VendingStepKind::Create => self.making.create(&step.wish()?).await,
            VendingStepKind::Move => self.relocate(&step.wish()?, seen).await,
            VendingStepKind::Tag => self.tag(&step.wish()?).await,
            VendingStepKind::Assign => self.act_on_access(step, AccessAction::Assign, seen).await,
            VendingStepKind::Unassign => {
                self.act_on_access(step, AccessAction::Unassign, seen).await
            }
        }
    }

    async fn act_on_access(
        &self,
        step: &PlanStep,
        wanted: fn(AccountAssignment) -> AccessAction,
        seen: &StepProbe,
    ) -> Result<WriteAnswer, StepError> {
        Ok(
            match self.access_step(step, wanted, ListingAge::Now).await? {
                None => not_seen_yet(&step.target.key),
                Some(step) => self.access.act(&step, seen).await,
            },
        )
    }

    async fn verify_any(&self, step: &PlanStep, remote: &str) -> Result<Verify, StepError> {
        match VendingStepKind::of(step)? {
            VendingStepKind::Create => self.making.progress(&step.wish()?, remote).await,
            VendingStepKind::Move => self.placed(&step.wish()?, remote).await,
            VendingStepKind::Tag => self.tagged(&step.wish()?, remote).await,
            VendingStepKind::Assign => self.verify_access(step, AccessAction::Assign, remote).await,
            VendingStepKind::Unassign => {
                self.verify_access(step, AccessAction::Unassign, remote)
                    .await
            }
        }
    }

    async fn verify_access(
        &self,
        step: &PlanStep,
        wanted: fn(AccountAssignment) -> AccessAction,
        remote: &str,
    ) -> Result<Verify, StepError> {
        Ok(
            match self.access_step(step, wanted, ListingAge::Now).await? {
                None => Verify::Running,
                Some(step) => self.access.verify(&step, remote).await,
            },
        )
    }
}

#[async_trait]
impl StepExecutor for VendingStepExecutor {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        self.probe_any(step, None).await
    }

    async fn look_again(&self, step: &PlanStep, sent: &SentBefore) -> Result<StepProbe, StepError> {
        self.probe_any(step, Some(sent)).await
    }

    async fn act(&self, step: &PlanStep, seen: &StepProbe) -> WriteAnswer {
        let sent = self.act_on(step, seen).await;
        sent.unwrap_or_else(WriteAnswer::Setback)
    }

    async fn verify(&self, step: &PlanStep, remote: &str) -> Verify {
        let asked = self.verify_any(step, remote).await;
        asked.unwrap_or_else(Verify::Setback)
    }

    fn undo(&self, step: &PlanStep, old: &Value, _new: &Value) -> Undo {
        let Some(kind) = VendingStepKind::named(&step.kind) else {
            return no_undo_of_unknown(step);
        };
        match kind {
            VendingStepKind::Create => {
                Undo::Not("an account that was made stays: closing it is up to people".to_owned())
            }
            VendingStepKind::Move => match step.wish::<AccountPlace>() {
                Ok(place) => Undo::By(vec![(
                    VendingStepKind::Move.into(),
                    stored(&AccountPlace {
                        from: place.to,
                        to: place.from,
                        ..place
                    }),
                )]),
                Err(_) => Undo::Not("the step cannot be read".to_owned()),
            },
            VendingStepKind::Tag => {
                let replaced = old.get("tags").cloned().unwrap_or_default();
                match (step.wish::<AccountTags>(), serde_json::from_value(replaced)) {
                    // restores earlier values; added tags stay
                    (Ok(wish), Ok(tags)) => {
                        let before = stored(&AccountTags { tags, ..wish });
                        Undo::By(vec![(VendingStepKind::Tag.into(), before)])
                    }
                    _ => Undo::Not("tags that an account did not have stay with it".to_owned()),
                }
            }
            // by address: after a lost answer the record may lack the account id
            VendingStepKind::Assign => Undo::By(vec![(
                VendingStepKind::Unassign.into(),
                step.desired.clone(),
            )]),
            VendingStepKind::Unassign => {
                Undo::By(vec![(VendingStepKind::Assign.into(), step.desired.clone())])
            }
        }
    }
}
