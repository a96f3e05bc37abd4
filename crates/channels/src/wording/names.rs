//! Names of people, targets and rules within a sentence.

use hallpass_access::{Directory, Request};
use hallpass_base::{Email, TargetNames};

use crate::wording::style::ChannelStyle;

pub fn known_as(email: &Email, directory: &Directory) -> String {
    directory
        .person_by_email(email)
        .map(|person| person.display_name.clone())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| email.to_string())
}

/// Returns the first word: full names appear once.
pub fn first_name(name: &str) -> &str {
    name.split_whitespace().next().unwrap_or(name)
}

/// `DatabaseOperator in payments-prod`, or `group oncall`.
pub fn target(names: &TargetNames, style: &impl ChannelStyle) -> String {
    target_as(names, |name| style.name(name))
}

/// The same with only a name format.
pub fn target_as(names: &TargetNames, name: impl Fn(&str) -> String) -> String {
    match names {
        TargetNames::Account {
            account,
            permission_set,
        } => format!("{} in {}", name(permission_set), name(account)),
        TargetNames::Group { group } => format!("group {}", name(group)),
    }
}

/// Returns the requester's name, or the address without one.
pub fn requester(request: &Request, style: &impl ChannelStyle) -> String {
    let name = style.name(&request.requester.name);
    if name.is_empty() {
        style.name(request.requester.email.as_str())
    } else {
        name
    }
}

/// States a request: `asks for Admin in payments-prod, 2h`.
pub fn asks(request: &Request, style: &impl ChannelStyle) -> String {
    let (target, duration) = (target(&request.names, style), request.duration);
    if request.extends.is_some() {
        format!("requests to keep {target}, {duration}")
    } else {
        let starts = request.start.as_ref();
        let starts = starts.map(|start| format!(" from {}", style.instant(start.at)));
        format!(
            "requests {target}, {duration}{}",
            starts.unwrap_or_default()
        )
    }
}

pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

pub fn sentence(text: &str) -> String {
    let stop = if text.ends_with(['.', '?', '!']) {
        ""
    } else {
        "."
    };
    format!("{}{stop}", capital(text))
}
