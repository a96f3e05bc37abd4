//! Findings on assignments and provisioned sets (`inventory.md` W-4).

use super::graph::{AccessGraph, AssignmentHolder, GraphAssignment};
use super::{AccessFinding, AccessFindingKind};

impl AccessGraph {
    pub fn findings(&self) -> Vec<AccessFinding> {
        let mut findings = Vec::new();
        for assignment in &self.assignments {
            let principal = self.principal(&assignment.holder);
            let kinds = self.wrong(assignment).into_iter();
            let pair = (assignment.role, assignment.account);
            findings.extend(kinds.filter_map(|kind| self.finding(kind, pair, principal)));
        }
        let held = self.assignments.iter();
        let mut held: Vec<(usize, usize)> = held.map(|it| (it.role, it.account)).collect();
        held.sort_unstable();
        for (set, account, latest) in &self.provisioned {
            let pair = (*set, *account);
            let unassigned = held
                .binary_search(&pair)
                .is_err()
                .then_some(AccessFindingKind::ProvisionedUnassigned);
            let outdated = (*latest == Some(false)).then_some(AccessFindingKind::Outdated);
            let kinds = [unassigned, outdated].into_iter().flatten();
            findings.extend(kinds.filter_map(|kind| self.finding(kind, pair, None)));
        }
        findings.sort();
        findings
    }

    fn wrong(&self, assignment: &GraphAssignment) -> Vec<AccessFindingKind> {
        let mut kinds = Vec::new();
        match &assignment.holder {
            AssignmentHolder::Gone(..) => kinds.push(AccessFindingKind::Orphaned),
            AssignmentHolder::Person(_) if assignment.grant.is_none() => {
                kinds.push(AccessFindingKind::DirectUser);
            }
            AssignmentHolder::Person(_) => {}
            AssignmentHolder::Group(group) => {
                let group = self.groups.get(*group);
                if group.is_some_and(|it| it.has_unexpected_member) {
                    kinds.push(AccessFindingKind::UnexpectedMember);
                }
            }
        }
        match self.accounts.get(assignment.account) {
            Some(account) if account.is_active() => {}
            Some(account) if account.state.is_some() => {
                kinds.push(AccessFindingKind::SuspendedAccount);
            }
            _ => kinds.push(AccessFindingKind::UnknownAccount),
        }
        kinds
    }

    fn finding(
        &self,
        kind: AccessFindingKind,
        (role, account): (usize, usize),
        principal: Option<(&str, &str)>,
    ) -> Option<AccessFinding> {
        Some(AccessFinding {
            kind,
            account_id: self.accounts.get(account)?.id.clone(),
            role: self.roles.get(role)?.given().or_arn(),
            principal_type: principal.map(|(kind, _)| kind.to_owned()),
            principal_id: principal.map(|(_, id)| id.to_owned()),
        })
    }
}
