use std::collections::BTreeMap;

use hallpass_base::{AccountId, AccountPath};
use serde_json::{Value, json};

use crate::reading::{ReadCalls, ReadFact, ReadPlace, Reader, text, unread};

pub(crate) async fn has_all_features(reader: &Reader<'_>) -> ReadFact<bool> {
    let operation = ("organizations", "DescribeOrganization");
    let answer = reader.one(operation, json!({})).await?;
    let set = answer.pointer("/Organization/FeatureSet");
    Ok(set.is_some_and(|it| it == "ALL"))
}

async fn root(reader: &Reader<'_>) -> ReadFact<Value> {
    let operation = ("organizations", "ListRoots");
    let roots = reader.list(operation, json!({}), "Roots").await?;
    let first = roots.into_iter().next();
    first.ok_or_else(|| unread(operation, "there is no root in the answer"))
}

pub(crate) async fn root_id(reader: &Reader<'_>) -> ReadFact<String> {
    Ok(text(&root(reader).await?, "/Id").to_owned())
}

/// The address of an alternate contact type; without an account that of the credentials, since the
/// service refuses its id.
pub(crate) async fn alternate_contact(
    reader: &Reader<'_>,
    kind: &str,
    account: Option<&AccountId>,
) -> ReadFact<Option<String>> {
    let mut input = json!({ "AlternateContactType": kind });
    if let (Some(members), Some(account)) = (input.as_object_mut(), account) {
        members.insert("AccountId".to_owned(), account.as_str().into());
    }
    let operation = ("account", "GetAlternateContact");
    let none = "ResourceNotFoundException";
    let answer = reader.one_unless(operation, input, none).await?;
    let mail = answer
        .as_ref()
        .map(|it| text(it, "/AlternateContact/EmailAddress"));
    Ok(mail.filter(|it| !it.is_empty()).map(str::to_owned))
}

pub(crate) async fn has_scps(reader: &Reader<'_>) -> ReadFact<bool> {
    let root = root(reader).await?;
    let types = root.get("PolicyTypes").and_then(Value::as_array);
    let mut types = types.into_iter().flatten();
    let wanted = json!({ "Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED" });
    Ok(types.any(|it| *it == wanted))
}

/// The root and units above an account, from its row's path; `None` if missing.
pub(crate) fn units_above(row: &Value) -> Option<Vec<String>> {
    let paths = row.get("Paths")?.as_array()?.iter();
    let path = AccountPath::of(text(row, "/Id"), paths.filter_map(Value::as_str))?;
    Some(path.above().iter().map(|it| (*it).to_owned()).collect())
}

/// All accounts by parent. `None` if one has no path: then each unit is queried, since two sources
/// are not mixed.
pub(crate) async fn accounts_by_parent(
    reader: &Reader<'_>,
) -> ReadFact<Option<BTreeMap<String, Vec<Value>>>> {
    let operation = ("organizations", "ListAccounts");
    let rows = reader.list(operation, json!({}), "Accounts").await?;
    let mut found = BTreeMap::<String, Vec<Value>>::new();
    for row in rows {
        let Some(parent) = units_above(&row).and_then(|mut it| it.pop()) else {
            return Ok(None);
        };
        found.entry(parent).or_default().push(row);
    }
    Ok(Some(found))
}

/// Accounts without a unit, except the management account.
pub(crate) async fn accounts_in_root(
    reader: &Reader<'_>,
    management: &AccountId,
) -> ReadFact<Vec<String>> {
    let root = root(reader).await?;
    let input = json!({ "ParentId": root.get("Id") });
    let operation = ("organizations", "ListAccountsForParent");
    let rows = reader.list(operation, input, "Accounts").await?;
    let ids = rows.iter().filter_map(|it| it.get("Id")?.as_str());
    let others = ids.filter(|it| *it != management.as_str());
    Ok(others.map(str::to_owned).collect())
}

/// Service Quotas' code of "Default maximum number of accounts".
const ACCOUNTS_QUOTA: &str = "L-E619E033";
/// Region of global services in Service Quotas.
const GLOBAL: &str = "us-east-1";

/// The organization's account quota.
///
/// # Errors
/// AWS does not return it.
pub async fn account_quota(calls: &dyn ReadCalls) -> ReadFact<i64> {
    let home = Reader {
        calls,
        place: ReadPlace {
            region: Some(GLOBAL.to_owned()),
            ..ReadPlace::default()
        },
    };
    let operation = ("service-quotas", "GetServiceQuota");
    let input = json!({ "ServiceCode": "organizations", "QuotaCode": ACCOUNTS_QUOTA });
    let answer = home.one(operation, input).await?;
    let value = answer.pointer("/Quota/Value").and_then(Value::as_f64);
    let value = value.ok_or_else(|| unread(operation, "no value in the answer"))?;
    format!("{value:.0}")
        .parse()
        .map_err(|_| unread(operation, "the value is no number of accounts"))
}
