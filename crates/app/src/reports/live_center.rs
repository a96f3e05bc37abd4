//! Live reads from IAM Identity Center with the AWS CLI environment: users, and the policies of a
//! permission set.

use crate::host::home_region::home_region;
use crate::host::named_calls::NamedCalls;
use crate::host::runtime::runtime;
use hallpass_aws::RoleToAssume;
use hallpass_aws_model::policy_text;
use hallpass_org::{Operation, ReadCalls as _, ReadPlace};
use hallpass_terminal::exit::Failure;
use serde_json::{Map, Value, json};

/// Page limit, above any real organization.
const PAGES_MAX: usize = 10_000;

#[derive(Debug)]
pub struct LiveSet {
    /// `DescribePermissionSet`.
    pub about: Value,
    pub documents: Vec<(String, String)>,
    pub boundary: Option<(String, String)>,
    pub boundary_reference: Option<Value>,
    /// Customer managed policies, which exist only in the assigned accounts.
    pub missing: Vec<String>,
}

struct LiveCenter {
    calls: NamedCalls,
    instance: String,
    store: String,
}

#[derive(Debug)]
pub struct LivePeople {
    pub users: Value,
    /// The additional Regions of the instance; `None` without permission to read them.
    pub additional_regions: Option<Vec<String>>,
}

pub fn people(region: Option<&String>) -> Result<LivePeople, Failure> {
    let home = home(region)?;
    runtime()?.block_on(async {
        let center = LiveCenter::find(home).await?;
        let input = json!({"IdentityStoreId": center.store});
        let users = center
            .all(("identitystore", "ListUsers"), &input, "Users")
            .await?;
        Ok(LivePeople {
            users: json!({ "Users": users }),
            additional_regions: center.additional_regions().await,
        })
    })
}

/// Returns the additional sign-in Regions; `None` without permission to read them.
pub fn additional_regions(region: Option<&String>) -> Result<Option<Vec<String>>, Failure> {
    let home = home(region)?;
    runtime()?.block_on(async { Ok(LiveCenter::find(home).await?.additional_regions().await) })
}

/// Returns a permission set by name.
///
/// # Errors
/// Exit 2 if unknown; exit 1 if Identity Center or IAM fail.
pub fn permission_set(name: &str) -> Result<LiveSet, Failure> {
    let home = home(None)?;
    runtime()?.block_on(async {
        let center = LiveCenter::find(home).await?;
        center.set(name).await
    })
}

fn home(region: Option<&String>) -> Result<String, Failure> {
    let said = std::env::var("AWS_REGION").ok().filter(|it| !it.is_empty());
    home_region(region.or(said.as_ref()))
}

fn text(of: &Value, name: &str) -> String {
    let found = of.get(name).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

impl LiveCenter {
    async fn find(home: String) -> Result<Self, Failure> {
        let calls = NamedCalls::new(home.clone(), RoleToAssume::default(), 1).await?;
        let mut center = Self {
            calls,
            instance: String::new(),
            store: String::new(),
        };
        let listed = center
            .all(("sso-admin", "ListInstances"), &json!({}), "Instances")
            .await?;
        let Some(found) = listed.first() else {
            let message = format!("there is no instance of IAM Identity Center in {home}");
            return Err(Failure::failed(message)
                .help("set `AWS_REGION` to its Region, and take credentials of its account"));
        };
        center.instance = text(found, "InstanceArn");
        center.store = text(found, "IdentityStoreId");
        Ok(center)
    }

    async fn page(
        &self,
        (service, operation): Operation,
        input: &Value,
    ) -> Result<(Value, Option<Map<String, Value>>), Failure> {
        let place = ReadPlace::default();
        let asked = self.calls.call(&place, (service, operation), input).await;
        asked.map_err(|failed| {
            let (code, message) = (failed.code, failed.message);
            Failure::failed(format!("`{service}:{operation}`: {code}: {message}"))
                .help("it takes credentials that may call it, as for `hallpass sync`")
        })
    }

    async fn all(
        &self,
        operation: Operation,
        input: &Value,
        member: &str,
    ) -> Result<Vec<Value>, Failure> {
        let (mut rows, mut input) = (Vec::new(), input.clone());
        for _ in 0..PAGES_MAX {
            let (page, more) = self.page(operation, &input).await?;
            let found = page.get(member).and_then(Value::as_array);
            rows.extend(found.into_iter().flatten().cloned());
            match (more, input.as_object_mut()) {
                (Some(more), Some(members)) => members.extend(more),
                _ => return Ok(rows),
            }
        }
        Err(Failure::failed(format!(
            "`{}` does not come to an end",
            operation.1
        )))
    }

    /// Returns the replica Regions. Permissions of an earlier release do not include this call.
    async fn additional_regions(&self) -> Option<Vec<String>> {
        let instance = json!({"InstanceArn": self.instance});
        let listed = self.all(("sso-admin", "ListRegions"), &instance, "Regions");
        let rows = match listed.await {
            Ok(rows) => rows,
            Err(failure) => {
                tracing::warn!(
                    error = failure.words(),
                    "additional Regions of the instance are not known: `sso:ListRegions`"
                );
                return None;
            }
        };
        let others = rows.iter().filter(|row| {
            let is_home = row.get("IsPrimaryRegion").and_then(Value::as_bool);
            is_home != Some(true) && text(row, "Status") == "ACTIVE"
        });
        Some(others.map(|row| text(row, "RegionName")).collect())
    }

    async fn set(&self, name: &str) -> Result<LiveSet, Failure> {
        let instance = json!({"InstanceArn": self.instance});
        let list = ("sso-admin", "ListPermissionSets");
        let arns = self.all(list, &instance, "PermissionSets").await?;
        for arn in arns {
            let input = json!({"InstanceArn": self.instance, "PermissionSetArn": arn});
            let (answer, _) = self
                .page(("sso-admin", "DescribePermissionSet"), &input)
                .await?;
            let about = answer.get("PermissionSet").cloned().unwrap_or_default();
            if text(&about, "Name") == name {
                return self.policies(about, &input).await;
            }
        }
        let message = format!("there is no permission set `{name}`");
        Err(Failure::bad_input(message)
            .help("`hallpass catalog` and `aws sso-admin list-permission-sets` list them"))
    }

    async fn policies(&self, about: Value, set: &Value) -> Result<LiveSet, Failure> {
        let mut found = LiveSet {
            about,
            documents: Vec::new(),
            boundary: None,
            boundary_reference: None,
            missing: Vec::new(),
        };
        let list = ("sso-admin", "ListManagedPoliciesInPermissionSet");
        for policy in self.all(list, set, "AttachedManagedPolicies").await? {
            let document = self.managed(&text(&policy, "Arn")).await?;
            found.documents.push((text(&policy, "Name"), document));
        }
        let list = (
            "sso-admin",
            "ListCustomerManagedPolicyReferencesInPermissionSet",
        );
        for own in self
            .all(list, set, "CustomerManagedPolicyReferences")
            .await?
        {
            found.missing.push(text(&own, "Name"));
        }
        let (inline, _) = self
            .page(("sso-admin", "GetInlinePolicyForPermissionSet"), set)
            .await?;
        let inline = text(&inline, "InlinePolicy");
        if !inline.is_empty() {
            found.documents.push(("inline policy".to_owned(), inline));
        }
        let operation = ("sso-admin", "GetPermissionsBoundaryForPermissionSet");
        if let Ok((answer, _)) = self.calls.call(&ReadPlace::default(), operation, set).await {
            let boundary = answer
                .get("PermissionsBoundary")
                .cloned()
                .unwrap_or_default();
            match boundary.get("ManagedPolicyArn").and_then(Value::as_str) {
                Some(arn) => found.boundary = Some((arn.to_owned(), self.managed(arn).await?)),
                None => found.missing.push("the permissions boundary".to_owned()),
            }
            found.boundary_reference = Some(boundary);
        }
        Ok(found)
    }

    /// Returns an AWS managed policy, the same in every account.
    async fn managed(&self, arn: &str) -> Result<String, Failure> {
        let (policy, _) = self
            .page(("iam", "GetPolicy"), &json!({"PolicyArn": arn}))
            .await?;
        let version = policy.pointer("/Policy/DefaultVersionId").cloned();
        let input = json!({"PolicyArn": arn, "VersionId": version});
        let (answer, _) = self.page(("iam", "GetPolicyVersion"), &input).await?;
        let document = answer
            .pointer("/PolicyVersion/Document")
            .and_then(Value::as_str);
        Ok(policy_text(document.unwrap_or_default()))
    }
}
