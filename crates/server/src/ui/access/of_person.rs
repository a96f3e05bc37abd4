//! Access by person, for the pages of people.

use std::collections::{BTreeSet, HashMap};

use hallpass_access::{AccessError, GrantFilter, GrantStateKind};
use hallpass_base::{GroupId, UserId};

use super::line::AccessLine;
use super::sections::{ROWS, Section};
use super::{
    AccessQuery, AccessView, Heading, LOOKED_AT_MAX, group, headings, live_grants, standing_of,
};
use crate::ui::people::counted;
use crate::ui::shell::Viewer;
use crate::ui::words::plain;
use crate::{App, problem::ProblemResponse};

/// Counts direct access, temporary and standing, by person.
pub(in crate::ui) async fn direct(
    app: &App,
    viewer: &Viewer,
) -> Result<HashMap<UserId, (usize, usize)>, ProblemResponse> {
    let grants = live_grants(app, viewer).await?;
    let found = standing_of(app, viewer).await?;
    let mut counts: HashMap<UserId, (usize, usize)> = HashMap::new();
    for line in AccessLine::all(&grants, found.as_ref()) {
        if let Some((user, _)) = line.user_target() {
            let count = counts.entry(user.clone()).or_default();
            match line {
                AccessLine::Grant(_) => count.0 += 1,
                _ => count.1 += 1,
            }
        }
    }
    Ok(counts)
}

/// All access of one person, by any path.
pub(in crate::ui) struct PersonAccess {
    pub(in crate::ui) headings: Vec<Heading>,
    pub(in crate::ui) sections: Vec<Section>,
    pub(in crate::ui) count: String,
    /// Only the first rows are among the sections.
    pub(in crate::ui) is_cut: bool,
    pub(in crate::ui) groups: Vec<(String, String)>,
    /// Why AWS did not name the groups; then those that the directory knows are listed.
    pub(in crate::ui) fault: String,
}

pub(in crate::ui) async fn of_person(
    app: &App,
    viewer: &Viewer,
    user: &UserId,
) -> Result<PersonAccess, ProblemResponse> {
    let directory = app.access.directory();
    let live = GrantFilter {
        states: GrantStateKind::LIVE.to_vec(),
        holder: Some(user.clone()),
        ..GrantFilter::default()
    };
    let grants = app
        .access
        .grants(&viewer.actor, &live, LOOKED_AT_MAX)
        .await?;
    let found = standing_of(app, viewer).await?;
    let (groups, fault) = match app.access.groups_of_person(&viewer.actor, user).await {
        Ok(groups) => (groups.into_iter().collect::<BTreeSet<_>>(), String::new()),
        Err(AccessError::Directory(fault)) => {
            let known = directory.groups().iter().map(|group| &group.id);
            let is_member = |group: &&GroupId| {
                let members = directory.members_of(group);
                members.is_some_and(|it| it.contains(user))
            };
            let known = known.filter(is_member).cloned().collect();
            (known, plain(&fault.to_string()))
        }
        Err(error) => return Err(error.into()),
    };
    let lines = AccessLine::all(&grants.rows, found.as_ref()).into_iter();
    let lines = lines.filter(|line| line.reaches(user, &groups));
    let (of_groups, direct): (Vec<_>, Vec<_>) = lines.partition(|line| line.group().is_some());
    let view = AccessView {
        app,
        viewer,
        offers: app.access.grant_offers(&viewer.actor).await?,
        directory: &directory,
        now: app.clock.now(),
    };
    let looking = AccessQuery::default();
    let mut named: Vec<(String, String)> = groups
        .iter()
        .map(|id| {
            let name = directory.group(id).map_or(id.as_str(), |it| &it.name);
            (plain(name), group::address(id))
        })
        .collect();
    named.sort();
    Ok(PersonAccess {
        headings: headings(&looking)
            .into_iter()
            .map(Heading::unsorted)
            .collect(),
        sections: [&direct, &of_groups]
            .into_iter()
            .flat_map(|lines| view.page(&looking, lines).sections)
            .collect(),
        count: format!(
            "{} direct, {} through groups",
            counted(direct.len() as u64),
            counted(of_groups.len() as u64)
        ),
        is_cut: direct.len() > ROWS || of_groups.len() > ROWS,
        groups: named,
        fault,
    })
}
