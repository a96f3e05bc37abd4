//! A test organization and an in-memory Identity Center that records every write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hallpass_access_files::{
    AccessFile, AccountAssignment, GrantedAccess, GroupMember, LiveGrants, PermissionSetAdmin,
    PermissionSetContent, PrincipalRef, SeenAccess, SeenSet, SetAction, SetPart, SourceText,
    WantedAccess, read, select,
};
use hallpass_assignments::{CenterFault, OperationKind, OperationStatus, SentOperation};
use hallpass_base::{AccountId, GroupId, PermissionSetArn, PermissionSetName, UserId};
use hallpass_rules::Directory;
use hallpass_rules::directory::{Account, Group, OuRef, Person, Snapshot};

pub(crate) const MANAGEMENT: &str = "111122223333";
pub(crate) const DEV: &str = "222222222222";
pub(crate) const TEST: &str = "333333333333";
pub(crate) const PROD: &str = "444444444444";
pub(crate) const OLD: &str = "555555555555";
pub(crate) const TWIN: &str = "666666666666";
pub(crate) const FRANK: &str = "00000000-0000-0000-0000-00000000000f";
pub(crate) const ALICE: &str = "00000000-0000-0000-0000-00000000000a";
pub(crate) const SECOPS: &str = "00000000-0000-0000-0000-000000000050";

pub(crate) fn name(text: &str) -> PermissionSetName {
    text.parse().unwrap()
}

pub(crate) fn account(text: &str) -> AccountId {
    text.parse().unwrap()
}

pub(crate) fn user(text: &str) -> PrincipalRef {
    PrincipalRef::User(UserId::new(text).unwrap())
}

pub(crate) fn group(text: &str) -> PrincipalRef {
    PrincipalRef::Group(GroupId::new(text).unwrap())
}

pub(crate) fn assignment(set: &str, id: &str, principal: PrincipalRef) -> AccountAssignment {
    AccountAssignment {
        permission_set: name(set),
        account: account(id),
        principal,
    }
}

/// Management and a closed account at the root; dev and test below Workloads, prod below
/// Workloads/Prod, and two accounts of one name.
pub(crate) fn directory() -> Directory {
    let ou = |id: &str, name: &str| OuRef {
        id: id.into(),
        name: name.into(),
    };
    let workloads = ou("ou-ab12-11111111", "Workloads");
    let prod = ou("ou-ab12-22222222", "Prod");
    let row = |id: &str, name: &str, active: bool, ous: &[&OuRef], tags: &[(&str, &str)]| Account {
        id: account(id),
        name: name.into(),
        email: String::new(),
        active,
        ous: ous.iter().map(|it| (*it).clone()).collect(),
        tags: tags
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect(),
    };
    let person = |id: &str, name: &str| Person {
        user_id: UserId::new(id).unwrap(),
        user_name: name.into(),
        display_name: String::new(),
        emails: Vec::new(),
        enabled: true,
        attributes: hallpass_rules::PersonAttributes::default(),
    };
    Directory::new(Snapshot {
        root_id: "r-ab12".into(),
        accounts: vec![
            row(MANAGEMENT, "management", true, &[], &[("env", "test")]),
            row(
                DEV,
                "ExampleOrgDev",
                true,
                &[&workloads],
                &[("env", "test")],
            ),
            row(TEST, "ExampleOrgTest", true, &[&workloads], &[]),
            row(
                PROD,
                "twins",
                true,
                &[&workloads, &prod],
                &[("env", "prod")],
            ),
            row(TWIN, "twins", true, &[], &[]),
            row(OLD, "old", false, &[&workloads], &[("env", "test")]),
        ],
        ous: vec![vec![ou("ou-ab12-33333333", "Empty")]],
        people: vec![
            person(FRANK, "frank@example.test"),
            person(ALICE, "alice@example.test"),
        ],
        groups: vec![Group {
            id: GroupId::new(SECOPS).unwrap(),
            name: "SecOps".into(),
            members: None,
        }],
        ..Snapshot::default()
    })
}

pub(crate) fn file(text: &str) -> AccessFile {
    let source = SourceText {
        name: "access.yaml".into(),
        text: text.into(),
    };
    match read(&[source], &|_, path| Err(format!("no `{path}`"))) {
        Ok((file, _)) => file,
        Err(findings) => panic!("{findings:#?}\n{text}"),
    }
}

pub(crate) fn wanted(text: &str) -> WantedAccess {
    let found = select(&file(text), &directory(), Some(&account(MANAGEMENT)));
    found.unwrap_or_else(|findings| panic!("{findings:#?}\n{text}"))
}

pub(crate) fn arn_of(name: &PermissionSetName) -> PermissionSetArn {
    format!("arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/{name}")
        .parse()
        .unwrap()
}

#[derive(Default)]
pub(crate) struct CenterState {
    pub(crate) sets: BTreeMap<PermissionSetName, SeenSet>,
    pub(crate) assignments: BTreeSet<AccountAssignment>,
    pub(crate) temporary: BTreeSet<AccountAssignment>,
    pub(crate) writes: Vec<String>,
    pub(crate) noted: BTreeSet<AccountAssignment>,
    pub(crate) busy: usize,
}

#[derive(Default)]
pub(crate) struct FakeCenter(pub(crate) Mutex<CenterState>);

impl FakeCenter {
    pub(crate) fn of(seen: SeenAccess) -> Arc<Self> {
        Arc::new(Self(Mutex::new(CenterState {
            sets: seen.sets,
            assignments: seen.assignments,
            temporary: seen.temporary,
            writes: Vec::new(),
            noted: BTreeSet::new(),
            busy: 0,
        })))
    }

    pub(crate) fn writes(&self) -> Vec<String> {
        self.0.lock().unwrap().writes.clone()
    }

    pub(crate) fn set(&self, name: &str) -> Option<SeenSet> {
        self.0.lock().unwrap().sets.get(&self::name(name)).cloned()
    }
}

fn gone() -> CenterFault {
    CenterFault::NotFound {
        what: "the permission set".into(),
    }
}

impl CenterState {
    fn by_arn(
        &mut self,
        arn: &PermissionSetArn,
    ) -> Result<(PermissionSetName, &mut SeenSet), CenterFault> {
        let found = self.sets.iter_mut().find(|(_, set)| set.arn == *arn);
        found
            .map(|(name, set)| (name.clone(), set))
            .ok_or_else(gone)
    }

    fn settle(&mut self) {
        let all: Vec<_> = self
            .assignments
            .iter()
            .chain(&self.temporary)
            .cloned()
            .collect();
        for (name, set) in &mut self.sets {
            let own = all.iter().filter(|it| it.permission_set == *name);
            let accounts: BTreeSet<AccountId> = own.map(|it| it.account.clone()).collect();
            set.outdated.retain(|it| accounts.contains(it));
            set.accounts = accounts;
        }
    }
}

fn edit(content: &mut PermissionSetContent, action: &SetAction) {
    match action.clone() {
        SetAction::Update {
            description,
            session_seconds,
            relay_state,
        } => {
            content.description = description.or(content.description.take());
            content.session_seconds = session_seconds;
            content.relay_state = relay_state;
        }
        SetAction::AttachManaged { arn } => {
            let _ = content.managed_policies.insert(arn);
        }
        SetAction::DetachManaged { arn } => {
            let _ = content.managed_policies.remove(&arn);
        }
        SetAction::AttachCustomer { policy } => {
            let _ = content.customer_managed_policies.insert(policy);
        }
        SetAction::DetachCustomer { policy } => {
            let _ = content.customer_managed_policies.remove(&policy);
        }
        SetAction::PutInline { policy } => content.inline_policy = Some(policy),
        SetAction::DeleteInline => content.inline_policy = None,
        SetAction::PutBoundary { boundary } => content.permissions_boundary = Some(boundary),
        SetAction::DeleteBoundary => content.permissions_boundary = None,
        SetAction::Tag { key, value } => {
            let _ = content.tags.insert(key, value);
        }
        SetAction::Untag { key } => {
            let _ = content.tags.remove(&key);
        }
        SetAction::Create { .. } | SetAction::Provision { .. } | SetAction::Delete => {
            panic!("no edit: {action:?}")
        }
    }
}

#[async_trait]
impl PermissionSetAdmin for FakeCenter {
    async fn sets(&self) -> Result<BTreeMap<PermissionSetName, PermissionSetArn>, CenterFault> {
        let state = self.0.lock().unwrap();
        Ok(state
            .sets
            .iter()
            .map(|(name, set)| (name.clone(), set.arn.clone()))
            .collect())
    }

    async fn content(
        &self,
        set: &PermissionSetArn,
        _: &[SetPart],
    ) -> Result<Option<PermissionSetContent>, CenterFault> {
        let mut state = self.0.lock().unwrap();
        Ok(state.by_arn(set).ok().map(|(_, set)| set.content.clone()))
    }

    async fn provisioned(
        &self,
        set: &PermissionSetArn,
    ) -> Result<BTreeSet<AccountId>, CenterFault> {
        Ok(self.0.lock().unwrap().by_arn(set)?.1.accounts.clone())
    }

    async fn outdated(&self, set: &PermissionSetArn) -> Result<BTreeSet<AccountId>, CenterFault> {
        Ok(self.0.lock().unwrap().by_arn(set)?.1.outdated.clone())
    }

    async fn principals(
        &self,
        account: &AccountId,
        set: &PermissionSetArn,
    ) -> Result<BTreeSet<PrincipalRef>, CenterFault> {
        let mut state = self.0.lock().unwrap();
        let name = state.by_arn(set)?.0;
        let all = state.assignments.iter().chain(&state.temporary);
        let own = all.filter(|it| it.permission_set == name && it.account == *account);
        Ok(own.map(|it| it.principal.clone()).collect())
    }

    async fn create_set(
        &self,
        name: &PermissionSetName,
        action: &SetAction,
    ) -> Result<PermissionSetArn, CenterFault> {
        let SetAction::Create {
            description,
            session_seconds,
            relay_state,
            tags,
        } = action.clone()
        else {
            panic!("{action:?}")
        };
        let mut state = self.0.lock().unwrap();
        state.writes.push(format!("create {name}"));
        let set = SeenSet {
            arn: arn_of(name),
            content: PermissionSetContent {
                description,
                session_seconds,
                relay_state,
                tags,
                ..PermissionSetContent::default()
            },
            accounts: BTreeSet::new(),
            outdated: BTreeSet::new(),
        };
        state.sets.insert(name.clone(), set);
        Ok(arn_of(name))
    }

    async fn change_set(
        &self,
        set: &PermissionSetArn,
        action: &SetAction,
    ) -> Result<(), CenterFault> {
        let mut state = self.0.lock().unwrap();
        let (name, there) = state.by_arn(set)?;
        if *action == SetAction::Delete {
            if !there.accounts.is_empty() {
                let message = "it has assignments".to_owned();
                return Err(CenterFault::Conflict { message });
            }
            state.sets.remove(&name);
        } else {
            edit(&mut there.content, action);
            if !matches!(action, SetAction::Tag { .. } | SetAction::Untag { .. }) {
                there.outdated = there.accounts.clone();
            }
        }
        let word = serde_json::to_value(action).unwrap()["write"]
            .as_str()
            .unwrap()
            .to_owned();
        state.writes.push(format!("{word} {name}"));
        Ok(())
    }

    async fn provision(&self, set: &PermissionSetArn) -> Result<String, CenterFault> {
        let mut state = self.0.lock().unwrap();
        if let Some(left) = state.busy.checked_sub(1) {
            state.busy = left;
            let message = "another provisioning is under way".to_owned();
            return Err(CenterFault::Conflict { message });
        }
        let (name, there) = state.by_arn(set)?;
        there.outdated.clear();
        state.writes.push(format!("provision {name}"));
        Ok("op".into())
    }

    async fn provisioning(&self, _: &str) -> Result<OperationStatus, CenterFault> {
        Ok(OperationStatus::Succeeded)
    }

    async fn send(
        &self,
        kind: OperationKind,
        _: &PermissionSetArn,
        assignment: &AccountAssignment,
    ) -> Result<SentOperation, CenterFault> {
        let mut state = self.0.lock().unwrap();
        assert!(
            !state.temporary.contains(assignment),
            "a grant's assignment was touched"
        );
        assert!(
            kind == OperationKind::Delete || state.noted.contains(assignment),
            "ends that AWS enforces are not looked at again: {assignment:?}"
        );
        let (word, done) = match kind {
            OperationKind::Create => ("assign", state.assignments.insert(assignment.clone())),
            OperationKind::Delete => ("unassign", state.assignments.remove(assignment)),
        };
        assert!(done, "{word} of existing state: {assignment:?}");
        state.settle();
        state
            .writes
            .push(format!("{word} {}", assignment.permission_set));
        Ok(SentOperation::InProgress {
            operation_id: "op".into(),
        })
    }

    async fn progress(&self, _: OperationKind, _: &str) -> Result<OperationStatus, CenterFault> {
        Ok(OperationStatus::Succeeded)
    }

    async fn running(
        &self,
        _: OperationKind,
        _: &PermissionSetArn,
        _: &AccountAssignment,
    ) -> Result<Option<String>, CenterFault> {
        Ok(None)
    }
}

#[async_trait]
impl LiveGrants for FakeCenter {
    async fn is_temporary(
        &self,
        _: &PermissionSetArn,
        assignment: &AccountAssignment,
    ) -> Result<bool, String> {
        Ok(self.0.lock().unwrap().temporary.contains(assignment))
    }

    async fn is_temporary_member(&self, _: &GroupMember) -> Result<bool, String> {
        Ok(false)
    }
}

#[async_trait]
impl GrantedAccess for FakeCenter {
    async fn note_assignment(
        &self,
        _: &PermissionSetArn,
        assignment: &AccountAssignment,
    ) -> Result<(), String> {
        self.0.lock().unwrap().noted.insert(assignment.clone());
        Ok(())
    }
}
