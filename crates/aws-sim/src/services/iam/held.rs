use serde_json::{Value, json};

use super::{Context, HandlerResult, escaped, listed};
use crate::{
    core::{authorize::aws_managed_arn, iam::inline_name},
    vocabulary::policy_types,
};

pub(super) fn list_inline(context: &Context<'_>, inline: &[Value]) -> HandlerResult {
    let names = (0..inline.len()).map(inline_name);
    let rows = names.map(|name| (name.clone(), Value::from(name)));
    listed(context, rows.collect())
}

/// Percent-encoded.
pub(super) fn inline(inline: &[Value], name: &str) -> Option<String> {
    let mut rows = inline.iter().enumerate();
    let (_, document) = rows.find(|(index, _)| inline_name(*index) == name)?;
    Some(escaped(&policy_types::text(document)))
}

pub(super) fn inline_rows(inline: &[Value]) -> Value {
    let rows = inline.iter().enumerate();
    rows.map(|(index, document)| {
        let document = escaped(&policy_types::text(document));
        json!({ "PolicyName": inline_name(index), "PolicyDocument": document })
    })
    .collect()
}

/// Attached policies as `{PolicyName, PolicyArn}`.
pub(super) fn attached_rows(names: &[String]) -> Vec<Value> {
    let arns = names.iter().map(|name| aws_managed_arn(name));
    arns.map(|arn| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        json!({ "PolicyName": name, "PolicyArn": arn })
    })
    .collect()
}

pub(super) fn list_attached(context: &Context<'_>, names: &[String]) -> HandlerResult {
    let prefix = context.optional("PathPrefix").unwrap_or("/");
    let path = |name: &String| {
        aws_managed_arn(name)
            .split_once(":policy")
            .map(|(_, path)| path.to_owned())
    };
    let names: Vec<String> = names
        .iter()
        .filter(|name| path(name).is_some_and(|path| path.starts_with(prefix)))
        .cloned()
        .collect();
    let rows = names.iter().cloned().zip(attached_rows(&names));
    listed(context, rows.collect())
}
