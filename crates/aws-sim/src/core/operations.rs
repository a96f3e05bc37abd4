//! Which operations exist, and which of them have behaviour.

use hallpass_aws_model::{OperationModel, ServiceModel as Model, tables};

use super::{call::SimService, iam, identity, oidc, organizations, portal, sso, sts, trial};

/// What is known of an operation's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OperationSupport {
    /// In the model, with behaviour.
    Behaves,
    /// In the model, without behaviour (`simulator.md` Z-2).
    Unsupported,
    /// In no model.
    Unknown,
}

/// The model of an operation.
pub(crate) fn model(
    service: SimService,
    operation: &str,
) -> Option<(&'static Model, &'static OperationModel)> {
    let model = tables().by_signing_name(service.signing_name())?;
    model
        .operation(operation)
        .map(|operation| (model, operation))
}

/// Looks an operation up.
pub(crate) fn find(service: SimService, operation: &str) -> OperationSupport {
    let behaves = match service {
        SimService::Sso => sso::OPERATIONS,
        SimService::IdentityStore => identity::OPERATIONS,
        SimService::Organizations => organizations::OPERATIONS,
        SimService::Sts => sts::OPERATIONS,
        SimService::Iam => iam::OPERATIONS,
        SimService::Ec2 => trial::EC2,
        SimService::S3 => trial::S3,
        SimService::SsoOidc => oidc::OPERATIONS,
        SimService::SsoPortal => portal::OPERATIONS,
    };
    if behaves.contains(&operation) {
        OperationSupport::Behaves
    } else if model(service, operation).is_some() {
        OperationSupport::Unsupported
    } else {
        OperationSupport::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_behaves_is_in_the_model() {
        let all = [
            (SimService::Sso, sso::OPERATIONS),
            (SimService::IdentityStore, identity::OPERATIONS),
            (SimService::Organizations, organizations::OPERATIONS),
            (SimService::Sts, sts::OPERATIONS),
            (SimService::Iam, iam::OPERATIONS),
            (SimService::SsoOidc, oidc::OPERATIONS),
            (SimService::SsoPortal, portal::OPERATIONS),
        ];
        for (service, operations) in all {
            for operation in operations {
                assert!(model(service, operation).is_some(), "{operation}");
            }
        }
        assert_eq!(
            find(SimService::Sso, "CreateApplication"),
            OperationSupport::Unsupported
        );
        assert_eq!(find(SimService::Sso, "Nonsense"), OperationSupport::Unknown);
    }
}
