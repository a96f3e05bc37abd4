//! Amazon DevOps Guru for an organization: stated insights for its administrator, published to
//! channels. Detection and recommendations are not simulated.

mod channels;

use crate::base::{Millis, hash};
use serde_json::{Map, Value, json};

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::core::{
    call::{Output, input_text, seconds},
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    instants::instant,
    service::SimService,
};
use crate::organization::StatedInsight;

const NAME: &str = "devops-guru";
const PRINCIPAL: &str = "devops-guru.amazonaws.com";
pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        errors: ErrorForms {
            page_token: || ApiError::new("ValidationException", "Invalid NextToken."),
            ..errors::REST_JSON_VALIDATION
        },
        secrets: &["NextToken"],
        ..SimService::named("DevOps Guru", NAME)
    },
    begin: |call| call.admit(),
    operations: &[
        &[
            ("ListOrganizationInsights", Reads(list)),
            ("SearchOrganizationInsights", Reads(search)),
            ("DescribeOrganizationHealth", Reads(health)),
            ("DescribeOrganizationOverview", Reads(overview)),
        ],
        channels::OPERATIONS,
    ],
};

/// Insights of the call's Region, for callers with organization access.
fn seen<'a>(context: &'a Context<'_>) -> Result<Vec<&'a StatedInsight>, ApiError> {
    let (head, own) = (&context.state.head, &*context.caller.account);
    let is_delegated =
        |it: &crate::organization::Delegation| it.service == PRINCIPAL && it.account == *own;
    if *head.management != *own && !head.delegations.iter().any(is_delegated) {
        let text = "The account is neither the management account of an organization nor its delegated administrator.";
        return Err(ApiError::denied("AccessDeniedException", text.to_owned()));
    }
    let (accounts, units) = (
        named(context, "AccountIds"),
        named(context, "OrganizationalUnitIds"),
    );
    let is_meant = |it: &StatedInsight| {
        let parent = context
            .state
            .account(&it.account)
            .map(|it| it.parent.to_string());
        (accounts.is_empty() || accounts.contains(&it.account.as_str()))
            // only direct members of a unit
            && (units.is_empty() || parent.is_some_and(|it| units.contains(&it.as_str())))
    };
    let all = context.state.devops_guru_insights.iter();
    let here = all.filter(|it| it.region == context.call.region && is_meant(it));
    let mut here: Vec<&StatedInsight> = here.collect();
    here.sort_by_key(|it| std::cmp::Reverse(started(it)));
    Ok(here)
}

fn named<'a>(context: &'a Context<'_>, member: &str) -> Vec<&'a str> {
    let list = context.call.input.get(member).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn started(it: &StatedInsight) -> Millis {
    instant(Some(&it.start)).unwrap_or_default()
}

fn ended(it: &StatedInsight) -> Option<Millis> {
    instant(it.end.as_ref())
}

/// An open end is unbounded.
fn is_in(range: Option<&Value>, at: Millis) -> bool {
    let bound = |name: &str| range.and_then(|it| it.get(name)).and_then(Value::as_f64);
    let at = seconds(at).as_f64().unwrap_or_default();
    bound("FromTime").is_none_or(|from| at >= from) && bound("ToTime").is_none_or(|to| at <= to)
}

fn list(context: &Context<'_>) -> HandlerResult {
    let filter = context
        .call
        .input
        .get("StatusFilter")
        .and_then(Value::as_object);
    let filter = filter.filter(|it| it.len() == 1);
    let Some((status, of)) = filter.and_then(|it| it.iter().next()) else {
        let text = "StatusFilter has one of Ongoing, Closed and Any.";
        return Err(ApiError::new("ValidationException", text));
    };
    let kind = input_text(of, "Type").unwrap_or_default();
    let is_wanted = |it: &StatedInsight| match status.as_str() {
        "Ongoing" => it.end.is_none(),
        "Closed" => ended(it).is_some_and(|at| is_in(of.get("EndTimeRange"), at)),
        _ => is_in(of.get("StartTimeRange"), started(it)),
    };
    let rows = seen(context)?;
    let rows = rows
        .into_iter()
        .filter(|it| it.kind == kind && is_wanted(it));
    page(context, kind, rows, true)
}

fn search(context: &Context<'_>) -> HandlerResult {
    let input = &context.call.input;
    if named(context, "AccountIds").len() != 1 {
        let text = "AccountIds names exactly one account.";
        return Err(ApiError::new("ValidationException", text));
    }
    let kind = context.text("Type");
    let of = |pointer: &str| -> Vec<&str> {
        let list = input.pointer(pointer).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    };
    let (severities, statuses) = (of("/Filters/Severities"), of("/Filters/Statuses"));
    let stacks = of("/Filters/ResourceCollection/CloudFormation/StackNames");
    let is_wanted = |it: &StatedInsight| {
        it.kind == kind
            && is_in(input.get("StartTimeRange"), started(it))
            && (severities.is_empty() || severities.contains(&it.severity.as_str()))
            && (statuses.is_empty() || statuses.contains(&status(it)))
            && (stacks.is_empty() || it.stacks.iter().any(|one| stacks.contains(&one.as_str())))
    };
    let rows = seen(context)?;
    let rows = rows.into_iter().filter(|it| is_wanted(it));
    page(context, kind, rows, false)
}

const fn status(it: &StatedInsight) -> &'static str {
    if it.end.is_some() {
        "CLOSED"
    } else {
        "ONGOING"
    }
}

fn row(context: &Context<'_>, it: &StatedInsight, names_account: bool) -> Value {
    let mut range = json!({ "StartTime": seconds(started(it)) });
    if let (Some(end), Some(range)) = (ended(it), range.as_object_mut()) {
        range.insert("EndTime".to_owned(), seconds(end));
    }
    let mut row = json!({
        "Id": it.id, "Name": it.name, "Severity": it.severity, "Status": status(it), "InsightTimeRange": range,
        "ResourceCollection": { "CloudFormation": { "StackNames": it.stacks } },
    });
    if let Some(row) = row.as_object_mut() {
        if names_account {
            let unit = context.state.account(&it.account);
            let unit = unit.map(|it| it.parent.to_string());
            row.insert("AccountId".to_owned(), it.account.clone().into());
            row.insert("OrganizationalUnitId".to_owned(), unit.into());
        } else {
            row.insert("AssociatedResourceArns".to_owned(), json!(it.resources));
        }
    }
    row
}

/// One page. Tokens of this service have 36 characters; the first group identifies the listing.
fn page<'a>(
    context: &Context<'_>,
    kind: &str,
    rows: impl Iterator<Item = &'a StatedInsight>,
    names_account: bool,
) -> HandlerResult {
    let mut asked = context.call.input.clone();
    if let Some(members) = asked.as_object_mut() {
        members.remove("NextToken");
    }
    let of = hash(&format!("{} {asked}", context.caller.account)) & 0xffff_ffff;
    let begin = match context.optional("NextToken") {
        None => 0,
        Some(token) => read_token(token, of)
            .ok_or_else(|| ApiError::new("ValidationException", "Invalid NextToken."))?,
    };
    let most = context.call.input.get("MaxResults").and_then(Value::as_u64);
    let most = most
        .and_then(|it| usize::try_from(it).ok())
        .unwrap_or(context.call.service.page_rows);
    let most = context
        .call
        .modifiers
        .page_items
        .map_or(most, |it| it.min(most));
    let rows: Vec<Value> = rows.map(|it| row(context, it, names_account)).collect();
    let end = rows.len().min(begin.saturating_add(most));
    let mut members = Map::new();
    let name = if kind == "PROACTIVE" {
        "ProactiveInsights"
    } else {
        "ReactiveInsights"
    };
    let shown = rows.get(begin..end).unwrap_or_default().to_vec();
    members.insert(name.to_owned(), Value::Array(shown));
    if end < rows.len() {
        let token = format!("{of:08x}-0000-4000-8000-{end:012}");
        members.insert("NextToken".to_owned(), token.into());
    }
    Ok(Output::Members(Value::Object(members)))
}

fn read_token(token: &str, of: u64) -> Option<usize> {
    let rest = token.strip_prefix(&format!("{of:08x}-0000-4000-8000-"))?;
    rest.parse().ok()
}

fn counts(
    context: &Context<'_>,
    of: impl Fn(&StatedInsight) -> bool,
) -> Result<(usize, usize), ApiError> {
    let rows = seen(context)?;
    let count = |kind: &str| rows.iter().filter(|it| it.kind == kind && of(it)).count();
    Ok((count("REACTIVE"), count("PROACTIVE")))
}

/// `DescribeOrganizationHealth`; assumes ten metrics and an hour per insight.
fn health(context: &Context<'_>) -> HandlerResult {
    let (reactive, proactive) = counts(context, |it| it.end.is_none())?;
    let analyzed = reactive + proactive;
    Ok(Output::Members(json!({
        "OpenReactiveInsights": reactive, "OpenProactiveInsights": proactive,
        "MetricsAnalyzed": analyzed * 10, "ResourceHours": analyzed,
    })))
}

fn overview(context: &Context<'_>) -> HandlerResult {
    let range = &context.call.input;
    let (reactive, proactive) = counts(context, |it| is_in(Some(range), started(it)))?;
    Ok(Output::Members(
        json!({ "ReactiveInsights": reactive, "ProactiveInsights": proactive }),
    ))
}
