//! Results of finished stack set operations.

use std::collections::BTreeMap;

use crate::base::{Millis, Random};

use super::{
    entities::Account,
    issue::whole_seconds,
    stack_sets::{SimStack, StackOperation, StackPlace, StackRole},
    state::SimState,
    windows::{Window, window_ms},
};
use crate::organization::{IamPolicies, IamRole};

/// Settles due operations: creates the roles, or records failures.
pub(crate) fn settle(state: &mut SimState) {
    let now = state.latest;
    let is_due = |it: &StackOperation| it.status.is_none() && it.due <= now;
    let mut sets = state.stack_sets.iter();
    if !sets.any(|(_, all)| all.values().any(|it| it.operations.iter().any(is_due))) {
        return;
    }
    let mut sets = std::mem::take(&mut state.stack_sets);
    for set in sets.values_mut().flat_map(BTreeMap::values_mut) {
        let roles = set.roles.clone();
        for operation in &mut set.operations {
            if is_due(operation) {
                end(state, &roles, &mut set.stacks, operation);
            }
        }
    }
    state.stack_sets = sets;
}

fn end(
    state: &mut SimState,
    roles: &[StackRole],
    stacks: &mut BTreeMap<StackPlace, SimStack>,
    operation: &mut StackOperation,
) {
    let tolerated = tolerated(operation);
    let mut failed = 0;
    for result in &mut operation.results {
        if failed > tolerated {
            "CANCELLED".clone_into(&mut result.status);
            "Cancelled since failure tolerance has exceeded".clone_into(&mut result.reason);
        } else {
            let made = match &operation.failed {
                Some(why) => Err(why.clone()),
                None if operation.action == "CREATE" => {
                    make(state, roles, &result.account, operation.due)
                }
                None => Ok(()),
            };
            match made {
                Ok(()) => "SUCCEEDED".clone_into(&mut result.status),
                Err(why) => {
                    failed += 1;
                    "FAILED".clone_into(&mut result.status);
                    result.reason = why;
                }
            }
        }
        let place = (result.account.clone(), result.region.clone());
        if operation.action == "DELETE" && result.status == "SUCCEEDED" {
            stacks.remove(&place);
        } else if let Some(stack) = stacks.get_mut(&place) {
            stack.status.clone_from(&result.status);
            stack.reason.clone_from(&result.reason);
            if result.status == "SUCCEEDED" {
                stack.id = format!(
                    "arn:aws:cloudformation:{}:{}:stack/StackSet-{}",
                    result.region, result.account, operation.id
                );
            }
        }
    }
    let status = if failed > tolerated {
        "FAILED"
    } else {
        "SUCCEEDED"
    };
    operation.status = Some(status.to_owned());
}

fn tolerated(operation: &StackOperation) -> usize {
    let of = |name: &str| {
        let found = operation.input.get("OperationPreferences")?.get(name)?;
        usize::try_from(found.as_u64()?).ok()
    };
    of("FailureToleranceCount").unwrap_or_else(|| {
        let percentage = of("FailureTolerancePercentage").unwrap_or(0);
        operation.results.len() * percentage / 100
    })
}

/// Creates a template's resources in an account, all or nothing.
fn make(
    state: &mut SimState,
    roles: &[StackRole],
    account: &str,
    at: Millis,
) -> Result<(), String> {
    if !state.account(account).is_some_and(Account::is_active) {
        return Err(format!("Account {account} is not active."));
    }
    let mut iam = state.iam_now(account).into_owned();
    for role in roles {
        if iam.roles.iter().any(|it| it.name == role.name) {
            let (logical, name) = (&role.logical, &role.name);
            return Err(format!(
                "ResourceLogicalId:{logical}, ResourceType:AWS::IAM::Role, \
                 ResourceStatusReason:Role with name {name} already exists."
            ));
        }
        iam.roles.push(IamRole {
            name: role.name.clone(),
            path: role.path.clone(),
            created: Some(whole_seconds(at)),
            trust: role.trust.clone(),
            permissions: IamPolicies {
                policies: role.policies.clone(),
                ..IamPolicies::default()
            },
            ..IamRole::default()
        });
    }
    let purpose = format!("stack {account} {at}");
    let mut random = Random::new(state.seed, &purpose);
    let seen = at + window_ms(state.settings.consistency, Window::Iam, &mut random);
    state.put_iam(account, iam, seen, at);
    Ok(())
}
