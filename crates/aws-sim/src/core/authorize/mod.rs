//! Authorization by policies (`simulator.md` AU-4).
//!
//! Mode `rules`: service control policies for every principal of a member account, and the
//! permission set's policies for access portal sessions. Mode `full` adds identity policies,
//! boundaries, session policies and resource control policies.

mod denial;
mod keys;
mod layers;
mod managed;

pub(crate) use managed::{aws_managed, aws_managed_arn};

use std::sync::Arc;

use hallpass_iam::{Context, Decision, Layers, Policy, Request, decide, explain};

use super::{
    call::Call,
    caller::{AwsCaller, CallerKind},
    entities::{Id, RoleSession},
    errors::ApiError,
    issue::unique_id,
    keyed_data::KeyedData,
    kms::SimKey,
    roles::Role,
    service::PolicyFacts,
    state::SimState,
};
use crate::organization::IamPolicies;
use crate::vocabulary::policy_types::SCP;

struct AuthorizationRequest<'a> {
    state: &'a SimState,
    call: &'a Call,
    caller: &'a AwsCaller,
    /// `service:Name`
    action: String,
    owner: &'a str,
}

/// Authorizes a call. `may_assume`, which knows the role, decides on taking a role.
///
/// # Errors
/// The denial in the service's words.
pub(crate) fn check(state: &SimState, call: &Call, caller: &AwsCaller) -> Result<(), ApiError> {
    let Some(facts) = &call.service.policies else {
        return Ok(());
    };
    if !state.settings.authorize || facts.free.contains(&call.operation.as_str()) {
        return Ok(());
    }
    let question = AuthorizationRequest::of(state, call, caller, &caller.account);
    question.ask(&resources(facts, state, call, caller), None)
}

/// Whether a role's trust policy admits the caller, ignoring other policies.
pub(crate) fn trusts(state: &SimState, call: &Call, caller: &AwsCaller, role: &Role) -> bool {
    let question = AuthorizationRequest::of(state, call, caller, &role.account);
    let layers = Layers {
        resource: layers::trust(role),
        identity: managed::everything().into_iter().collect(),
        ..Layers::default()
    };
    let request = question.request(&role.arn, keys::of(&question));
    layers.resource.is_some() && request.is_some_and(|it| decide(&layers, &it) == Decision::Allowed)
}

/// Whether the organization's delegation policy allows the call on all its resources.
pub(crate) fn is_delegated(
    state: &SimState,
    call: &Call,
    caller: &AwsCaller,
    policy: Arc<Policy>,
) -> bool {
    let Some(facts) = &call.service.policies else {
        return false;
    };
    let question = AuthorizationRequest::of(state, call, caller, &state.head.management);
    let layers = Layers {
        resource: Some(policy),
        // the caller's own policies are checked for every call
        identity: managed::everything().into_iter().collect(),
        ..Layers::default()
    };
    let context = keys::of(&question);
    let named = resources(facts, state, call, caller);
    named.iter().all(|resource| {
        let request = question.request(resource, context.clone());
        request.is_some_and(|it| decide(&layers, &it) == Decision::Allowed)
    })
}

/// Whether a role's trust policy allows a service all of these actions.
pub(crate) fn lets_service(role: &Role, service: &str, actions: &[&str]) -> bool {
    let layers = Layers {
        resource: layers::trust(role),
        ..Layers::default()
    };
    actions.iter().all(|action| {
        let request = Request::new(service, action, &role.arn, Context::new());
        request.is_ok_and(|it| decide(&layers, &it) == Decision::Allowed)
    })
}

/// Whether policies let the caller assume a role that trusts it.
///
/// # Errors
/// The denial in the service's words.
pub(crate) fn may_assume(
    state: &SimState,
    call: &Call,
    caller: &AwsCaller,
    role: &Role,
) -> Result<(), ApiError> {
    let question = AuthorizationRequest::of(state, call, caller, &role.account);
    question.ask(std::slice::from_ref(&role.arn), Some(role))
}

/// Denial text for an action that the service `via` performs with the caller's rights; `None` when
/// allowed.
pub(crate) fn refusal(
    state: &SimState,
    call: &Call,
    caller: &AwsCaller,
    (via, action, resource): (&str, &str, &str),
) -> Option<String> {
    if !state.settings.authorize {
        return None;
    }
    let question = AuthorizationRequest {
        action: action.to_owned(),
        ..AuthorizationRequest::of(state, call, caller, &caller.account)
    };
    let layers = layers::of(&question)?;
    // AWS's key for the intermediate service
    let context = keys::of(&question).with_list("aws:CalledVia", [via]);
    let request = question.request(resource, context)?;
    let is_refused = decide(&layers, &request) != Decision::Allowed;
    is_refused.then(|| {
        let why = explain(&layers, &request);
        denial::words(caller, action, request.resource(), &why)
    })
}

/// Whether the caller may `kms:Decrypt` Identity Center's data through the service, with its
/// encryption context.
pub(crate) fn may_decrypt(
    state: &SimState,
    call: &Call,
    caller: &AwsCaller,
    key: &SimKey,
    data: KeyedData,
) -> bool {
    if !state.settings.authorize {
        return true;
    }
    let question = AuthorizationRequest {
        action: "kms:Decrypt".to_owned(),
        ..AuthorizationRequest::of(state, call, caller, &key.account)
    };
    let Some(mut layers) = layers::of(&question) else {
        return true;
    };
    let arn = key.arn();
    layers.resource = layers::key_policy(state, &key.account, &arn);
    let (name, value) = data.context(state);
    let keys = keys::of(&question)
        .with(name, value)
        .with("kms:ViaService", data.via(&call.region));
    let request = question.request(&arn, keys);
    request.is_some_and(|it| decide(&layers, &it) == Decision::Allowed)
}

/// The resources of a call; `*` where the service names none.
fn resources(
    facts: &PolicyFacts,
    state: &SimState,
    call: &Call,
    caller: &AwsCaller,
) -> Vec<String> {
    let found = (facts.resources)(state, caller, &call.operation, &call.input);
    if found.is_empty() {
        return vec!["*".to_owned()];
    }
    found
}

impl<'a> AuthorizationRequest<'a> {
    fn of(state: &'a SimState, call: &'a Call, caller: &'a AwsCaller, owner: &'a str) -> Self {
        Self {
            state,
            call,
            caller,
            action: call.service.action(&call.operation),
            owner,
        }
    }

    fn request(&self, resource: &str, keys: Context) -> Option<Request> {
        let own = keys::of_resource(self.state, resource, keys);
        let request = Request::new(&self.caller.arn, &self.action, resource, own).ok()?;
        let mut request = request
            .resource_account(self.owner)
            .management_account(self.caller.account == self.state.head.management);
        request.derive_keys();
        Some(request)
    }

    /// Requires every resource to be allowed; names the first denied one.
    fn ask(&self, resources: &[String], taken: Option<&Role>) -> Result<(), ApiError> {
        let Some(mut layers) = layers::of(self) else {
            return Ok(());
        };
        layers.resource = taken.and_then(layers::trust);
        let context = keys::of(self);
        for resource in resources {
            if taken.is_none() {
                layers.resource = layers::key_policy(self.state, &self.caller.account, resource);
            }
            let Some(request) = self.request(resource, context.clone()) else {
                // a call that cannot be evaluated cannot be allowed
                return Err(denial::malformed(self.call, self.caller, &self.action));
            };
            if decide(&layers, &request) != Decision::Allowed {
                let why = explain(&layers, &request);
                return Err(denial::of(
                    self.state,
                    self.call,
                    self.caller,
                    (&self.action, &request),
                    &why,
                ));
            }
        }
        Ok(())
    }
}

/// Named in no policy: detects policies that deny everything.
const PROBE: &str = "hallpass:Probe";

/// The organization policies that deny a session everything (`simulator.md` N-2).
pub(crate) fn cut_off_by(state: &SimState, session: &RoleSession) -> Vec<Id> {
    let caller = session_caller(state, session);
    let region = &state.center.home_region;
    let context = keys::of_caller(state, &caller, &caller.account, region);
    let Ok(mut request) = Request::new(&caller.arn, PROBE, "*", context) else {
        return Vec::new();
    };
    request = request.management_account(caller.account == state.head.management);
    request.derive_keys();
    let denies = |policy: &Arc<Policy>| {
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

/// Simulates a principal's policies and its organization's (IAM User Guide, "IAM policy testing
/// with the IAM policy simulator"): always all policies, in every mode.
pub(crate) fn simulated(
    state: &SimState,
    account: &str,
    (principal, held): (&str, &[&IamPolicies]),
    (action, resource): (&str, &str),
) -> Decision {
    let layers = layers::of_held(state, account, held);
    let caller = AwsCaller {
        account: account.to_owned(),
        arn: principal.to_owned(),
        ..AwsCaller::default()
    };
    let region = &state.center.home_region;
    let context = keys::of_caller(state, &caller, account, region);
    let Ok(mut request) = Request::new(principal, action, resource, context) else {
        return Decision::ImplicitlyDenied;
    };
    request = request
        .resource_account(account)
        .management_account(*account == *state.head.management);
    request.derive_keys();
    decide(&layers, &request)
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
        kind: CallerKind::Session,
        issued: session.issued,
        expires: Some(session.expires),
        user: Some(session.user.clone()),
        ..AwsCaller::default()
    }
}
