//! `GET /_sim/state` and `GET /_sim/credentials`.

use crate::base::{Refusal, check_parameters, instant, parameter};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    auth::{KeyRing, principal_of},
    core::{self, entities::PrincipalType, export::export, issue::default_key, state::SimState},
    world::{Shared, SimWorld},
};

pub(super) fn show(shared: &Shared, parameters: &[(String, String)]) -> Result<Value, Refusal> {
    check_parameters(parameters, &["full", "assignments"])?;
    let wall = shared.clock.now();
    let mut world = shared.lock();
    let now = world.now(wall);
    core::advance(&mut world.state, now);
    let mut shown = summary(&world, now, wall);
    if let Some(members) = shown.as_object_mut() {
        if parameter(parameters, "full") == Some("1") {
            let file = serde_json::to_value(export(&world.state)).unwrap_or_default();
            members.insert("file".to_owned(), file);
        }
        if parameter(parameters, "assignments") == Some("1") {
            members.insert("assignments".to_owned(), assignments(&world.state));
        }
    }
    Ok(shown)
}

fn summary(world: &SimWorld, now: i64, wall: Timestamp) -> Value {
    let state = &world.state;
    #[expect(
        clippy::cast_precision_loss,
        reason = "an offset in seconds, for people"
    )]
    let offset = (now - wall.as_millisecond()) as f64 / 1000.0;
    json!({
        "version": 1,
        "seed": state.seed,
        "clock": {
            "now": instant(now), "wall": wall.to_string(), "offset_seconds": offset,
            "frozen": world.frozen.is_some(),
        },
        "organization": {
            "id": state.head.id,
            "management_account": state.head.management,
            "accounts": state.accounts.len(),
            "ous": state.ous.len(),
            "users": state.users.len(),
            "groups": state.groups.len(),
            "permission_sets": state.sets.len(),
            "assignments": state.assignments.len(),
        },
        "identity_center": {
            "instance_arn": state.center.instance_arn,
            "identity_store_id": state.center.store,
            "home_region": state.center.home_region,
        },
        "in_flight": in_flight(state),
        "faults": world.faults.len(),
        "behaviour": state.settings.behaviour.all(),
        "authorization": authorization(&state.settings),
        "policies": policies(&state.settings),
        "unsupported": state.unsupported,
    })
}

fn policies(settings: &core::state::SimSettings) -> Value {
    json!(if settings.authorize {
        "evaluated"
    } else {
        "not evaluated"
    })
}

fn authorization(settings: &core::state::SimSettings) -> &'static str {
    match (settings.authorize, settings.full) {
        (false, _) => "off",
        (true, false) => "rules",
        (true, true) => "full",
    }
}

fn in_flight(state: &SimState) -> Vec<Value> {
    let operations = state
        .in_flight
        .iter()
        .filter_map(|(_, id)| state.operations.get(id));
    operations
        .map(|operation| {
            json!({
                "request_id": operation.id,
                "kind": operation.kind.as_str(),
                "account": operation.account,
                "permission_set": state.set(&operation.set).map(|set| set.name.clone()),
                "principal": operation.principal.as_ref().map(|(_, id)| id.clone()),
                "due": instant(operation.due),
            })
        })
        .collect()
}

/// The ground truth, independent of read visibility.
fn assignments(state: &SimState) -> Value {
    state
        .assignments
        .iter()
        .map(|(key, row)| {
            let mut shown = json!({
                "account": key.account,
                "permission_set": state.set(&key.set).map(|set| set.name.clone()),
                "principal_type": key.principal_type.as_str(),
                "principal_id": key.principal,
                "since": instant(row.since),
            });
            let name = match key.principal_type {
                PrincipalType::User => state
                    .user(&key.principal)
                    .map(|user| user.user_name().to_owned()),
                PrincipalType::Group => state
                    .group(&key.principal)
                    .map(|group| group.name().to_owned()),
            };
            if let (Some(name), Some(members)) = (name, shown.as_object_mut()) {
                members.insert("principal_name".to_owned(), name.into());
            }
            shown
        })
        .collect()
}

pub(super) fn credentials(
    shared: &Shared,
    parameters: &[(String, String)],
) -> Result<Value, Refusal> {
    check_parameters(parameters, &["account"])?;
    let world = shared.lock();
    let management = world.state.head.management.clone();
    let account = parameter(parameters, "account").unwrap_or(&management);
    let Some(id) = core::mutate::account_named(&world.state, account) else {
        let message = format!("there is no account `{account}`");
        return Err(Refusal::new(StatusCode::NOT_FOUND, "not_found", &message));
    };
    let ring = KeyRing {
        state: &world.state,
        secret: shared.secret.as_deref(),
    };
    Ok(json!({
        "access_key_id": default_key(&id),
        "secret_access_key": ring.default_secret(&id),
        "principal": principal_of(&id),
    }))
}
