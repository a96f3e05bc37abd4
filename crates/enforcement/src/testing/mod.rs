mod deciding;
mod situation;
mod visits;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hallpass_base::{Clock, GrantId, HoldKey, TimeSpan, Timestamp};
use hallpass_plans::StoreFault;
use hallpass_plans::testing::{Gate, Way};

use crate::armed_ends::{ArmedEnd, ArmedEndChange, ArmedEndStore, SettledEnds};
use crate::session_revocation::{
    SessionRevocation, SessionRevocationChange, SessionRevocationStore,
};
use crate::{
    AccountRow, AttachmentTarget, CallerIdentity, Drill, NewPolicy, OrgStore, Organization,
    OrganizationFault, PolicyRow, PolicyText, Revocation, Root, TargetKind, TargetPresence,
};

pub use deciding::decision;
pub use situation::Situation;
pub use visits::MemoryVisits;

pub const MANAGEMENT: &str = "111122223333";
pub const ROOT: &str = "r-ab12";
pub const UNIT: &str = "ou-ab12-11111111";
pub const ANA: &str = "222233334444";
pub const BEN: &str = "333344445555";

const FULL: &str = "p-FullAWSAccess";
#[derive(Clone, Debug, Default, PartialEq)]
struct Policies {
    rows: BTreeMap<String, (String, String, BTreeMap<String, String>)>,
    attached: Vec<(String, String)>,
    made: u32,
}

pub struct FakeOrganization {
    clock: Arc<dyn Clock>,
    history: Mutex<Vec<(Timestamp, Policies)>>,
    situation: Mutex<Situation>,
    writes: Mutex<Vec<String>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeOrganization {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let attached = [ROOT, UNIT, ANA, BEN, MANAGEMENT];
        let policies = Policies {
            attached: attached.map(|it| (FULL.to_owned(), it.to_owned())).into(),
            ..Policies::default()
        };
        let situation = Situation {
            caller: CallerIdentity {
                account: MANAGEMENT.to_owned(),
                arn: format!("arn:aws:iam::{MANAGEMENT}:user/admin"),
                organization: "o-abcdefghij".to_owned(),
                management_account: MANAGEMENT.to_owned(),
                is_delegated: false,
            },
            scps_enabled: true,
            tags: BTreeMap::new(),
            roles: BTreeMap::new(),
            lag: TimeSpan::ZERO,
            gone: Vec::new(),
            characters: 10_240,
            slots: 10,
            changes_fail: None,
            writes_fail: None,
            questions_fail: None,
        };
        Self {
            clock,
            history: Mutex::new(vec![(Timestamp::MIN, policies)]),
            situation: Mutex::new(situation),
            writes: Mutex::default(),
        }
    }

    pub fn change(&self, change: impl FnOnce(&mut Situation)) {
        change(&mut locked(&self.situation));
    }

    pub fn situation(&self) -> Situation {
        locked(&self.situation).clone()
    }

    fn may_change(&self) -> Result<(), OrganizationFault> {
        what_becomes(locked(&self.situation).changes_fail.as_ref())
    }

    fn may_ask(&self) -> Result<(), OrganizationFault> {
        what_becomes(locked(&self.situation).questions_fail.as_ref())
    }

    pub fn writes(&self) -> Vec<String> {
        locked(&self.writes).clone()
    }

    pub fn standing(&self) -> Vec<(String, Vec<String>)> {
        let now = self.newest();
        let targets = |id: &String| {
            let of = now.attached.iter().filter(|(policy, _)| policy == id);
            of.map(|(_, target)| target.clone()).collect()
        };
        let rows = now.rows.iter();
        rows.map(|(id, (name, ..))| (name.clone(), targets(id)))
            .collect()
    }

    pub fn text(&self, name: &str) -> Option<String> {
        let now = self.newest();
        let row = now.rows.values().find(|(other, ..)| other == name);
        row.map(|(_, content, _)| content.clone())
    }

    fn check_length(&self, content: &str) -> Result<(), OrganizationFault> {
        if content.len() > locked(&self.situation).characters {
            return Err(constraint("POLICY_CONTENT_LIMIT_EXCEEDED"));
        }
        Ok(())
    }

    fn newest(&self) -> Policies {
        let history = locked(&self.history);
        history.last().map(|(_, it)| it.clone()).unwrap_or_default()
    }

    fn shown(&self) -> Policies {
        let lag = locked(&self.situation).lag;
        let until = lag.before(self.clock.now());
        let history = locked(&self.history);
        let seen = history.iter().rfind(|(at, _)| *at <= until);
        seen.map(|(_, it)| it.clone()).unwrap_or_default()
    }

    fn write<T>(
        &self,
        what: &str,
        change: impl FnOnce(&mut Policies) -> Result<T, OrganizationFault>,
    ) -> Result<T, OrganizationFault> {
        what_becomes(locked(&self.situation).writes_fail.as_ref())?;
        let mut next = self.newest();
        let done = change(&mut next)?;
        locked(&self.writes).push(what.to_owned());
        locked(&self.history).push((self.clock.now(), next));
        Ok(done)
    }
}

fn what_becomes(fails: Option<&OrganizationFault>) -> Result<(), OrganizationFault> {
    fails.cloned().map_or(Ok(()), Err)
}

fn refused(code: &str) -> OrganizationFault {
    OrganizationFault::Refused {
        code: code.to_owned(),
        message: code.to_owned(),
    }
}

fn constraint(reason: &str) -> OrganizationFault {
    OrganizationFault::Refused {
        code: "ConstraintViolationException".to_owned(),
        message: format!("ConstraintViolationException ({reason}): the quota"),
    }
}

fn gone(what: &str) -> OrganizationFault {
    OrganizationFault::NotThere {
        message: what.to_owned(),
    }
}

fn there(what: &str) -> OrganizationFault {
    OrganizationFault::AlreadyThere {
        message: what.to_owned(),
    }
}

fn row(id: &str, policies: &Policies) -> PolicyRow {
    let name = policies.rows.get(id).map(|(name, ..)| name.clone());
    PolicyRow {
        id: id.to_owned(),
        aws_managed: id == FULL,
        name: name.unwrap_or_else(|| "FullAWSAccess".to_owned()),
    }
}

#[async_trait]
impl Organization for FakeOrganization {
    async fn caller(&self) -> Result<CallerIdentity, OrganizationFault> {
        Ok(locked(&self.situation).caller.clone())
    }

    async fn root(&self) -> Result<Root, OrganizationFault> {
        Ok(Root {
            id: ROOT.to_owned(),
            scps_enabled: locked(&self.situation).scps_enabled,
        })
    }

    async fn policies(&self) -> Result<Vec<PolicyRow>, OrganizationFault> {
        self.may_ask()?;
        let shown = self.shown();
        let all = [FULL]
            .into_iter()
            .chain(shown.rows.keys().map(String::as_str));
        Ok(all.map(|id| row(id, &shown)).collect())
    }

    async fn policy(&self, id: &str) -> Result<Option<PolicyText>, OrganizationFault> {
        self.may_ask()?;
        let shown = self.shown();
        Ok(shown.rows.get(id).map(|(_, content, _)| PolicyText {
            row: row(id, &shown),
            content: content.clone(),
        }))
    }

    async fn create_policy(&self, policy: &NewPolicy) -> Result<String, OrganizationFault> {
        self.check_length(&policy.content)?;
        self.write(&format!("create {}", policy.name), |it| {
            if it.rows.values().any(|(name, ..)| *name == policy.name) {
                return Err(there("DuplicatePolicyException"));
            }
            it.made += 1;
            let id = format!("p-{:08}", it.made);
            let row = (
                policy.name.clone(),
                policy.content.clone(),
                policy.tags.clone(),
            );
            it.rows.insert(id.clone(), row);
            Ok(id)
        })
    }

    async fn update_policy(&self, id: &str, content: &str) -> Result<(), OrganizationFault> {
        self.check_length(content)?;
        self.may_change()?;
        self.write("update", |it| {
            let row = it.rows.get_mut(id).ok_or_else(|| gone(id))?;
            content.clone_into(&mut row.1);
            Ok(())
        })
    }

    async fn delete_policy(&self, id: &str) -> Result<(), OrganizationFault> {
        self.write("delete", |it| {
            if it.attached.iter().any(|(policy, _)| policy == id) {
                return Err(refused("PolicyInUseException"));
            }
            it.rows.remove(id).map(drop).ok_or_else(|| gone(id))
        })
    }

    async fn attach(&self, policy: &str, target: &str) -> Result<(), OrganizationFault> {
        let slots = locked(&self.situation).slots;
        self.write(&format!("attach {target}"), |it| {
            if !it.rows.contains_key(policy) {
                return Err(gone(policy));
            }
            let pair = (policy.to_owned(), target.to_owned());
            if it.attached.contains(&pair) {
                return Err(there("DuplicatePolicyAttachmentException"));
            }
            if it.attached.iter().filter(|(_, at)| at == target).count() >= slots {
                return Err(constraint("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"));
            }
            it.attached.push(pair);
            Ok(())
        })
    }

    async fn detach(&self, policy: &str, target: &str) -> Result<(), OrganizationFault> {
        self.may_change()?;
        self.write(&format!("detach {target}"), |it| {
            let before = it.attached.len();
            it.attached
                .retain(|(one, at)| !(one == policy && at == target));
            if it.attached.len() == before {
                return Err(gone("PolicyNotAttachedException"));
            }
            Ok(())
        })
    }

    async fn targets_of(&self, policy: &str) -> Result<Vec<AttachmentTarget>, OrganizationFault> {
        self.may_ask()?;
        let shown = self.shown();
        if policy != FULL && !shown.rows.contains_key(policy) {
            return Err(gone(policy));
        }
        let left = locked(&self.situation).gone.clone();
        let of = { shown.attached.iter() }.filter(|(one, at)| one == policy && !left.contains(at));
        let kind = |id: &str| match id {
            ROOT => TargetKind::Root,
            id if id.starts_with("ou-") => TargetKind::Unit,
            _ => TargetKind::Account,
        };
        Ok(of
            .map(|(_, id)| AttachmentTarget {
                id: id.clone(),
                name: id.clone(),
                kind: kind(id),
            })
            .collect())
    }

    async fn policies_of(&self, target: &str) -> Result<Vec<PolicyRow>, OrganizationFault> {
        self.may_ask()?;
        let is_account = target.len() == 12 && target.bytes().all(|b| b.is_ascii_digit());
        let has_left = locked(&self.situation).gone.iter().any(|it| it == target);
        if ![ROOT, UNIT].contains(&target) && !is_account || has_left {
            return Err(gone(target));
        }
        let shown = self.shown();
        let of = shown.attached.iter().filter(|(_, at)| at == target);
        Ok(of.map(|(policy, _)| row(policy, &shown)).collect())
    }

    async fn tags(&self, id: &str) -> Result<BTreeMap<String, String>, OrganizationFault> {
        if let Some((_, _, tags)) = self.shown().rows.get(id) {
            return Ok(tags.clone());
        }
        let situation = locked(&self.situation);
        Ok(situation.tags.get(id).cloned().unwrap_or_default())
    }

    async fn accounts_below(&self, target: &str) -> Result<Vec<AccountRow>, OrganizationFault> {
        let ids: &[&str] = match target {
            ROOT => &[MANAGEMENT, ANA, BEN],
            UNIT => &[ANA, BEN],
            MANAGEMENT => &[MANAGEMENT],
            ANA => &[ANA],
            BEN => &[BEN],
            other => return Err(gone(other)),
        };
        let rows = ids.iter().map(|id| AccountRow {
            id: (*id).to_owned(),
            name: format!("account {id}"),
            active: true,
        });
        Ok(rows.collect())
    }

    async fn role_in(
        &self,
        account: &str,
        _role: &str,
    ) -> Result<TargetPresence, OrganizationFault> {
        let situation = locked(&self.situation);
        Ok(situation
            .roles
            .get(account)
            .cloned()
            .unwrap_or(TargetPresence::There))
    }
}

#[derive(Default)]
pub struct MemoryOrg(Mutex<(BTreeMap<String, Drill>, Vec<Revocation>)>);

#[async_trait]
impl OrgStore for MemoryOrg {
    async fn keep_drill(&self, drill: &Drill) -> Result<(), StoreFault> {
        locked(&self.0).0.insert(drill.id.clone(), drill.clone());
        Ok(())
    }

    async fn drill(&self, id: &str) -> Result<Option<Drill>, StoreFault> {
        Ok(locked(&self.0).0.get(id).cloned())
    }

    async fn drills(&self) -> Result<Vec<Drill>, StoreFault> {
        let mut all: Vec<Drill> = locked(&self.0).0.values().cloned().collect();
        all.sort_by(|a, b| (b.ends_at, &a.id).cmp(&(a.ends_at, &b.id)));
        Ok(all)
    }

    async fn keep_revocations(&self, rows: &[Revocation]) -> Result<(), StoreFault> {
        let kept = &mut locked(&self.0).1;
        for row in rows {
            kept.retain(|it| it.policy != row.policy || it.entry != row.entry);
            kept.push(row.clone());
        }
        Ok(())
    }

    async fn drop_revocations(&self, rows: &[Revocation]) -> Result<(), StoreFault> {
        let is_dropped = |it: &Revocation| {
            let mut rows = rows.iter();
            rows.any(|row| row.policy == it.policy && row.entry == it.entry)
        };
        locked(&self.0).1.retain(|it| !is_dropped(it));
        Ok(())
    }

    async fn revocations(&self) -> Result<Vec<Revocation>, StoreFault> {
        let mut all = locked(&self.0).1.clone();
        all.sort_by(|a, b| (&a.policy, &a.entry).cmp(&(&b.policy, &b.entry)));
        Ok(all)
    }
}

pub struct GatedOrg<P, W = Gate>(pub Arc<P>, pub Arc<W>);

fn unheard() -> OrganizationFault {
    OrganizationFault::Unreachable {
        message: "lost".to_owned(),
    }
}

#[async_trait]
impl<P: Organization, W: Way> Organization for GatedOrg<P, W> {
    async fn caller(&self) -> Result<CallerIdentity, OrganizationFault> {
        self.1.pass(self.0.caller(), unheard).await
    }

    async fn root(&self) -> Result<Root, OrganizationFault> {
        self.1.pass(self.0.root(), unheard).await
    }

    async fn policies(&self) -> Result<Vec<PolicyRow>, OrganizationFault> {
        self.1.pass(self.0.policies(), unheard).await
    }

    async fn policy(&self, id: &str) -> Result<Option<PolicyText>, OrganizationFault> {
        self.1.pass(self.0.policy(id), unheard).await
    }

    async fn create_policy(&self, policy: &NewPolicy) -> Result<String, OrganizationFault> {
        self.1.send(self.0.create_policy(policy), unheard).await
    }

    async fn update_policy(&self, id: &str, content: &str) -> Result<(), OrganizationFault> {
        self.1
            .send(self.0.update_policy(id, content), unheard)
            .await
    }

    async fn delete_policy(&self, id: &str) -> Result<(), OrganizationFault> {
        self.1.send(self.0.delete_policy(id), unheard).await
    }

    async fn attach(&self, policy: &str, target: &str) -> Result<(), OrganizationFault> {
        self.1.send(self.0.attach(policy, target), unheard).await
    }

    async fn detach(&self, policy: &str, target: &str) -> Result<(), OrganizationFault> {
        self.1.send(self.0.detach(policy, target), unheard).await
    }

    async fn targets_of(&self, policy: &str) -> Result<Vec<AttachmentTarget>, OrganizationFault> {
        self.1.pass(self.0.targets_of(policy), unheard).await
    }

    async fn policies_of(&self, target: &str) -> Result<Vec<PolicyRow>, OrganizationFault> {
        self.1.pass(self.0.policies_of(target), unheard).await
    }

    async fn tags(&self, id: &str) -> Result<BTreeMap<String, String>, OrganizationFault> {
        self.1.pass(self.0.tags(id), unheard).await
    }

    async fn accounts_below(&self, target: &str) -> Result<Vec<AccountRow>, OrganizationFault> {
        self.1.pass(self.0.accounts_below(target), unheard).await
    }

    async fn role_in(
        &self,
        account: &str,
        role: &str,
    ) -> Result<TargetPresence, OrganizationFault> {
        self.1.pass(self.0.role_in(account, role), unheard).await
    }
}

fn unkept() -> StoreFault {
    StoreFault("lost".to_owned())
}

#[async_trait]
impl<P: OrgStore, W: Way> OrgStore for GatedOrg<P, W> {
    async fn keep_drill(&self, drill: &Drill) -> Result<(), StoreFault> {
        self.1.send(self.0.keep_drill(drill), unkept).await
    }

    async fn drill(&self, id: &str) -> Result<Option<Drill>, StoreFault> {
        self.1.pass(self.0.drill(id), unkept).await
    }

    async fn drills(&self) -> Result<Vec<Drill>, StoreFault> {
        self.1.pass(self.0.drills(), unkept).await
    }

    async fn keep_revocations(&self, rows: &[Revocation]) -> Result<(), StoreFault> {
        self.1.send(self.0.keep_revocations(rows), unkept).await
    }

    async fn drop_revocations(&self, rows: &[Revocation]) -> Result<(), StoreFault> {
        self.1.send(self.0.drop_revocations(rows), unkept).await
    }

    async fn revocations(&self) -> Result<Vec<Revocation>, StoreFault> {
        self.1.pass(self.0.revocations(), unkept).await
    }
}

#[async_trait]
impl<P: SessionRevocationStore, W: Way> SessionRevocationStore for GatedOrg<P, W> {
    async fn open_session_revocations(&self) -> Result<Vec<SessionRevocation>, StoreFault> {
        self.1.pass(self.0.open_session_revocations(), unkept).await
    }

    async fn session_revocation(
        &self,
        grant: GrantId,
    ) -> Result<Option<SessionRevocation>, StoreFault> {
        self.1.pass(self.0.session_revocation(grant), unkept).await
    }

    async fn settle_session_revocations(
        &self,
        change: SessionRevocationChange,
    ) -> Result<(), StoreFault> {
        let call = self.0.settle_session_revocations(change);
        self.1.send(call, unkept).await
    }
}

#[async_trait]
impl<P: ArmedEndStore, W: Way> ArmedEndStore for GatedOrg<P, W> {
    async fn open_armed_ends(&self) -> Result<Vec<ArmedEnd>, StoreFault> {
        self.1.pass(self.0.open_armed_ends(), unkept).await
    }

    async fn armed_ends_of(&self, keys: &[HoldKey]) -> Result<Vec<ArmedEnd>, StoreFault> {
        self.1.pass(self.0.armed_ends_of(keys), unkept).await
    }

    async fn settle_armed_ends(&self, change: ArmedEndChange) -> Result<SettledEnds, StoreFault> {
        let call = self.0.settle_armed_ends(change);
        self.1.send(call, unkept).await
    }
}
