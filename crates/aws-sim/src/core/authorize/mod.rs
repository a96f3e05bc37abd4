//! Whether the policies of the organization, of permission sets and of identities let a caller do
//! what it asks for (`simulator.md` AU-4).
//!
//! In mode `rules`: service control policies for every principal of a member account, and the
//! policies of the permission set for sessions that the access portal gave; what other principals
//! may do is not looked at. In mode `full` also identity policies, boundaries, session policies
//! and resource control policies.

mod denial;
mod keys;
mod layers;
mod managed;
mod resources;

use hallpass_iam::{Decision, Layers, Request, decide, explain};

use super::{
    call::{ApiError, AwsCaller, Call, Id, SimService},
    entities::RoleSession,
    guardrails::SCP,
    roles::Role,
    state::SimState,
    sts::unique_id,
};

/// Everything that is asked of the policies.
struct AuthorizationRequest<'a> {
    state: &'a SimState,
    call: &'a Call,
    caller: &'a AwsCaller,
    /// `service:Name`
    action: String,
    /// The account whose resource it is.
    owner: &'a str,
}

/// Whether the caller may do this call at all. Taking a role is decided by `may_assume`, who knows
/// the role.
///
/// # Errors
/// The denial in the words of the service.
pub(super) fn check(state: &SimState, call: &Call, caller: &AwsCaller) -> Result<(), ApiError> {
    let signed = !matches!(call.service, SimService::SsoOidc | SimService::SsoPortal);
    // `GetCallerIdentity` and `GetSessionToken` need no permission
    let free = call.service == SimService::Sts && call.operation != "GetAccessKeyInfo";
    if !state.settings.authorize || !signed || free {
        return Ok(());
    }
    let question = AuthorizationRequest {
        state,
        call,
        caller,
        action: resources::action(call),
        owner: &caller.account,
    };
    question.ask(&resources::of(state, call, caller), None)
}

/// Whether policies let the caller take a role that trusts it. `by_name`: the role names the
/// caller, or everybody, rather than its account.
///
/// # Errors
/// The denial in the words of the service.
pub(super) fn may_assume(
    state: &SimState,
    call: &Call,
    caller: &AwsCaller,
    role: &Role,
    by_name: bool,
) -> Result<(), ApiError> {
    let question = AuthorizationRequest {
        state,
        call,
        caller,
        action: resources::action(call),
        owner: &role.account,
    };
    question.ask(std::slice::from_ref(&role.arn), Some(by_name))
}

impl AuthorizationRequest<'_> {
    /// Every resource has to be allowed; the first that is not is named.
    fn ask(&self, resources: &[String], trust: Option<bool>) -> Result<(), ApiError> {
        let Some(mut layers) = layers::of(self) else {
            return Ok(());
        };
        layers.resource = trust.and_then(|by_name| layers::trust(&self.caller.account, by_name));
        let context = keys::of(self);
        for resource in resources {
            let own = keys::of_resource(self.state, resource, context.clone());
            let request = Request::new(&self.caller.arn, &self.action, resource, own);
            let Ok(mut request) = request else {
                // what cannot be asked cannot be allowed
                return Err(denial::malformed(self.call, self.caller, &self.action));
            };
            request = request
                .resource_account(self.owner)
                .management_account(self.caller.account == self.state.head.management);
            request.derive_keys();
            if decide(&layers, &request) != Decision::Allowed {
                let why = explain(&layers, &request);
                return Err(denial::of(
                    self.call,
                    self.caller,
                    &self.action,
                    resource,
                    &why,
                ));
            }
        }
        Ok(())
    }
}

/// An action that no policy names, to find out what denies everything.
const PROBE: &str = "hallpass:Probe";

/// The policies of the organization that deny a session everything (`simulator.md` N-2).
pub(crate) fn cut_off_by(state: &SimState, session: &RoleSession) -> Vec<Id> {
    let caller = session_caller(state, session);
    let call = Call {
        service: SimService::Sts,
        operation: "Probe".to_owned(),
        region: state.center.home_region.clone(),
        input: serde_json::Value::Null,
        seq: 0,
        origin: String::new(),
        source_ip: String::new(),
        modifiers: crate::core::call::Modifiers::default(),
    };
    let question = AuthorizationRequest {
        state,
        call: &call,
        caller: &caller,
        action: PROBE.to_owned(),
        owner: &caller.account,
    };
    let context = keys::of(&question);
    let Ok(mut request) = Request::new(&caller.arn, PROBE, "*", context) else {
        return Vec::new();
    };
    request = request.management_account(caller.account == state.head.management);
    request.derive_keys();
    let denies = |policy: &std::sync::Arc<hallpass_iam::Policy>| {
        let layers = Layers {
            scps: vec![vec![policy.clone()]],
            ..Layers::default()
        };
        decide(&layers, &request) == Decision::ExplicitlyDenied
    };
    let levels = layers::levels(state, &caller.account, SCP);
    let mut found: Vec<Id> = Vec::new();
    for policy in levels.iter().flatten().filter(|policy| denies(policy)) {
        let id = Id::from(policy.name().unwrap_or_default());
        if !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

fn session_caller(state: &SimState, session: &RoleSession) -> AwsCaller {
    let name = session.role_arn.rsplit('/').next().unwrap_or_default();
    AwsCaller {
        account: session.account.to_string(),
        arn: format!(
            "arn:aws:sts::{}:assumed-role/{name}/{}",
            session.account, session.user_name
        ),
        user_id: format!(
            "{}:{}",
            unique_id(state.seed, "AROA", &session.role_arn),
            session.user_name
        ),
        access_key_id: session.access_key_id.clone(),
        kind: super::call::CallerKind::Session,
        issued: session.issued,
        expires: Some(session.expires),
        user: Some(session.user.clone()),
        ..AwsCaller::default()
    }
}
