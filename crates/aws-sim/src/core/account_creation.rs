//! Account creation (`simulator.md` §2.6): takes a while, and lists include the account a little
//! later.

use crate::base::{Millis, Random};

use super::{
    account_requests::AccountRequest,
    entities::{Account, AsyncState, Id},
    limits::accounts_max,
    state::SimState,
    tree::put_under,
    windows::{Window, window_ms},
};
use crate::organization::Speed;

/// `simulator.md` §2.6: 20 to 90 s.
pub(crate) fn duration(speed: Speed, random: &mut Random) -> Millis {
    match speed {
        Speed::Instant => 0,
        Speed::Fast => 20 + Millis::try_from(random.below(60)).unwrap_or(0),
        Speed::Real => 20_000 + Millis::try_from(random.below(70_000)).unwrap_or(0),
    }
}

/// Settles creations due at the state's latest instant, in order.
pub(crate) fn settle(state: &mut SimState) -> Vec<Id> {
    let mut due: Vec<AccountRequest> = state
        .account_requests
        .values()
        .filter(|request| request.is_running() && request.due <= state.latest)
        .cloned()
        .collect();
    due.sort_by(|a, b| (a.due, &a.id).cmp(&(b.due, &b.id)));
    let mut done = Vec::new();
    for mut request in due {
        request.progress = finish(state, &request);
        done.push(request.id.clone());
        state.account_requests.insert(request.id.clone(), request);
    }
    done
}

fn finish(state: &mut SimState, request: &AccountRequest) -> AsyncState {
    let taken = state
        .accounts
        .iter()
        .any(|(_, account)| account.email.eq_ignore_ascii_case(&request.email));
    if taken {
        return AsyncState::Failed("EMAIL_ALREADY_EXISTS".to_owned());
    }
    let accounts = u32::try_from(state.accounts.iter().count()).unwrap_or(u32::MAX);
    if f64::from(accounts) >= accounts_max(&state.quotas) {
        return AsyncState::Failed("ACCOUNT_LIMIT_EXCEEDED".to_owned());
    }
    let Some(fail) = &request.fail else {
        make(state, request);
        return AsyncState::Succeeded;
    };
    if fail.done {
        make(state, request);
    }
    AsyncState::Failed(fail.reason.clone())
}

/// A new account is in the root, with the default policies.
fn make(state: &mut SimState, request: &AccountRequest) {
    let root = state.head.root.clone();
    let mut random = Random::new(state.seed, &format!("settle {}", request.id));
    let window = window_ms(state.settings.consistency, Window::Account, &mut random);
    let account = Account {
        id: request.account.clone(),
        name: request.name.clone(),
        email: request.email.clone(),
        parent: root.as_str().into(),
        state: "ACTIVE".to_owned(),
        joined_method: "CREATED".to_owned(),
        joined: request.due,
        tags: request.tags.clone(),
        regions: Vec::new(),
        access_role: request.role.clone(),
    };
    put_under(state, account, &root, request.due + window, request.due);
    state.attach_defaults(&request.account, request.due);
}
