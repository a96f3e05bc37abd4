//! Each write is sent once.

use aws_sdk_ssoadmin::types::{self as sso, ProvisionTargetType};
use hallpass_access_files::{CustomerPolicy, PermissionsBoundary, SetAction, iso_duration as iso};
use hallpass_assignments::{CenterFault, Urgency};
use hallpass_base::{PermissionSetArn, PermissionSetName};

use super::{PermissionSets, unclear};
use crate::call::Deadline;

fn write() -> Deadline {
    Deadline::port(Urgency::Grant)
}

fn refused(reason: &str) -> CenterFault {
    CenterFault::Refused {
        reason: reason.to_owned(),
    }
}

fn reference(policy: &CustomerPolicy) -> Result<sso::CustomerManagedPolicyReference, CenterFault> {
    sso::CustomerManagedPolicyReference::builder()
        .name(&policy.name)
        .path(&policy.path)
        .build()
        .map_err(|error| refused(&error.to_string()))
}

fn tag(key: &str, value: &str) -> Result<sso::Tag, CenterFault> {
    let tag = sso::Tag::builder().key(key).value(value).build();
    tag.map_err(|error| refused(&error.to_string()))
}

macro_rules! change {
    ($self:ident, $set:ident, $operation:literal, $request:expr) => {{
        let aws = &$self.aws;
        let request = $request(&aws.sso)
            .instance_arn(&aws.about.instance_arn)
            .permission_set_arn($set.as_str());
        let answer = aws
            .sso_line
            .write($operation, write(), request.send())
            .await;
        answer.map(drop).map_err(|failure| failure.fault)
    }};
}

impl PermissionSets {
    async fn update(
        &self,
        set: &PermissionSetArn,
        description: Option<String>,
        session_seconds: u64,
        relay_state: Option<String>,
    ) -> Result<(), CenterFault> {
        change!(
            self,
            set,
            "UpdatePermissionSet",
            |sso: &aws_sdk_ssoadmin::Client| {
                sso.update_permission_set()
                    .set_description(description)
                    .session_duration(iso(session_seconds))
                    .set_relay_state(relay_state)
            }
        )
    }

    async fn attach(&self, set: &PermissionSetArn, action: &SetAction) -> Result<(), CenterFault> {
        type Sso = aws_sdk_ssoadmin::Client;
        match action {
            SetAction::AttachManaged { arn } => {
                change!(
                    self,
                    set,
                    "AttachManagedPolicyToPermissionSet",
                    |sso: &Sso| {
                        sso.attach_managed_policy_to_permission_set()
                            .managed_policy_arn(arn)
                    }
                )
            }
            SetAction::DetachManaged { arn } => {
                change!(
                    self,
                    set,
                    "DetachManagedPolicyFromPermissionSet",
                    |sso: &Sso| {
                        sso.detach_managed_policy_from_permission_set()
                            .managed_policy_arn(arn)
                    }
                )
            }
            SetAction::AttachCustomer { policy } => {
                let policy = reference(policy)?;
                change!(
                    self,
                    set,
                    "AttachCustomerManagedPolicyReferenceToPermissionSet",
                    |sso: &Sso| {
                        sso.attach_customer_managed_policy_reference_to_permission_set()
                            .customer_managed_policy_reference(policy)
                    }
                )
            }
            SetAction::DetachCustomer { policy } => {
                let policy = reference(policy)?;
                change!(
                    self,
                    set,
                    "DetachCustomerManagedPolicyReferenceFromPermissionSet",
                    |sso: &Sso| {
                        sso.detach_customer_managed_policy_reference_from_permission_set()
                            .customer_managed_policy_reference(policy)
                    }
                )
            }
            other => self.change_own(set, other).await,
        }
    }

    async fn change_own(
        &self,
        set: &PermissionSetArn,
        action: &SetAction,
    ) -> Result<(), CenterFault> {
        type Sso = aws_sdk_ssoadmin::Client;
        match action {
            SetAction::PutInline { policy } => {
                change!(self, set, "PutInlinePolicyToPermissionSet", |sso: &Sso| {
                    sso.put_inline_policy_to_permission_set()
                        .inline_policy(policy.to_string())
                })
            }
            SetAction::DeleteInline => {
                change!(
                    self,
                    set,
                    "DeleteInlinePolicyFromPermissionSet",
                    |sso: &Sso| { sso.delete_inline_policy_from_permission_set() }
                )
            }
            SetAction::PutBoundary { boundary } => {
                let builder = sso::PermissionsBoundary::builder();
                let boundary = match boundary {
                    PermissionsBoundary::Managed(arn) => builder.managed_policy_arn(arn),
                    PermissionsBoundary::Customer(policy) => {
                        builder.customer_managed_policy_reference(reference(policy)?)
                    }
                };
                change!(
                    self,
                    set,
                    "PutPermissionsBoundaryToPermissionSet",
                    |sso: &Sso| {
                        sso.put_permissions_boundary_to_permission_set()
                            .permissions_boundary(boundary.build())
                    }
                )
            }
            SetAction::DeleteBoundary => {
                change!(
                    self,
                    set,
                    "DeletePermissionsBoundaryFromPermissionSet",
                    |sso: &Sso| { sso.delete_permissions_boundary_from_permission_set() }
                )
            }
            _ => Err(refused("no policy of a permission set (this is a bug)")),
        }
    }

    pub(super) async fn write_new(
        &self,
        name: &PermissionSetName,
        action: &SetAction,
    ) -> Result<PermissionSetArn, CenterFault> {
        let SetAction::Create {
            description,
            session_seconds,
            relay_state,
            tags,
        } = action
        else {
            return Err(refused("no creation (this is a bug)"));
        };
        let aws = &self.aws;
        let tags: Result<Vec<_>, _> = tags.iter().map(|(key, value)| tag(key, value)).collect();
        let request = aws
            .sso
            .create_permission_set()
            .instance_arn(&aws.about.instance_arn)
            .name(name.as_str())
            .set_description(description.clone())
            .session_duration(iso(*session_seconds))
            .set_relay_state(relay_state.clone())
            .set_tags(Some(tags?).filter(|tags| !tags.is_empty()));
        let made = aws
            .sso_line
            .write("CreatePermissionSet", write(), request.send())
            .await;
        let made = made.map_err(|failure| failure.fault)?;
        let arn = made.permission_set.and_then(|set| set.permission_set_arn);
        PermissionSetArn::new(arn.unwrap_or_default()).map_err(|error| unclear(&error.to_string()))
    }

    pub(super) async fn write_change(
        &self,
        set: &PermissionSetArn,
        action: &SetAction,
    ) -> Result<(), CenterFault> {
        let aws = &self.aws;
        match action {
            SetAction::Update {
                description,
                session_seconds,
                relay_state,
            } => {
                let (description, relay_state) = (description.clone(), relay_state.clone());
                self.update(set, description, *session_seconds, relay_state)
                    .await
            }
            SetAction::Tag { key, value } => {
                let request = aws
                    .sso
                    .tag_resource()
                    .instance_arn(&aws.about.instance_arn)
                    .resource_arn(set.as_str())
                    .tags(tag(key, value)?);
                let answer = aws
                    .sso_line
                    .write("TagResource", write(), request.send())
                    .await;
                answer.map(drop).map_err(|failure| failure.fault)
            }
            SetAction::Untag { key } => {
                let request = aws
                    .sso
                    .untag_resource()
                    .instance_arn(&aws.about.instance_arn)
                    .resource_arn(set.as_str())
                    .tag_keys(key);
                let answer = aws
                    .sso_line
                    .write("UntagResource", write(), request.send())
                    .await;
                answer.map(drop).map_err(|failure| failure.fault)
            }
            SetAction::Delete => {
                change!(
                    self,
                    set,
                    "DeletePermissionSet",
                    |sso: &aws_sdk_ssoadmin::Client| { sso.delete_permission_set() }
                )
            }
            policies => self.attach(set, policies).await,
        }
    }

    pub(super) async fn write_provision(
        &self,
        set: &PermissionSetArn,
    ) -> Result<String, CenterFault> {
        let aws = &self.aws;
        let request = aws
            .sso
            .provision_permission_set()
            .instance_arn(&aws.about.instance_arn)
            .permission_set_arn(set.as_str())
            .target_type(ProvisionTargetType::AllProvisionedAccounts);
        let answer = aws
            .sso_line
            .write("ProvisionPermissionSet", write(), request.send())
            .await;
        let answer = answer.map_err(|failure| failure.fault)?;
        let status = answer.permission_set_provisioning_status;
        let unclear = || unclear("an accepted operation without a request id");
        status.and_then(|it| it.request_id).ok_or_else(unclear)
    }
}
