//! `POST /_sim/login` and `GET /_sim/sessions`: role sessions as the access portal gives them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{
    Refusal,
    face::{check_parameters, parameter},
    instant,
};
use crate::{
    core::{
        self,
        entities::{PermissionSet, PrincipalType, Session},
        mutate::account_named,
        random::Random,
        roles::{Role, session},
        sso::session_seconds,
        state::State,
        sts::issue,
        table::Millis,
    },
    simulator::Shared,
};

fn assigned(state: &State, account: &str, set: &str, user: &str) -> bool {
    let direct = state.assignment_key(account, set, PrincipalType::User, user);
    let through = |group: &core::call::Id| {
        let key = state.assignment_key(account, set, PrincipalType::Group, group);
        state.assignments.latest(&key).is_some()
    };
    state.assignments.latest(&direct).is_some() || state.groups_of(user).any(through)
}

/// The role that provisioning made for a set in an account.
fn reserved_role(state: &State, account: &core::call::Id, set: &PermissionSet) -> Option<Role> {
    let pair = (account.clone(), state.order(&set.id), set.id.clone());
    let suffix = &state.provisions.latest(&pair)?.suffix;
    let name = format!("AWSReservedSSO_{}_{suffix}", set.name);
    let home = &state.center.home_region;
    let region = if home == "us-east-1" {
        String::new()
    } else {
        format!("{home}/")
    };
    Some(Role {
        account: account.to_string(),
        arn: format!("arn:aws:iam::{account}:role/aws-reserved/sso.amazonaws.com/{region}{name}"),
        name,
        max_session: 43_200,
        trust: Vec::new(),
        external_id: None,
    })
}

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
    state: &mut State,
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
    let set_row = state
        .set_named(set)
        .ok_or_else(|| unknown("permission_set", set))?
        .clone();
    let allowed = user_row.enabled && assigned(state, &account_id, &set_row.id, &user_row.id);
    let Some(role) = reserved_role(state, &account_id, &set_row).filter(|_| allowed) else {
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            "no_access",
            "there is no effective assignment",
        ));
    };
    let seconds = session_seconds(&set_row.session_duration).unwrap_or(3600);
    let mut random = Random::new(state.seed, &format!("login {seq}"));
    let caller = session(state.seed, &role, user_row.user_name(), None);
    let (caller, credentials) = issue(state.seed, caller, &mut random, now, seconds);
    let id = format!("s{seq}");
    state.sessions.push(Session {
        id: id.clone(),
        user: user_row.id.clone(),
        user_name: user_row.user_name().to_owned(),
        account: account_id,
        set: set_row.id,
        set_name: set_row.name,
        role_arn: role.arn,
        access_key_id: caller.access_key_id,
        issued: now,
        expires: now + i64::from(seconds) * 1000,
    });
    Ok(json!({
        "AWS_ACCESS_KEY_ID": credentials.get("AccessKeyId"),
        "AWS_SECRET_ACCESS_KEY": credentials.get("SecretAccessKey"),
        "AWS_SESSION_TOKEN": credentials.get("SessionToken"),
        "expires": credentials.get("Expiration"),
        "session_id": id,
    }))
}

/// The sessions that were given.
pub(super) fn list(shared: &Shared, parameters: &[(String, String)]) -> Result<Value, Refusal> {
    check_parameters(parameters, &["user", "account", "live"])?;
    let wall = shared.clock.now();
    let world = shared.lock();
    let now = world.now(wall);
    let state = &world.state;
    let user = parameter(parameters, "user");
    let account = parameter(parameters, "account");
    let live_only = parameter(parameters, "live") == Some("1");
    let sessions: Vec<Value> = state
        .sessions
        .iter()
        .filter(|one| user.is_none_or(|user| one.user_name == user || *one.user == *user))
        .filter(|one| account.is_none_or(|account| *one.account == *account))
        .filter(|one| !live_only || now < one.expires)
        .map(|one| {
            json!({
                "id": one.id, "user": one.user_name, "user_id": one.user, "account": one.account,
                "permission_set": one.set_name, "role_arn": one.role_arn,
                "access_key_id": one.access_key_id, "issued": instant(one.issued),
                "expires": instant(one.expires), "live": now < one.expires,
                "assignment_exists": assigned(state, &one.account, &one.set, &one.user),
                "denied_by": [],
            })
        })
        .collect();
    Ok(json!({ "sessions": sessions }))
}
