//! On/off settings: one call reads, one enables, one disables.

use hallpass_plans::{StepError, StepProbe};
use serde_json::{Value, json};

use super::drifted;
use super::place::StepCalls;
use crate::remediation::action::ActionKind;
use crate::remediation::ports::MemberOperation;

pub(super) const DATABASE: &str = ":db:";

const DAYS: &str = "RotationPeriodInDays";

/// Set for a database instance outside a VPC. `PubliclyAccessible` is about its VPC (Amazon RDS API
/// Reference, `DBInstance`), so no value of it makes such an instance private.
const VPC_NETWORKING: &str = "/DBInstances/0/VPCNetworkingEnabled";

pub(super) struct Switch {
    read: MemberOperation,
    on: MemberOperation,
    off: MemberOperation,
    pointer: &'static str,
    says: bool,
    read_input: Value,
    on_input: Value,
    off_input: Value,
}

impl Switch {
    pub(super) fn of(action: ActionKind, resource: &str) -> Option<Self> {
        match action {
            ActionKind::EbsDefaultEncrypt => Some(Self {
                read: ("ec2", "GetEbsEncryptionByDefault"),
                on: ("ec2", "EnableEbsEncryptionByDefault"),
                off: ("ec2", "DisableEbsEncryptionByDefault"),
                pointer: "/EbsEncryptionByDefault",
                says: true,
                read_input: json!({}),
                on_input: json!({}),
                off_input: json!({}),
            }),
            ActionKind::KmsRotate => Some(Self {
                read: ("kms", "GetKeyRotationStatus"),
                on: ("kms", "EnableKeyRotation"),
                off: ("kms", "DisableKeyRotation"),
                pointer: "/KeyRotationEnabled",
                says: true,
                read_input: json!({ "KeyId": resource }),
                on_input: json!({ "KeyId": resource }),
                off_input: json!({ "KeyId": resource }),
            }),
            ActionKind::TrailValidation => Some(Self {
                read: ("cloudtrail", "GetTrail"),
                on: ("cloudtrail", "UpdateTrail"),
                off: ("cloudtrail", "UpdateTrail"),
                pointer: "/Trail/LogFileValidationEnabled",
                says: true,
                read_input: json!({ "Name": resource }),
                on_input: json!({ "Name": resource, "EnableLogFileValidation": true }),
                off_input: json!({ "Name": resource, "EnableLogFileValidation": false }),
            }),
            // `ApplyImmediately` would apply other pending changes; this one is applied immediately
            // without it (Amazon RDS API Reference, `ModifyDBInstance`)
            ActionKind::RdsPrivate => {
                let (_, id) = resource.split_once(DATABASE)?;
                let modify = |public: bool| json!({ "DBInstanceIdentifier": id, "PubliclyAccessible": public });
                Some(Self {
                    read: ("rds", "DescribeDBInstances"),
                    on: ("rds", "ModifyDBInstance"),
                    off: ("rds", "ModifyDBInstance"),
                    pointer: "/DBInstances/0/PubliclyAccessible",
                    says: false,
                    read_input: json!({ "DBInstanceIdentifier": id }),
                    on_input: modify(false),
                    off_input: modify(true),
                })
            }
            ActionKind::Suppress
            | ActionKind::SgRevokePublic
            | ActionKind::SgDefaultClose
            | ActionKind::S3AccountBlock
            | ActionKind::S3BucketBlock
            | ActionKind::IamKeyDeactivate
            | ActionKind::IamPasswordPolicy
            | ActionKind::FlowLogs
            | ActionKind::Webhook
            | ActionKind::Lambda
            | ActionKind::Notify => None,
        }
    }

    async fn is_on(&self, calls: &StepCalls<'_>) -> Result<bool, StepError> {
        let found = calls.read(self.read, self.read_input.clone()).await?;
        if found.pointer(VPC_NETWORKING) == Some(&Value::Bool(false)) {
            return Err(StepError::failed(
                "NoVpcNetworking",
                "the instance is of a cluster without VPC networking, whose access is not decided by `PubliclyAccessible`: \
                 see to the cluster's internet access gateway",
            ));
        }
        let said = found.pointer(self.pointer).and_then(Value::as_bool);
        Ok(said.unwrap_or(!self.says) == self.says)
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

    /// Returns related user settings while it is on.
    pub(super) async fn form_left(&self, calls: &StepCalls<'_>) -> Result<Value, StepError> {
        let found = calls.read(self.read, self.read_input.clone()).await?;
        Ok(json!({ "on": true, "days": found.get(DAYS) }))
    }

    /// Checks whether it is off again; if on, it must be as the action left it.
    pub(super) async fn look_off(
        &self,
        calls: &StepCalls<'_>,
        left: Option<&Value>,
    ) -> Result<StepProbe, StepError> {
        if !self.is_on(calls).await? {
            return Ok(StepProbe::Satisfied);
        }
        let days = |form: &Value| form.get("days").and_then(Value::as_i64);
        if let Some(left) = left.and_then(days)
            && days(&self.form_left(calls).await?) != Some(left)
        {
            return Ok(drifted("its period was changed"));
        }
        Ok(StepProbe::Differs {
            old: json!({ "on": true }),
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
