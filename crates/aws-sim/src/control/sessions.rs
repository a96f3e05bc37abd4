//! `POST /_sim/login` and `GET /_sim/sessions`: role sessions as the access portal gives them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{
    Refusal, instant,
    router::{check_parameters, parameter},
};
use crate::{
    core::{
        self,
        authorize::cut_off_by,
        entities::RoleSession,
        mutate::account_named,
        portal::{NewSession, SignIn, assigned, enter, is_killed},
        random::Random,
        state::SimState,
        table::Millis,
    },
    simulator::Shared,
};

/// The three names of a login.
fn names(body: &Value) -> Result<[&str; 3], Refusal> {
    const KNOWN: [&str; 3] = ["user", "account", "permission_set"];
    let fields = body
        .as_object()
        .ok_or_else(|| Refusal::bad("", "expected an object"))?;
    if let Some(key) = fields.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(Refusal::bad(key, "unknown key"));
    }
    let need = |name: &str| {
        let text = fields.get(name).and_then(Value::as_str);
        text.ok_or_else(|| Refusal::bad(name, "expected text"))
    };
    Ok([need("user")?, need("account")?, need("permission_set")?])
}

/// Signs a person in to an account with a permission set.
pub(super) fn login(
    state: &mut SimState,
    body: &Value,
    seq: u64,
    now: Millis,
) -> Result<Value, Refusal> {
    let [user, account, set] = names(body)?;
    let unknown = |field: &str, name: &str| Refusal::bad(field, &format!("there is no `{name}`"));
    let user_row = state
        .user_named(user)
        .ok_or_else(|| unknown("user", user))?
        .clone();
    let account_id = account_named(state, account).ok_or_else(|| unknown("account", account))?;
    let set_id = state.set_named(set).map(|set| set.id.clone());
    let set_id = set_id.ok_or_else(|| unknown("permission_set", set))?;
    let may = user_row.enabled && assigned(state, &account_id, &set_id, &user_row.id);
    let id = format!("s{seq}");
    let entry = NewSession {
        user: &user_row.id,
        account: &account_id,
        set: &set_id,
        source: "login",
        id: id.clone(),
    };
    let mut random = Random::new(state.seed, &format!("login {seq}"));
    let given = may.then(|| enter(state, entry, &mut random, now)).flatten();
    let given = given.ok_or_else(|| {
        let text = "there is no effective assignment";
        Refusal::new(StatusCode::CONFLICT, "no_access", text)
    })?;
    Ok(json!({
        "AWS_ACCESS_KEY_ID": given.get("AccessKeyId"),
        "AWS_SECRET_ACCESS_KEY": given.get("SecretAccessKey"),
        "AWS_SESSION_TOKEN": given.get("SessionToken"),
        "expires": given.get("Expiration"),
        "session_id": id,
    }))
}

/// The sessions that were given.
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
