//! A simulated service's facts for routing, buckets and policies. Its operations are below
//! `services/`.

use std::{collections::BTreeMap, fmt};

use hallpass_aws_model::{OperationModel, ServiceModel, tables};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{
    caller::AwsCaller,
    errors::{self, ApiError, ErrorClass, ErrorForms},
    state::SimState,
};
use crate::organization::Limit;

pub(crate) struct SimService {
    /// Name in the state log; permanent, so that older logs stay readable.
    pub name: &'static str,
    /// Name in the credential scope, the call log, faults, `limits` and actions.
    pub signing_name: &'static str,
    pub requests: RequestForm,
    pub scope: ScopeRegions,
    /// Call rates (`simulator.md` §2.8).
    pub rates: CallRates,
    /// Its wording of common errors.
    pub errors: ErrorForms,
    /// `None`: a token authorizes, without policies.
    pub policies: Option<PolicyFacts>,
    pub page_rows: usize,
    /// Input members hidden in the call log.
    pub secrets: &'static [&'static str],
    /// Whether answers contain the simulator's address.
    pub names_origin: bool,
}

pub(crate) enum RequestForm {
    /// By this table of `aws-model`: target prefix, version, or methods and paths.
    Table(&'static str),
    /// No table: EC2 Query with this version.
    Ec2Query(&'static str),
    /// No table: this operation is a `GET` of `/`, answered in XML.
    XmlRoot(&'static str),
}

/// Permitted Regions in a credential scope (`simulator.md` R-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScopeRegions {
    Regional,
    /// Also `aws-global`.
    RegionalAndGlobal,
    /// In `us-east-1` for every scope.
    Global,
}

const GLOBAL: &str = "us-east-1";

pub(crate) enum CallRates {
    One(CallRate),
    Split {
        /// Operations whose name begins with `Describe`, `List` or `Get`.
        reads: CallRate,
        writes: CallRate,
    },
}

impl CallRates {
    /// For undocumented rates (?).
    pub(crate) const UNDOCUMENTED: Self = Self::one(BucketSharing::AccountAndRegion, 10.0, 20.0);

    /// One bucket: calls per second, and burst.
    pub(crate) const fn one(shared: BucketSharing, rate: f64, burst: f64) -> Self {
        Self::One(CallRate {
            shared,
            rate,
            burst,
        })
    }
}

pub(crate) struct CallRate {
    pub shared: BucketSharing,
    pub rate: f64,
    pub burst: f64,
}

pub(crate) enum BucketSharing {
    Everybody,
    Account,
    AccountAndRegion,
}

/// Policy facts of a service's calls (AWS: "Actions, resources, and condition keys for AWS
/// services").
pub(crate) struct PolicyFacts {
    pub free: &'static [&'static str],
    /// Operations with another action name.
    pub other_actions: &'static [(&'static str, &'static str)],
    /// Input members that are service-specific condition keys.
    pub condition_keys: &'static [(&'static str, &'static str)],
    /// The resources of a call by its operation and input; none means `*`.
    pub resources: fn(&SimState, &AwsCaller, &str, &Value) -> Vec<String>,
    pub denials: DenialText,
}

impl PolicyFacts {
    /// Every operation is an action of the same name, on `*`, without service-specific condition
    /// keys.
    pub(crate) const BY_NAME: Self = Self {
        free: &[],
        other_actions: &[],
        condition_keys: &[],
        resources: |_, _, _, _| Vec::new(),
        denials: DenialText::SaysWhy,
    };
}

/// When a denial names the denying policy type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DenialText {
    SaysWhy,
    /// On an explicit denial: otherwise it would reveal whether a resource exists.
    SaysWhenExplicit,
    Plain,
}

pub(crate) struct Draw {
    pub bucket: String,
    pub rate: f64,
    pub burst: f64,
}

impl SimService {
    /// Defaults of a regional service with a table. `name` is for the state log, `signing_name` for
    /// everything else.
    pub(crate) const fn named(name: &'static str, signing_name: &'static str) -> Self {
        Self {
            name,
            signing_name,
            requests: RequestForm::Table(signing_name),
            scope: ScopeRegions::Regional,
            rates: CallRates::UNDOCUMENTED,
            errors: errors::JSON,
            policies: Some(PolicyFacts::BY_NAME),
            page_rows: 100,
            secrets: &[],
            names_origin: false,
        }
    }

    pub(crate) fn table(&self) -> Option<&'static ServiceModel> {
        match self.requests {
            RequestForm::Table(name) => tables().service(name),
            RequestForm::Ec2Query(_) | RequestForm::XmlRoot(_) => None,
        }
    }

    pub(crate) fn model(
        &self,
        operation: &str,
    ) -> Option<(&'static ServiceModel, &'static OperationModel)> {
        let model = self.table()?;
        model
            .operation(operation)
            .map(|operation| (model, operation))
    }

    /// Sets the model's status, unless one is set.
    pub(crate) fn with_status(&self, mut error: ApiError) -> ApiError {
        let table = self.table().filter(|_| error.http == errors::BAD_REQUEST);
        if let Some((_, facts)) = table.and_then(|it| it.error(&error.code)) {
            error.http = facts.status;
        }
        error
    }

    pub(crate) fn region<'a>(&self, scope: &'a str) -> &'a str {
        if self.scope == ScopeRegions::Global || scope == "aws-global" {
            return GLOBAL;
        }
        scope
    }

    /// Whether the scope may be `aws-global`.
    pub(crate) fn takes_global_scope(&self) -> bool {
        self.scope != ScopeRegions::Regional
    }

    /// Whether `--strict-scope` refuses credentials scoped to this Region.
    pub(crate) fn is_elsewhere(&self, region: &str) -> bool {
        self.scope == ScopeRegions::Global && region != GLOBAL
    }

    pub(crate) fn action(&self, operation: &str) -> String {
        let others = self.policies.as_ref().map(|facts| facts.other_actions);
        let mut others = others.into_iter().flatten();
        let other = others.find(|(name, _)| *name == operation);
        let name = other.map_or(operation, |(_, action)| action);
        format!("{}:{name}", self.signing_name)
    }

    pub(crate) fn draw(
        &self,
        operation: &str,
        account: &str,
        region: &str,
        limits: &BTreeMap<String, Limit>,
    ) -> Draw {
        let (part, rate) = match &self.rates {
            CallRates::One(rate) => ("", rate),
            CallRates::Split { reads, .. } if is_read(operation) => ("/reads", reads),
            CallRates::Split { writes, .. } => ("/writes", writes),
        };
        let name = format!("{}{part}", self.signing_name);
        let own = limits.get(self.signing_name).copied().unwrap_or_default();
        Draw {
            bucket: match rate.shared {
                BucketSharing::Everybody => name,
                BucketSharing::Account => format!("{name}/{account}"),
                BucketSharing::AccountAndRegion => format!("{name}/{account}/{region}"),
            },
            rate: own.rate.unwrap_or(rate.rate),
            burst: own.burst.unwrap_or(rate.burst).max(1.0),
        }
    }
}

fn is_read(operation: &str) -> bool {
    ["Describe", "List", "Get"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

/// A service's throttle error. With the switch `throttle_style` at `named` it keeps the service's
/// status.
pub(crate) fn throttled(service: Option<&SimService>, named: bool) -> ApiError {
    let forms = service.map_or(errors::QUERY, |service| service.errors);
    let error = (forms.throttled)().class(ErrorClass::Throttled);
    match service {
        Some(service) if named => service.with_status(error),
        None if named => error,
        Some(_) | None => error.status(429),
    }
}

impl fmt::Debug for SimService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Serialize for SimService {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}
