//! Reading a payer account: every call by itself, so that one that is refused leaves the others known.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use hallpass_model::AccountId;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::checks::{BILLING, CUSTOMER, NOT_BILLING, RAISING};
use super::event_pattern::accepts;
use super::facts::{PayerFacts, ReadFact, RootLoginAlert, UnreadFact};
use super::file::{PayerFile, PayerSide};

/// The most pages of a listing that are read.
const PAGES_MAX: usize = 1_000;

/// A call that failed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayerCallFailed {
    /// The code of the answer.
    pub code: String,
    /// What it said.
    pub message: String,
}

/// Calls in the payer account. Each reads, and is repeated by whoever implements this.
#[async_trait]
pub trait PayerCalls: Send + Sync {
    /// An answer with the names of the API, and what the next page is asked with.
    async fn call(
        &self,
        service: &'static str,
        operation: &'static str,
        input: &Value,
    ) -> Result<(Value, Option<Map<String, Value>>), PayerCallFailed>;
}

/// Reads all that the checks are made of. Costs are those of the month before `today`.
pub async fn read_facts(calls: &dyn PayerCalls, file: &PayerFile, today: Date) -> PayerFacts {
    let account = PayerAccount { calls, file };
    let mut contacts = BTreeMap::new();
    for kind in ["BILLING", "OPERATIONS", "SECURITY"] {
        contacts.insert(kind, account.contact(kind).await);
    }
    let mut simulated = BTreeMap::new();
    for side in [PayerSide::Partner, PayerSide::Customer] {
        for role in &file.party(side).roles {
            simulated.insert(role.clone(), account.simulated(role).await);
        }
    }
    PayerFacts {
        summary: account.summary().await,
        contacts,
        phone: account.phone().await,
        simulated,
        has_all_features: account.has_all_features().await,
        has_scps: account.has_scps().await,
        root_login: account.root_login().await,
        accounts_in_root: account.accounts_in_root().await,
        policies: account.policies().await,
        own_costs: account.own_costs(today).await,
    }
}

struct PayerAccount<'a> {
    calls: &'a dyn PayerCalls,
    file: &'a PayerFile,
}

type Operation = (&'static str, &'static str);

fn unread((service, operation): Operation, reason: impl Into<String>) -> UnreadFact {
    UnreadFact {
        action: format!("{service}:{operation}"),
        reason: reason.into(),
    }
}

impl PayerAccount<'_> {
    async fn one(&self, operation: Operation, input: Value) -> ReadFact<Value> {
        let found = self.calls.call(operation.0, operation.1, &input).await;
        let failed =
            |it: PayerCallFailed| unread(operation, format!("{}: {}", it.code, it.message));
        found.map(|(answer, _)| answer).map_err(failed)
    }

    async fn list(&self, operation: Operation, input: Value, name: &str) -> ReadFact<Vec<Value>> {
        let (mut input, mut all) = (input, Vec::new());
        for _ in 0..PAGES_MAX {
            let found = self.calls.call(operation.0, operation.1, &input).await;
            let failed =
                |it: PayerCallFailed| unread(operation, format!("{}: {}", it.code, it.message));
            let (answer, next) = found.map_err(failed)?;
            let rows = answer.get(name).and_then(Value::as_array);
            let rows =
                rows.ok_or_else(|| unread(operation, format!("no `{name}` in the answer")))?;
            all.extend(rows.iter().cloned());
            let Some(next) = next else { return Ok(all) };
            if let Some(members) = input.as_object_mut() {
                members.extend(next);
            }
        }
        Err(unread(operation, "the answer has no end"))
    }

    async fn summary(&self) -> ReadFact<BTreeMap<String, i64>> {
        let operation = ("iam", "GetAccountSummary");
        let answer = self.one(operation, json!({})).await?;
        let map = answer.get("SummaryMap").and_then(Value::as_object);
        let map = map.ok_or_else(|| unread(operation, "no `SummaryMap` in the answer"))?;
        let numbers = map
            .iter()
            .filter_map(|(name, it)| Some((name.clone(), it.as_i64()?)));
        Ok(numbers.collect())
    }

    async fn contact(&self, kind: &str) -> ReadFact<Option<String>> {
        let input = json!({ "AlternateContactType": kind });
        let operation = ("account", "GetAlternateContact");
        let found = self.calls.call(operation.0, operation.1, &input).await;
        match found {
            Ok((answer, _)) => {
                let mail = answer.pointer("/AlternateContact/EmailAddress");
                Ok(mail.and_then(Value::as_str).map(str::to_owned))
            }
            Err(failed) if failed.code == "ResourceNotFoundException" => Ok(None),
            Err(failed) => Err(unread(
                operation,
                format!("{}: {}", failed.code, failed.message),
            )),
        }
    }

    async fn phone(&self) -> ReadFact<Option<String>> {
        let answer = self
            .one(("account", "GetContactInformation"), json!({}))
            .await?;
        let phone = answer.pointer("/ContactInformation/PhoneNumber");
        Ok(phone.and_then(Value::as_str).map(str::to_owned))
    }

    /// What a role may do, of all actions that are asked about. One that is not answered makes it unknown.
    async fn simulated(&self, role: &str) -> ReadFact<BTreeMap<String, bool>> {
        let operation = ("iam", "SimulatePrincipalPolicy");
        let actions: BTreeSet<&str> = [&BILLING[..], &CUSTOMER, &NOT_BILLING, &RAISING]
            .concat()
            .into_iter()
            .collect();
        let arn = format!("arn:aws:iam::{}:role/{role}", self.file.payer);
        let input = json!({ "PolicySourceArn": arn, "ActionNames": actions });
        let rows = self.list(operation, input, "EvaluationResults").await?;
        let found = rows.iter().filter_map(|row| {
            let name = row.get("EvalActionName")?.as_str()?;
            Some((name.to_owned(), row.get("EvalDecision")? == "allowed"))
        });
        let found: BTreeMap<String, bool> = found.collect();
        match actions.iter().find(|it| !found.contains_key(**it)) {
            None => Ok(found),
            Some(action) => Err(unread(
                operation,
                format!("the answer says nothing of {action}"),
            )),
        }
    }

    async fn has_all_features(&self) -> ReadFact<bool> {
        let answer = self
            .one(("organizations", "DescribeOrganization"), json!({}))
            .await?;
        Ok(answer
            .pointer("/Organization/FeatureSet")
            .is_some_and(|it| it == "ALL"))
    }

    async fn root(&self) -> ReadFact<Value> {
        let operation = ("organizations", "ListRoots");
        let roots = self.list(operation, json!({}), "Roots").await?;
        let first = roots.into_iter().next();
        first.ok_or_else(|| unread(operation, "there is no root in the answer"))
    }

    async fn has_scps(&self) -> ReadFact<bool> {
        let root = self.root().await?;
        let types = root.get("PolicyTypes").and_then(Value::as_array);
        let mut types = types.into_iter().flatten();
        let wanted = json!({ "Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED" });
        Ok(types.any(|it| *it == wanted))
    }

    async fn accounts_in_root(&self) -> ReadFact<Vec<String>> {
        let root = self.root().await?;
        let input = json!({ "ParentId": root.get("Id") });
        let operation = ("organizations", "ListAccountsForParent");
        let rows = self.list(operation, input, "Accounts").await?;
        let ids = rows.iter().filter_map(|it| it.get("Id")?.as_str());
        let others = ids.filter(|it| *it != self.file.payer.as_str());
        Ok(others.map(str::to_owned).collect())
    }

    async fn policies(&self) -> ReadFact<BTreeMap<String, Value>> {
        let input = json!({ "Filter": "SERVICE_CONTROL_POLICY" });
        let listing = ("organizations", "ListPolicies");
        let mut found = BTreeMap::new();
        for row in self.list(listing, input, "Policies").await? {
            if row.get("AwsManaged") == Some(&Value::Bool(true)) {
                continue;
            }
            let operation = ("organizations", "DescribePolicy");
            let answer = self
                .one(operation, json!({ "PolicyId": row.get("Id") }))
                .await?;
            let text = answer.pointer("/Policy/Content").and_then(Value::as_str);
            let content = text.and_then(|it| serde_json::from_str(it).ok());
            let content = content.ok_or_else(|| unread(operation, "its content is no JSON"))?;
            let name = row.get("Name").and_then(Value::as_str).unwrap_or_default();
            found.insert(name.to_owned(), content);
        }
        Ok(found)
    }

    async fn own_costs(&self, today: Date) -> ReadFact<BTreeMap<String, f64>> {
        let operation = ("ce", "GetCostAndUsage");
        let end = today.first_of_month();
        let start = end.saturating_sub(jiff::Span::new().months(1));
        let input = json!({
            "TimePeriod": { "Start": start.to_string(), "End": end.to_string() },
            "Granularity": "MONTHLY", "Metrics": ["UnblendedCost"],
            "Filter": { "Dimensions": { "Key": "LINKED_ACCOUNT", "Values": [self.file.payer] } },
            "GroupBy": [{ "Type": "DIMENSION", "Key": "SERVICE" }],
        });
        let months = self.list(operation, input, "ResultsByTime").await?;
        let groups = months
            .iter()
            .filter_map(|it| it.get("Groups")?.as_array())
            .flatten();
        let mut found = BTreeMap::new();
        for group in groups {
            let name = group
                .pointer("/Keys/0")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let amount = group
                .pointer("/Metrics/UnblendedCost/Amount")
                .and_then(Value::as_str);
            let amount = amount.and_then(|it| it.parse().ok());
            let amount: f64 = amount.ok_or_else(|| unread(operation, "an amount is no number"))?;
            *found.entry(name.to_owned()).or_default() += amount;
        }
        Ok(found)
    }

    /// Rules that take a sign-in of the root user, and whom their targets reach.
    async fn root_login(&self) -> ReadFact<RootLoginAlert> {
        let event = root_login_event(&self.file.payer);
        let mut alert = RootLoginAlert::default();
        let rules = self
            .list(("events", "ListRules"), json!({}), "Rules")
            .await?;
        for rule in rules
            .iter()
            .filter(|it| it.get("State").is_none_or(|it| it != "DISABLED"))
        {
            let pattern = rule.get("EventPattern").and_then(Value::as_str);
            let pattern: Option<Value> = pattern.and_then(|it| serde_json::from_str(it).ok());
            if !pattern.is_some_and(|it| accepts(&it, &event)) {
                continue;
            }
            alert.is_present = true;
            let input = json!({ "Rule": rule.get("Name") });
            let targets = self
                .list(("events", "ListTargetsByRule"), input, "Targets")
                .await?;
            for arn in targets.iter().filter_map(|it| it.get("Arn")?.as_str()) {
                alert.told.extend(self.reached(arn).await?);
            }
        }
        Ok(alert)
    }

    /// Whom a target reaches: the party whose account it is in, and those whose addresses a topic of ours has.
    async fn reached(&self, arn: &str) -> ReadFact<BTreeSet<PayerSide>> {
        let mut parts = arn.split(':').skip(2);
        let (service, owner) = (parts.next(), parts.nth(1));
        let sides = [PayerSide::Partner, PayerSide::Customer];
        let is_own = |it: &PayerSide| Some(self.file.party(*it).account.as_str()) == owner;
        let own = sides.into_iter().filter(is_own);
        let own: BTreeSet<PayerSide> = own.collect();
        if !own.is_empty() || service != Some("sns") {
            return Ok(own);
        }
        let operation = ("sns", "ListSubscriptionsByTopic");
        let rows = self
            .list(operation, json!({ "TopicArn": arn }), "Subscriptions")
            .await?;
        let confirmed = rows.iter().filter(|it| {
            let id = it.get("SubscriptionArn").and_then(Value::as_str);
            id.is_some_and(|it| it.starts_with("arn:"))
        });
        let endpoints: Vec<&str> = confirmed
            .filter_map(|it| it.get("Endpoint")?.as_str())
            .collect();
        let told = sides.into_iter().filter(|side| {
            let mut notify = self.file.party(*side).notify.iter();
            notify.any(|mail| endpoints.iter().any(|it| it.eq_ignore_ascii_case(mail)))
        });
        Ok(told.collect())
    }
}

/// What `EventBridge` is told when the root user signs in (AWS: "Events from console sign-ins").
fn root_login_event(payer: &AccountId) -> Value {
    json!({
        "version": "0", "detail-type": "AWS Console Sign In via CloudTrail", "source": "aws.signin",
        "account": payer, "resources": [],
        "detail": {
            "eventVersion": "1.08", "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
            "userIdentity": {
                "type": "Root", "principalId": payer, "accountId": payer,
                "arn": format!("arn:aws:iam::{payer}:root"),
            },
            "responseElements": { "ConsoleLogin": "Success" },
            "additionalEventData": { "MFAUsed": "Yes" },
        },
    })
}
