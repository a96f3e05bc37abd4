//! Things that are on or off: one call reads, one turns on, one turns off.

use hallpass_runner::{StepError, StepProbe};
use serde_json::{Value, json};

use super::place::StepCalls;
use crate::action::ActionKind;
use crate::ports::MemberOperation;

/// A thing that is on or off.
pub(super) struct Switch {
    read: MemberOperation,
    on: MemberOperation,
    off: MemberOperation,
    /// Where the answer says it.
    pointer: &'static str,
    read_input: Value,
    on_input: Value,
    off_input: Value,
}

impl Switch {
    /// That of an action; none where the action is another kind of thing.
    pub(super) fn of(action: ActionKind, resource: &str) -> Option<Self> {
        match action {
            ActionKind::EbsDefaultEncrypt => Some(Self {
                read: ("ec2", "GetEbsEncryptionByDefault"),
                on: ("ec2", "EnableEbsEncryptionByDefault"),
                off: ("ec2", "DisableEbsEncryptionByDefault"),
                pointer: "/EbsEncryptionByDefault",
                read_input: json!({}),
                on_input: json!({}),
                off_input: json!({}),
            }),
            ActionKind::KmsRotate => Some(Self {
                read: ("kms", "GetKeyRotationStatus"),
                on: ("kms", "EnableKeyRotation"),
                off: ("kms", "DisableKeyRotation"),
                pointer: "/KeyRotationEnabled",
                read_input: json!({ "KeyId": resource }),
                on_input: json!({ "KeyId": resource }),
                off_input: json!({ "KeyId": resource }),
            }),
            ActionKind::TrailValidation => Some(Self {
                read: ("cloudtrail", "GetTrail"),
                on: ("cloudtrail", "UpdateTrail"),
                off: ("cloudtrail", "UpdateTrail"),
                pointer: "/Trail/LogFileValidationEnabled",
                read_input: json!({ "Name": resource }),
                on_input: json!({ "Name": resource, "EnableLogFileValidation": true }),
                off_input: json!({ "Name": resource, "EnableLogFileValidation": false }),
            }),
            ActionKind::Suppress
            | ActionKind::SgRevokePublic
            | ActionKind::SgDefaultClose
            | ActionKind::S3AccountBlock
            | ActionKind::S3BucketBlock
            | ActionKind::IamKeyDeactivate
            | ActionKind::IamPasswordPolicy => None,
        }
    }

    async fn is_on(&self, calls: &StepCalls<'_>) -> Result<bool, StepError> {
        let found = calls.read(self.read, self.read_input.clone()).await?;
        Ok(found.pointer(self.pointer).and_then(Value::as_bool) == Some(true))
    }

    pub(super) async fn look(
        &self,
        calls: &StepCalls<'_>,
        wanted: bool,
    ) -> Result<StepProbe, StepError> {
        if self.is_on(calls).await? == wanted {
            return Ok(StepProbe::Satisfied);
        }
        Ok(StepProbe::Differs {
            old: json!({ "on": !wanted }),
        })
    }

    pub(super) async fn turn(&self, calls: &StepCalls<'_>, on: bool) -> Result<(), StepError> {
        let (operation, input) = if on {
            (self.on, &self.on_input)
        } else {
            (self.off, &self.off_input)
        };
        calls.send(operation, input.clone()).await.map(drop)
    }
}
