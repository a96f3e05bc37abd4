//! Finds assignments over provisioned pairs of set and account, over all possible pairs, or over
//! users and groups (`inventory.md` §3.1). All give equal rows.

use std::collections::{BTreeMap, BTreeSet};

use crate::SliceFailure;
use hallpass_base::{AccountId, GrantId, HoldKey, PermissionSetArn, Target, UserId};
use serde_json::{Value, json};

use crate::collect::collector::{Collected, Collector, flat, rows_of};
use crate::collect::documents::{member, needed};
use crate::collect::enumeration::{EnumerationPlan, EnumerationSizes, PlanChoice};
use crate::collect::identity_store::Principals;
use crate::collect::permission_sets::{FoundSets, HOME, SERVICE, SetOf};

pub(crate) struct Enumerated<'a> {
    pub(crate) accounts: &'a [String],
    pub(crate) principals: &'a Principals,
    pub(crate) sets: &'a FoundSets,
}

impl Enumerated<'_> {
    pub(crate) fn sizes(&self) -> EnumerationSizes {
        let pairs = self.sets.pairs.iter();
        let pairs: BTreeSet<(&str, &str)> = pairs
            .map(|it| (it.of.set.as_str(), it.account.as_str()))
            .collect();
        EnumerationSizes {
            accounts: self.accounts.len(),
            permission_sets: self.sets.sets.len(),
            users: self.principals.users.len(),
            groups: self.principals.groups.len(),
            pairs: pairs.len(),
        }
    }
}

/// Longer runs announce their plan (`inventory.md` W-8).
const TOLD_FROM_SECONDS: usize = 30;

impl Collector<'_> {
    pub(crate) async fn assignments(
        &self,
        known: &Enumerated<'_>,
        choice: PlanChoice,
    ) -> Collected<Vec<Value>> {
        let before = self.held_by_grants().await?;
        let sizes = known.sizes();
        let plan = sizes.chosen(choice);
        if sizes.seconds(plan) > TOLD_FROM_SECONDS {
            let (calls, seconds) = (sizes.calls(plan), sizes.seconds(plan));
            self.store.note(format!(
                "assignments are listed by the plan `{plan}`: {calls} calls, about {seconds} s"
            ));
        }
        let mut rows = match plan {
            EnumerationPlan::Nested => self.over_pairs(known, all_pairs(known)).await?,
            EnumerationPlan::Provisioned => self.over_pairs(known, provisioned(known)).await?,
            EnumerationPlan::Principal => self.over_principals(known).await?,
        };
        self.look_again(known.principals, &mut rows).await;
        // a grant that changes meanwhile is in one of the two
        let mut held = self.held_by_grants().await?;
        held.extend(before);
        for row in &mut rows {
            let grant = hold_key(row).and_then(|key| held.get(&key));
            if let (Some(grant), Some(row)) = (grant, row.as_object_mut()) {
                row.insert("hallpass_grant_id".to_owned(), json!(grant.to_string()));
            }
        }
        rows.sort_by_cached_key(order);
        Ok(rows)
    }

    /// One call per pair; ignores deletions meanwhile.
    async fn over_pairs(
        &self,
        known: &Enumerated<'_>,
        pairs: Vec<(&SetOf, &str)>,
    ) -> Collected<Vec<Value>> {
        let operation = "ListAccountAssignments";
        flat(pairs, |(of, account)| async move {
            let input = json!({
                "InstanceArn": of.instance,
                "PermissionSetArn": of.set,
                "AccountId": account, });
            let pages = self.pages(&HOME, SERVICE, operation, input);
            let Some(pages) = self.if_not_gone(&of.set, pages).await? else {
                return Ok(Vec::new());
            };
            let found = rows_of(SERVICE, operation, &pages)?;
            let row = |it: &Value| {
                let id = needed(operation, it, "PrincipalId")?;
                Ok(row(
                    known,
                    (&of.set, account),
                    &member(it, "PrincipalType"),
                    id,
                ))
            };
            found.iter().map(row).collect()
        })
        .await
    }

    /// One call per user and group. A user's answer includes assignments of groups, which are the
    /// groups' rows (`inventory.md` W-9).
    async fn over_principals(&self, known: &Enumerated<'_>) -> Collected<Vec<Value>> {
        let operation = "ListAccountAssignmentsForPrincipal";
        let users = known.principals.users.iter().map(|it| ("USER", it));
        let groups = known.principals.groups.iter().map(|it| ("GROUP", it));
        let principals = users.chain(groups);
        let asked = known.sets.instances.iter();
        let asked = asked.flat_map(|instance| principals.clone().map(move |it| (instance, it)));
        let found = flat(
            asked.collect::<Vec<_>>(),
            |(instance, (kind, id))| async move {
                let input = json!({
                    "InstanceArn": instance,
                    "PrincipalId": id,
                    "PrincipalType": kind, });
                let found = self.list(&HOME, SERVICE, operation, input);
                let found = self.if_not_gone(id, found).await?.unwrap_or_default();
                let own = found
                    .iter()
                    .filter(|it| member(it, "PrincipalId") == json!(id));
                let row = |it: &Value| {
                    let set = needed(operation, it, "PermissionSetArn")?;
                    let account = needed(operation, it, "AccountId")?;
                    Ok(row(known, (set, account), &json!(kind), id))
                };
                own.map(row).collect()
            },
        );
        match found.await {
            Err(failure) if failure.code.starts_with("AccessDenied") => {
                self.store.note(format!(
                    "{operation} is for the management account: assignments are listed by the plan `provisioned`"
                ));
                self.over_pairs(known, provisioned(known)).await
            }
            Ok(rows) => {
                self.store.note("orphans: not checked".to_owned());
                Ok(rows)
            }
            Err(failure) => Err(failure),
        }
    }

    async fn held_by_grants(&self) -> Collected<BTreeMap<HoldKey, GrantId>> {
        let Some(temporary) = self.temporary else {
            return Ok(BTreeMap::new());
        };
        temporary.held().await.map_err(|message| SliceFailure {
            stage: "grants".to_owned(),
            operation: "read the grants of the store".to_owned(),
            code: "StoreUnreadable".to_owned(),
            message,
            http_status: None,
            attempts: 1,
            request_id: None,
        })
    }
}

fn all_pairs<'a>(known: &Enumerated<'a>) -> Vec<(&'a SetOf, &'a str)> {
    let accounts = known.accounts;
    let pairs = known.sets.sets.iter();
    pairs
        .flat_map(|of| accounts.iter().map(move |account| (of, account.as_str())))
        .collect()
}

fn provisioned<'a>(known: &Enumerated<'a>) -> Vec<(&'a SetOf, &'a str)> {
    let mut seen = BTreeSet::new();
    let pairs = known
        .sets
        .pairs
        .iter()
        .map(|it| (&it.of, it.account.as_str()));
    pairs
        .filter(|(of, account)| seen.insert((of.set.as_str(), *account)))
        .collect()
}

fn row(known: &Enumerated<'_>, (set, account): (&str, &str), kind: &Value, id: &str) -> Value {
    json!({
        "permission_set_arn": set,
        "account_id": account,
        "principal_type": kind,
        "principal_id": id,
        "principal_exists": known.principals.contains(id),
        "hallpass_grant_id": Value::Null,
    })
}

fn order(row: &Value) -> [String; 3] {
    ["permission_set_arn", "account_id", "principal_id"].map(|name| {
        row.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    })
}

/// The grant key of a row: grants are only of users.
fn hold_key(row: &Value) -> Option<HoldKey> {
    let text = |name: &str| row.get(name)?.as_str();
    let is_user = text("principal_type") == Some("USER");
    let target = Target::Account {
        account: AccountId::new(text("account_id")?).ok()?,
        permission_set: PermissionSetArn::new(text("permission_set_arn")?).ok()?,
    };
    let user = UserId::new(text("principal_id")?).ok()?;
    is_user.then_some(HoldKey { user, target })
}
