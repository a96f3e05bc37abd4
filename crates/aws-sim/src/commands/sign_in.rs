use crate::base::{Millis, Random, Refusal, instant};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Command;
use crate::{
    core::{
        entities::Id,
        portal::{self, NewSession},
        sign_ins,
        state::SimState,
    },
    services::sso_oidc::{self as oidc, CodeRequest, NotSignedIn},
};

impl From<NotSignedIn> for Refusal {
    fn from(why: NotSignedIn) -> Self {
        let (status, code) = match &why {
            NotSignedIn::NoUser(_) | NotSignedIn::NoDevice(_) => {
                (StatusCode::NOT_FOUND, "not_found")
            }
            NotSignedIn::Disabled(_) => (StatusCode::CONFLICT, "disabled"),
            NotSignedIn::Expired(_) => (StatusCode::CONFLICT, "expired"),
            NotSignedIn::Answered(_) => (StatusCode::CONFLICT, "answered"),
            NotSignedIn::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request"),
        };
        Self::new(status, code, &why.to_string())
    }
}

fn texts<'a, const N: usize>(body: &'a Value, names: [&str; N]) -> Result<[&'a str; N], Refusal> {
    let fields = body
        .as_object()
        .ok_or_else(|| Refusal::bad("", "expected an object"))?;
    if let Some(key) = fields.keys().find(|key| !names.contains(&key.as_str())) {
        return Err(Refusal::bad(key, "unknown key"));
    }
    let mut found = [""; N];
    for (place, name) in found.iter_mut().zip(names) {
        let text = fields.get(name).and_then(Value::as_str);
        *place = text.ok_or_else(|| Refusal::bad(name, "expected text"))?;
    }
    Ok(found)
}

pub(super) fn run(
    state: &mut SimState,
    command: Command<'_>,
    now: Millis,
) -> Result<Value, Refusal> {
    let Command { name, body, seq } = command;
    match name {
        "device_approve" => {
            let [code, user] = texts(body, ["user_code", "user"])?;
            oidc::answer_device(state, code, Some(user), now)?;
            Ok(json!({ "approved": true, "user_code": code, "user": user }))
        }
        "device_deny" => {
            let [code] = texts(body, ["user_code"])?;
            oidc::answer_device(state, code, None, now)?;
            Ok(json!({ "approved": false, "user_code": code }))
        }
        "authorize" => authorize(state, body, seq, now),
        "portal_sign_in" => {
            let [user] = texts(body, ["user"])?;
            let token = oidc::sign_in(state, user, seq, now)?;
            Ok(json!({ "token": token }))
        }
        "portal_sign_out" => {
            let [token] = texts(body, ["token"])?;
            sign_ins::sign_out(&mut state.portal, token, now);
            Ok(json!({ "signed_out": true }))
        }
        "console" => console(state, body, seq, now),
        _ => Err(Refusal::bad("", "unknown command")),
    }
}

fn authorize(state: &mut SimState, body: &Value, seq: u64, now: Millis) -> Result<Value, Refusal> {
    let names = [
        "client_id",
        "redirect_uri",
        "response_type",
        "code_challenge_method",
        "code_challenge",
        "user",
    ];
    let [asked @ .., user] = texts(body, names)?;
    let code = oidc::authorize(state, &CodeRequest::of(asked), user, seq, now)?;
    Ok(json!({ "code": code }))
}

fn console(state: &mut SimState, body: &Value, seq: u64, now: Millis) -> Result<Value, Refusal> {
    let [token, account, role] = texts(body, ["token", "account_id", "role_name"])?;
    let sign_in = portal::holder(state, token, now).cloned();
    let sign_in = sign_in.ok_or_else(|| {
        Refusal::new(
            StatusCode::UNAUTHORIZED,
            "signed_out",
            "no user is signed in",
        )
    })?;
    let refused = || Refusal::new(StatusCode::FORBIDDEN, "no_access", "No access");
    let account = Id::from(account);
    let set = state.set_named(role).map(|set| set.id.clone());
    let set = set.ok_or_else(refused)?;
    if !portal::may_enter(state, &account, &set, &sign_in.user, now) {
        return Err(refused());
    }
    let place = state.sessions.iter().position(|one| {
        one.source == "console"
            && one.user == sign_in.user
            && one.account == account
            && one.set == set
            && now < one.expires
            && one.issued >= sign_in.issued
            && !portal::is_killed(state, &one.account, &one.role_arn)
    });
    if place.is_none() {
        let entry = NewSession {
            user: &sign_in.user,
            account: &account,
            set: &set,
            source: "console",
            id: format!("s{seq}"),
        };
        let mut random = Random::new(state.seed, &format!("console {seq}"));
        portal::enter(state, entry, &mut random, now).ok_or_else(refused)?;
    }
    let session = match place {
        Some(place) => state.sessions.get(place),
        None => state.sessions.last(),
    };
    let session = session.ok_or_else(refused)?;
    Ok(json!({
        "id": session.id,
        "user": session.user_name,
        "account_id": session.account,
        "permission_set": session.set_name,
        "role_arn": session.role_arn,
        "issued": instant(session.issued),
        "expires": instant(session.expires),
    }))
}
