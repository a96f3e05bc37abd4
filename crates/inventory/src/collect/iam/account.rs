//! Account-wide IAM settings and identity providers.

use crate::SliceFailure;
use serde_json::{Map, Value, json};

use super::{IamAccount, PROVIDERS, SERVICE};
use crate::collect::collector::{Collected, Collector};
use crate::collect::documents::{if_there, member, undecodable};
use crate::collect::rows::row;

const OFF: &str = "FeatureDisabled";

impl Collector<'_> {
    pub(super) async fn summary_rows(&self, account: &IamAccount<'_>) -> Collected<Vec<Value>> {
        let operation = "GetAccountSummary";
        let summary = self
            .call(&account.place, SERVICE, operation, json!({}))
            .await?;
        let summary = member(&summary, "SummaryMap");
        let number = |name: &str| {
            let number = summary.get(name).and_then(Value::as_i64);
            number.ok_or_else(|| undecodable(operation, &format!("no `{name}` in it")))
        };
        let policy = self.call(
            &account.place,
            SERVICE,
            "GetAccountPasswordPolicy",
            json!({}),
        );
        let policy = if_there(policy.await)?;
        Ok(vec![json!({
            "summary_account_id": account.id,
            "root_mfa_enabled": number("AccountMFAEnabled")? > 0,
            "root_access_keys": number("AccountAccessKeysPresent")?,
            "password_policy": policy.map(|it| member(&it, "PasswordPolicy")),
        })])
    }

    /// Account switches: whether templates make roles, whether external services see its
    /// identities.
    pub(super) async fn properties_rows(&self, account: &IamAccount<'_>) -> Collected<Vec<Value>> {
        let place = &account.place;
        let found = self.call(place, SERVICE, "GetAccountProperties", json!({}));
        // AWS omits an empty map
        let properties = match member(&found.await?, "Properties") {
            Value::Null => Value::Object(Map::new()),
            properties => properties,
        };
        let operation = "GetOutboundWebIdentityFederationInfo";
        let outbound = unless_off(self.call(place, SERVICE, operation, json!({})).await)?;
        let is_on = |it: &Value| it.get("JwtVendingEnabled").and_then(Value::as_bool);
        Ok(vec![json!({
            "properties_account_id": account.id,
            "properties": properties,
            "outbound_federation": outbound.as_ref().and_then(is_on).unwrap_or(false),
            "outbound_issuer": outbound.map(|it| member(&it, "IssuerIdentifier")),
        })])
    }

    /// Trusted identity providers.
    pub(super) async fn provider_rows(&self, account: &IamAccount<'_>) -> Collected<Vec<Value>> {
        let mut rows = Vec::new();
        for (kind, operation) in [
            ("SAML", "ListSAMLProviders"),
            ("OIDC", "ListOpenIDConnectProviders"),
        ] {
            let more = json!({ "provider_account_id": account.id, "provider_type": kind });
            let found = self
                .list(&account.place, SERVICE, operation, json!({}))
                .await?;
            rows.extend(found.iter().map(|it| row(PROVIDERS, it, more.clone())));
        }
        Ok(rows)
    }
}

/// `None` for a disabled feature, which AWS reports as an error.
fn unless_off(found: Collected<Value>) -> Result<Option<Value>, SliceFailure> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.code.starts_with(OFF) => Ok(None),
        Err(failure) => Err(failure),
    }
}
