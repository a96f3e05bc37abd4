//! Texts of AWS managed policies from IAM, cached for an hour: they are the same in every account.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use hallpass_access::{Boundary, ManagedPolicy, SetPolicies};
use hallpass_aws_model::policy_text;
use hallpass_base::{Clock, Timestamp};
use hallpass_inventory::collect::CallPlace;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::AwsClientSettings;
use crate::fanout::{OrganizationCalls, RoleToAssume};

/// AWS changes some of them a few times a year.
const BELIEVED: SignedDuration = SignedDuration::from_hours(1);
/// Maximum time for one set's texts, with retries: a user waits for a page.
const READING_MAX: Duration = Duration::from_secs(5);
/// Parallel calls. IAM allows some twenty reads a second for the whole account, shared with others.
const AT_ONCE: usize = 4;
const REMEMBERED_MAX: usize = 500;

type KnownText = (Timestamp, Arc<str>);

pub struct ManagedTexts {
    client: AwsClientSettings,
    clock: Arc<dyn Clock>,
    seed: u64,
    calls: OnceCell<OrganizationCalls>,
    known: Mutex<HashMap<String, KnownText>>,
}

impl ManagedTexts {
    /// `client` needs `iam:GetPolicy` and `iam:GetPolicyVersion` on AWS managed policies.
    pub fn new(client: AwsClientSettings, clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self {
            client,
            clock,
            seed,
            calls: OnceCell::new(),
            known: Mutex::default(),
        }
    }

    /// Adds the set's AWS managed texts. Marks an unreadable one as missing; the next read retries.
    pub(super) async fn put_in(&self, set: &mut SetPolicies) {
        let boundary = set.boundary.as_mut().and_then(|it| match it {
            Boundary::Managed(policy) => Some(policy),
            Boundary::Referenced(_) => None,
        });
        let policies = set.managed.iter_mut().chain(boundary);
        let each = policies.map(|policy| self.put_into(policy));
        // keeps partial results on timeout
        let _ = timeout(READING_MAX, join_all(each)).await;
    }

    async fn put_into(&self, policy: &mut ManagedPolicy) {
        if let Some(text) = self.remembered(&policy.arn) {
            policy.document = Some(text.to_string());
            return;
        }
        match self.read(&policy.arn).await {
            Ok(text) => {
                self.remember(&policy.arn, &text);
                policy.document = Some(text);
            }
            Err(why) => {
                tracing::warn!(policy = policy.arn, %why, "the text of a policy of AWS could not be read");
            }
        }
    }

    fn remembered(&self, arn: &str) -> Option<Arc<str>> {
        let now = self.clock.now();
        let known = self.known();
        let (at, text) = known.get(arn)?;
        // a clock set back must not extend validity
        (now.duration_since(*at).abs() < BELIEVED).then(|| Arc::clone(text))
    }

    fn remember(&self, arn: &str, text: &str) {
        let mut known = self.known();
        if known.len() >= REMEMBERED_MAX && !known.contains_key(arn) {
            known.clear();
        }
        known.insert(arn.to_owned(), (self.clock.now(), Arc::from(text)));
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, KnownText>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self, arn: &str) -> Result<String, String> {
        let about = json!({ "PolicyArn": arn });
        let policy = self.answer("GetPolicy", &about).await?;
        let version = policy.pointer("/Policy/DefaultVersionId");
        let version = version.ok_or("GetPolicy: no default version in the answer")?;
        let about = json!({ "PolicyArn": arn, "VersionId": version });
        let found = self.answer("GetPolicyVersion", &about).await?;
        let document = found.pointer("/PolicyVersion/Document");
        let document = document.and_then(Value::as_str);
        let document = document.ok_or("GetPolicyVersion: no document in the answer")?;
        Ok(policy_text(document))
    }

    async fn answer(&self, operation: &'static str, input: &Value) -> Result<Value, String> {
        let calls = self.calls.get_or_try_init(|| {
            let (client, role) = (self.client.clone(), RoleToAssume::default());
            OrganizationCalls::new(client, role, AT_ONCE, self.seed, Arc::clone(&self.clock))
        });
        let asked = calls
            .await?
            .call_in(&CallPlace::Home, None, ("iam", operation), input);
        let found = asked.await;
        found
            .map(|it| it.answer)
            .map_err(|it| format!("{operation}: {}: {}", it.code, it.message))
    }
}

impl fmt::Debug for ManagedTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedTexts").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "managed_texts_tests.rs"]
mod tests;
