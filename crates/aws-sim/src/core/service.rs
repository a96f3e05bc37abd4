//! What the front door, the buckets and the policies have to know of a simulated service. What its
//! operations do stands in its folder below `services/`.

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

/// A simulated service.
pub(crate) struct SimService {
    /// Name in the state log: stays as it is, so that older logs can be read.
    pub name: &'static str,
    /// Name in the credential scope, the call log, faults, `limits` and actions.
    pub signing_name: &'static str,
    /// How its requests are known.
    pub requests: RequestForm,
    /// The Regions that its credential scopes may name.
    pub scope: ScopeRegions,
    /// How many calls it takes (`simulator.md` §2.8).
    pub rates: CallRates,
    /// Its words for the refusals that any service has.
    pub errors: ErrorForms,
    /// What policies see of its calls; `None`: a token says who may, and no policy is asked.
    pub policies: Option<PolicyFacts>,
    /// Rows on a page when the caller does not say; 100 where nobody knows (?).
    pub page_rows: usize,
    /// Members of its input that the call log does not show.
    pub secrets: &'static [&'static str],
    /// Whether its answers name the address at which the client reached us.
    pub names_origin: bool,
}

/// How a request is known to be a service's.
pub(crate) enum RequestForm {
    /// By this table of `aws-model`: target prefix, version, or methods and paths.
    Table(&'static str),
    /// There is no table: Query as EC2 speaks it, with this version.
    Ec2Query(&'static str),
    /// There is no table: this operation is a `GET` of `/`, answered in XML.
    XmlRoot(&'static str),
}

/// Which Regions a credential scope may name (`simulator.md` R-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScopeRegions {
    /// The service is in every Region.
    Regional,
    /// The same, and `aws-global` is one of them.
    RegionalAndGlobal,
    /// The service is in `us-east-1`, whatever the scope says.
    Global,
}

/// The Region of global services.
const GLOBAL: &str = "us-east-1";

/// How many calls a service takes.
pub(crate) enum CallRates {
    /// All calls draw from one bucket.
    One(CallRate),
    /// Reads and writes draw from a bucket each.
    Split {
        /// Operations whose name begins with `Describe`, `List` or `Get`.
        reads: CallRate,
        /// All others.
        writes: CallRate,
    },
}

impl CallRates {
    /// For services whose rates AWS does not say (?).
    pub(crate) const UNDOCUMENTED: Self = Self::one(BucketSharing::AccountAndRegion, 10.0, 20.0);

    /// One bucket for all calls: so many a second, and so many at once.
    pub(crate) const fn one(shared: BucketSharing, rate: f64, burst: f64) -> Self {
        Self::One(CallRate {
            shared,
            rate,
            burst,
        })
    }
}

/// A bucket's rate.
pub(crate) struct CallRate {
    /// Who shares a bucket.
    pub shared: BucketSharing,
    /// Tokens a second.
    pub rate: f64,
    /// Tokens at most.
    pub burst: f64,
}

/// Who shares a bucket.
pub(crate) enum BucketSharing {
    /// All callers.
    Everybody,
    /// The callers of an account.
    Account,
    /// The callers of an account in a Region.
    AccountAndRegion,
}

/// What policies see of a service's calls (AWS: "Actions, resources, and condition keys for AWS
/// services").
pub(crate) struct PolicyFacts {
    /// Operations that need no permission.
    pub free: &'static [&'static str],
    /// Operations whose action is called otherwise, and how.
    pub other_actions: &'static [(&'static str, &'static str)],
    /// Input members that are condition keys of the service's own.
    pub condition_keys: &'static [(&'static str, &'static str)],
    /// The resources of a call by its operation and input; none stands for `*`.
    pub resources: fn(&SimState, &AwsCaller, &str, &Value) -> Vec<String>,
    /// When a denial says which kind of policy denied.
    pub denials: DenialText,
}

impl PolicyFacts {
    /// Every operation is an action of the same name, on `*`, without condition keys of its own.
    pub(crate) const BY_NAME: Self = Self {
        free: &[],
        other_actions: &[],
        condition_keys: &[],
        resources: |_, _, _, _| Vec::new(),
        denials: DenialText::SaysWhy,
    };
}

/// When a denial says which kind of policy denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DenialText {
    /// Always.
    SaysWhy,
    /// When something denies outright: else it would tell whether a resource is there.
    SaysWhenExplicit,
    /// Never.
    Plain,
}

/// What a call takes from which bucket.
pub(crate) struct Draw {
    /// Name of the bucket.
    pub bucket: String,
    /// Tokens a second.
    pub rate: f64,
    /// Tokens at most.
    pub burst: f64,
}

impl SimService {
    /// A service of every Region with a table: what most have in common, so that each says what is otherwise with it. `name` is
    /// for the state log, `signing_name` for everything else.
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

    /// The table of the service.
    pub(crate) fn table(&self) -> Option<&'static ServiceModel> {
        match self.requests {
            RequestForm::Table(name) => tables().service(name),
            RequestForm::Ec2Query(_) | RequestForm::XmlRoot(_) => None,
        }
    }

    /// The table, and an operation's row in it.
    pub(crate) fn model(
        &self,
        operation: &str,
    ) -> Option<(&'static ServiceModel, &'static OperationModel)> {
        let model = self.table()?;
        model
            .operation(operation)
            .map(|operation| (model, operation))
    }

    /// An error with the status that the model has for it, where it has one and nobody said another.
    pub(crate) fn with_status(&self, mut error: ApiError) -> ApiError {
        let table = self.table().filter(|_| error.http == errors::BAD_REQUEST);
        if let Some((_, facts)) = table.and_then(|it| it.error(&error.code)) {
            error.http = facts.status;
        }
        error
    }

    /// The Region that a call is for, by the Region of its scope.
    pub(crate) fn region<'a>(&self, scope: &'a str) -> &'a str {
        if self.scope == ScopeRegions::Global || scope == "aws-global" {
            return GLOBAL;
        }
        scope
    }

    /// Whether credentials may be scoped to `aws-global`.
    pub(crate) fn takes_global_scope(&self) -> bool {
        self.scope != ScopeRegions::Regional
    }

    /// Whether `--strict-scope` refuses credentials that are scoped to this Region.
    pub(crate) fn is_elsewhere(&self, region: &str) -> bool {
        self.scope == ScopeRegions::Global && region != GLOBAL
    }

    /// The action of an operation, `service:Name`.
    pub(crate) fn action(&self, operation: &str) -> String {
        let others = self.policies.as_ref().map(|facts| facts.other_actions);
        let mut others = others.into_iter().flatten();
        let other = others.find(|(name, _)| *name == operation);
        let name = other.map_or(operation, |(_, action)| action);
        format!("{}:{name}", self.signing_name)
    }

    /// The bucket of a call; `limits` are the organization file's.
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

/// The throttle error of a service, or of one that is not simulated. With the switch
/// `throttle_style` at `named` it keeps the service's own status.
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
