//! Changes without an AWS call: foreign changes and sign-ins. Each is a function of the state and
//! its input, and enters the state log by name.

mod login;
mod on_call;
mod sign_in;
mod ticket;

use crate::base::{Millis, Refusal, instant};
use serde_json::{Value, json};

use crate::core::{self, mutate, state::SimState};

#[derive(Clone, Copy)]
pub(crate) struct Command<'a> {
    pub(crate) name: &'a str,
    pub(crate) body: &'a Value,
    pub(crate) seq: u64,
}

pub(crate) fn run(
    state: &mut SimState,
    command: Command<'_>,
    now: Millis,
) -> Result<Value, Refusal> {
    core::advance(state, now);
    let now = state.latest;
    let Command { name, body, seq } = command;
    match name {
        "mutate" => mutate::mutate(state, body, seq, now)
            .map(|()| json!({ "applied": true, "at": instant(now) }))
            .map_err(|refused| Refusal::bad(&refused.field, &refused.message)),
        "login" => login::login(state, body, seq, now),
        "on_call" => on_call::put(state, body),
        "ticket" => ticket::change(state, body),
        _ => sign_in::run(state, command, now),
    }
}
