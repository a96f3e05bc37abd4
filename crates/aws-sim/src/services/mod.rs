//! The simulated AWS services: one folder each with a `DESCRIPTOR`, and their list.

mod account;
mod account_access;
mod ce;
mod cloudformation;
mod cloudtrail;
mod config;
mod controltower;
pub(crate) mod detective;
mod devopsguru;
mod ec2;
mod events;
mod iam;
mod iam_toolbox;
mod identity_store;
mod kms;
mod lambda;
mod members;
mod noting;
mod organizations;
mod ram;
mod rds;
pub(crate) mod redact;
mod s3;
mod securityhub;
mod servicecatalog;
mod servicequotas;
mod sns;
mod sqs;
mod sso_admin;
pub(crate) mod sso_oidc;
mod sso_portal;
mod sts;
mod wellarchitected;

use crate::base::Millis;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::core::{
    self, authorize,
    call::{Call, CallResult},
    caller::AwsCaller,
    context::{Context, HandlerResult},
    errors::ApiError,
    service::{RequestForm, SimService},
    state::SimState,
    validate,
};

static ALL: &[&ServiceDescriptor] = &[
    &sso_admin::DESCRIPTOR,
    &identity_store::DESCRIPTOR,
    &organizations::DESCRIPTOR,
    &sts::DESCRIPTOR,
    &iam::DESCRIPTOR,
    &iam_toolbox::DESCRIPTOR,
    &sso_oidc::DESCRIPTOR,
    &sso_portal::DESCRIPTOR,
    &ec2::DESCRIPTOR,
    &s3::DESCRIPTOR,
    &account::DESCRIPTOR,
    &config::DESCRIPTOR,
    &account_access::DESCRIPTOR,
    &sqs::DESCRIPTOR,
    &securityhub::DESCRIPTOR,
    &detective::DESCRIPTOR,
    &devopsguru::DESCRIPTOR,
    &cloudtrail::DESCRIPTOR,
    &controltower::DESCRIPTOR,
    &servicecatalog::DESCRIPTOR,
    &ce::DESCRIPTOR,
    &events::DESCRIPTOR,
    &kms::DESCRIPTOR,
    &rds::DESCRIPTOR,
    &cloudformation::DESCRIPTOR,
    &sns::DESCRIPTOR,
    &wellarchitected::DESCRIPTOR,
    &ram::DESCRIPTOR,
    &servicequotas::DESCRIPTOR,
    &lambda::DESCRIPTOR,
];

struct ServiceDescriptor {
    service: SimService,
    /// Common start of every operation, after validation and authorization.
    begin: OperationBegin,
    /// Simulated operations, in the model's spelling.
    operations: &'static [&'static [OperationRow]],
}

type OperationRow = (&'static str, OperationHandler);

type OperationBegin = fn(&mut Context<'_>) -> Result<(), ApiError>;

enum OperationHandler {
    Reads(fn(&Context<'_>) -> HandlerResult),
    Writes(fn(&mut Context<'_>) -> HandlerResult),
}

/// Answers one call. `now` is virtual time; an earlier instant than the latest is replaced by that,
/// so that time never runs backwards.
pub(crate) fn handle(
    state: &mut SimState,
    call: &Call,
    caller: &AwsCaller,
    now: Millis,
) -> CallResult {
    core::advance(state, now);
    let service = call.service;
    let region = service.region(&call.region);
    state.note_use(
        &caller.access_key_id,
        service.signing_name,
        region,
        state.latest,
    );
    let mut context = Context::new(state, call, caller);
    let result = answer(&mut context).map_err(|error| service.with_status(error));
    let changed = context.changed();
    let found = find(service, &call.operation);
    let reads = found.is_some_and(|(_, handler)| matches!(handler, OperationHandler::Reads(_)));
    noting::note_call(state, call, caller, &result, reads);
    if let Some(denial) = result.as_ref().err().and_then(|it| it.kept.as_deref()) {
        state.denials.add(denial.clone());
    }
    CallResult { result, changed }
}

fn answer(context: &mut Context<'_>) -> HandlerResult {
    let Some((begin, handler)) = find(context.call.service, &context.call.operation) else {
        // unreachable from HTTP; another version's state log may contain one
        return Err(ApiError::new("UnknownOperationException", ""));
    };
    validate::check(context.call)?;
    members::check(context.call)?;
    authorize::check(context.state, context.call, context.caller)?;
    begin(context)?;
    match handler {
        OperationHandler::Reads(read) => read(context),
        OperationHandler::Writes(write) => write(context),
    }
}

fn find(
    service: &SimService,
    operation: &str,
) -> Option<(OperationBegin, &'static OperationHandler)> {
    let descriptor = ALL.iter().find(|one| one.service.name == service.name)?;
    let mut operations = descriptor.operations.iter().copied().flatten();
    let (_, handler) = operations.find(|(name, _)| *name == operation)?;
    Some((descriptor.begin, handler))
}

pub(crate) fn behaves(service: &SimService, operation: &str) -> bool {
    find(service, operation).is_some()
}

fn service(wanted: impl Fn(&SimService) -> bool) -> Option<&'static SimService> {
    let services = ALL.iter().map(|descriptor| &descriptor.service);
    services.into_iter().find(|service| wanted(service))
}

pub(crate) fn is_elsewhere(scope: &str) -> bool {
    service(|one| one.signing_name == scope).is_none()
}

/// The service of this signing name, unless it uses a token.
pub(crate) fn of_principals(signing_name: &str) -> Option<&'static SimService> {
    service(|one| one.signing_name == signing_name && one.policies.is_some())
}

pub(crate) fn of_table(name: &str) -> Option<&'static SimService> {
    service(|one| matches!(one.requests, RequestForm::Table(table) if table == name))
}

/// The service with EC2 Query in this version.
pub(crate) fn of_ec2_query(version: &str) -> Option<&'static SimService> {
    service(|one| matches!(one.requests, RequestForm::Ec2Query(spoken) if spoken == version))
}

pub(crate) fn of_xml_root(signing_name: &str) -> Option<(&'static SimService, &'static str)> {
    let found = service(|one| {
        one.signing_name == signing_name && matches!(one.requests, RequestForm::XmlRoot(_))
    })?;
    match found.requests {
        RequestForm::XmlRoot(operation) => Some((found, operation)),
        RequestForm::Table(_) | RequestForm::Ec2Query(_) => None,
    }
}

pub(crate) fn is_secret(member: &str) -> bool {
    service(|one| one.secrets.contains(&member)).is_some()
}

impl<'de> Deserialize<'de> for &'static SimService {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        service(|one| one.name == name)
            .ok_or_else(|| D::Error::custom(format!("there is no service `{name}`")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_behaves_is_in_the_model() {
        for descriptor in ALL {
            let service = &descriptor.service;
            let RequestForm::Table(name) = service.requests else {
                continue;
            };
            let table = service.table().unwrap_or_else(|| panic!("{name}"));
            assert_eq!(table.signing_name, service.signing_name, "{name}");
            for (operation, _) in descriptor.operations.iter().copied().flatten() {
                assert!(table.operation(operation).is_some(), "{operation}");
            }
        }
        let sso = of_table("sso-admin").unwrap();
        assert!(!behaves(sso, "CreateApplication"));
        assert!(sso.model("CreateApplication").is_some());
        assert!(sso.model("Nonsense").is_none());
    }

    /// `docs/reference/simulator.md` lists the simulated operations; `BLESS=1` rewrites it.
    #[test]
    fn the_reference_has_every_operation() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/reference/simulator.md"
        );
        let page = std::fs::read_to_string(path).unwrap();
        let rows = ALL.iter().map(|descriptor| {
            let names = descriptor.operations.iter().copied().flatten();
            let names: Vec<String> = names.map(|(name, _)| format!("`{name}`")).collect();
            let service = descriptor.service.signing_name;
            format!("| `{service}` | {} |\n", names.join(", "))
        });
        let head_row = "| signing name | operations |\n|---|---|\n".to_owned();
        let expected: String = std::iter::once(head_row).chain(rows).collect();
        let mut wanted = page.clone();
        for (what, table) in [("operations", expected), ("members", members::reference())] {
            let begin = format!("<!-- {what}: written by a test, BLESS=1 -->\n");
            let end = format!("<!-- end of {what}");
            let (head, rest) = wanted.split_once(&begin).unwrap();
            let (_, tail) = rest.split_once(&end).unwrap();
            wanted = format!("{head}{begin}{table}{end}{tail}");
        }
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, wanted).unwrap();
        } else {
            assert_eq!(page, wanted, "BLESS=1 writes it");
        }
    }

    #[test]
    fn names_are_given_once() {
        let services = || ALL.iter().map(|one| &one.service);
        let names: BTreeSet<&str> = services().map(|one| one.name).collect();
        let signing: BTreeSet<&str> = services().map(|one| one.signing_name).collect();
        // IAM Toolbox signs as IAM
        assert_eq!((names.len(), signing.len()), (ALL.len(), ALL.len() - 1));
    }
}
