use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use hallpass_aws_model::facts;
use hallpass_aws_model::wire::catalog;
use hallpass_base::AccountId;
use hallpass_plans::fanout::CallFault;
use serde_json::{Value, json};

use super::any_service::AnyService;
use super::fault::undecodable;

/// Maximum lifetime of chained sessions.
const CHAINED_SECONDS: u32 = facts::CHAINED_SESSION_SECONDS.value;

#[derive(Clone, Debug, Default)]
pub struct RoleToAssume {
    pub name: String,
    /// Intermediate roles, by ARN: each is assumed with the credentials of the one before.
    pub via: Vec<String>,
    pub external_id: Option<String>,
    pub session_name: String,
    pub tags: Vec<(String, String)>,
    pub source_identity: Option<String>,
    pub session_policy: Option<String>,
    /// Default: the maximum of chained roles.
    pub session_seconds: Option<u32>,
}

pub(super) struct AccountRoles {
    role: RoleToAssume,
    home: String,
    entered: RwLock<HashMap<AccountId, Credentials>>,
    via: tokio::sync::Mutex<Option<Credentials>>,
}

impl AccountRoles {
    pub(super) fn new(role: RoleToAssume, home: String) -> Self {
        Self {
            role,
            home,
            entered: RwLock::default(),
            via: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn credentials(&self, account: &AccountId) -> Option<Credentials> {
        let entered = self.entered.read().unwrap_or_else(PoisonError::into_inner);
        entered.get(account).cloned()
    }

    /// Assumes the role in an account and stores its credentials; returns their validity in
    /// milliseconds, if limited.
    pub(super) async fn enter(
        &self,
        aws: &AnyService,
        account: &AccountId,
    ) -> Result<Option<u64>, CallFault> {
        let with = self.before_last(aws).await?;
        let partition = catalog().partition(&self.home);
        let arn = format!("arn:{partition}:iam::{account}:role/{}", self.role.name);
        let found = self.assume(aws, &arn, with.as_ref(), &self.role).await?;
        let good = found.expiry().map(|at| {
            let left = at.duration_since(aws.now()).unwrap_or_default();
            u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
        });
        let mut entered = self.entered.write().unwrap_or_else(PoisonError::into_inner);
        entered.insert(account.clone(), found);
        Ok(good)
    }

    async fn assume(
        &self,
        aws: &AnyService,
        arn: &str,
        with: Option<&Credentials>,
        whose: &RoleToAssume,
    ) -> Result<Credentials, CallFault> {
        let mut input = json!({
            "RoleArn": arn,
            "RoleSessionName": whose.session_name,
            "DurationSeconds": whose.session_seconds.unwrap_or(CHAINED_SECONDS),
        });
        if let Some(members) = input.as_object_mut() {
            if let Some(id) = &whose.external_id {
                members.insert("ExternalId".to_owned(), id.as_str().into());
            }
            if let Some(who) = &whose.source_identity {
                members.insert("SourceIdentity".to_owned(), who.as_str().into());
            }
            if let Some(policy) = &whose.session_policy {
                members.insert("Policy".to_owned(), policy.as_str().into());
            }
            if !whose.tags.is_empty() {
                let tags = whose.tags.iter();
                let tags = tags.map(|(key, value)| json!({"Key": key, "Value": value}));
                members.insert("Tags".to_owned(), tags.collect());
            }
        }
        let call = (self.home.as_str(), with);
        let answer = aws.named("sts", "AssumeRole", &input, call).await?;
        read_credentials(&answer).ok_or_else(|| undecodable("no credentials in it"))
    }

    async fn before_last(&self, aws: &AnyService) -> Result<Option<Credentials>, CallFault> {
        if self.role.via.is_empty() {
            return Ok(None);
        }
        let mut held = self.via.lock().await;
        let soon = aws.now() + Duration::from_mins(5);
        if let Some(via) = held
            .as_ref()
            .filter(|it| it.expiry().is_none_or(|at| soon < at))
        {
            return Ok(Some(via.clone()));
        }
        let plain = RoleToAssume {
            session_name: self.role.session_name.clone(),
            ..RoleToAssume::default()
        };
        let mut last = None;
        for arn in &self.role.via {
            last = Some(self.assume(aws, arn, last.as_ref(), &plain).await?);
        }
        held.clone_from(&last);
        Ok(last)
    }
}

fn read_credentials(answer: &Value) -> Option<Credentials> {
    let found = answer.get("Credentials")?;
    let text = |name: &str| found.get(name).and_then(Value::as_str).map(str::to_owned);
    let expiry: Option<jiff::Timestamp> = text("Expiration").and_then(|it| it.parse().ok());
    Some(Credentials::new(
        text("AccessKeyId")?,
        text("SecretAccessKey")?,
        text("SessionToken"),
        expiry.map(SystemTime::from),
        "hallpass",
    ))
}
