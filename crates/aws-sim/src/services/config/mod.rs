mod aggregators;
mod evaluations;
mod items;
mod recorders;
mod select;

use hallpass_aws_model::message;
use serde_json::{Map, Value, json};

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::core::{
    call::Output,
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    pages::{PageCursor, put_next},
    service::SimService,
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        errors: ErrorForms {
            invalid: |_, violations| {
                let limit = violations.iter().all(|one| one.path == "limit");
                let code = if limit {
                    "InvalidLimitException"
                } else {
                    "ValidationException"
                };
                ApiError::new(code, message(violations))
            },
            page_token: || {
                let text = "The specified next token is not valid.";
                ApiError::new("InvalidNextTokenException", text)
            },
            ..errors::JSON
        },
        page_rows: 25,
        ..SimService::named("Config", "config")
    },
    begin: |call| call.admit(),
    operations: &[
        &[
            (
                "GetComplianceDetailsByResource",
                Reads(evaluations::of_resource),
            ),
            ("SelectAggregateResourceConfig", Reads(select_aggregate)),
            ("SelectResourceConfig", Reads(select_own)),
        ],
        aggregators::OPERATIONS,
        recorders::OPERATIONS,
    ],
};

fn select_aggregate(context: &Context<'_>) -> HandlerResult {
    aggregators::named(context)?;
    let page = context.page()?;
    let after = page.after.as_ref().map_or("", |(_, id)| id.as_str());
    let rows = items::of_organization(context.state, after);
    select(context, &page, rows)
}

/// `SelectResourceConfig`: in the call's account and Region.
fn select_own(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let (account, region) = (&context.caller.account, &context.call.region);
    let rows = items::of_region(context.state, account, region);
    select(context, &page, rows.into_iter())
}

/// A page of matching rows. Some pages are empty although more follow (`simulator.md` PG-3).
fn select(
    context: &Context<'_>,
    page: &PageCursor,
    rows: impl Iterator<Item = (String, Value)>,
) -> HandlerResult {
    let compares = context
        .state
        .settings
        .behaviour
        .is("config_comparison", "allow");
    let query = select::parse(context.text("Expression"), compares);
    let query = query.map_err(|text| ApiError::new("InvalidExpressionException", text))?;
    let (results, token) = if let Some(token) = pause(context, page) {
        (Vec::new(), Some(token))
    } else {
        let after = page.after.as_ref().map_or("", |(_, id)| id.as_str());
        let found = rows.filter(|(id, row)| id.as_str() > after && query.fits(row));
        page.take(found.map(|(id, row)| (0, id, query.shown(&row).to_string())))
    };
    let fields: Vec<Value> = query.fields().map(|name| json!({ "Name": name })).collect();
    let mut members = Map::new();
    members.insert("Results".to_owned(), results.into());
    members.insert("QueryInfo".to_owned(), json!({ "SelectFields": fields }));
    put_next(context.call, &mut members, token);
    Ok(Output::Members(Value::Object(members)))
}

/// The token of an empty page, which precedes every third.
fn pause(context: &Context<'_>, page: &PageCursor) -> Option<String> {
    let (_, id) = page.after.as_ref()?;
    let empty = context.state.order(id).is_multiple_of(3);
    empty.then(|| page.again()).flatten()
}
