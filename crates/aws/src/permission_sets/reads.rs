use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssoadmin::types::{self as sso, ProvisioningStatus};
use hallpass_access_files::{CustomerPolicy, PermissionSetContent, PermissionsBoundary, SetPart};
use hallpass_assignments::CenterFault;
use hallpass_base::{AccountId, PermissionSetArn};

use super::{PermissionSets, is_missing, look, unclear};
use crate::center::PAGE;
use crate::fault::CallFailure;
use crate::pages::listing;

impl PermissionSets {
    pub(super) async fn described(
        &self,
        set: &PermissionSetArn,
    ) -> Result<Option<sso::PermissionSet>, CallFailure> {
        crate::inventory::described(&self.aws, set).await
    }

    pub(super) async fn listed(&self) -> Result<Vec<PermissionSetArn>, CallFailure> {
        let arns = crate::inventory::set_arns(&self.aws).await?;
        let arns = arns.into_iter().map(PermissionSetArn::new);
        arns.collect::<Result<_, _>>()
            .map_err(|error| CallFailure::unparsable(&error.to_string()))
    }

    pub(super) async fn managed(
        &self,
        set: &PermissionSetArn,
    ) -> Result<BTreeSet<String>, CallFailure> {
        let rows = crate::inventory::managed(&self.aws, set, look()).await?;
        Ok(rows.into_iter().map(|it| it.arn).collect())
    }

    pub(super) async fn customer(
        &self,
        set: &PermissionSetArn,
    ) -> Result<BTreeSet<CustomerPolicy>, CallFailure> {
        let rows = crate::inventory::referenced(&self.aws, set, look()).await?;
        let own = |it: hallpass_access::ReferencedPolicy| CustomerPolicy {
            path: it.path,
            name: it.name,
        };
        Ok(rows.into_iter().map(own).collect())
    }

    pub(super) async fn boundary(
        &self,
        set: &PermissionSetArn,
    ) -> Result<Option<PermissionsBoundary>, CallFailure> {
        use hallpass_access::Boundary;
        let found = crate::inventory::boundary(&self.aws, set, look()).await?;
        Ok(found.map(|it| match it {
            Boundary::Managed(policy) => PermissionsBoundary::Managed(policy.arn),
            Boundary::Referenced(policy) => PermissionsBoundary::Customer(CustomerPolicy {
                path: policy.path,
                name: policy.name,
            }),
        }))
    }

    pub(super) async fn tags(
        &self,
        set: &PermissionSetArn,
    ) -> Result<BTreeMap<String, String>, CallFailure> {
        let aws = &self.aws;
        let rows = listing!(
            aws.sso_line.read("ListTagsForResource", look()),
            tags,
            aws.sso
                .list_tags_for_resource()
                .instance_arn(&aws.about.instance_arn)
                .resource_arn(set.as_str())
        )
        .await?;
        Ok(rows.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    pub(super) async fn add_part(
        &self,
        set: &PermissionSetArn,
        part: SetPart,
        content: &mut PermissionSetContent,
    ) -> Result<(), CallFailure> {
        match part {
            SetPart::Texts => {}
            SetPart::Managed => content.managed_policies = self.managed(set).await?,
            SetPart::Customer => content.customer_managed_policies = self.customer(set).await?,
            SetPart::Boundary => content.permissions_boundary = self.boundary(set).await?,
            SetPart::Tags => content.tags = self.tags(set).await?,
            SetPart::Inline => {
                let text = crate::inventory::inline(&self.aws, set, look()).await?;
                let unclear = || CallFailure::unparsable("an inline policy that is no JSON");
                content.inline_policy = match text {
                    None => None,
                    Some(text) => Some(serde_json::from_str(&text).map_err(|_| unclear())?),
                };
            }
        }
        Ok(())
    }

    pub(super) async fn accounts(
        &self,
        set: &PermissionSetArn,
        status: Option<ProvisioningStatus>,
    ) -> Result<BTreeSet<AccountId>, CenterFault> {
        let (aws, status) = (&self.aws, &status);
        let listed = listing!(
            aws.sso_line
                .read("ListAccountsForProvisionedPermissionSet", look()),
            account_ids,
            aws.sso
                .list_accounts_for_provisioned_permission_set()
                .instance_arn(&aws.about.instance_arn)
                .permission_set_arn(set.as_str())
                .set_provisioning_status(status.clone())
                .max_results(PAGE)
        )
        .await;
        let ids = match listed {
            Ok(ids) => ids,
            Err(failure) if is_missing(&failure) => return Ok(BTreeSet::new()),
            Err(failure) => return Err(failure.fault),
        };
        let ids = ids.into_iter().map(AccountId::new);
        ids.collect::<Result<_, _>>()
            .map_err(|error| unclear(&error.to_string()))
    }

    pub(super) async fn provisioning_status(
        &self,
        request: &str,
    ) -> Result<Option<sso::PermissionSetProvisioningStatus>, CallFailure> {
        let aws = &self.aws;
        let reply = aws
            .sso_line
            .read("DescribePermissionSetProvisioningStatus", look(), || {
                aws.sso
                    .describe_permission_set_provisioning_status()
                    .instance_arn(&aws.about.instance_arn)
                    .provision_permission_set_request_id(request)
                    .send()
            })
            .await?;
        Ok(reply.permission_set_provisioning_status)
    }
}
