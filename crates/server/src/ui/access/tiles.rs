use std::collections::BTreeSet;

use hallpass_access::{Grant, GrantState, ItemChange, StandingView};
use hallpass_base::{GroupId, TimeSpan};

use super::line::{AccessLine, is_unknown};
use super::{AccessView, HeldFilter};
use crate::ui::people::{count_of, counted};

pub(in crate::ui) struct Tile {
    pub(in crate::ui) name: &'static str,
    pub(in crate::ui) value: String,
    pub(in crate::ui) words: String,
    pub(in crate::ui) is_bad: bool,
}

pub(in crate::ui) fn tile(name: &'static str, value: usize, words: String) -> Tile {
    Tile {
        name,
        value: counted(value as u64),
        words,
        is_bad: false,
    }
}

pub(super) fn tiles(
    view: &AccessView<'_>,
    grants: &[Grant],
    found: Option<&StandingView>,
    lines: &[AccessLine<'_>],
) -> Vec<Tile> {
    let holds = || grants.iter().filter(|grant| grant.is_hold());
    let people: BTreeSet<&str> = holds().map(|grant| grant.key.user.as_str()).collect();
    let next = holds().map(|grant| grant.ends_at).min();
    let next = next.map_or_else(|| "–".to_owned(), |at| view.at(at));
    let people = count_of(people.len(), "person", "people");
    let soon = holds()
        .filter(|grant| TimeSpan::between(view.now, grant.ends_at) <= TimeSpan::hours(1))
        .count();
    let temporary = holds().count();
    let Some(found) = found else {
        let making = holds()
            .filter(|grant| matches!(grant.state, GrantState::Scheduled | GrantState::Granting))
            .count();
        return vec![
            tile("Temporary", temporary, people),
            tile("End within an hour", soon, format!("next end {next}")),
            tile("Being set up", making, "not usable yet".to_owned()),
            ending(view, grants),
        ];
    };
    vec![
        tile("Temporary", temporary, format!("{people}, next end {next}")),
        ending(view, grants),
        standing(found, lines),
        unknown(found, lines),
        of_groups(found, lines),
    ]
    .into_iter()
    .chain(entitlements(found, lines))
    .collect()
}

fn of_groups(found: &StandingView, lines: &[AccessLine<'_>]) -> Tile {
    const NAME: &str = "Through groups";
    if found.sweep.is_none() {
        return not_checked(NAME);
    }
    let rows = found.group_assignments.iter();
    let groups: BTreeSet<&GroupId> = rows.map(|it| &it.row.key.group).collect();
    let words = format!("of {}", count_of(groups.len(), "group", "groups"));
    tile(NAME, count(lines, HeldFilter::Group), words)
}

/// `None` if there are none, as in most organizations.
fn entitlements(found: &StandingView, lines: &[AccessLine<'_>]) -> Option<Tile> {
    let report = found.sweep.as_ref()?.report.as_ref()?;
    let report = report.entitlements.as_ref()?;
    let all = usize::try_from(report.of_people + report.of_groups).unwrap_or(usize::MAX);
    let listed = count(lines, HeldFilter::Entitlement);
    let words = if listed == all {
        "of account access manager".to_owned()
    } else {
        format!("the first {} are listed", counted(listed as u64))
    };
    (all > 0).then(|| tile("Entitlements", all, words))
}

fn count(lines: &[AccessLine<'_>], kind: HeldFilter) -> usize {
    let found = |line: &&AccessLine<'_>| !matches!(line, AccessLine::Grant(_)) && line.is(kind);
    lines.iter().filter(found).count()
}

fn not_checked(name: &'static str) -> Tile {
    Tile {
        value: "–".to_owned(),
        ..tile(name, 0, "not checked yet".to_owned())
    }
}

fn ending(view: &AccessView<'_>, grants: &[Grant]) -> Tile {
    let ending: Vec<&Grant> = grants.iter().filter(|grant| !grant.is_hold()).collect();
    let late = ending
        .iter()
        .filter(|grant| TimeSpan::between(grant.due_to_end(), view.now) >= TimeSpan::minutes(1))
        .count();
    let words = if late == 0 {
        "none late".to_owned()
    } else {
        format!("{} late", counted(late as u64))
    };
    Tile {
        is_bad: late > 0,
        ..tile("Ending", ending.len(), words)
    }
}

fn standing(found: &StandingView, lines: &[AccessLine<'_>]) -> Tile {
    let Some(report) = found.sweep.as_ref().and_then(|sweep| sweep.report.as_ref()) else {
        return not_checked("Standing");
    };
    let count = count(lines, HeldFilter::Standing);
    let overdue = report.reviews_overdue;
    Tile {
        is_bad: overdue > 0,
        ..tile(
            "Standing",
            count,
            match overdue {
                0 => "accepted".to_owned(),
                1 => "1 review is overdue".to_owned(),
                n => format!("{} reviews are overdue", counted(n)),
            },
        )
    }
}

fn unknown(found: &StandingView, lines: &[AccessLine<'_>]) -> Tile {
    if found.sweep.is_none() {
        return not_checked("Unmanaged");
    }
    let count = count(lines, HeldFilter::Unknown);
    let new = found
        .items
        .iter()
        .filter(|item| is_unknown(item) && item.change == ItemChange::New)
        .count();
    let words = match new {
        0 => "none new in the last sweep".to_owned(),
        n => format!("{} new in the last sweep", counted(n as u64)),
    };
    Tile {
        is_bad: count > 0,
        ..tile("Unmanaged", count, words)
    }
}
