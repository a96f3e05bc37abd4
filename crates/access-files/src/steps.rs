//! What a difference comes to, step by step: single writes, in the order of `inventory.md` A-5. The
//! names and forms are part of stored plans.

use std::collections::BTreeSet;

use hallpass_model::{PermissionSetName, TimeSpan};
use hallpass_rules::Directory;
use hallpass_runner::{Lane, PlanDraft, PlanLimits, StepId, StepProbe, StepTarget};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::compare::AccessDiff;
use crate::probe::probe_set;
use crate::refusal::AccessRefusal;
use crate::state::{
    AccountAssignment, CustomerPolicy, PermissionsBoundary, PrincipalRef, SeenAccess, SetPart,
};

/// The kind of these plans.
pub const PLAN_KIND: &str = "access.apply";
/// How long a step may take, waiting for AWS included (`inventory.md` A-7).
pub(crate) const STEP_TIMEOUT: TimeSpan = TimeSpan::minutes(15);
/// Operations at once, grants' not counted (`inventory.md` A-7).
const WIDTH: u32 = 10;

/// One write to a permission set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "write", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of PermissionSetContent")]
pub enum SetAction {
    /// The set, with what it is created with.
    Create {
        description: Option<String>,
        session_seconds: u64,
        relay_state: Option<String>,
        tags: std::collections::BTreeMap<String, String>,
    },
    /// Its description, length of sessions and relay state.
    Update {
        description: Option<String>,
        session_seconds: u64,
        relay_state: Option<String>,
    },
    /// A policy of AWS attached.
    AttachManaged { arn: String },
    /// A policy of AWS not attached.
    DetachManaged { arn: String },
    /// A policy of the accounts attached.
    AttachCustomer { policy: CustomerPolicy },
    /// A policy of the accounts not attached.
    DetachCustomer { policy: CustomerPolicy },
    /// A policy of its own.
    PutInline { policy: Value },
    /// No policy of its own.
    DeleteInline,
    /// A permissions boundary.
    PutBoundary { boundary: PermissionsBoundary },
    /// No permissions boundary.
    DeleteBoundary,
    /// A tag.
    Tag { key: String, value: String },
    /// No such tag.
    Untag { key: String },
    /// The roles in all accounts as the set says. `edited`: the same plan changes the set.
    Provision { edited: bool },
    /// The set gone.
    Delete,
}

impl SetAction {
    /// The part of the set that it is about; `None` for the roles in accounts.
    pub fn part(&self) -> Option<SetPart> {
        Some(match self {
            Self::Create { .. } | Self::Update { .. } | Self::Delete => SetPart::Texts,
            Self::AttachManaged { .. } | Self::DetachManaged { .. } => SetPart::Managed,
            Self::AttachCustomer { .. } | Self::DetachCustomer { .. } => SetPart::Customer,
            Self::PutInline { .. } | Self::DeleteInline => SetPart::Inline,
            Self::PutBoundary { .. } | Self::DeleteBoundary => SetPart::Boundary,
            Self::Tag { .. } | Self::Untag { .. } => SetPart::Tags,
            Self::Provision { .. } => return None,
        })
    }

    /// Whether it takes a policy away.
    fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::DetachManaged { .. } | Self::DetachCustomer { .. } | Self::DeleteInline
        )
    }
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "snake_case")]
pub enum AccessAction {
    /// To a permission set.
    Set {
        /// Its name.
        permission_set: PermissionSetName,
        /// What is written.
        #[serde(flatten)]
        action: SetAction,
    },
    /// An assignment created.
    Assign(AccountAssignment),
    /// An assignment deleted.
    Unassign(AccountAssignment),
}

/// The kinds of steps, by what they write.
const SET: &str = "access.set";
const PROVISION: &str = "access.provision";
const ASSIGN: &str = "access.assign";
const UNASSIGN: &str = "access.unassign";
/// A set deleted that a plan made, once all that the plan gave it is taken back.
pub(crate) const DELETE_MADE: &str = "access.delete_made_set";

/// Whether steps of a kind are carried out by [`AccessStepExecutor`](crate::AccessStepExecutor).
pub fn is_access_step(kind: &str) -> bool {
    [SET, PROVISION, ASSIGN, UNASSIGN, DELETE_MADE].contains(&kind)
}

impl AccessAction {
    /// The set that it is about.
    pub fn permission_set(&self) -> &PermissionSetName {
        match self {
            Self::Set { permission_set, .. } => permission_set,
            Self::Assign(it) | Self::Unassign(it) => &it.permission_set,
        }
    }

    fn assignment(&self) -> Option<&AccountAssignment> {
        match self {
            Self::Set { .. } => None,
            Self::Assign(it) | Self::Unassign(it) => Some(it),
        }
    }

    /// The kind of the step that writes it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Set {
                action: SetAction::Provision { .. },
                ..
            } => PROVISION,
            Self::Set { .. } => SET,
            Self::Assign(_) => ASSIGN,
            Self::Unassign(_) => UNASSIGN,
        }
    }

    pub(crate) fn lane(&self) -> Lane {
        let set = self.permission_set();
        let apart = match self.assignment() {
            Some(it) => format!("{}|{set}", it.account),
            None => set.to_string(),
        };
        Lane {
            width: WIDTH,
            shared: false,
            apart: Some(apart),
            ..Lane::serial("sso-admin-write")
        }
    }

    pub(crate) fn target(&self, directory: &Directory) -> StepTarget {
        let set = self.permission_set();
        match self.assignment() {
            None => StepTarget::global("", set.as_str()),
            Some(it) => {
                let who = principal_name(&it.principal, directory);
                StepTarget::global(it.account.as_str(), format!("{set} {who}"))
            }
        }
    }
}

/// What a principal is called: `group SecOps`.
pub(crate) fn principal_name(principal: &PrincipalRef, directory: &Directory) -> String {
    match principal {
        PrincipalRef::Group(id) => match directory.group(id) {
            Some(group) => format!("group {}", group.name),
            None => principal.to_string(),
        },
        PrincipalRef::User(id) => match directory.person(id) {
            Some(person) => format!("user {}", person.user_name),
            None => principal.to_string(),
        },
    }
}

/// One difference: what is written, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChange {
    /// What is written.
    #[serde(flatten)]
    pub action: AccessAction,
    /// What stands there; nothing where nothing does.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub old: Value,
}

/// What a plan keeps beside its steps: what was shown, what may speak against it, and what its sets
/// looked like (`inventory.md` A-9).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedDiff {
    /// What was shown.
    pub diff: AccessDiff,
    /// What speaks against it, unless it is allowed in so many words.
    pub refusals: Vec<AccessRefusal>,
    /// The sets that it touches, as they were seen.
    pub seen: SeenAccess,
}

/// When a step comes: places in the order of `inventory.md` A-5, later ones larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    RevokeFirst,
    LoseFirst,
    Create,
    Gain,
    ProvisionGains,
    Assign,
    /// What a set loses that also gains something: it is provisioned once.
    LoseBeside,
    ProvisionBoth,
    Unassign,
    Lose,
    ProvisionLosses,
    Delete,
}

/// Whether a set's policies grow, shrink or both in one plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    /// No account has its role, so nobody gains or loses; it is not provisioned, and has to be as
    /// wanted before it is assigned.
    Unused,
    Gains,
    Loses,
    Both,
}

fn direction(saved: &SavedDiff, set: &PermissionSetName) -> Direction {
    let (diff, there) = (&saved.diff, saved.seen.sets.get(set));
    if there.is_none_or(|set| set.accounts.is_empty()) {
        return Direction::Unused;
    }
    let (mut gains, mut loses) = (false, false);
    for change in &diff.changes {
        match &change.action {
            AccessAction::Set {
                permission_set,
                action,
            } if permission_set == set && !matches!(action, SetAction::Provision { .. }) => {
                loses |= action.is_loss();
                gains |= !action.is_loss();
            }
            _ => {}
        }
    }
    match (gains, loses) {
        (true, true) => Direction::Both,
        (false, true) => Direction::Loses,
        (_, false) => Direction::Gains,
    }
}

fn phase(action: &AccessAction, direction: Direction, revoke_first: bool) -> Phase {
    match action {
        AccessAction::Unassign(_) if revoke_first => Phase::RevokeFirst,
        AccessAction::Unassign(_) => Phase::Unassign,
        AccessAction::Assign(_) => Phase::Assign,
        AccessAction::Set { action, .. } => match (action, direction) {
            (SetAction::Create { .. }, _) => Phase::Create,
            (SetAction::Delete, _) => Phase::Delete,
            (SetAction::Provision { .. }, _) if revoke_first => Phase::ProvisionGains,
            (_, Direction::Unused) => Phase::Gain,
            (SetAction::Provision { .. }, Direction::Gains) => Phase::ProvisionGains,
            (SetAction::Provision { .. }, Direction::Both) => Phase::ProvisionBoth,
            (SetAction::Provision { .. }, Direction::Loses) => Phase::ProvisionLosses,
            (action, _) if action.is_loss() && revoke_first => Phase::LoseFirst,
            (action, Direction::Both) if action.is_loss() => Phase::LoseBeside,
            (action, _) if action.is_loss() => Phase::Lose,
            _ => Phase::Gain,
        },
    }
}

/// Whether one write may give or take what the other takes or gives.
fn concerns(one: &AccessAction, other: &AccessAction, seen: &SeenAccess) -> bool {
    if one.permission_set() == other.permission_set() {
        return true;
    }
    let accounts = |action: &AccessAction| {
        if let Some(it) = action.assignment() {
            return BTreeSet::from([it.account.clone()]);
        }
        let set = seen.sets.get(action.permission_set());
        set.map(|set| set.accounts.clone()).unwrap_or_default()
    };
    !accounts(one).is_disjoint(&accounts(other))
}

/// What was seen of a set when it was held against the file.
fn compared(action: &AccessAction, seen: &SeenAccess) -> Option<StepProbe> {
    match action {
        AccessAction::Set {
            action: SetAction::Provision { .. },
            ..
        }
        | AccessAction::Assign(_)
        | AccessAction::Unassign(_) => None,
        AccessAction::Set {
            permission_set,
            action,
        } => {
            let there = seen.sets.get(permission_set);
            Some(probe_set(action, there.map(|it| &it.content)))
        }
    }
}

/// The plan that a difference comes to. Every step waits for those that go before it by `inventory.md` A-5 and touch
/// the same set or account; what touches nothing of theirs is not kept up by their failure.
pub fn plan(
    saved: &SavedDiff,
    organization: &str,
    directory: &Directory,
    revoke_first: bool,
) -> PlanDraft {
    let mut draft = PlanDraft::new(PLAN_KIND, organization, PlanLimits::USUAL);
    let mut phased: Vec<(Phase, &AccessAction)> = saved
        .diff
        .changes
        .iter()
        .map(|change| {
            let direction = direction(saved, change.action.permission_set());
            let phase = phase(&change.action, direction, revoke_first);
            (phase, &change.action)
        })
        .collect();
    phased.sort_by_key(|(phase, _)| *phase);
    let mut made: Vec<(Phase, &AccessAction, StepId)> = Vec::with_capacity(phased.len());
    for (phase, action) in phased {
        let goes_before = |(earlier, other, _): &&(Phase, &AccessAction, StepId)| {
            *earlier < phase && concerns(other, action, &saved.seen)
        };
        let after: Vec<StepId> = made
            .iter()
            .filter(goes_before)
            .map(|(_, _, id)| id.clone())
            .collect();
        // ids, texts and JSON only: writing them as JSON cannot fail
        let desired = serde_json::to_value(action).unwrap_or_default();
        let target = action.target(directory);
        let id = draft.step(target, action.kind(), desired, action.lane(), &after);
        draft.set_timeout(&id, STEP_TIMEOUT);
        if let Some(seen) = compared(action, &saved.seen) {
            draft.compared(&id, seen);
        }
        made.push((phase, action, id));
    }
    // as above
    draft.remember(serde_json::to_value(saved).unwrap_or_default());
    draft
}
