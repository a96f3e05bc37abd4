use std::sync::MutexGuard;

use crate::base::{Refusal, check_parameters, instant, parameter};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    core::load,
    organization::{OrganizationFile, parse_value},
    world::{Shared, SimWorld},
};

use super::{merge::merged, problems::problems};

/// Loads a file in place of the state, or on top of it.
pub(super) fn load(
    shared: &Shared,
    parameters: &[(String, String)],
    body: Value,
) -> Result<Value, Refusal> {
    check_parameters(parameters, &["merge"])?;
    let onto = match parameter(parameters, "merge") {
        None | Some("0") => Onto::Nothing,
        Some("1") => Onto::WhatIs,
        Some(_) => return Err(Refusal::bad("merge", "is one of 0, 1")),
    };
    let world = shared.lock();
    let body = match onto {
        Onto::WhatIs => merged(&world, &body)?,
        Onto::Nothing | Onto::TheStart => body,
    };
    let file = parse_value(body).map_err(|found| problems(&found))?;
    replace(shared, world, file, onto)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Onto {
    Nothing,
    WhatIs,
    TheStart,
}

/// Reloads the last file.
pub(super) fn reset(shared: &Shared) -> Result<Value, Refusal> {
    let world = shared.lock();
    let file = world.loaded.clone();
    replace(shared, world, file, Onto::TheStart)
}

fn replace(
    shared: &Shared,
    mut world: MutexGuard<'_, SimWorld>,
    file: OrganizationFile,
    onto: Onto,
) -> Result<Value, Refusal> {
    let mut state = load::load(&file, &shared.overrides).map_err(|found| problems(&found))?;
    let wall = shared.clock.now();
    let start = file
        .clock
        .as_ref()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let going_on = match onto {
        Onto::TheStart => wall.as_millisecond(),
        Onto::Nothing | Onto::WhatIs => world.now(wall),
    };
    let start = start.map_or(going_on, jiff::Timestamp::as_millisecond);
    state.start(start);
    if onto == Onto::WhatIs {
        state.carry_over(&mut world.state);
    }
    world.offset = start - wall.as_millisecond();
    world.frozen = world.frozen.map(|_| start);
    world.faults.remove(None);
    world.state = state;
    world.loaded = file;
    let kept = world.snapshot();
    drop(world);
    shared.open_slack();
    if let Err(error) = kept {
        tracing::error!(%error, "the state log could not be written");
        return Err(Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "state_log",
            "the change could not be recorded",
        ));
    }
    Ok(json!({ "loaded": true, "now": instant(start) }))
}
