use hallpass_aws_model::facts;
use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, Output, filters::Filters};
use crate::core::{queues::uuid, windows::Window};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateInsight", Writes(create)),
    ("GetInsights", Reads(get)),
];

const INSIGHTS_MAX: usize = facts::HUB_INSIGHTS.count();
fn key(context: &Context<'_>) -> (String, String) {
    (context.call.region.clone(), context.caller.account.clone())
}

fn create(context: &mut Context<'_>) -> HandlerResult {
    Filters::read(context.call.input.get("Filters"), context.now)?;
    let key = key(context);
    let held = context.state.insights.get(&key).map_or(0, Vec::len);
    if held >= INSIGHTS_MAX {
        let text = format!("The limit of {INSIGHTS_MAX} custom insights is reached.");
        return Err(ApiError::new("LimitExceededException", text));
    }
    let id = uuid(context.state.seed, &format!("insight {}", context.call.seq));
    let (region, account) = &key;
    let arn = format!("arn:aws:securityhub:{region}:{account}:insight/{account}/custom/{id}");
    let input = &context.call.input;
    let insight = json!({
        "InsightArn": arn, "Name": input.get("Name"), "Filters": input.get("Filters"),
        "GroupByAttribute": input.get("GroupByAttribute"),
    });
    context.write(Window::Immediate);
    context.state.insights.entry(key).or_default().push(insight);
    Ok(Output::Members(json!({ "InsightArn": arn })))
}

fn get(context: &Context<'_>) -> HandlerResult {
    let all = context
        .state
        .insights
        .get(&key(context))
        .map_or(&[][..], Vec::as_slice);
    let arn = |row: &Value| {
        row.get("InsightArn")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let wanted = context
        .call
        .input
        .get("InsightArns")
        .and_then(Value::as_array);
    let wanted: Option<Vec<&str>> = wanted.map(|it| it.iter().filter_map(Value::as_str).collect());
    if let Some(missing) = wanted
        .iter()
        .flatten()
        .find(|it| !all.iter().any(|row| arn(row) == **it))
    {
        let text = format!("Insight with the specified ARN {missing} does not exist.");
        return Err(ApiError::new("ResourceNotFoundException", text));
    }
    let page = context.page()?;
    let after = page.after.as_ref().map(|(_, id)| id.clone());
    let mut rows: Vec<&Value> = all.iter().collect();
    rows.sort_by_key(|row| arn(row));
    let rows = rows.into_iter().filter(|row| {
        wanted
            .as_ref()
            .is_none_or(|it| it.contains(&arn(row).as_str()))
    });
    let rows = rows.map(|row| (0, arn(row), row.clone()));
    let (rows, token) =
        page.take(rows.filter(|(_, id, _)| after.as_ref().is_none_or(|after| id > after)));
    Ok(context.paged(rows, token))
}
