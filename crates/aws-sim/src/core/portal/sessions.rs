//! Role sessions (`simulator.md` N-1 and N-2): identity, lifetime, end.

use crate::base::{Millis, Random};
use hallpass_aws_model::facts;
use serde_json::Value;

use crate::{
    core::{
        entities::{Id, PermissionSet, Provision, RoleSession},
        issue::issue,
        roles::{Role, session},
        state::SimState,
    },
    vocabulary::session_seconds,
};

/// Retention of ended sessions in the control API's list.
const PAST_KEPT: Millis = 24 * 3_600_000;

/// Name prefix of provisioned roles.
pub(crate) const RESERVED_PREFIX: &str = "AWSReservedSSO_";

pub(crate) fn reserved_role(state: &SimState, account: &Id, set: &PermissionSet) -> Option<Role> {
    let pair = (account.clone(), state.order(&set.id), set.id.clone());
    let suffix = &state.provisions.latest(&pair)?.suffix;
    let name = format!("{RESERVED_PREFIX}{}_{suffix}", set.name);
    let path = reserved_path(&state.center.home_region);
    Some(Role {
        account: account.to_string(),
        arn: format!("arn:aws:iam::{account}:role{path}{name}"),
        name,
        max_session: facts::PERMISSION_SET_SESSION_SECONDS_MOST.value,
        // assumable only through the portal
        trust: Value::Null,
    })
}

pub(crate) fn reserved_path(home_region: &str) -> String {
    if home_region == "us-east-1" {
        "/aws-reserved/sso.amazonaws.com/".to_owned()
    } else {
        format!("/aws-reserved/sso.amazonaws.com/{home_region}/")
    }
}

pub(crate) fn saml_provider(state: &SimState, account: &str) -> String {
    let id = Random::new(state.seed, &format!("saml/{account}")).hex(16);
    format!("arn:aws:iam::{account}:saml-provider/AWSSSO_{id}_DO_NOT_DELETE")
}

/// The set of a provisioned role's session, and its current provision.
pub(crate) fn reserved_set<'a>(
    state: &'a SimState,
    account: &str,
    arn: &str,
) -> Option<(&'a PermissionSet, Option<&'a Provision>)> {
    let name = arn
        .split('/')
        .find(|step| step.starts_with(RESERVED_PREFIX))?;
    let (set, _) = name.strip_prefix(RESERVED_PREFIX)?.rsplit_once('_')?;
    let set = state.set_named(set)?;
    let pair = (Id::from(account), state.order(&set.id), set.id.clone());
    Some((set, state.provisions.latest(&pair)))
}

/// The caller has checked that the user may begin it.
pub(crate) struct NewSession<'a> {
    pub user: &'a Id,
    pub account: &'a Id,
    pub set: &'a Id,
    /// `portal`, `login` or `console`.
    pub source: &'static str,
    pub id: String,
}

/// Begins a role session and issues credentials; `None` when user, set or role is missing.
pub(crate) fn enter(
    state: &mut SimState,
    entry: NewSession<'_>,
    random: &mut Random,
    now: Millis,
) -> Option<Value> {
    let set = state.set(entry.set)?;
    let role = reserved_role(state, entry.account, set)?;
    let user_name = state.user(entry.user)?.user_name().to_owned();
    let pair = (entry.account.clone(), state.order(&set.id), set.id.clone());
    // as provisioned, possibly older than the set
    let provisioned = state.provisions.latest(&pair)?.session_duration.as_ref();
    let length = provisioned.unwrap_or(&set.session_duration);
    let seconds = session_seconds(length).unwrap_or(facts::PERMISSION_SET_SESSION_SECONDS.value);
    let mut caller = session(state.seed, &role, &user_name, None);
    caller.user = Some(entry.user.clone());
    // derivable from the home Region; keeps the token short
    caller.role_path.clear();
    let (caller, credentials) = issue(state.seed, caller, random, now, seconds);
    let row = RoleSession {
        id: entry.id,
        user: entry.user.clone(),
        user_name,
        account: entry.account.clone(),
        set: entry.set.clone(),
        set_name: set.name.clone(),
        role_arn: role.arn,
        access_key_id: caller.access_key_id,
        issued: now,
        expires: now + i64::from(seconds) * 1000,
        source: entry.source.to_owned(),
    };
    state.sessions.retain(|old| old.expires + PAST_KEPT > now);
    state.sessions.push(row);
    Some(credentials)
}

/// Whether the session's reserved role is deleted, which ends it unless a switch prevents that
/// (`simulator.md` N-2). Readers see the deletion after their window.
pub(crate) fn is_killed(state: &SimState, account: &str, arn: &str) -> bool {
    let behaviour = &state.settings.behaviour;
    behaviour.is("role_deleted_kills_sessions", "yes") && is_gone(state, account, arn)
}

fn is_gone(state: &SimState, account: &str, arn: &str) -> bool {
    let reserved = |step: &&str| step.starts_with(RESERVED_PREFIX);
    let Some(name) = arn.split('/').find(reserved) else {
        return false;
    };
    let stated = state.iam.get(account);
    if stated.is_some_and(|iam| iam.roles.iter().any(|role| role.name == name)) {
        return false;
    }
    let parts = name
        .strip_prefix(RESERVED_PREFIX)
        .and_then(|rest| rest.rsplit_once('_'));
    let Some((set, suffix)) = parts else {
        return false;
    };
    let Some(set) = state.set_named(set) else {
        return true;
    };
    let pair = (account.into(), state.order(&set.id), set.id.clone());
    let row = state.provisions.seen(&pair, state.latest);
    row.is_none_or(|row| row.suffix != suffix)
}
