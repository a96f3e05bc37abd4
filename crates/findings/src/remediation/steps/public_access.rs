use hallpass_plans::{StepError, StepProbe};
use serde_json::{Value, json};

use super::drifted;
use super::place::StepCalls;
use crate::remediation::ports::MemberOperation;

/// All four settings must be on.
const SETTINGS: [&str; 4] = [
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
];
const NONE: [&str; 2] = [
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchPublicAccessBlock",
];
const CONFIGURATION: &str = "PublicAccessBlockConfiguration";

pub(super) struct BlockedPlace {
    service: &'static str,
    named: Value,
}

fn is_blocked(configuration: &Value) -> bool {
    let on = |name: &str| configuration.get(name).and_then(Value::as_bool) == Some(true);
    SETTINGS.iter().all(|name| on(name))
}

impl BlockedPlace {
    pub(super) fn account(account: &str) -> Self {
        Self {
            service: "s3control",
            named: json!({ "AccountId": account }),
        }
    }

    /// The bucket must belong to the account.
    pub(super) fn bucket(resource: &str, account: &str) -> Result<Self, StepError> {
        let name = resource.rsplit(":::").next().unwrap_or_default();
        if name.is_empty() || name.contains(['/', ':']) {
            return Err(StepError::failed(
                "NoBucket",
                &format!("`{resource}` is no bucket"),
            ));
        }
        Ok(Self {
            service: "s3",
            named: json!({ "Bucket": name, "ExpectedBucketOwner": account }),
        })
    }

    fn operation(&self, name: &'static str) -> MemberOperation {
        (self.service, name)
    }

    async fn configuration(&self, calls: &StepCalls<'_>) -> Result<Option<Value>, StepError> {
        let operation = self.operation("GetPublicAccessBlock");
        let found = calls
            .read_unless(operation, self.named.clone(), &NONE)
            .await?;
        Ok(found.and_then(|it| it.get(CONFIGURATION).cloned()))
    }

    pub(super) async fn look(&self, calls: &StepCalls<'_>) -> Result<StepProbe, StepError> {
        let found = self.configuration(calls).await?;
        if found.as_ref().is_some_and(is_blocked) {
            return Ok(StepProbe::Satisfied);
        }
        Ok(StepProbe::Differs {
            old: json!({ "configuration": found }),
        })
    }

    async fn put(&self, calls: &StepCalls<'_>, wanted: Value) -> Result<(), StepError> {
        let mut input = self.named.clone();
        if let Some(members) = input.as_object_mut() {
            members.insert(CONFIGURATION.to_owned(), wanted);
        }
        let operation = self.operation("PutPublicAccessBlock");
        calls.send(operation, input).await.map(drop)
    }

    pub(super) async fn block(&self, calls: &StepCalls<'_>) -> Result<(), StepError> {
        let all = SETTINGS
            .iter()
            .map(|name| ((*name).to_owned(), true.into()));
        self.put(calls, Value::Object(all.collect())).await
    }

    pub(super) async fn look_restored(
        &self,
        calls: &StepCalls<'_>,
        old: &Value,
    ) -> Result<StepProbe, StepError> {
        let found = self.configuration(calls).await?.unwrap_or(Value::Null);
        let wanted = old.get("configuration").unwrap_or(&Value::Null);
        Ok(if found == *wanted {
            StepProbe::Satisfied
        } else if is_blocked(&found) {
            StepProbe::Absent
        } else {
            drifted("the block of public access was changed")
        })
    }

    pub(super) async fn restore(
        &self,
        calls: &StepCalls<'_>,
        old: &Value,
    ) -> Result<(), StepError> {
        if let Some(wanted) = old.get("configuration").filter(|it| !it.is_null()) {
            return self.put(calls, wanted.clone()).await;
        }
        let operation = self.operation("DeletePublicAccessBlock");
        calls.send(operation, self.named.clone()).await.map(drop)
    }
}
