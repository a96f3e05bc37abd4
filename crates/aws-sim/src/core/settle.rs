//! Settles asynchronous operations one by one, in order of their due times. The result depends on
//! the state at that instant, never on when a caller reads it.

use crate::base::{Millis, Random};

use super::{
    entities::{Assignment, AsyncKind, AsyncState, Id, Operation, PrincipalType, boundary_arn},
    iam::managed,
    limits::{POLICIES_PER_ROLE, PROVISIONED_PER_ACCOUNT},
    state::SimState,
    windows::{Window, window_ms},
};
use crate::organization::Speed;

/// Retention of status records (`simulator.md` G-2).
const KEPT: Millis = 30 * 24 * 3_600_000;

const BUSY_ACCOUNT: &str = "takes longer than usual. Please try again in a few minutes. If this \
                            problem continues, contact AWS Support.";

pub(crate) fn settle(state: &mut SimState) -> Vec<Id> {
    let mut done = Vec::new();
    while let Some((due, id)) = state.in_flight.first().cloned() {
        if due > state.latest {
            break;
        }
        state.in_flight.remove(&(due, id.clone()));
        if let Some(mut operation) = state.operations.remove(&id) {
            operation.progress = finish(state, &operation, due);
            state.operations.insert(id.clone(), operation);
            done.push(id);
        }
    }
    forget(state);
    done
}

fn forget(state: &mut SimState) {
    let horizon = state.latest - KEPT;
    for kind in [AsyncKind::Create, AsyncKind::Delete, AsyncKind::Provision] {
        loop {
            let last = state
                .operation_order
                .range(..(kind, u64::MAX, Id::from("")))
                .next_back();
            let Some(key) = last.filter(|(of, ..)| *of == kind).cloned() else {
                break;
            };
            let old = state.operations.get(&key.2).is_none_or(|operation| {
                operation.created < horizon && operation.progress != AsyncState::Running
            });
            if !old {
                break;
            }
            state.operations.remove(&key.2);
            state.operation_order.remove(&key);
        }
    }
}

fn finish(state: &mut SimState, operation: &Operation, at: Millis) -> AsyncState {
    let seen = if operation.foreign {
        at
    } else {
        let mut random = Random::new(state.seed, &format!("settle {}", operation.id));
        at + window_ms(state.settings.consistency, Window::Assignment, &mut random)
    };
    match &operation.fail {
        Some(fail) => {
            if fail.done {
                let _ = act(state, operation, seen, at);
            }
            AsyncState::Failed(fail.reason.clone())
        }
        None => match act(state, operation, seen, at) {
            Ok(()) => AsyncState::Succeeded,
            Err(reason) => AsyncState::Failed(reason),
        },
    }
}

fn act(
    state: &mut SimState,
    operation: &Operation,
    seen: Millis,
    at: Millis,
) -> Result<(), String> {
    match (operation.kind, &operation.account, &operation.principal) {
        (AsyncKind::Create, Some(account), Some((kind, principal))) => {
            create(state, operation, (account, *kind, principal), seen, at)
        }
        (AsyncKind::Delete, Some(account), Some((kind, principal))) => {
            delete(state, &operation.set, (account, *kind, principal), seen, at)
        }
        (AsyncKind::Provision, Some(account), _) => {
            provision(state, account, &operation.set, seen, at)
        }
        (AsyncKind::Provision, None, _) => {
            let accounts: Vec<Id> = accounts_of(state, &operation.set);
            accounts
                .iter()
                .try_for_each(|account| provision(state, account, &operation.set, seen, at))
        }
        (AsyncKind::Create | AsyncKind::Delete, ..) => {
            Err("An unexpected internal service exception was encountered".to_owned())
        }
    }
}

fn accounts_of(state: &SimState, set: &Id) -> Vec<Id> {
    state
        .provisioned_in
        .range((set.clone(), 0, Id::from(""))..)
        .take_while(|(of, ..)| of == set)
        .filter(|(set, _, account)| {
            state
                .provisions
                .latest(&(account.clone(), state.order(set), set.clone()))
                .is_some()
        })
        .map(|(_, _, account)| account.clone())
        .collect()
}

type SettledKey<'a> = (&'a Id, PrincipalType, &'a Id);

fn usable(state: &SimState, account: &str) -> Result<(), String> {
    if state
        .account(account)
        .is_some_and(super::entities::Account::is_active)
    {
        return Ok(());
    }
    Err(format!(
        "AWS SSO is unable to complete your request at this time. Obtaining permissions to manage \
         your AWS account '{account}' {BUSY_ACCOUNT}"
    ))
}

fn missing_principal(state: &SimState, kind: PrincipalType) -> String {
    format!(
        "Received a 404 status error: the {} assignee ID was not found in directory {}.",
        kind.as_str(),
        state.center.store
    )
}

fn create(
    state: &mut SimState,
    operation: &Operation,
    row: SettledKey<'_>,
    seen: Millis,
    at: Millis,
) -> Result<(), String> {
    let (account, kind, principal) = row;
    usable(state, account)?;
    if state.set(&operation.set).is_none() {
        return Err("Received a 404 status error: Permission set not found.".to_owned());
    }
    if !state.principal_exists(kind, principal) {
        return Err(missing_principal(state, kind));
    }
    let key = state.assignment_key(account, &operation.set, kind, principal);
    if state.assignments.latest(&key).is_some() {
        return Ok(());
    }
    let first = (account.clone(), 0, Id::from(""));
    let provisioned = state
        .provisions
        .range(std::ops::Bound::Included(first))
        .take_while(|((of, ..), _)| of == account)
        .count();
    let pair = (
        account.clone(),
        state.order(&operation.set),
        operation.set.clone(),
    );
    if state.provisions.latest(&pair).is_none() {
        if provisioned >= PROVISIONED_PER_ACCOUNT {
            let text = "Received a 400 status error: the account has too many permission sets.";
            return Err(text.to_owned());
        }
        role_can_be_made(state, account, &operation.set)?;
    }
    state.add_assignment(key, Assignment::since(at), seen, at);
    Ok(())
}

/// Whether a set's role can be created or updated in an account. A set may have more policies than
/// a role.
fn role_can_be_made(state: &SimState, account: &str, set: &str) -> Result<(), String> {
    let Some(set) = state.set(set) else {
        return Ok(());
    };
    if set.managed.len() + set.customer_managed.len() > POLICIES_PER_ROLE {
        return Err(format!(
            "Received a 409 status error: Cannot exceed quota for PoliciesPerRole: {POLICIES_PER_ROLE}"
        ));
    }
    let prefix = format!("arn:aws:iam::{account}:policy");
    let own = set.customer_managed.iter();
    let own = own.map(|(name, path)| format!("{prefix}{path}{name}"));
    let boundary = set.boundary.as_ref();
    let boundary = boundary.and_then(|it| boundary_arn(account, it));
    let boundary = boundary.filter(|arn| arn.starts_with(&prefix));
    let mut wanted = own.chain(boundary).peekable();
    if wanted.peek().is_none() {
        return Ok(());
    }
    let iam = state.iam_now(account);
    match wanted.find(|arn| managed(&iam, arn).is_none()) {
        Some(arn) => Err(format!(
            "Received a 404 status error: Not supported policy {arn}."
        )),
        None => Ok(()),
    }
}

fn delete(
    state: &mut SimState,
    set: &Id,
    row: SettledKey<'_>,
    seen: Millis,
    at: Millis,
) -> Result<(), String> {
    let (account, kind, principal) = row;
    let key = state.assignment_key(account, set, kind, principal);
    if state.assignments.latest(&key).is_none() {
        return if state.settings.behaviour.is("delete_absent", "succeed") {
            Ok(())
        } else {
            Err("Received a 404 status error: Assignment not found.".to_owned())
        };
    }
    usable(state, account)?;
    let orphan = !state.principal_exists(kind, principal);
    if orphan && state.settings.behaviour.is("delete_orphan", "fail") {
        return Err(missing_principal(state, kind));
    }
    state.remove_assignment(&key, seen, at);
    Ok(())
}

fn provision(
    state: &mut SimState,
    account: &Id,
    set: &Id,
    seen: Millis,
    at: Millis,
) -> Result<(), String> {
    let key = (account.clone(), state.order(set), set.clone());
    let Some(row) = state.provisions.latest(&key).cloned() else {
        return Err(format!(
            "Received a 404 status error: Permission set provision not found in AWS account {account}"
        ));
    };
    usable(state, account)?;
    role_can_be_made(state, account, set)?;
    let suffix = row.suffix;
    state.add_provision(account, set, suffix, seen, at);
    Ok(())
}

pub(crate) fn enqueue(state: &mut SimState, operation: Operation) {
    let newest_first = u64::MAX - u64::try_from(operation.created).unwrap_or(0);
    state
        .operation_order
        .insert((operation.kind, newest_first, operation.id.clone()));
    state
        .in_flight
        .insert((operation.due, operation.id.clone()));
    state.operations.insert(operation.id.clone(), operation);
}

/// `simulator.md` G-1: log-normal, median 4 s, 95 % below 15 s, at most 60 s.
pub(crate) fn duration(speed: Speed, extra: Millis, random: &mut Random) -> Millis {
    match speed {
        Speed::Instant => 0,
        Speed::Fast => 20 + Millis::try_from(random.below(60)).unwrap_or(0),
        Speed::Real => {
            // sigma from the two quantiles: ln(15/4) / 1.645
            let seconds = (4.0_f64.ln() + 0.8035 * random.normal())
                .exp()
                .clamp(0.3, 60.0);
            #[expect(clippy::cast_possible_truncation, reason = "at most 60000")]
            let drawn = (seconds * 1000.0) as Millis;
            (drawn + extra).min(60_000)
        }
    }
}
