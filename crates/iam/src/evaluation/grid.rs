//! Evaluates many requests: every action on every resource per principal.
//!
//! Statement coverage of actions and resources is independent of the caller, so it is computed once
//! per policy as bits. Conditions are evaluated once per principal; the rest is bit algebra over
//! resource rows.

use std::collections::HashMap;
use std::sync::Arc;

use super::caller::{Caller, CallerKind, CallerMatch};
use super::context::Context;
use super::decide::{Decision, Layers, decide};
use super::policy::{Policy, Statement};
use super::request::Request;
use crate::error::LoadError;
use crate::language::Effect;

#[derive(Debug, Clone)]
pub struct GridResource {
    pub arn: String,
    /// Owner, if the ARN lacks one.
    pub account: Option<String>,
    pub policy: Option<Arc<Policy>>,
    pub rcps: Vec<Vec<Arc<Policy>>>,
}

#[derive(Debug, Clone)]
pub struct GridCaller {
    pub caller: Caller,
    /// Caller-side policies; `resource` and `rcps` come from each [`GridResource`].
    pub layers: Layers,
    /// Shared by all requests.
    pub context: Context,
    pub management_account: bool,
}

/// One bit per action or resource.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bits(Box<[u64]>);

impl Bits {
    fn none(length: usize) -> Self {
        Self(vec![0; length.div_ceil(64)].into())
    }

    fn all(length: usize) -> Self {
        let mut bits = Self::none(length);
        (0..length).for_each(|at| bits.set(at));
        bits
    }

    fn from_fn(length: usize, mut is: impl FnMut(usize) -> bool) -> Self {
        let mut bits = Self::none(length);
        (0..length).filter(|at| is(*at)).for_each(|at| bits.set(at));
        bits
    }

    fn set(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    fn has(&self, at: usize) -> bool {
        self.0
            .get(at / 64)
            .is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    fn add(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    fn keep(&mut self, other: &Self) {
        for (word, kept) in self.0.iter_mut().zip(&other.0) {
            *word &= kept;
        }
    }

    fn drop_all(&mut self, other: &Self) {
        for (word, dropped) in self.0.iter_mut().zip(&other.0) {
            *word &= !dropped;
        }
    }

    fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }
}

#[derive(Debug)]
struct Covered {
    actions: Bits,
    /// `None`: depends on the caller through variables.
    resources: Option<Bits>,
}

/// Keeps the policy alive, so that its address stays unique.
#[derive(Debug)]
struct Indexed {
    _policy: Arc<Policy>,
    statements: Vec<Covered>,
}

#[derive(Debug)]
pub struct Grid {
    actions: Vec<Request>,
    resources: Vec<(GridResource, Request)>,
    indexed: HashMap<usize, Indexed>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GridRows {
    allowed: Vec<Bits>,
    denied: Vec<Bits>,
}

impl GridRows {
    pub fn decision(&self, action: usize, resource: usize) -> Decision {
        let has = |rows: &[Bits]| rows.get(action).is_some_and(|row| row.has(resource));
        if has(&self.denied) {
            Decision::ExplicitlyDenied
        } else if has(&self.allowed) {
            Decision::Allowed
        } else {
            Decision::ImplicitlyDenied
        }
    }

    pub fn allowed(&self) -> usize {
        self.allowed.iter().map(Bits::count).sum()
    }
}

/// A caller-side statement with satisfied conditions.
struct Active<'g> {
    actions: &'g Bits,
    resources: Bits,
}

#[derive(Default)]
struct Sheet<'g> {
    allow: Vec<Active<'g>>,
    deny: Vec<Active<'g>>,
}

impl Grid {
    pub fn new(actions: &[&str], resources: Vec<GridResource>) -> Result<Self, LoadError> {
        let someone = Caller::anonymous;
        let actions = actions
            .iter()
            .map(|action| Request::of(someone(), action, "*", Context::new()));
        let resources = resources.into_iter().map(|resource| {
            let mut request = Request::of(someone(), "a:b", &resource.arn, Context::new())?;
            if let Some(account) = &resource.account {
                request = request.resource_account(account);
            }
            Ok((resource, request))
        });
        Ok(Self {
            actions: actions.collect::<Result<_, LoadError>>()?,
            resources: resources.collect::<Result<_, LoadError>>()?,
            indexed: HashMap::new(),
        })
    }

    pub fn ask(&mut self, asking: &GridCaller) -> GridRows {
        let requests: Vec<Request> = self
            .resources
            .iter()
            .map(|(_, request)| {
                let mut request = request.clone();
                request.caller = asking.caller.clone();
                request.context = asking.context.clone();
                request.management_account(asking.management_account)
            })
            .collect();
        let ordinary = asking.caller.has_identity_policies()
            && requests
                .first()
                .is_some_and(|it| !it.is_service_linked_role());
        if !ordinary {
            return self.one_by_one(asking, &requests);
        }
        self.index_all(&asking.layers);
        let sides = Sides::new(self, asking, &requests);
        sides.rows(&self.actions)
    }

    /// Fallback for special principals.
    fn one_by_one(&self, asking: &GridCaller, requests: &[Request]) -> GridRows {
        let width = requests.len();
        let mut rows = GridRows {
            allowed: Vec::with_capacity(self.actions.len()),
            denied: Vec::with_capacity(self.actions.len()),
        };
        let layers: Vec<Layers> = self
            .resources
            .iter()
            .map(|(resource, _)| Layers {
                resource: resource.policy.clone(),
                rcps: resource.rcps.clone(),
                ..asking.layers.clone()
            })
            .collect();
        for action in &self.actions {
            let decisions: Vec<Decision> = requests
                .iter()
                .zip(&layers)
                .map(|(request, layers)| {
                    let mut request = request.clone();
                    request.action = action.action.clone();
                    decide(layers, &request)
                })
                .collect();
            let of =
                |decision| Bits::from_fn(width, |at| decisions.get(at).copied() == Some(decision));
            rows.allowed.push(of(Decision::Allowed));
            rows.denied.push(of(Decision::ExplicitlyDenied));
        }
        rows
    }

    fn index_all(&mut self, layers: &Layers) {
        let mut policies: Vec<Arc<Policy>> = Vec::new();
        policies.extend(layers.scps.iter().flatten().cloned());
        policies.extend(layers.boundary.clone());
        policies.extend(layers.session.iter().cloned());
        policies.extend(layers.identity.iter().cloned());
        for (resource, _) in &self.resources {
            policies.extend(resource.policy.clone());
            policies.extend(resource.rcps.iter().flatten().cloned());
        }
        for policy in policies {
            let address = Arc::as_ptr(&policy).addr();
            if !self.indexed.contains_key(&address) {
                let indexed = self.index(policy);
                self.indexed.insert(address, indexed);
            }
        }
    }

    fn index(&self, policy: Arc<Policy>) -> Indexed {
        let statements = policy.statements().iter();
        let statements = statements
            .map(|statement| Covered {
                actions: Bits::from_fn(self.actions.len(), |at| {
                    let action = self.actions.get(at);
                    action.is_some_and(|request| statement.covers_action(request))
                }),
                resources: (!statement.has_open_resources()).then(|| {
                    Bits::from_fn(self.resources.len(), |at| {
                        let resource = self.resources.get(at);
                        resource.is_some_and(|(_, request)| statement.covers_resource(request))
                    })
                }),
            })
            .collect();
        Indexed {
            _policy: policy,
            statements,
        }
    }

    fn covered<'g>(
        &'g self,
        policy: &'g Arc<Policy>,
    ) -> impl Iterator<Item = (&'g Statement, &'g Covered)> {
        let indexed = self.indexed.get(&Arc::as_ptr(policy).addr());
        let covered = indexed.map_or(&[][..], |it| it.statements.as_slice());
        policy.statements().iter().zip(covered)
    }
}

/// Caller matches, strongest first.
const GRANTS: [CallerMatch; 4] = [
    CallerMatch::Exactly,
    CallerMatch::Everyone,
    CallerMatch::Role,
    CallerMatch::Account,
];

struct Sides<'g> {
    scps: Option<Vec<Sheet<'g>>>,
    boundary: Option<Sheet<'g>>,
    session: Option<Sheet<'g>>,
    identity: Sheet<'g>,
    /// Resource policy Allows by [`GRANTS`].
    grants: [Vec<Active<'g>>; 4],
    resource_denies: Vec<Active<'g>>,
    rcp_denies: Vec<Active<'g>>,
    caller: CallerKind,
    width: usize,
    same_account: Bits,
    keys: Bits,
    roles: Bits,
    /// Resources that only AWS writes.
    reserved: Bits,
}

impl<'g> Sides<'g> {
    fn new(grid: &'g Grid, asking: &'g GridCaller, requests: &'g [Request]) -> Self {
        let layers = &asking.layers;
        let width = requests.len();
        let of =
            |is: fn(&Request) -> bool| Bits::from_fn(width, |at| requests.get(at).is_some_and(is));
        let sheet = |policies: &'g [Arc<Policy>]| Sheet::new(grid, policies, requests);
        let scps = requests.first().filter(|it| it.under_scps());
        let mut sides = Self {
            scps: scps.map(|_| layers.scps.iter().map(|level| sheet(level)).collect()),
            boundary: layers
                .boundary
                .as_ref()
                .map(|it| sheet(std::slice::from_ref(it))),
            session: (!layers.session.is_empty()).then(|| sheet(&layers.session)),
            identity: sheet(&layers.identity),
            grants: Default::default(),
            resource_denies: Vec::new(),
            rcp_denies: Vec::new(),
            caller: asking.caller.kind(),
            width,
            same_account: of(Request::same_account),
            keys: of(Request::on_kms_key),
            roles: of(Request::on_role),
            reserved: of(Request::on_reserved),
        };
        let first = requests.first();
        if first.is_some_and(|first| layers.lacks_session_policy(first)) {
            sides.identity.allow.clear();
        }
        let boundary = layers.boundary.is_some();
        for (at, ((resource, _), request)) in grid.resources.iter().zip(requests).enumerate() {
            sides.add_resource(grid, at, resource, request, boundary);
        }
        sides
    }

    fn add_resource(
        &mut self,
        grid: &'g Grid,
        at: usize,
        resource: &'g GridResource,
        request: &Request,
        boundary: bool,
    ) {
        let mut only = Bits::none(self.width);
        only.set(at);
        for (statement, covered) in resource.policy.iter().flat_map(|it| grid.covered(it)) {
            let named = statement
                .names(request, boundary)
                .unwrap_or(CallerMatch::Exactly);
            let applies = named != CallerMatch::Not
                && statement.covers_resource(request)
                && statement.conditions_hold(request);
            if !applies {
                continue;
            }
            let active = Active {
                actions: &covered.actions,
                resources: only.clone(),
            };
            match statement.effect {
                Effect::Deny => self.resource_denies.push(active),
                Effect::Allow => {
                    let grants = self.grants.iter_mut().zip(GRANTS);
                    for (list, _) in grants.filter(|(_, grant)| *grant == named).take(1) {
                        list.push(Active {
                            actions: active.actions,
                            resources: active.resources.clone(),
                        });
                    }
                }
            }
        }
        let rcps = resource
            .rcps
            .iter()
            .flatten()
            .filter(|_| request.resource_is_under_rcps());
        for (statement, covered) in rcps.flat_map(|it| grid.covered(it)) {
            let applies = statement.effect == Effect::Deny
                && statement.names(request, false) != Some(CallerMatch::Not)
                && statement.covers_resource(request)
                && statement.conditions_hold(request);
            if applies {
                self.rcp_denies.push(Active {
                    actions: &covered.actions,
                    resources: only.clone(),
                });
            }
        }
    }

    fn rows(&self, actions: &[Request]) -> GridRows {
        let mut rows = GridRows {
            allowed: Vec::with_capacity(actions.len()),
            denied: Vec::with_capacity(actions.len()),
        };
        for (at, action) in actions.iter().enumerate() {
            let (allowed, denied) = self.row(at, action);
            rows.allowed.push(allowed);
            rows.denied.push(denied);
        }
        rows
    }

    fn row(&self, at: usize, action: &Request) -> (Bits, Bits) {
        let width = self.width;
        if action.needs_no_permission(self.caller) {
            return (Bits::all(width), Bits::none(width));
        }
        let mut denied = gather(&self.resource_denies, at, width);
        if !action.escapes_rcps() {
            denied.add(&gather(&self.rcp_denies, at, width));
        }
        for sheet in self.sheets() {
            denied.add(&gather(&sheet.deny, at, width));
        }
        let allows = |sheet: &Option<Sheet<'_>>| match sheet {
            None => Bits::all(width),
            Some(sheet) => gather(&sheet.allow, at, width),
        };
        let (boundary, session) = (allows(&self.boundary), allows(&self.session));
        let [exact, mut everyone, mut role, account] =
            [0, 1, 2, 3].map(|grant| match self.grants.get(grant) {
                Some(list) => gather(list, at, width),
                None => Bits::none(width),
            });
        let mut named = exact.clone();
        for grant in [&everyone, &role, &account] {
            named.add(grant);
        }
        let mut by_identity = gather(&self.identity.allow, at, width);
        by_identity.keep(&boundary);
        by_identity.keep(&session);
        everyone.keep(&session);
        role.keep(&boundary);
        role.keep(&session);
        let mut by_resource = exact;
        by_resource.add(&everyone);
        by_resource.add(&role);
        let mut allowed = by_identity.clone();
        allowed.drop_all(&self.guarded(action));
        // guarded and cross-account resources also need their resource policy
        by_identity.keep(&named);
        let mut elsewhere = by_identity.clone();
        elsewhere.drop_all(&self.same_account);
        allowed.add(&by_identity);
        allowed.add(&by_resource);
        allowed.keep(&self.same_account);
        allowed.add(&elsewhere);
        for level in self.scps.iter().flatten() {
            allowed.keep(&gather(&level.allow, at, width));
        }
        allowed.drop_all(&denied);
        if action.action.writes_iam() {
            allowed.drop_all(&self.reserved);
        }
        (allowed, denied)
    }

    fn sheets(&self) -> impl Iterator<Item = &Sheet<'g>> {
        let own = self.boundary.iter().chain(&self.session);
        let scps = self.scps.iter().flatten();
        scps.chain(own).chain(std::iter::once(&self.identity))
    }

    /// Resources that require their own policy for this action.
    fn guarded(&self, action: &Request) -> Bits {
        let mut guarded = self.keys.clone();
        if action.action.takes_roles() {
            guarded.add(&self.roles);
        }
        guarded
    }
}

impl<'g> Sheet<'g> {
    fn new(grid: &'g Grid, policies: &'g [Arc<Policy>], requests: &[Request]) -> Self {
        let mut sheet = Self::default();
        let Some(first) = requests.first() else {
            return sheet;
        };
        for (statement, covered) in policies.iter().flat_map(|policy| grid.covered(policy)) {
            if !statement.conditions_hold(first) {
                continue;
            }
            let active = Active {
                actions: &covered.actions,
                resources: match &covered.resources {
                    Some(resources) => resources.clone(),
                    None => Bits::from_fn(requests.len(), |at| {
                        let request = requests.get(at);
                        request.is_some_and(|it| statement.covers_resource(it))
                    }),
                },
            };
            match statement.effect {
                Effect::Allow => sheet.allow.push(active),
                Effect::Deny => sheet.deny.push(active),
            }
        }
        sheet
    }
}

fn gather(statements: &[Active<'_>], action: usize, width: usize) -> Bits {
    let mut bits = Bits::none(width);
    for statement in statements {
        if statement.actions.has(action) {
            bits.add(&statement.resources);
        }
    }
    bits
}
