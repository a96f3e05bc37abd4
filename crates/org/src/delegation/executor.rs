//! Executes single steps: look, one write, poll until visible.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_enforcement::OrganizationFault;
use hallpass_plans::{
    Class, Effect, JudgedState, PartDone, PlanStep, Retry, StepError, StepExecutor, StepPart,
    StepProbe, Undo, Verify, WriteAnswer,
};
use serde_json::{Value, json};

use super::compare::WantedMember;
use super::facts::MemberStanding;
use super::families::DETECTIVE;
use super::file::InvitationMail;
use super::gather::{administrators, home, regional, trusted};
use super::graphs;
use super::members::MembersBefore;
use super::other_regions::stands_elsewhere;
use super::plan::{DelegationStepKind as Kind, DesiredAdministrator, DesiredGraph, TrustedService};
use super::undoing::undo;
use super::write_calls::{
    ORGANIZATIONS, WriteCall, at_home, designation, family, graph_call, own_calls, registration,
};
use crate::changing::ServiceCalls;
use crate::reading::text;
use crate::steps::{StepKind as _, setback, stored, unseen};

/// Delay until Detective knows organization changes (`organization.md` D-5).
const KNOWN_WITHIN: TimeSpan = TimeSpan::minutes(60);
/// Retry pause for accounts not known yet: with the runner's retry count this exceeds an hour.
const NEW_ACCOUNTS_PAUSE: Duration = Duration::from_secs(130);

pub struct DelegationStepExecutor {
    calls: Arc<dyn ServiceCalls>,
    clock: Arc<dyn Clock>,
}

impl DelegationStepExecutor {
    pub fn new(calls: Arc<dyn ServiceCalls>, clock: Arc<dyn Clock>) -> Self {
        Self { calls, clock }
    }

    async fn look_trust(&self, wish: &TrustedService) -> Result<StepProbe, StepError> {
        let found = trusted(self.calls.as_ref()).await.map_err(unseen)?;
        Ok(there(found.contains(&wish.principal)))
    }

    async fn registered(&self, wish: &DesiredAdministrator) -> Result<BTreeSet<String>, StepError> {
        let service = family(&wish.service)?;
        let found = administrators(self.calls.as_ref(), service.principal).await;
        found.map_err(unseen)
    }

    async fn look_register(&self, wish: &DesiredAdministrator) -> Result<StepProbe, StepError> {
        let found = self.registered(wish).await?;
        if found.contains(&wish.account) {
            return Ok(StepProbe::Satisfied);
        }
        let is_other = |id: &&String| Some(*id) != wish.replaces.as_ref();
        let others: Vec<&String> = found.iter().filter(is_other).collect();
        Ok(match (others.first(), &wish.replaces) {
            (None, _) => StepProbe::Absent,
            (Some(other), None) => StepProbe::Blocked {
                reason: format!("conflict: {other} administers it"),
            },
            // the plan removes one of several: the others are compared with the earlier ones
            (Some(_), Some(_)) => StepProbe::Differs {
                old: json!({ "beside": others }),
            },
        })
    }

    async fn look_deregister(&self, wish: &DesiredAdministrator) -> Result<StepProbe, StepError> {
        let seen = self.look_forgotten(wish).await?;
        // only a replaced one has Regions: `remove` is global
        if seen == StepProbe::Satisfied || wish.regions.is_empty() {
            return Ok(seen);
        }
        let own = own_calls(&wish.service)?;
        let elsewhere = stands_elsewhere(self.calls.as_ref(), &own, wish).await?;
        Ok(elsewhere.map_or(seen, |reason| StepProbe::Blocked { reason }))
    }

    async fn look_forgotten(&self, wish: &DesiredAdministrator) -> Result<StepProbe, StepError> {
        let is_there = self.registered(wish).await?.contains(&wish.account);
        Ok(Self::look_gone(wish, is_there))
    }

    /// State after the write. Other Regions were checked before the deregistration, and are not
    /// checked again until it is visible.
    async fn look_after(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        match Kind::of(step)? {
            Kind::Deregister => self.look_forgotten(&step.wish()?).await,
            Kind::Trust
            | Kind::Register
            | Kind::Designate
            | Kind::Withdraw
            | Kind::Graph
            | Kind::AutoEnable
            | Kind::Packages
            | Kind::Members
            | Kind::Invite => self.look(step).await,
        }
    }

    async fn designated(
        &self,
        wish: &DesiredAdministrator,
        region: &str,
    ) -> Result<Option<String>, StepError> {
        let own = own_calls(&wish.service)?;
        let found = regional(self.calls.as_ref(), &own, region).await;
        found.map_err(unseen)
    }

    async fn look_designate(
        &self,
        wish: &DesiredAdministrator,
        region: &str,
    ) -> Result<StepProbe, StepError> {
        Ok(match self.designated(wish, region).await? {
            None => StepProbe::Absent,
            Some(id) if id == wish.account => StepProbe::Satisfied,
            Some(id) if Some(&id) == wish.replaces.as_ref() => StepProbe::Absent,
            Some(other) => StepProbe::Blocked {
                reason: format!("conflict: {other} administers it"),
            },
        })
    }

    fn look_gone(wish: &DesiredAdministrator, is_there: bool) -> StepProbe {
        if is_there {
            let old = json!({ "account": wish.account });
            StepProbe::Differs { old }
        } else {
            StepProbe::Satisfied
        }
    }

    /// The account's graph, once it administers the Region.
    async fn graph(&self, wish: &DesiredGraph, region: &str) -> Result<Option<String>, StepError> {
        let administrator = DesiredAdministrator {
            service: DETECTIVE.to_owned(),
            account: wish.account.as_str().to_owned(),
            replaces: None,
            regions: Vec::new(),
        };
        let designated = self.designated(&administrator, region).await?;
        if designated.as_deref() != Some(wish.account.as_str()) {
            return Ok(None);
        }
        let found = graphs::graph_arn(self.calls.as_ref(), &wish.account, region).await;
        found.map_err(unseen)
    }

    async fn look_auto_enable(
        &self,
        wish: &DesiredGraph,
        region: &str,
    ) -> Result<StepProbe, StepError> {
        let Some(graph) = self.graph(wish, region).await? else {
            return Ok(StepProbe::Absent);
        };
        let calls = self.calls.as_ref();
        let found = graphs::auto_enable(calls, &wish.account, region, &graph).await;
        Ok(there(wish.auto_enable == Some(found.map_err(unseen)?)))
    }

    async fn look_packages(
        &self,
        wish: &DesiredGraph,
        region: &str,
    ) -> Result<StepProbe, StepError> {
        let Some(graph) = self.graph(wish, region).await? else {
            return Ok(StepProbe::Absent);
        };
        let found = graphs::packages(self.calls.as_ref(), &wish.account, region, &graph).await;
        let found = found.map_err(unseen)?;
        Ok(there(wish.packages.iter().all(|it| found.contains(it))))
    }

    async fn look_members(
        &self,
        wish: &DesiredGraph,
        region: &str,
    ) -> Result<StepProbe, StepError> {
        let Some(graph) = self.graph(wish, region).await? else {
            return Ok(StepProbe::Absent);
        };
        let found = graphs::members(self.calls.as_ref(), &wish.account, region, &graph).await;
        let found = found.map_err(unseen)?;
        let standing = |id: &str| {
            let row = found.iter().find(|it| it.account == id);
            row.map(|it| &it.standing)
        };
        let (mut missing, mut there, mut refused) = (false, Vec::new(), Vec::new());
        let (mut verifying, mut invited) = (Vec::new(), Vec::new());
        for member in &wish.members {
            let stands = standing(&member.account);
            there.extend(stands.is_some().then(|| member.account.clone()));
            match stands {
                Some(MemberStanding::Enabled) => {}
                Some(MemberStanding::Verifying) => verifying.push(member.account.as_str()),
                Some(MemberStanding::Invited) => invited.push(member.account.as_str()),
                Some(MemberStanding::Disabled(why)) => {
                    refused.push(format!("account {}: {why}", member.account));
                }
                None => missing = true,
            }
        }
        if missing {
            let old = stored(&MembersBefore { members: there });
            return Ok(StepProbe::Differs { old });
        }
        if !invited.is_empty() {
            let remote = awaited(&invited);
            return Ok(StepProbe::InProgress { remote });
        }
        if !verifying.is_empty() {
            return Ok(StepProbe::InProgress { remote: graph });
        }
        if refused.is_empty() {
            Ok(StepProbe::Satisfied)
        } else {
            Err(StepError::failed("MemberDisabled", &refused.join("; ")))
        }
    }

    /// Members of a batch added since it was sent.
    async fn added_members(&self, step: &PlanStep, before: &Value) -> Option<DesiredGraph> {
        let wish: DesiredGraph = step.wish().ok()?;
        let (calls, region) = (self.calls.as_ref(), step.target.region.as_str());
        let graph = self.graph(&wish, region).await.ok()??;
        let found = graphs::members(calls, &wish.account, region, &graph).await;
        let members = MembersBefore::of(before).added(&wish.members, &found.ok()?);
        (!members.is_empty()).then_some(DesiredGraph { members, ..wish })
    }

    async fn look(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        let region = step.target.region.as_str();
        match Kind::of(step)? {
            Kind::Trust => self.look_trust(&step.wish()?).await,
            Kind::Register => self.look_register(&step.wish()?).await,
            Kind::Deregister => self.look_deregister(&step.wish()?).await,
            Kind::Designate => self.look_designate(&step.wish()?, region).await,
            Kind::Withdraw => {
                let wish: DesiredAdministrator = step.wish()?;
                let found = self.designated(&wish, region).await?;
                let is_there = found.as_deref() == Some(wish.account.as_str());
                Ok(Self::look_gone(&wish, is_there))
            }
            Kind::Graph => {
                let graph = self.graph(&step.wish()?, region).await?;
                Ok(there(graph.is_some()))
            }
            Kind::AutoEnable => self.look_auto_enable(&step.wish()?, region).await,
            Kind::Packages => self.look_packages(&step.wish()?, region).await,
            Kind::Members | Kind::Invite => self.look_members(&step.wish()?, region).await,
        }
    }

    async fn act_on(&self, step: &PlanStep) -> Result<WriteAnswer, StepError> {
        let kind = Kind::of(step)?;
        let region = step.target.region.as_str();
        let call = match kind {
            Kind::Trust => {
                let wish: TrustedService = step.wish()?;
                let input = json!({ "ServicePrincipal": wish.principal });
                Some(at_home((ORGANIZATIONS, "EnableAWSServiceAccess"), input))
            }
            Kind::Register => Some(registration(
                "RegisterDelegatedAdministrator",
                &step.wish()?,
            )?),
            Kind::Deregister => Some(registration(
                "DeregisterDelegatedAdministrator",
                &step.wish()?,
            )?),
            Kind::Designate => Some(designation(step, true)?),
            Kind::Withdraw => Some(designation(step, false)?),
            // AWS creates the graph
            Kind::Graph => return Ok(accepted("the organization's behavior graph")),
            Kind::AutoEnable => self.auto_enable_call(step.wish()?, region).await?,
            Kind::Packages => self.packages_call(step.wish()?, region).await?,
            Kind::Members => {
                let quiet = DesiredGraph {
                    invitation: InvitationMail::None,
                    ..step.wish()?
                };
                self.members_call(quiet, region).await?
            }
            Kind::Invite => self.members_call(step.wish()?, region).await?,
        };
        let Some(call) = call else {
            return Ok(WriteAnswer::later(
                "the behavior graph, or its members, are not as they were seen".to_owned(),
            ));
        };
        let sent = self
            .calls
            .send(&call.place, call.operation, &call.input)
            .await;
        match sent {
            Ok(answer) if self.takes_new_ones_later(&answer).await? => {
                let why = "Detective does not know accounts yet that joined within the last hour";
                Ok(WriteAnswer::Setback(StepError::Retry(Retry {
                    after: Some(NEW_ACCOUNTS_PAUSE),
                    ..Retry::new(Class::Conflict, why.to_owned())
                })))
            }
            Ok(answer) => match answered(&answer) {
                WriteAnswer::Accepted { .. } if kind == Kind::Invite => {
                    let wish: DesiredGraph = step.wish()?;
                    let all = wish.members.iter().map(|it| it.account.as_str());
                    Ok(accepted(&awaited(&all.collect::<Vec<_>>())))
                }
                other => Ok(other),
            },
            Err(fault) => refused(kind, fault),
        }
    }

    /// True if AWS rejected accounts that all joined recently and may be unknown yet.
    async fn takes_new_ones_later(&self, answer: &Value) -> Result<bool, StepError> {
        let refused: BTreeSet<&str> = unprocessed(answer)
            .map(|it| text(it, "/AccountId"))
            .collect();
        if refused.is_empty() {
            return Ok(false);
        }
        let operation = (ORGANIZATIONS, "ListAccounts");
        let reader = home(self.calls.as_ref());
        let rows = reader.list(operation, json!({}), "Accounts").await;
        let rows = rows.map_err(unseen)?;
        let now = self.clock.now();
        let is_new = |row: &&Value| {
            let joined = text(row, "/JoinedTimestamp").parse::<Timestamp>();
            joined.is_ok_and(|at| now < KNOWN_WITHIN.after(at))
        };
        let fresh: BTreeSet<&str> = rows
            .iter()
            .filter(is_new)
            .map(|it| text(it, "/Id"))
            .collect();
        Ok(refused.is_subset(&fresh))
    }

    async fn auto_enable_call(
        &self,
        wish: DesiredGraph,
        region: &str,
    ) -> Result<Option<WriteCall>, StepError> {
        let Some(graph) = self.graph(&wish, region).await? else {
            return Ok(None);
        };
        let is_on = wish.auto_enable == Some(true);
        let input = json!({ "GraphArn": graph, "AutoEnable": is_on });
        let operation = "UpdateOrganizationConfiguration";
        Ok(Some(graph_call(wish, region, operation, input)))
    }

    async fn packages_call(
        &self,
        wish: DesiredGraph,
        region: &str,
    ) -> Result<Option<WriteCall>, StepError> {
        let Some(graph) = self.graph(&wish, region).await? else {
            return Ok(None);
        };
        let input = json!({ "GraphArn": graph, "DatasourcePackages": wish.packages });
        let operation = "UpdateDatasourcePackages";
        Ok(Some(graph_call(wish, region, operation, input)))
    }

    /// Adds those accounts that are not yet members; `None` if there are none, or no graph.
    async fn members_call(
        &self,
        wish: DesiredGraph,
        region: &str,
    ) -> Result<Option<WriteCall>, StepError> {
        let Some(graph) = self.graph(&wish, region).await? else {
            return Ok(None);
        };
        let there = graphs::members(self.calls.as_ref(), &wish.account, region, &graph).await;
        let there = there.map_err(unseen)?;
        let is_missing = |it: &&WantedMember| there.iter().all(|row| row.account != it.account);
        let rows = wish.members.iter().filter(is_missing);
        let rows: Vec<Value> = rows
            .map(|it| json!({ "AccountId": it.account, "EmailAddress": it.email }))
            .collect();
        if rows.is_empty() {
            return Ok(None);
        }
        let input = json!({
            "GraphArn": graph, "Accounts": rows,
            "DisableEmailNotification": wish.invitation == InvitationMail::None,
        });
        Ok(Some(graph_call(wish, region, "CreateMembers", input)))
    }
}

/// A write without effect may be what is wanted already.
fn refused(kind: Kind, fault: OrganizationFault) -> Result<WriteAnswer, StepError> {
    match fault {
        OrganizationFault::AlreadyThere { message } => match kind {
            Kind::Register | Kind::Designate => Ok(accepted("it was set already")),
            Kind::Trust
            | Kind::Deregister
            | Kind::Withdraw
            | Kind::Graph
            | Kind::AutoEnable
            | Kind::Packages
            | Kind::Members
            | Kind::Invite => Err(StepError::failed("already_there", &message)),
        },
        OrganizationFault::NotThere { message } => match kind {
            Kind::Deregister | Kind::Withdraw => Ok(accepted("it was already removed")),
            Kind::Trust
            | Kind::Register
            | Kind::Designate
            | Kind::Graph
            | Kind::AutoEnable
            | Kind::Packages
            | Kind::Members
            | Kind::Invite => Err(StepError::failed("not_there", &message)),
        },
        fault => Err(setback(fault)),
    }
}

fn unprocessed(answer: &Value) -> impl Iterator<Item = &Value> {
    let rows = answer.get("UnprocessedAccounts").and_then(Value::as_array);
    rows.into_iter().flatten()
}

/// The next look reports rejected accounts of a batch.
fn answered(answer: &Value) -> WriteAnswer {
    let rows = unprocessed(answer).map(|row| {
        let part = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        format!("account {}: {}", part("AccountId"), part("Reason"))
    });
    let rows: Vec<String> = rows.collect();
    if rows.is_empty() {
        accepted("sent")
    } else {
        WriteAnswer::Setback(StepError::failed("UnprocessedAccounts", &rows.join("; ")))
    }
}

fn awaited(invited: &[&str]) -> String {
    format!("the answer of {} to the invitation", invited.join(", "))
}

fn accepted(remote: &str) -> WriteAnswer {
    WriteAnswer::Accepted {
        remote: remote.to_owned(),
    }
}

fn there(is_there: bool) -> StepProbe {
    if is_there {
        StepProbe::Satisfied
    } else {
        StepProbe::Absent
    }
}

#[async_trait]
impl StepExecutor for DelegationStepExecutor {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        self.look(step).await
    }

    async fn act(&self, step: &PlanStep, _seen: &StepProbe) -> WriteAnswer {
        self.act_on(step).await.unwrap_or_else(WriteAnswer::Setback)
    }

    async fn verify(&self, step: &PlanStep, _remote: &str) -> Verify {
        // a write is visible after some seconds
        let unfinished = Verify::unless_satisfied(self.look_after(step).await, "conflict");
        unfinished.unwrap_or_else(|| {
            Verify::Done(Effect {
                new: step.desired.clone(),
                requests: Vec::new(),
            })
        })
    }

    async fn done_in_part(&self, step: &PlanStep, before: &Value) -> Option<PartDone> {
        if !takes_members(step) {
            return None;
        }
        let before = MembersBefore::kept(before.clone());
        let added = self.added_members(step, &before).await?;
        let is_known = MembersBefore::is_known(&before);
        Some(PartDone {
            old: if is_known { Value::Null } else { before },
            new: stored(&added),
        })
    }

    fn kept_before(&self, step: &PlanStep, before: Value) -> Value {
        if takes_members(step) {
            MembersBefore::kept(before)
        } else {
            before
        }
    }

    /// Members added from outside are correct; the others are still requested.
    fn without_changed_parts(&self, step: &PlanStep, judged: JudgedState<'_>) -> Option<StepPart> {
        let is_open = |it: &StepProbe| matches!(it, StepProbe::Absent | StepProbe::Differs { .. });
        let is_asked = takes_members(step) && is_open(judged.expected) && is_open(judged.seen);
        let before = MembersBefore::of(&judged.expected.old());
        let is_grown = is_asked && before.are_all_in(&MembersBefore::of(&judged.seen.old()));
        is_grown.then(|| StepPart::whole(step.desired.clone(), judged.seen.clone()))
    }

    fn undo(&self, step: &PlanStep, _old: &Value, _new: &Value) -> Undo {
        undo(step)
    }
}

fn takes_members(step: &PlanStep) -> bool {
    let kind = Kind::named(&step.kind);
    matches!(kind, Some(Kind::Members | Kind::Invite))
}
