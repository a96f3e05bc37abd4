//! Which operations exist, and which of them have behaviour.

use hallpass_aws_model::{Operation, Service as Model, tables};

use super::{call::Service, iam, identity, oidc, organizations, portal, sso, sts, trial};

/// What is known of an operation's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// In the model, with behaviour.
    Behaves,
    /// In the model, without behaviour (rule Z-2).
    Unsupported,
    /// In no model.
    Unknown,
}

/// The model of an operation.
pub(crate) fn model(
    service: Service,
    operation: &str,
) -> Option<(&'static Model, &'static Operation)> {
    let model = tables().by_signing_name(service.signing_name())?;
    model
        .operation(operation)
        .map(|operation| (model, operation))
}

/// Looks an operation up.
pub(crate) fn find(service: Service, operation: &str) -> Known {
    let behaves = match service {
        Service::Sso => sso::OPERATIONS,
        Service::IdentityStore => identity::OPERATIONS,
        Service::Organizations => organizations::OPERATIONS,
        Service::Sts => sts::OPERATIONS,
        Service::Iam => iam::OPERATIONS,
        Service::Ec2 => trial::EC2,
        Service::S3 => trial::S3,
        Service::SsoOidc => oidc::OPERATIONS,
        Service::SsoPortal => portal::OPERATIONS,
    };
    if behaves.contains(&operation) {
        Known::Behaves
    } else if model(service, operation).is_some() {
        Known::Unsupported
    } else {
        Known::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_behaves_is_in_the_model() {
        let all = [
            (Service::Sso, sso::OPERATIONS),
            (Service::IdentityStore, identity::OPERATIONS),
            (Service::Organizations, organizations::OPERATIONS),
            (Service::Sts, sts::OPERATIONS),
            (Service::Iam, iam::OPERATIONS),
            (Service::SsoOidc, oidc::OPERATIONS),
            (Service::SsoPortal, portal::OPERATIONS),
        ];
        for (service, operations) in all {
            for operation in operations {
                assert!(model(service, operation).is_some(), "{operation}");
            }
        }
        assert_eq!(find(Service::Sso, "CreateApplication"), Known::Unsupported);
        assert_eq!(find(Service::Sso, "Nonsense"), Known::Unknown);
    }
}
