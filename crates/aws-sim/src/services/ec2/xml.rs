//! EC2 answers: elements as in its model, lists as `<item>`.

use serde_json::{Map, Value};

use super::Context;
use crate::core::{call::Output, context::HandlerResult, errors::ApiError};

const PAGE: std::ops::RangeInclusive<u64> = 5..=1000;

pub(super) fn answer(operation: &str, members: &Map<String, Value>) -> Output {
    let mut out = format!(
        "<{operation}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
         <requestId>{{request_id}}</requestId>"
    );
    for (name, value) in members {
        element(&mut out, name, value);
    }
    out.push_str("</");
    out.push_str(operation);
    out.push_str("Response>");
    Output::Xml(out)
}

fn element(out: &mut String, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    out.push('<');
    out.push_str(name);
    out.push('>');
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                element(out, name, value);
            }
        }
        Value::Array(rows) => {
            for row in rows {
                element(out, "item", row);
            }
        }
        Value::String(text) => {
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            out.push_str(&text.replace('>', "&gt;"));
        }
        other => out.push_str(&other.to_string()),
    }
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

pub(super) fn paged(
    context: &Context<'_>,
    list: &str,
    rows: Vec<(String, Value)>,
) -> HandlerResult {
    let size = context.optional("MaxResults").map(str::parse);
    if size.is_some_and(|size| size.is_ok_and(|size: u64| !PAGE.contains(&size))) {
        let text = "The parameter MaxResults must be between 5 and 1000.";
        return Err(ApiError::new("InvalidParameterValue", text));
    }
    let page = context.page()?;
    let mut rows: Vec<(u64, String, Value)> = rows
        .into_iter()
        .map(|(id, row)| (context.state.order(&id), id, row))
        .collect();
    rows.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    let rows = rows.into_iter().filter(|(order, id, _)| {
        let after = page.after.as_ref();
        after.is_none_or(|(last, last_id)| (order, id) > (last, last_id))
    });
    let (rows, token) = page.take(rows);
    let mut members = Map::new();
    members.insert(list.to_owned(), rows.into());
    members.insert("nextToken".to_owned(), token.into());
    Ok(answer(&context.call.operation, &members))
}
