use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{AccountId, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::{InsightFilter, InsightKind, InsightRange, InsightScope, InsightStatus};
use crate::reading::{Operation, ReadCalls, ReadFact, ReadPlace, Reader, UnreadFact, text, unread};

const SERVICE: &str = "devops-guru";
const PRINCIPAL: &str = "devops-guru.amazonaws.com";
const COUNTED_AT_ONCE: usize = 5;
const PAGES_MAX: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Insight {
    pub start: Option<Timestamp>,
    pub id: String,
    pub account_id: String,
    pub account_name: String,
    pub region: String,
    /// `REACTIVE` or `PROACTIVE`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `LOW`, `MEDIUM` or `HIGH`.
    pub severity: String,
    /// `ONGOING` or `CLOSED`.
    pub status: String,
    pub name: String,
    pub end: Option<Timestamp>,
    pub stacks: Vec<String>,
    pub resources: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InsightsFound {
    pub rows: Vec<Insight>,
    /// Failed queries, with their Region if they have one.
    pub unread: Vec<(String, UnreadFact)>,
    /// When the delegated administrator was registered, if any: it does not see older insights.
    pub registered: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OrganizationHealth {
    pub region: String,
    /// Ongoing insights about current problems.
    pub open_reactive: u64,
    /// Ongoing insights about future problems.
    pub open_proactive: u64,
    pub metrics_analyzed: u64,
    pub resource_hours: u64,
    /// Reactive insights that started in the range.
    pub reactive: u64,
    pub proactive: u64,
}

pub async fn insights(
    calls: &dyn ReadCalls,
    scope: &InsightScope,
    filter: &InsightFilter,
) -> InsightsFound {
    let mut found = InsightsFound::default();
    let units = all_units(calls, scope, &mut found.unread).await;
    let names = account_names(calls, &mut found.unread).await;
    found.registered = registered(calls).await;
    let mut rows: BTreeMap<(String, String), Insight> = BTreeMap::new();
    for region in &scope.regions {
        for kind in &filter.kinds {
            for query in queries(scope, &units, *kind, filter) {
                match read(calls, region, *kind, &query).await {
                    Ok(all) => {
                        let all = all.into_iter().filter(|it| filter.wants(it));
                        rows.extend(all.map(|it| ((region.clone(), it.id.clone()), it)));
                    }
                    Err(why) => found.unread.push((region.clone(), why)),
                }
            }
        }
    }
    found.rows = rows.into_values().collect();
    for row in &mut found.rows {
        if let Some(name) = names.get(&row.account_id) {
            row.account_name.clone_from(name);
        }
    }
    found.rows.sort_by(|a, b| b.cmp(a));
    found
}

impl InsightFilter {
    /// Filters again: not every call supports every filter.
    fn wants(&self, it: &Insight) -> bool {
        let holds = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        let about = |part: &String| {
            let mut texts = it.resources.iter().chain(&it.stacks).chain([&it.name]);
            texts.any(|text| holds(text, part))
        };
        let named = |it: &&str, name: &str| *it == name;
        let status = self.status.map(InsightStatus::name);
        status.is_none_or(|status| named(&it.status.as_str(), status))
            && (self.severities.is_empty()
                || self.severities.iter().any(|one| one.name() == it.severity))
            && self
                .stack
                .as_ref()
                .is_none_or(|stack| it.stacks.contains(stack))
            && self.resource.as_ref().is_none_or(about)
    }
}

struct InsightQuery {
    operation: &'static str,
    input: Value,
    account: Option<AccountId>,
}

/// Accounts are searched and units listed one by one; the organization as a whole.
fn queries(
    scope: &InsightScope,
    units: &[String],
    kind: InsightKind,
    filter: &InsightFilter,
) -> Vec<InsightQuery> {
    let range = range(filter.range);
    let searched = scope.accounts.iter().map(|account| {
        let mut filters = json!({});
        let mut put = |name: &str, value: Value| {
            if let Some(members) = filters.as_object_mut() {
                members.insert(name.to_owned(), value);
            }
        };
        if !filter.severities.is_empty() {
            let names = filter.severities.iter().map(|it| it.name());
            put("Severities", names.collect::<Vec<_>>().into());
        }
        if let Some(status) = filter.status {
            put("Statuses", json!([status.name()]));
        }
        if let Some(stack) = &filter.stack {
            put(
                "ResourceCollection",
                json!({ "CloudFormation": { "StackNames": [stack] } }),
            );
        }
        InsightQuery {
            operation: "SearchOrganizationInsights",
            input: json!({
                "AccountIds": [account], "StartTimeRange": range, "Type": kind.name(), "Filters": filters,
            }),
            account: Some(account.clone()),
        }
    });
    let status = json!({ "Any": { "Type": kind.name(), "StartTimeRange": range } });
    let listed = |unit: Option<&String>| {
        let mut input = json!({ "StatusFilter": status });
        if let (Some(unit), Some(members)) = (unit, input.as_object_mut()) {
            members.insert("OrganizationalUnitIds".to_owned(), json!([unit]));
        }
        InsightQuery {
            operation: "ListOrganizationInsights",
            input,
            account: None,
        }
    };
    let mut all: Vec<InsightQuery> = searched.collect();
    all.extend(units.iter().map(|unit| listed(Some(unit))));
    if scope.accounts.is_empty() && scope.units.is_empty() {
        all.push(listed(None));
    }
    all
}

fn range(range: InsightRange) -> Value {
    json!({ "FromTime": range.from.as_second(), "ToTime": range.to.as_second() })
}

async fn read(
    calls: &dyn ReadCalls,
    region: &str,
    kind: InsightKind,
    query: &InsightQuery,
) -> ReadFact<Vec<Insight>> {
    let reader = at(calls, Some(region));
    let operation: Operation = (SERVICE, query.operation);
    let (mut input, mut all) = (query.input.clone(), Vec::new());
    for _ in 0..PAGES_MAX {
        let (answer, next) = reader.page(operation, &input).await?;
        let rows = answer.get(kind.member()).and_then(Value::as_array);
        let rows = rows.into_iter().flatten();
        all.extend(rows.map(|row| insight(row, region, kind, query.account.as_ref())));
        let Some(next) = next else {
            return Ok(all);
        };
        if let Some(members) = input.as_object_mut() {
            members.extend(next);
        }
    }
    Err(unread(operation, "the answer has no end"))
}

fn insight(row: &Value, region: &str, kind: InsightKind, of: Option<&AccountId>) -> Insight {
    let texts = |pointer: &str| -> Vec<String> {
        let list = row.pointer(pointer).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    };
    let own = |name: &str| text(row, name).to_owned();
    Insight {
        start: instant(row.pointer("/InsightTimeRange/StartTime")),
        id: own("/Id"),
        account_id: of.map_or_else(|| own("/AccountId"), ToString::to_string),
        account_name: String::new(),
        region: region.to_owned(),
        kind: kind.name(),
        severity: own("/Severity"),
        status: own("/Status"),
        name: own("/Name"),
        end: instant(row.pointer("/InsightTimeRange/EndTime")),
        stacks: texts("/ResourceCollection/CloudFormation/StackNames"),
        resources: texts("/AssociatedResourceArns"),
    }
}

fn instant(value: Option<&Value>) -> Option<Timestamp> {
    match value? {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => {
            let seconds = number.as_f64()?;
            let at = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
            Timestamp::UNIX_EPOCH.checked_add(at).ok()
        }
        _ => None,
    }
}

/// The scope's units and, unless it is direct, all below: the service covers only a unit's own
/// accounts.
async fn all_units(
    calls: &dyn ReadCalls,
    scope: &InsightScope,
    unread: &mut Vec<(String, UnreadFact)>,
) -> Vec<String> {
    let mut all = BTreeSet::new();
    let mut open = scope.units.clone();
    while let Some(unit) = open.pop() {
        if !all.insert(unit.clone()) || scope.is_direct {
            continue;
        }
        let operation = ("organizations", "ListOrganizationalUnitsForParent");
        let input = json!({ "ParentId": unit });
        let reader = at(calls, None);
        match reader.list(operation, input, "OrganizationalUnits").await {
            Ok(rows) => open.extend(rows.iter().map(|row| text(row, "/Id").to_owned())),
            Err(why) => unread.push((String::new(), why)),
        }
    }
    all.into_iter().collect()
}

async fn account_names(
    calls: &dyn ReadCalls,
    unread: &mut Vec<(String, UnreadFact)>,
) -> BTreeMap<String, String> {
    let operation = ("organizations", "ListAccounts");
    match at(calls, None).list(operation, json!({}), "Accounts").await {
        Ok(rows) => {
            let rows = rows.iter();
            let named = rows.map(|it| (text(it, "/Id").to_owned(), text(it, "/Name").to_owned()));
            named.collect()
        }
        Err(why) => {
            unread.push((String::new(), why));
            BTreeMap::new()
        }
    }
}

/// When the delegated administrator was registered; `None` without one or without permission.
async fn registered(calls: &dyn ReadCalls) -> Option<Timestamp> {
    let operation = ("organizations", "ListDelegatedAdministrators");
    let input = json!({ "ServicePrincipal": PRINCIPAL });
    let rows = at(calls, None)
        .list(operation, input, "DelegatedAdministrators")
        .await;
    let rows = rows.ok()?;
    instant(rows.first()?.get("DelegationEnabledDate"))
}

pub async fn organization_health(
    calls: &dyn ReadCalls,
    scope: &InsightScope,
    range: InsightRange,
) -> (Vec<OrganizationHealth>, Vec<(String, UnreadFact)>) {
    let mut unread = Vec::new();
    let units = all_units(calls, scope, &mut unread).await;
    let mut found = Vec::new();
    for region in &scope.regions {
        let mut sum = OrganizationHealth {
            region: region.clone(),
            ..OrganizationHealth::default()
        };
        let mut failed = None;
        for part in parts(scope, &units) {
            if let Err(why) = count(calls, &part, range, &mut sum).await {
                failed = Some(why);
                break;
            }
        }
        // a partial sum would look complete
        match failed {
            None => found.push(sum),
            Some(why) => unread.push((region.clone(), why)),
        }
    }
    (found, unread)
}

/// One counting call: at most five accounts or units, or all.
fn parts(scope: &InsightScope, units: &[String]) -> Vec<Value> {
    let accounts = scope.accounts.chunks(COUNTED_AT_ONCE);
    let units = units.chunks(COUNTED_AT_ONCE);
    let mut all: Vec<Value> = accounts.map(|it| json!({ "AccountIds": it })).collect();
    all.extend(units.map(|it| json!({ "OrganizationalUnitIds": it })));
    if all.is_empty() {
        all.push(json!({}));
    }
    all
}

async fn count(
    calls: &dyn ReadCalls,
    part: &Value,
    range: InsightRange,
    sum: &mut OrganizationHealth,
) -> ReadFact<()> {
    let reader = at(calls, Some(&sum.region));
    let open = (SERVICE, "DescribeOrganizationHealth");
    let open = reader.one(open, part.clone()).await?;
    let mut input = part.clone();
    if let Some(members) = input.as_object_mut() {
        members.insert("FromTime".to_owned(), range.from.as_second().into());
        members.insert("ToTime".to_owned(), range.to.as_second().into());
    }
    let began = (SERVICE, "DescribeOrganizationOverview");
    let began = reader.one(began, input).await?;
    let number = |of: &Value, name: &str| of.get(name).and_then(Value::as_u64).unwrap_or_default();
    sum.open_reactive += number(&open, "OpenReactiveInsights");
    sum.open_proactive += number(&open, "OpenProactiveInsights");
    sum.metrics_analyzed += number(&open, "MetricsAnalyzed");
    sum.resource_hours += number(&open, "ResourceHours");
    sum.reactive += number(&began, "ReactiveInsights");
    sum.proactive += number(&began, "ProactiveInsights");
    Ok(())
}

fn at<'a>(calls: &'a dyn ReadCalls, region: Option<&str>) -> Reader<'a> {
    Reader {
        calls,
        place: ReadPlace {
            account: None,
            region: region.map(str::to_owned),
        },
    }
}
