//! `GET /_sim/sessions`: issued role sessions and sign-ins.

use crate::base::{Refusal, check_parameters, instant, parameter};
use serde_json::{Value, json};

use crate::{
    core::{
        self,
        authorize::cut_off_by,
        entities::RoleSession,
        portal::{assigned, is_killed},
        sign_ins::SignIn,
    },
    world::Shared,
};

pub(super) fn list(shared: &Shared, parameters: &[(String, String)]) -> Result<Value, Refusal> {
    check_parameters(parameters, &["user", "account", "live"])?;
    let wall = shared.clock.now();
    let mut world = shared.lock();
    let now = world.now(wall);
    core::advance(&mut world.state, now);
    let state = &world.state;
    let user = parameter(parameters, "user");
    let account = parameter(parameters, "account");
    let live_only = parameter(parameters, "live") == Some("1");
    let is_live =
        |one: &RoleSession| now < one.expires && !is_killed(state, &one.account, &one.role_arn);
    let sessions: Vec<Value> = state
        .sessions
        .iter()
        .filter(|one| user.is_none_or(|user| one.user_name == user || *one.user == *user))
        .filter(|one| account.is_none_or(|account| *one.account == *account))
        .filter(|one| !live_only || is_live(one))
        .map(|one| {
            json!({
                "id": one.id, "user": one.user_name, "user_id": one.user, "account": one.account,
                "permission_set": one.set_name, "role_arn": one.role_arn,
                "access_key_id": one.access_key_id, "issued": instant(one.issued),
                "expires": instant(one.expires), "live": is_live(one),
                "source": one.source,
                "assignment_exists": assigned(state, &one.account, &one.set, &one.user),
                "denied_by": cut_off_by(state, one),
            })
        })
        .collect();
    let may_be_used = |one: &SignIn| one.is_live(now) && state.user(&one.user).is_some();
    let sign_ins = state.portal.sign_ins.values();
    let portal: Vec<Value> = sign_ins
        .filter(|one| {
            account.is_none() && user.is_none_or(|user| one.user_name == user || *one.user == *user)
        })
        .filter(|one| !live_only || may_be_used(one))
        .map(|one| {
            json!({
                "id": one.id, "user": one.user_name, "user_id": one.user,
                "issued": instant(one.issued), "expires": instant(one.expires),
                "live": may_be_used(one),
            })
        })
        .collect();
    Ok(json!({ "sessions": sessions, "portal_sessions": portal }))
}
