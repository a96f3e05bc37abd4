use serde_json::{Value, json};

use crate::collect::collector::{Collected, Collector, flat};
use crate::collect::documents::{if_there, member, policy, tags, text};
use crate::collect::ports::CallPlace;
use crate::collect::rows::row;

pub(crate) const SERVICE: &str = "sso-admin";
pub(crate) const HOME: CallPlace = CallPlace::Home;
/// AWS's default session duration (AWS: "Set session duration for AWS accounts").
const SESSION_DEFAULT: &str = "PT1H";

#[derive(Clone, Debug)]
pub(crate) struct SetOf {
    pub(crate) instance: String,
    pub(crate) set: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Provisioned {
    pub(crate) of: SetOf,
    pub(crate) account: String,
    pub(crate) is_latest: bool,
}

#[derive(Debug, Default)]
pub(crate) struct FoundSets {
    pub(crate) instances: Vec<String>,
    pub(crate) sets: Vec<SetOf>,
    pub(crate) pairs: Vec<Provisioned>,
}

impl Collector<'_> {
    pub(crate) async fn listed_sets(&self, instances: &[String]) -> Collected<Vec<SetOf>> {
        flat(instances, |instance| async move {
            let operation = "ListPermissionSets";
            let input = json!({ "InstanceArn": instance });
            let found = self.list(&HOME, SERVICE, operation, input).await?;
            let sets = found.iter().filter_map(Value::as_str);
            let sets = sets.map(|set| SetOf {
                instance: instance.clone(),
                set: set.to_owned(),
            });
            Ok(sets.collect())
        })
        .await
    }

    /// Where sets are provisioned; omits sets deleted meanwhile.
    pub(crate) async fn all_provisioned(&self, sets: &[SetOf]) -> Collected<Vec<Provisioned>> {
        flat(sets, |set| async {
            let found = self.if_not_gone(&set.set, self.provisioned(set)).await?;
            Ok(found.unwrap_or_default())
        })
        .await
    }

    pub(crate) async fn set_row(&self, of: &SetOf) -> Collected<Value> {
        let input = json!({ "InstanceArn": of.instance, "PermissionSetArn": of.set });
        let call = |operation| self.call(&HOME, SERVICE, operation, input.clone());
        let listing = |operation| self.list(&HOME, SERVICE, operation, input.clone());
        let described = call("DescribePermissionSet").await?;
        let described = member(&described, "PermissionSet");
        let managed = listing("ListManagedPoliciesInPermissionSet");
        let managed = managed.await?;
        let operation = "ListCustomerManagedPolicyReferencesInPermissionSet";
        let customer = listing(operation).await?;
        let inline = call("GetInlinePolicyForPermissionSet").await?;
        let inline = text(&inline, "InlinePolicy").map(policy);
        // a set without a boundary returns an error
        let boundary = if_there(call("GetPermissionsBoundaryForPermissionSet").await)?;
        let resource = json!({ "InstanceArn": of.instance, "ResourceArn": of.set });
        let found = self.list(&HOME, SERVICE, "ListTagsForResource", resource);
        let found = found.await?;
        let session = text(&described, "SessionDuration").unwrap_or(SESSION_DEFAULT);
        let more = json!({
            "permission_set_arn": of.set,
            "session_duration": session,
            "managed_policies": managed,
            "customer_policies": customer,
            "inline_policy": inline,
            "boundary": boundary.map(|it| member(&it, "PermissionsBoundary")),
            "ps_tags": tags(&found),
        });
        Ok(row("aws_ssoadmin_permission_sets", &described, more))
    }

    async fn provisioned(&self, of: &SetOf) -> Collected<Vec<Provisioned>> {
        let mut pairs = Vec::new();
        for (status, is_latest) in [
            ("LATEST_PERMISSION_SET_PROVISIONED", true),
            ("LATEST_PERMISSION_SET_NOT_PROVISIONED", false),
        ] {
            let input = json!({
                "InstanceArn": of.instance,
                "PermissionSetArn": of.set,
                "ProvisioningStatus": status, });
            let operation = "ListAccountsForProvisionedPermissionSet";
            let accounts = self.list(&HOME, SERVICE, operation, input).await?;
            let accounts = accounts.iter().filter_map(Value::as_str);
            pairs.extend(accounts.map(|account| Provisioned {
                of: of.clone(),
                account: account.to_owned(),
                is_latest,
            }));
        }
        Ok(pairs)
    }
}
