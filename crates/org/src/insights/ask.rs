//! The calls, and what they come to.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{AccountId, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::{InsightFilter, InsightKind, InsightRange, InsightScope, InsightStatus};
use crate::reading::{Operation, ReadCalls, ReadFact, ReadPlace, Reader, UnreadFact, text, unread};

const SERVICE: &str = "devops-guru";
const PRINCIPAL: &str = "devops-guru.amazonaws.com";
/// Accounts or units of one call that counts.
const COUNTED_AT_ONCE: usize = 5;
/// The most pages of a listing that are read.
const PAGES_MAX: usize = 1_000;

/// An insight.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Insight {
    /// When it began.
    pub start: Option<Timestamp>,
    /// Its id.
    pub id: String,
    /// The account it is about.
    pub account_id: String,
    /// What that is called; empty where nobody says.
    pub account_name: String,
    /// The Region.
    pub region: String,
    /// `REACTIVE` or `PROACTIVE`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `LOW`, `MEDIUM` or `HIGH`.
    pub severity: String,
    /// `ONGOING` or `CLOSED`.
    pub status: String,
    /// What it is called.
    pub name: String,
    /// When it ended; none while it goes on.
    pub end: Option<Timestamp>,
    /// Stacks of `CloudFormation`.
    pub stacks: Vec<String>,
    /// ARNs of resources, where AWS says them.
    pub resources: Vec<String>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InsightsFound {
    /// The newest first; each once.
    pub rows: Vec<Insight>,
    /// What could not be asked, with the Region where it was asked for one.
    pub unread: Vec<(String, UnreadFact)>,
    /// Since when there is an administrator who sees the whole organization, where there is one: insights from before
    /// are not shown to it.
    pub registered: Option<Timestamp>,
}

/// How much is going on in a Region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OrganizationHealth {
    /// The Region.
    pub region: String,
    /// Insights that go on and tell what happens.
    pub open_reactive: u64,
    /// Insights that go on and tell what is going to.
    pub open_proactive: u64,
    /// Metrics that were analyzed in the last hour.
    pub metrics_analyzed: u64,
    /// Resources that were analyzed in the last hour, in hours.
    pub resource_hours: u64,
    /// Insights that tell what happens and began in the time that was asked for.
    pub reactive: u64,
    /// Those that tell what is going to.
    pub proactive: u64,
}

/// Finds insights.
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
    /// Whether an insight is meant. What a call could say already is looked at again: not every call can.
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

/// One way to ask: the operation, its input, and whose insights the answer has where it does not say.
struct InsightQuery {
    operation: &'static str,
    input: Value,
    account: Option<AccountId>,
}

/// Accounts are searched one by one; units are listed one by one, and the organization as a whole.
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

/// All pages of a query.
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
        // a kind that nothing is found of is left out of the answer
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

/// An instant as text, or in seconds since 1970.
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

/// The units of a scope and, unless only they are meant, all below them: the service looks into a unit and no deeper.
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

/// Since when the service has a delegated administrator; none where there is none, or nobody may say.
async fn registered(calls: &dyn ReadCalls) -> Option<Timestamp> {
    let operation = ("organizations", "ListDelegatedAdministrators");
    let input = json!({ "ServicePrincipal": PRINCIPAL });
    let rows = at(calls, None)
        .list(operation, input, "DelegatedAdministrators")
        .await;
    let rows = rows.ok()?;
    instant(rows.first()?.get("DelegationEnabledDate"))
}

/// Counts insights, Region by Region.
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
        // a sum without some of its parts would be taken for the whole
        match failed {
            None => found.push(sum),
            Some(why) => unread.push((region.clone(), why)),
        }
    }
    (found, unread)
}

/// What one call counts: at most five accounts, or five units, or all.
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

/// With the credentials that we began with.
fn at<'a>(calls: &'a dyn ReadCalls, region: Option<&str>) -> Reader<'a> {
    Reader {
        calls,
        place: ReadPlace {
            account: None,
            region: region.map(str::to_owned),
        },
    }
}
