//! The decision (AWS: "Policy evaluation logic"): explicit denies, then limits, then required
//! allows.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::caller::{CallerKind, CallerMatch};
use super::policy::{Policy, Statement};
use super::request::Request;
use crate::language::Effect;

/// Words as in AWS's simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Decision {
    Allowed,
    ExplicitlyDenied,
    ImplicitlyDenied,
}

impl Decision {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "Allowed",
            Self::ExplicitlyDenied => "ExplicitlyDenied",
            Self::ImplicitlyDenied => "ImplicitlyDenied",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Policy sources, in deny evaluation order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    Scp,
    Rcp,
    Resource,
    Boundary,
    Session,
    Identity,
}

impl Layer {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scp => "scp",
            Self::Rcp => "rcp",
            Self::Resource => "resource",
            Self::Boundary => "boundary",
            Self::Session => "session",
            Self::Identity => "identity",
        }
    }
}

/// All policies for a request.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// Service control policies by level, root first; empty means disabled.
    pub scps: Vec<Vec<Arc<Policy>>>,
    /// Resource control policies by level; `RCPFullAWSAccess` is implied at each.
    pub rcps: Vec<Vec<Arc<Policy>>>,
    /// Includes a role's trust policy.
    pub resource: Option<Arc<Policy>>,
    pub boundary: Option<Arc<Policy>>,
    pub session: Vec<Arc<Policy>>,
    /// Includes group policies.
    pub identity: Vec<Arc<Policy>>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) denied: bool,
    /// First level without an Allow, from 0.
    pub(crate) scp_gap: Option<usize>,
    pub(crate) identity: bool,
    /// `None`: no boundary.
    pub(crate) boundary: Option<bool>,
    /// `None`: no session policies.
    pub(crate) session: Option<bool>,
    /// Caller match of the strongest Allow.
    pub(crate) resource: Option<CallerMatch>,
}

impl Layers {
    pub(crate) fn identity_counts(request: &Request) -> bool {
        request.caller.has_identity_policies() && !request.is_root()
    }

    /// Whether `NotPrincipal` statements see a caller with a boundary.
    pub(crate) fn boundary_counts(&self, request: &Request) -> bool {
        self.boundary.is_some() && Self::identity_counts(request)
    }

    /// Whether it is a federated user's session without session policy: it lacks its identity's
    /// permissions (AWS: "`GetFederationToken`").
    pub(crate) fn lacks_session_policy(&self, request: &Request) -> bool {
        request.caller.kind() == CallerKind::FederatedUser && self.session.is_empty()
    }

    fn tally(&self, request: &Request) -> Tally {
        let mut tally = Tally::default();
        let denied = self.tally_control(request, &mut tally)
            || self.tally_resource(request, &mut tally)
            || self.tally_identity(request, &mut tally);
        tally.denied = denied;
        tally
    }

    fn tally_control(&self, request: &Request, tally: &mut Tally) -> bool {
        if request.under_scps() {
            for (level, policies) in self.scps.iter().enumerate() {
                match weigh(policies, request) {
                    Weight::Denies => return true,
                    Weight::Silent if tally.scp_gap.is_none() => tally.scp_gap = Some(level),
                    Weight::Silent | Weight::Allows => {}
                }
            }
        }
        request.under_rcps()
            && self
                .rcps
                .iter()
                .any(|policies| weigh(policies, request) == Weight::Denies)
    }

    fn tally_resource(&self, request: &Request, tally: &mut Tally) -> bool {
        let Some(policy) = &self.resource else {
            return false;
        };
        let boundary = self.boundary_counts(request);
        for statement in policy.statements() {
            let Some(named) = statement.applies(request, boundary) else {
                continue;
            };
            match statement.effect {
                Effect::Deny if request.escapes_resource_policy() => {}
                Effect::Deny => return true,
                Effect::Allow => tally.resource = tally.resource.max(Some(named)),
            }
        }
        false
    }

    fn tally_identity(&self, request: &Request, tally: &mut Tally) -> bool {
        if !Self::identity_counts(request) {
            return false;
        }
        if let Some(boundary) = &self.boundary {
            let weight = weigh(std::slice::from_ref(boundary), request);
            tally.boundary = Some(weight == Weight::Allows);
            if weight == Weight::Denies {
                return true;
            }
        }
        if !self.session.is_empty() {
            let weight = weigh(&self.session, request);
            tally.session = Some(weight == Weight::Allows);
            if weight == Weight::Denies {
                return true;
            }
        }
        let weight = weigh(&self.identity, request);
        tally.identity = weight == Weight::Allows && !self.lacks_session_policy(request);
        weight == Weight::Denies
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Denies,
    Allows,
    Silent,
}

fn weigh(policies: &[Arc<Policy>], request: &Request) -> Weight {
    let mut weight = Weight::Silent;
    let statements = policies.iter().flat_map(|policy| policy.statements());
    for statement in statements {
        // further Allows add nothing
        if statement.effect == Effect::Allow && weight == Weight::Allows {
            continue;
        }
        if Statement::applies(statement, request, false).is_some() {
            match statement.effect {
                Effect::Deny => return Weight::Denies,
                Effect::Allow => weight = Weight::Allows,
            }
        }
    }
    weight
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GrantedBy {
    Identity,
    Resource,
    /// Both, e.g. across accounts.
    Both,
    None,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TallyOutcome {
    pub(crate) decision: Decision,
    pub(crate) core: GrantedBy,
    /// Layers without Allow, with the service control policy level.
    pub(crate) missing: Vec<(Layer, Option<usize>)>,
}

impl TallyOutcome {
    fn allowed(core: GrantedBy) -> Self {
        Self {
            decision: Decision::Allowed,
            core,
            missing: Vec::new(),
        }
    }

    fn missing(core: GrantedBy, missing: Vec<(Layer, Option<usize>)>) -> Self {
        Self {
            decision: Decision::ImplicitlyDenied,
            core,
            missing,
        }
    }

    fn of(core: GrantedBy, missing: Vec<(Layer, Option<usize>)>) -> Self {
        if missing.is_empty() {
            Self::allowed(core)
        } else {
            Self::missing(core, missing)
        }
    }
}

pub fn decide(layers: &Layers, request: &Request) -> Decision {
    if request.is_always_allowed() {
        return Decision::Allowed;
    }
    let tally = layers.tally(request);
    if tally.denied {
        return Decision::ExplicitlyDenied;
    }
    if tally.scp_gap.is_some() || request.writes_reserved() {
        return Decision::ImplicitlyDenied;
    }
    core(&tally, request).decision
}

pub(crate) fn outcome(tally: &Tally, gaps: &[usize], request: &Request) -> TallyOutcome {
    if request.is_always_allowed() {
        return TallyOutcome::allowed(GrantedBy::None);
    }
    let mut outcome = core(tally, request);
    let mut missing: Vec<_> = gaps
        .iter()
        .map(|level| (Layer::Scp, Some(*level)))
        .collect();
    missing.append(&mut outcome.missing);
    if request.writes_reserved() {
        return TallyOutcome::missing(GrantedBy::None, missing);
    }
    TallyOutcome::of(outcome.core, missing)
}

/// Required allows (`policies.md` §2.6).
fn core(tally: &Tally, request: &Request) -> TallyOutcome {
    match request.caller.kind() {
        CallerKind::Anonymous | CallerKind::Service | CallerKind::Federated => {
            by_resource_alone(tally)
        }
        _ if request.is_root() => as_root(tally, request),
        _ if request.same_account() => {
            let guarded = request.on_kms_key() || request.takes_role();
            in_one_account(tally, guarded)
        }
        _ => between_accounts(tally),
    }
}

fn by_resource_alone(tally: &Tally) -> TallyOutcome {
    match tally.resource {
        Some(_) => TallyOutcome::allowed(GrantedBy::Resource),
        None => TallyOutcome::missing(GrantedBy::None, vec![(Layer::Resource, None)]),
    }
}

/// The root user needs no policy in its account, except on a KMS key: a key policy without the
/// account also excludes its root user (AWS: "Key policies in AWS KMS").
fn as_root(tally: &Tally, request: &Request) -> TallyOutcome {
    // only users and roles assume roles (AWS STS API Reference, `AssumeRole`)
    if request.takes_role() {
        return TallyOutcome::missing(GrantedBy::None, vec![(Layer::Identity, None)]);
    }
    if request.same_account() && !request.on_kms_key() {
        return TallyOutcome::allowed(GrantedBy::None);
    }
    by_resource_alone(tally)
}

fn limits(tally: &Tally, boundary: bool, session: bool) -> Vec<(Layer, Option<usize>)> {
    let mut missing = Vec::new();
    if boundary && tally.boundary == Some(false) {
        missing.push((Layer::Boundary, None));
    }
    if session && tally.session == Some(false) {
        missing.push((Layer::Session, None));
    }
    missing
}

/// Identity or resource policy, with applicable limits; `guarded` resources (KMS keys, roles to
/// assume) need their own policy.
fn in_one_account(tally: &Tally, guarded: bool) -> TallyOutcome {
    let by_resource = match tally.resource {
        Some(CallerMatch::Exactly) => Some(limits(tally, false, false)),
        Some(CallerMatch::Everyone) => Some(limits(tally, false, true)),
        Some(CallerMatch::Role) => Some(limits(tally, true, true)),
        Some(CallerMatch::Account | CallerMatch::Not) | None => None,
    };
    let mut by_identity = limits(tally, true, true);
    if !tally.identity {
        by_identity.push((Layer::Identity, None));
    }
    if guarded && tally.resource.is_none() {
        by_identity.insert(0, (Layer::Resource, None));
    }
    match (by_identity.is_empty(), by_resource) {
        (true, Some(limits)) if limits.is_empty() => TallyOutcome::allowed(GrantedBy::Both),
        (true, _) => TallyOutcome::allowed(if guarded {
            GrantedBy::Both
        } else {
            GrantedBy::Identity
        }),
        (false, Some(limits)) => TallyOutcome::of(GrantedBy::Resource, limits),
        (false, None) => TallyOutcome::missing(GrantedBy::None, by_identity),
    }
}

fn between_accounts(tally: &Tally) -> TallyOutcome {
    let mut missing = Vec::new();
    if tally.resource.is_none() {
        missing.push((Layer::Resource, None));
    }
    missing.append(&mut limits(tally, true, true));
    if !tally.identity {
        missing.push((Layer::Identity, None));
    }
    let core = match (tally.identity, tally.resource.is_some()) {
        (true, true) => GrantedBy::Both,
        (true, false) => GrantedBy::Identity,
        (false, true) => GrantedBy::Resource,
        (false, false) => GrantedBy::None,
    };
    TallyOutcome::of(core, missing)
}
