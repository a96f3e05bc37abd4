//! Reads a payer account; each call is independent of failed ones.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_aws_model::EventPattern;
use hallpass_base::AccountId;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::checks::{BILLING, CUSTOMER, NOT_BILLING, RAISING};
use super::facts::{PayerFacts, RootLoginAlert};
use super::file::{PayerFile, PayerSide};
use super::roles::read_roles;
use crate::organization_wide::{accounts_in_root, alternate_contact, has_all_features, has_scps};
use crate::reading::{ReadCalls, ReadFact, ReadPlace, Reader, unread};

/// Costs are those of the month before `today`.
pub async fn read_facts(calls: &dyn ReadCalls, file: &PayerFile, today: Date) -> PayerFacts {
    let reader = Reader {
        calls,
        place: ReadPlace::default(),
    };
    let account = PayerAccount { reader, file };
    let mut contacts = BTreeMap::new();
    for kind in ["BILLING", "OPERATIONS", "SECURITY"] {
        contacts.insert(kind, alternate_contact(&account.reader, kind, None).await);
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
        roles: read_roles(&account.reader).await,
        simulated,
        has_all_features: has_all_features(&account.reader).await,
        has_scps: has_scps(&account.reader).await,
        root_login: account.root_login().await,
        accounts_in_root: accounts_in_root(&account.reader, &file.payer).await,
        policies: account.policies().await,
        own_costs: account.own_costs(today).await,
    }
}

struct PayerAccount<'a> {
    reader: Reader<'a>,
    file: &'a PayerFile,
}

impl PayerAccount<'_> {
    async fn summary(&self) -> ReadFact<BTreeMap<String, i64>> {
        let operation = ("iam", "GetAccountSummary");
        let answer = self.reader.one(operation, json!({})).await?;
        let map = answer.get("SummaryMap").and_then(Value::as_object);
        let map = map.ok_or_else(|| unread(operation, "no `SummaryMap` in the answer"))?;
        let numbers = map
            .iter()
            .filter_map(|(name, it)| Some((name.clone(), it.as_i64()?)));
        Ok(numbers.collect())
    }

    async fn phone(&self) -> ReadFact<Option<String>> {
        let answer = self
            .reader
            .one(("account", "GetContactInformation"), json!({}))
            .await?;
        let phone = answer.pointer("/ContactInformation/PhoneNumber");
        Ok(phone.and_then(Value::as_str).map(str::to_owned))
    }

    /// A missing answer makes the result unknown.
    async fn simulated(&self, role: &str) -> ReadFact<BTreeMap<String, bool>> {
        let operation = ("iam", "SimulatePrincipalPolicy");
        let actions: BTreeSet<&str> = [&BILLING[..], &CUSTOMER, &NOT_BILLING, &RAISING]
            .concat()
            .into_iter()
            .collect();
        let arn = format!("arn:aws:iam::{}:role/{role}", self.file.payer);
        let input = json!({ "PolicySourceArn": arn, "ActionNames": actions });
        let rows = self
            .reader
            .list(operation, input, "EvaluationResults")
            .await?;
        let found = rows.iter().filter_map(|row| {
            let name = row.get("EvalActionName")?.as_str()?;
            Some((name.to_owned(), row.get("EvalDecision")? == "allowed"))
        });
        let found: BTreeMap<String, bool> = found.collect();
        match actions.iter().find(|it| !found.contains_key(**it)) {
            None => Ok(found),
            Some(action) => Err(unread(
                operation,
                format!("the answer does not cover {action}"),
            )),
        }
    }

    async fn policies(&self) -> ReadFact<BTreeMap<String, Value>> {
        let input = json!({ "Filter": "SERVICE_CONTROL_POLICY" });
        let listing = ("organizations", "ListPolicies");
        let mut found = BTreeMap::new();
        for row in self.reader.list(listing, input, "Policies").await? {
            if row.get("AwsManaged") == Some(&Value::Bool(true)) {
                continue;
            }
            let operation = ("organizations", "DescribePolicy");
            let answer = self
                .reader
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
        let months = self.reader.list(operation, input, "ResultsByTime").await?;
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

    /// Rules that match root user sign-ins, with their recipients.
    async fn root_login(&self) -> ReadFact<RootLoginAlert> {
        let event = root_login_event(&self.file.payer);
        let mut alert = RootLoginAlert::default();
        let rules = self
            .reader
            .list(("events", "ListRules"), json!({}), "Rules")
            .await?;
        for rule in rules
            .iter()
            .filter(|it| it.get("State").is_none_or(|it| it != "DISABLED"))
        {
            let Some(pattern) = rule.get("EventPattern").and_then(Value::as_str) else {
                continue;
            };
            match EventPattern::read(pattern) {
                Ok(pattern) if pattern.takes(&event) => {}
                Ok(_) => continue,
                Err(reason) => {
                    let name = rule.get("Name").and_then(Value::as_str);
                    let name = name.unwrap_or_default();
                    alert.unread.push(format!("`{name}`: {reason}"));
                    continue;
                }
            }
            alert.is_present = true;
            let input = json!({ "Rule": rule.get("Name") });
            let targets = self
                .reader
                .list(("events", "ListTargetsByRule"), input, "Targets")
                .await?;
            for arn in targets.iter().filter_map(|it| it.get("Arn")?.as_str()) {
                alert.told.extend(self.reached(arn).await?);
            }
        }
        Ok(alert)
    }

    /// Recipients of a target: the party that owns its account, subscribers of the payer's topic,
    /// and for Hallpass's queue everyone it notifies.
    async fn reached(&self, arn: &str) -> ReadFact<BTreeSet<PayerSide>> {
        let mut parts = arn.split(':').skip(2);
        let (service, owner) = (parts.next(), parts.nth(1));
        let sides = [PayerSide::Partner, PayerSide::Customer];
        let is_own = |it: &PayerSide| Some(self.file.party(*it).account.as_str()) == owner;
        let own = sides.into_iter().filter(is_own);
        let own: BTreeSet<PayerSide> = own.collect();
        if self.file.hallpass_queue.as_deref() == Some(arn) {
            let told = sides.into_iter();
            return Ok(told
                .filter(|it| !self.file.party(*it).notify.is_empty())
                .collect());
        }
        if !own.is_empty() || service != Some("sns") {
            return Ok(own);
        }
        let operation = ("sns", "ListSubscriptionsByTopic");
        let rows = self
            .reader
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

/// The `EventBridge` event of a root user sign-in (AWS: "Events from console sign-ins").
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
