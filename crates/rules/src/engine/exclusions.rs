//! Exclusions without effect: usually misspelled names, so that the excluded access stays
//! requestable.

use hallpass_base::Glob;

use super::{
    Ready,
    names::{place_finding, place_text, unit_paths, warn_at, with_nearest},
    people::Membership,
    places::{AccountView, LeftOut},
};
use crate::{
    cancel::CancelFlag,
    diagnostic::{Diagnostic, FindingCode},
    directory::Directory,
    rule::{Exclusions, Selector, SetMatch, Targets},
};

/// Reports exclusions without effect. Without a directory uses only the rule itself.
pub(super) fn dead(
    ready: &Ready,
    views: &[AccountView<'_>],
    facts: Option<&Directory>,
    cancel: &CancelFlag,
    found: &mut Vec<Diagnostic>,
) {
    let targets = &ready.terms().targets;
    let Targets::Accounts { except, .. } = targets else {
        return;
    };
    if let Some(facts) = facts {
        let findings = { except.places.iter() }
            .take_while(|_| !cancel.is_cancelled())
            .filter_map(|place| place_finding(ready, place, facts));
        found.extend(findings.filter(Diagnostic::is_error));
    }
    let is_selected = |view: &&AccountView<'_>| view.selected_by(targets) != Membership::No;
    let selected: Vec<&AccountView<'_>> = if of_accounts(except).next().is_some() {
        { views.iter() }
            .take_while(|_| !cancel.is_cancelled())
            .filter(is_selected)
            .collect()
    } else {
        Vec::new()
    };
    for (exclusion, text) in of_accounts(except).take_while(|_| !cancel.is_cancelled()) {
        let dead = if views.is_empty() {
            is_foreign(targets, exclusion)
        } else {
            !selected.iter().any(|view| view.may_be_left_out(exclusion))
        };
        if dead {
            let names = facts.map(|facts| match exclusion {
                LeftOut::Place(Selector::AccountName(_)) => account_names(facts),
                LeftOut::Place(Selector::OuPath(_) | Selector::ChildrenPath(_)) => {
                    unit_paths(facts)
                }
                LeftOut::Place(_) | LeftOut::Tag(_) | LeftOut::UnreadTag | LeftOut::Unknown => {
                    Vec::new()
                }
            });
            found.push(finding(ready, &text, "account", &names.unwrap_or_default()));
        }
    }
    for set in except.sets.iter().take_while(|_| !cancel.is_cancelled()) {
        let (text, pattern) = match set {
            SetMatch::Every => continue,
            SetMatch::Name(name) => (name.clone(), false),
            SetMatch::Glob(glob) => (glob.as_str().to_owned(), true),
        };
        let names = facts.map(|facts| {
            let sets = facts.permission_sets().iter();
            sets.map(|set| set.name.clone()).collect::<Vec<_>>()
        });
        let dead = match &names {
            Some(names) => !names
                .iter()
                .any(|name| ready.sets.select(name) && set.matches(name)),
            None => is_foreign_set(targets, set),
        };
        if dead {
            let names = names.filter(|_| !pattern).unwrap_or_default();
            found.push(finding(ready, &text, "permission set", &names));
        }
    }
}

pub(super) fn leaves_no_tag(targets: &Targets) -> bool {
    let Targets::Accounts { tags, except, .. } = targets else {
        return false;
    };
    tags.iter().any(|tag| {
        let of_key = except.tags.iter().filter(|out| out.key == tag.key);
        let out: Vec<&Glob> = of_key.flat_map(|out| &out.values).collect();
        let is_left_out = |value: &Glob| out.iter().any(|out| out.covers(value));
        !tag.values.is_empty() && tag.values.iter().all(is_left_out)
    })
}

fn of_accounts(except: &Exclusions) -> impl Iterator<Item = (LeftOut<'_>, String)> {
    let places = except
        .places
        .iter()
        .map(|place| (LeftOut::Place(place), place_text(place)));
    let tags = except.tags.iter().map(|tag| {
        let value = tag.values.first().map_or("", |value| value.as_str());
        (LeftOut::Tag(tag), value.to_owned())
    });
    places.chain(tags)
}

fn finding(ready: &Ready, text: &str, what: &str, names: &[String]) -> Diagnostic {
    let message = format!("the exclusion of `{text}` leaves nothing out");
    let help =
        format!("no {what} that the rule selects is named or placed so; correct it or drop it");
    let finding = warn_at(ready, text, FindingCode::DeadExclusion, message).help(help);
    with_nearest(finding, text, names.iter().map(String::as_str))
}

fn is_foreign(targets: &Targets, exclusion: LeftOut<'_>) -> bool {
    let (
        Targets::Accounts {
            accounts: Some(places),
            ..
        },
        LeftOut::Place(Selector::Account(id)),
    ) = (targets, exclusion)
    else {
        return false;
    };
    places.iter().all(|place| match place {
        Selector::Account(other) => other != id,
        Selector::Every
        | Selector::AccountName(_)
        | Selector::Ou(_)
        | Selector::OuPath(_)
        | Selector::Children(_)
        | Selector::ChildrenPath(_) => false,
    })
}

fn is_foreign_set(targets: &Targets, except: &SetMatch) -> bool {
    let Targets::Accounts { sets, .. } = targets else {
        return false;
    };
    sets.iter().all(|set| match set {
        SetMatch::Name(name) => !except.matches(name),
        SetMatch::Every | SetMatch::Glob(_) => false,
    })
}

fn account_names(facts: &Directory) -> Vec<String> {
    let accounts = facts.accounts().iter();
    accounts.map(|account| account.name.clone()).collect()
}
