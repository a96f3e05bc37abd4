//! Parses access denied messages (IAM User Guide, "Troubleshoot access denied error messages").

use super::{Denial, DenialReason, DenyingPolicy, UnreadableDenial, is_authorization_id};

const DENIED: &str = "is not authorized to perform:";
const ENCODED: &str = "encoded authorization failure message";
const WHO: &str = "User:";
const ON: &str = "on resource:";

pub(super) fn read(text: &str) -> Result<Denial, UnreadableDenial> {
    let Some((before, behind)) = text.split_once(DENIED) else {
        let is_encoded = text.to_ascii_lowercase().contains(ENCODED);
        return Err(if is_encoded {
            UnreadableDenial::Encoded
        } else {
            UnreadableDenial::NoDenial
        });
    };
    let who = before.rsplit_once(WHO).map_or(before, |(_, who)| who);
    let principal = who.split_whitespace().next_back();
    let action = behind.split_whitespace().next().map(bare);
    let action = action.filter(|it| it.contains(':'));
    let (Some(principal), Some(action)) = (principal, action) else {
        return Err(UnreadableDenial::NoDenial);
    };
    // the resource of this denial, not of a later one
    let own = behind.split(DENIED).next().unwrap_or(behind);
    Ok(Denial {
        principal: bare(principal).to_owned(),
        action: action.to_owned(),
        resource: own.split_once(ON).and_then(|(_, it)| resource(it)),
        reason: reason(own),
        authorization_id: authorization_id(own),
        region: region(own),
    })
}

pub(super) fn written(denial: &Denial) -> String {
    let mut text = format!("{WHO} {} {DENIED} {}", denial.principal, denial.action);
    let mut add = |words: String| {
        text.push(' ');
        text.push_str(&words);
    };
    if let Some(resource) = &denial.resource {
        // some services quote names with spaces; otherwise a quote ends nothing
        let is_quoted = resource.contains(char::is_whitespace);
        add(if is_quoted {
            format!("{ON} \"{resource}\"")
        } else {
            format!("{ON} {resource}")
        });
    }
    if let Some(reason) = denial.reason {
        let policy = reason.policy;
        add(if reason.is_explicit {
            format!("with an explicit deny in a {policy}")
        } else {
            format!("because no {policy} allows the {} action", denial.action)
        });
    }
    if let Some(id) = &denial.authorization_id {
        add(format!("Authorization ID: {id}"));
    }
    text
}

fn bare(word: &str) -> &str {
    word.trim_matches(|it| matches!(it, '"' | '\'' | '`' | ',' | ';' | '.' | ')' | '('))
}

/// The leading resource, possibly quoted.
fn resource(text: &str) -> Option<String> {
    let text = text.trim_start();
    let quoted = text.strip_prefix('"').and_then(|it| it.split_once('"'));
    let found = match quoted {
        Some((inside, _)) => inside,
        None => text.split_whitespace().next()?,
    };
    let found = found.trim_end_matches([',', ';', '.']);
    (!found.is_empty()).then(|| found.to_owned())
}

fn reason(text: &str) -> Option<DenialReason> {
    let text = text.to_ascii_lowercase();
    let explicit = text.split_once("with an explicit deny in a");
    let (is_explicit, kind) = match (explicit, text.split_once("because no ")) {
        (Some((_, kind)), _) => (true, kind.strip_prefix('n').unwrap_or(kind)),
        (None, Some((_, kind))) => (false, kind),
        (None, None) => return None,
    };
    let kind = kind.trim_start();
    let mut all = DenyingPolicy::ALL.into_iter();
    let policy = all.find(|it| kind.starts_with(&it.as_str().to_ascii_lowercase()))?;
    Some(DenialReason {
        policy,
        is_explicit,
    })
}

/// The id at the end of the message, or in the console page's address.
fn authorization_id(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let named = lower.split_once("authorization id:");
    let linked = lower.split_once("#/authorization-details/");
    [named, linked]
        .into_iter()
        .flatten()
        .filter_map(|(_, id)| id.split_whitespace().next())
        .map(|id| id.trim_matches(|it: char| !it.is_ascii_alphanumeric()))
        .find(|id| is_authorization_id(id))
        .map(str::to_owned)
}

/// The Region in the console page's address: details are stored where the call was denied.
fn region(text: &str) -> Option<String> {
    let (_, behind) = text.split_once("?region=")?;
    let fits = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    let end = behind.find(|it| !fits(it)).unwrap_or(behind.len());
    let region = behind.get(..end)?;
    (!region.is_empty()).then(|| region.to_owned())
}
