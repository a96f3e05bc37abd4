use std::collections::BTreeSet;

use super::services;
use super::text::{is_pattern, listed_of, verbatim};
use crate::facts::{self, ActionFacts, ResourceType};
use crate::language::{Arn, List};

const RESOURCES_MAX: usize = 12;

pub(super) fn is_everything(list: Option<&List<'_>>) -> bool {
    list.is_none_or(|list| !list.not && list.items.iter().any(|it| it.text == "*"))
}

/// The resources the actions of one service apply to; `None` for all.
pub(super) fn of(
    prefix: &str,
    actions: &[&'static ActionFacts],
    list: Option<&List<'_>>,
) -> Option<String> {
    let list = list.filter(|it| !is_everything(Some(it)))?;
    let types = types(prefix, actions);
    let fitting = list
        .items
        .iter()
        .filter(|it| types.is_empty() || types.iter().any(|kind| kind.overlaps(&it.text)));
    let mut words: Vec<String> = Vec::new();
    let mut more = 0;
    for item in fitting {
        if words.len() == RESOURCES_MAX {
            more += 1;
            continue;
        }
        let one = one(prefix, &types, &item.text);
        if !words.contains(&one) {
            words.push(one);
        }
    }
    if words.is_empty() {
        let named = list.items.iter().take(RESOURCES_MAX);
        words = named.map(|it| verbatim(&it.text)).collect();
        more = list.items.len() - words.len();
    }
    let words = listed_of(&words, more, "and");
    Some(if list.not {
        format!("everything in {} except {words}", services::name(prefix))
    } else {
        words
    })
}

fn types(prefix: &str, actions: &[&'static ActionFacts]) -> Vec<&'static ResourceType> {
    let Some(service) = facts::service(prefix) else {
        return Vec::new();
    };
    let names: BTreeSet<&str> = actions
        .iter()
        .flat_map(|it| &it.resource_types)
        .map(|used| used.name)
        .collect();
    names
        .into_iter()
        .filter_map(|name| service.resource_type(name))
        .collect()
}

fn one(prefix: &str, types: &[&'static ResourceType], text: &str) -> String {
    let Some(arn) = Arn::parse(text) else {
        return verbatim(text);
    };
    if arn.service == "s3" && prefix == "s3" {
        return s3(arn.rest);
    }
    let mut fitting = types.iter().filter(|kind| kind.overlaps(text));
    let (Some(kind), None) = (fitting.next(), fitting.next()) else {
        return verbatim(text);
    };
    let name = match arn.rest.split_once(['/', ':']) {
        Some((first, name)) if !is_pattern(first) => name,
        Some(_) => return verbatim(text),
        None => arn.rest,
    };
    let mut words = named(&services::name(prefix), kind.name, name);
    if !arn.region.is_empty() && arn.region != "*" {
        words = format!("{words} in {}", verbatim(arn.region));
    }
    if !arn.account.is_empty() && arn.account != "*" {
        words = format!("{words} of account {}", verbatim(arn.account));
    }
    words
}

fn named(service: &str, kind: &str, name: &str) -> String {
    if name == "*" {
        format!("all {service} {}", many(kind))
    } else if is_pattern(name) {
        format!("{service} {} named {}", many(kind), verbatim(name))
    } else {
        format!("{service} {kind} {}", verbatim(name))
    }
}

fn s3(rest: &str) -> String {
    let buckets = |bucket: &str| match bucket {
        "*" => "all S3 buckets".to_owned(),
        name if is_pattern(name) => format!("S3 buckets named {}", verbatim(name)),
        name => format!("S3 bucket {}", verbatim(name)),
    };
    match rest.split_once('/') {
        None => buckets(rest),
        Some((bucket, "*")) => format!("objects in {}", buckets(bucket)),
        Some((bucket, key)) => format!("objects {} in {}", verbatim(key), buckets(bucket)),
    }
}

fn many(kind: &str) -> String {
    match kind.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{stem}ies"),
        _ if kind.ends_with(['s', 'x']) => format!("{kind}es"),
        _ => format!("{kind}s"),
    }
}
