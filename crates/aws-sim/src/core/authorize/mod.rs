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

pub(crate) use managed::{aws_managed, aws_managed_arn};

use hallpass_iam::{Decision, Layers, Request, decide, explain};

use super::{
    call::Call,
    caller::{AwsCaller, CallerKind},
    entities::{Id, RoleSession},
    errors::ApiError,
    issue::unique_id,
    roles::Role,
    service::PolicyFacts,
    state::SimState,
};
use crate::organization::IamPolicies;
use crate::vocabulary::policy_types::SCP;

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
pub(crate) fn check(state: &SimState, call: &Call, caller: &AwsCaller) -> Result<(), ApiError> {
    let Some(facts) = &call.service.policies else {
        return Ok(());
    };
    if !state.settings.authorize || facts.free.contains(&call.operation.as_str()) {
        return Ok(());
    }
    let question = AuthorizationRequest {
        state,
        call,
        caller,
        action: call.service.action(&call.operation),
        owner: &caller.account,
    };
    question.ask(&resources(facts, state, call, caller), None)
}

/// Whether policies let the caller take a role that trusts it. `by_name`: the role names the
/// caller, or everybody, rather than its account.
///
/// # Errors
/// The denial in the words of the service.
pub(crate) fn may_assume(
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
        action: call.service.action(&call.operation),
        owner: &role.account,
    };
    question.ask(std::slice::from_ref(&role.arn), Some(by_name))
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

impl AuthorizationRequest<'_> {
    /// Every resource has to be allowed; the first that is not is named.
    fn ask(&self, resources: &[String], trust: Option<bool>) -> Result<(), ApiError> {
        let Some(mut layers) = layers::of(self) else {
            return Ok(());
        };
        layers.resource = trust.and_then(|by_name| layers::trust(&self.caller.account, by_name));
        let context = keys::of(self);
        for resource in resources {
            if trust.is_none() {
                layers.resource = layers::key_policy(self.state, &self.caller.account, resource);
            }
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
    let region = &state.center.home_region;
    let context = keys::of_caller(state, &caller, &caller.account, region);
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

/// Whether the policies of a principal of an account and of its organization let it do something, as IAM simulates it
/// (IAM User Guide, "IAM policy testing with the IAM policy simulator"): in every mode all of its policies, whoever asks.
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
