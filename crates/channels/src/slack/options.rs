//! Choices while typing: at most a hundred hits, best first, limited to the user's permissions
//! (`access.md` §11.3). The journey searches.

use std::collections::BTreeSet;

use hallpass_access::{Access, Actor, Hit, Search, Sought};
use hallpass_base::{AccountId, Timestamp, fold};

use crate::slack::blocks::Choice;

const HITS_MAX: usize = 100;

pub(crate) fn has_any(access: &Access, actor: &Actor, kind: Sought) -> bool {
    let all = Search::new("", kind);
    // available entries come first
    let first = access.search(actor, &all, 1).entries.into_iter().next();
    first.is_some_and(|hit| hit.why_not.is_none())
}

pub(crate) fn choices(access: &Access, actor: &Actor, kind: Sought, typed: &str) -> Vec<Choice> {
    found(access, actor, &Search::new(typed, kind))
}

/// Returns matching permission sets of the account, or of any if none is chosen.
pub(crate) fn sets(
    access: &Access,
    actor: &Actor,
    account: Option<&str>,
    typed: &str,
    now: Timestamp,
) -> Vec<Choice> {
    match account.map(str::parse::<AccountId>) {
        Some(Ok(id)) => {
            let search = Search {
                account: Some(id),
                ..Search::new(typed, Sought::PermissionSets)
            };
            found(access, actor, &search)
        }
        Some(Err(_)) => Vec::new(),
        None => any_set(access, actor, typed, now),
    }
}

fn found(access: &Access, actor: &Actor, search: &Search) -> Vec<Choice> {
    let found = access.search(actor, search, HITS_MAX).entries;
    let open = found.into_iter().filter(|hit| hit.why_not.is_none());
    open.filter_map(choice).collect()
}

fn choice(hit: Hit) -> Option<Choice> {
    if let Some(set) = hit.permission_set {
        return Some(Choice::new(&set, set.clone()));
    }
    if let Some(account) = hit.account {
        let label = format!("{} - {}", account.id, account.name);
        return Some(Choice::new(&label, account.id));
    }
    hit.group.map(|group| Choice::new(&group.name, group.id))
}

/// Not cached: few choose the permission set before the account.
fn any_set(access: &Access, actor: &Actor, typed: &str, now: Timestamp) -> Vec<Choice> {
    let directory = access.directory();
    let requestable = access
        .rules()
        .requestable(actor.principal(), &directory, now);
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for (_, some) in requestable.pairs() {
        names.extend(some);
        if names.len() >= directory.permission_sets().len() {
            break;
        }
    }
    let typed = fold::folded(typed.trim());
    let words: Vec<&str> = typed.split_whitespace().collect();
    let mut hits: Vec<(bool, &str)> = names
        .into_iter()
        .filter_map(|name| {
            let folded = fold::folded(name);
            let fits = words.iter().all(|word| folded.contains(word));
            fits.then(|| (!folded.starts_with(&typed), name))
        })
        .collect();
    hits.sort_unstable();
    let hits = hits.into_iter().take(HITS_MAX);
    hits.map(|(_, name)| Choice::new(name, name)).collect()
}

#[cfg(test)]
mod tests {
    use hallpass_access::NamedId;

    use super::*;

    #[test]
    fn labels_are_escaped_and_cut() {
        let hit = Hit {
            account: Some(NamedId {
                id: "111111111111".to_owned(),
                name: format!("Team: <Prod> & {}", "x".repeat(90)),
            }),
            folder: None,
            permission_set: None,
            says: None,
            group: None,
            offer: None,
            why_not: None,
        };
        let Some(Choice {
            text: crate::slack::blocks::Text::PlainText { text, .. },
            value,
        }) = choice(hit)
        else {
            panic!("not plain")
        };
        assert_eq!(value, "111111111111");
        assert!(
            text.starts_with("111111111111 - Team: &lt;Prod&gt; &amp; xx"),
            "{text}"
        );
        assert!(text.chars().count() == 75 && text.ends_with('…'), "{text}");
    }
}
