//! What the instance of IAM Identity Center says of itself.

use hallpass_assignments::{CenterFault, Urgency};

use crate::Aws;
use crate::call::Deadline;

/// What decides whether anything can be granted in an instance (`DescribeInstance`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceFacts {
    /// Whether it has permission sets; one that gives access to applications alone has none.
    pub permission_sets: PermissionSetUse,
    /// ARN of the customer managed key that its data is encrypted with; none for a key of AWS's own.
    pub key: Option<String>,
    /// Its state and AWS's reason for it (`Status`, `StatusReason`), where it is not active; none where it is, or says nothing.
    pub inactive: Option<String>,
}

/// Whether an instance has permission sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PermissionSetUse {
    /// They can be assigned.
    #[default]
    On,
    /// They are switched off (`PermissionSetsEnabled` is false).
    Off,
}

impl Aws {
    /// Reads what the instance says of itself.
    ///
    /// # Errors
    /// When the call fails; an identity that was given its rights by an earlier release may not call it.
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
