//! Facts about the IAM Identity Center instance.

use hallpass_assignments::{CenterFault, Urgency};

use crate::Aws;
use crate::call::Deadline;

/// Determines whether access can be granted (`DescribeInstance`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceFacts {
    pub permission_sets: PermissionSetUse,
    /// ARN of the customer managed key; `None` for an AWS owned key.
    pub key: Option<String>,
    pub inactive: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PermissionSetUse {
    #[default]
    On,
    /// Disabled (`PermissionSetsEnabled` is false).
    Off,
}

impl Aws {
    /// Reads the instance.
    ///
    /// # Errors
    /// When the call fails; rights from an earlier release may not include it.
    pub async fn instance(&self) -> Result<InstanceFacts, CenterFault> {
        let described = self
            .sso_line
            .read("DescribeInstance", Deadline::port(Urgency::Grant), || {
                let call = self.sso.describe_instance();
                call.instance_arn(&self.about.instance_arn).send()
            })
            .await
            .map_err(|failure| failure.fault)?;
        let state = described.status.as_ref().map_or("ACTIVE", |it| it.as_str());
        let reason = described.status_reason.as_deref();
        let inactive = (state != "ACTIVE").then(|| match reason {
            Some(reason) => format!("{state}: {reason}"),
            None => state.to_owned(),
        });
        let encryption = described.encryption_configuration_details;
        Ok(InstanceFacts {
            permission_sets: match described.permission_sets_enabled {
                Some(false) => PermissionSetUse::Off,
                Some(true) | None => PermissionSetUse::On,
            },
            key: encryption.and_then(|it| it.kms_key_arn),
            inactive,
        })
    }
}

#[cfg(test)]
#[path = "instance_tests.rs"]
mod tests;
