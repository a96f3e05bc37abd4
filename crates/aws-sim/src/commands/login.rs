use crate::base::{Millis, Random, Refusal};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::core::{
    mutate::account_named,
    portal::{NewSession, assigned, enter},
    sign_in_events::note_sign_in,
    state::SimState,
};

fn names(body: &Value) -> Result<[&str; 3], Refusal> {
    const KNOWN: [&str; 4] = ["user", "account", "permission_set", "region"];
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

/// The sign-in Region: one of the instance's, by default the home Region.
fn region(state: &SimState, body: &Value, now: Millis) -> Result<String, Refusal> {
    let home = &state.center.home_region;
    match body.get("region") {
        None => Ok(home.clone()),
        Some(Value::String(name)) if state.center.signs_in(name, now) => Ok(name.clone()),
        Some(_) => Err(Refusal::bad("region", "expected a Region of the instance")),
    }
}

pub(super) fn login(
    state: &mut SimState,
    body: &Value,
    seq: u64,
    now: Millis,
) -> Result<Value, Refusal> {
    let [user, account, set] = names(body)?;
    let region = region(state, body, now)?;
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
    note_sign_in(state, &user_row.id, &id, &region, now);
    Ok(json!({
        "AWS_ACCESS_KEY_ID": given.get("AccessKeyId"),
        "AWS_SECRET_ACCESS_KEY": given.get("SecretAccessKey"),
        "AWS_SESSION_TOKEN": given.get("SessionToken"),
        "expires": given.get("Expiration"),
        "session_id": id,
    }))
}
