use std::collections::{BTreeMap, BTreeSet};

use hallpass_access::{
    Acceptance, Directory, Fate, Grant, GrantState, ItemKind, ItemSight, NamedEntitlement,
    NamedGroupAssignment, Role, SweepItem,
};
use hallpass_base::TimeSpan;
use hallpass_channels::wording::{grants, standing};

use super::line::{AccessLine, GroupsOfMatches, Key, is_unknown};
use super::{AccessQuery, AccessView, Grouping};
use crate::ui::people::{self, Face, GrantPlace, count_of, counted};
use crate::ui::presenter::Coded;
use crate::ui::shell::url_encoded;
use crate::ui::sweeps::held_address;
use crate::ui::words::{Badge, badge, capital, countdown, grant_badge, id_groups, lasting, plain};

/// So few that a page stays below 100 kB.
pub(super) const ROWS: usize = 50;
const REASON_SHOWN: usize = 80;
const NO_END: &str = "No end date";

const STANDING: Badge = badge("Standing", "standing");
const UNKNOWN: Badge = badge("Unmanaged", "failed");

#[derive(Default)]
pub(in crate::ui) struct AccessRow {
    pub(in crate::ui) face: Option<Face>,
    /// Page of a group, and how many members are known.
    pub(in crate::ui) group: Option<(String, String)>,
    pub(in crate::ui) place: Option<GrantPlace>,
    pub(in crate::ui) id_groups: Vec<String>,
    pub(in crate::ui) held: String,
    pub(in crate::ui) badges: Vec<Badge>,
    pub(in crate::ui) request: Option<(String, String)>,
    pub(in crate::ui) because: Coded,
    pub(in crate::ui) note: Coded,
    pub(in crate::ui) ends: String,
    pub(in crate::ui) left: Option<u64>,
    pub(in crate::ui) left_words: String,
    pub(in crate::ui) remark: String,
    pub(in crate::ui) is_bad: bool,
    pub(in crate::ui) acts: Vec<(&'static str, String)>,
}

pub(in crate::ui) struct Section {
    pub(in crate::ui) anchor: usize,
    pub(in crate::ui) face: Option<Face>,
    pub(in crate::ui) place: Option<GrantPlace>,
    pub(in crate::ui) id_groups: Vec<String>,
    pub(in crate::ui) name: String,
    pub(in crate::ui) page: String,
    pub(in crate::ui) count: String,
    pub(in crate::ui) rows: Vec<AccessRow>,
}

impl Section {
    pub(in crate::ui) fn has_acts(&self) -> bool {
        self.rows.iter().any(|row| !row.acts.is_empty())
    }
}

pub(super) struct AccessSections {
    pub(super) sections: Vec<Section>,
    pub(super) left: usize,
    pub(super) shown: usize,
    pub(super) total: usize,
}

impl AccessQuery {
    pub(super) fn rows<'a>(
        &self,
        lines: &[AccessLine<'a>],
        directory: &Directory,
    ) -> Vec<(Key, AccessLine<'a>)> {
        let needle = self.q.trim().to_lowercase();
        let groups = (!needle.is_empty()).then(|| GroupsOfMatches::find(lines, directory, &needle));
        let mut rows: Vec<(Key, AccessLine<'a>)> = lines
            .iter()
            .filter(|line| line.is(self.kind))
            .filter(|line| {
                let groups = groups.as_ref();
                groups.is_none_or(|groups| line.fits(&needle, groups, directory))
            })
            .filter_map(|line| Some((line.key(self.by, directory)?, *line)))
            .collect();
        rows.sort_by_cached_key(|(key, line)| {
            let order = (self.by == Grouping::All).then(|| self.sort.key(*line, directory));
            (key.clone(), order, line.ends(), line.id())
        });
        rows
    }
}

impl AccessView<'_> {
    pub(super) fn page(&self, looking: &AccessQuery, lines: &[AccessLine<'_>]) -> AccessSections {
        let rows = looking.rows(lines, self.directory);
        let total = rows.len();
        let mut sizes: BTreeMap<&Key, usize> = BTreeMap::new();
        for (key, _) in &rows {
            *sizes.entry(key).or_default() += 1;
        }
        let mut sections: Vec<Section> = Vec::new();
        let mut last: Option<&Key> = None;
        for (key, line) in rows.iter().skip(looking.skip).take(ROWS) {
            if last != Some(key) {
                sections.push(self.section(looking.by, *line, sections.len()));
                last = Some(key);
            }
            if let Some(section) = sections.last_mut() {
                section.rows.push(self.row(looking, *line));
                let (here, all) = (section.rows.len(), sizes.get(key).copied().unwrap_or(0));
                section.count = if here == all {
                    format!("{} shown", counted(all as u64))
                } else {
                    format!("{here} of {} shown", counted(all as u64))
                };
            }
        }
        let shown = looking.skip.saturating_add(ROWS).min(total);
        let coming: BTreeSet<&Key> = rows.iter().skip(shown).map(|(key, _)| key).collect();
        let left = coming.iter().filter(|key| Some(**key) != last).count();
        AccessSections {
            sections,
            left,
            shown,
            total,
        }
    }

    fn section(&self, by: Grouping, line: AccessLine<'_>, anchor: usize) -> Section {
        let place = line.place(self.directory);
        let id_groups = id_groups(&place.id);
        let mut section = Section {
            anchor,
            face: None,
            place: None,
            id_groups,
            name: String::new(),
            page: String::new(),
            count: String::new(),
            rows: Vec::new(),
        };
        match by {
            Grouping::All => {}
            Grouping::Account | Grouping::Group => {
                let is_of_group = by == Grouping::Group && line.group().is_some();
                section.name = if is_of_group {
                    format!("Group {}", plain(line.holder().0))
                } else if place.is_group {
                    format!("Group {}", place.name)
                } else {
                    place.name.clone()
                };
                section.place = (!is_of_group).then_some(place);
            }
            Grouping::Set => section.name = line.held(),
            Grouping::Person => {
                let (name, email) = line.holder();
                let face = Face::new(name, email);
                section.name.clone_from(&face.name);
                let user = line.user_target().map(|(user, _)| user);
                let known = user.filter(|user| self.directory.person(user).is_some());
                if let Some(user) = known.filter(|_| self.viewer.actor.reads_all()) {
                    section.page = people::person_address(user);
                } else if let Some(group) = line.group() {
                    section.page = super::group::address(group);
                }
                section.face = Some(face);
            }
        }
        section
    }

    fn row(&self, looking: &AccessQuery, line: AccessLine<'_>) -> AccessRow {
        let by = looking.by;
        let place = line.place(self.directory);
        let (name, email) = line.holder();
        let row = match line {
            AccessLine::Grant(grant) => self.granted(looking, grant),
            AccessLine::Found(item) => self.found(looking, item),
            AccessLine::OfGroup(of_group) => self.of_group(of_group),
            AccessLine::Entitled(entitlement) => Self::entitled(entitlement),
        };
        AccessRow {
            face: (by != Grouping::Person).then(|| Face::new(name, email)),
            group: line.group().map(|group| {
                let members = self.directory.members_of(group).map(BTreeSet::len);
                let words = members.map_or_else(
                    || "Group".to_owned(),
                    |count| format!("Group, {}", count_of(count, "member", "members")),
                );
                (super::group::address(group), words)
            }),
            id_groups: id_groups(&place.id),
            place: (by != Grouping::Account && (by != Grouping::Group || line.group().is_some()))
                .then_some(place),
            held: line.held(),
            ..row
        }
    }

    fn granted(&self, looking: &AccessQuery, grant: &Grant) -> AccessRow {
        let left = TimeSpan::between(self.now, grant.ends_at);
        let ending = matches!(grant.state, GrantState::Ending { .. });
        let late = TimeSpan::between(grant.due_to_end(), self.now);
        let (ends, remark) = if ending {
            let words = match late.as_seconds() {
                0..60 => "AWS is removing it".to_owned(),
                _ => format!("Late by {}", lasting(late)),
            };
            ("due".to_owned(), words)
        } else if grant.standing {
            let ends = self.at(grant.ends_at);
            ("stays".to_owned(), format!("grant ends {ends}"))
        } else {
            (self.at(grant.ends_at), String::new())
        };
        // the back link keeps the search
        let from = || url_encoded(&looking.address(looking.by, looking.skip));
        let revoke = self
            .offers
            .on(grant)
            .revoke
            .is_ok()
            .then(|| format!("/grants/{}/revoke?from={}", grant.id, from()));
        let stood = grant.standing.then_some(STANDING);
        let badge = temporary(grant_badge(grant, left));
        AccessRow {
            badges: stood.into_iter().chain([badge]).collect(),
            request: Some((grant.request.to_string(), shortened(&plain(&grant.reason)))),
            because: Coded(self.because(grant)),
            note: Coded(if grant.standing {
                "it existed before".to_owned()
            } else {
                String::new()
            }),
            ends,
            left: (!ending && !grant.standing).then(|| left.as_seconds()),
            left_words: countdown(left),
            remark,
            is_bad: ending && late.as_seconds() >= 60,
            acts: revoke.map(|href| ("Revoke…", href)).into_iter().collect(),
            ..AccessRow::default()
        }
    }

    fn because(&self, grant: &Grant) -> String {
        grants::approved_by(grant, |it| people::name_of(self.directory, it.as_str()))
    }

    fn found(&self, looking: &AccessQuery, item: &SweepItem) -> AccessRow {
        let badge = if is_unknown(item) { UNKNOWN } else { STANDING };
        let going = matches!(item.fate, Fate::Removing { .. }).then_some(Badge {
            word: "Ending",
            look: "ending",
        });
        let mut note = match &item.fate {
            Fate::Reported => String::new(),
            fate => plain(&standing::fate(fate, |at| self.at(at))),
        };
        if item.sight == ItemSight::Unread {
            note = format!("could not be read since; seen {}", self.at(item.seen_at));
        }
        AccessRow {
            badges: going.into_iter().chain([badge]).collect(),
            because: Coded(self.why_it_stands(item)),
            note: Coded(note),
            ends: NO_END.to_owned(),
            remark: self.review(item),
            is_bad: matches!(item.kind, ItemKind::ReviewOverdue { .. }),
            acts: self.acts(looking, item),
            ..AccessRow::default()
        }
    }

    fn of_group(&self, line: &NamedGroupAssignment) -> AccessRow {
        let unread = line.row.unread_since;
        AccessRow {
            badges: vec![STANDING],
            because: Coded(format!(
                "Assigned to the group; first seen {}",
                self.at(line.row.first_seen)
            )),
            note: Coded(unread.map_or_else(String::new, |at| {
                format!("could not be read since {}", self.at(at))
            })),
            ends: NO_END.to_owned(),
            ..AccessRow::default()
        }
    }

    fn entitled(it: &NamedEntitlement) -> AccessRow {
        AccessRow {
            badges: vec![STANDING],
            because: Coded(format!(
                "Entitlement of account access manager: `{}`",
                plain(&it.entitlement.role)
            )),
            ends: NO_END.to_owned(),
            ..AccessRow::default()
        }
    }

    fn why_it_stands(&self, item: &SweepItem) -> String {
        let first = self.at(item.first_seen);
        match item.kind.acceptance() {
            Some(Acceptance::Pattern { pattern }) => format!("`{}`", plain(pattern)),
            Some(Acceptance::Person { by, reason, .. }) => format!(
                "{}: {}",
                people::name_of(self.directory, by.as_str()),
                shortened(&plain(reason))
            ),
            None => format!(
                "{}; first seen {first}",
                capital(standing::item_kind(&item.kind))
            ),
        }
    }

    fn review(&self, item: &SweepItem) -> String {
        let Some(Acceptance::Person {
            review_at: Some(at),
            ..
        }) = item.kind.acceptance()
        else {
            return String::new();
        };
        match item.kind {
            ItemKind::ReviewOverdue { .. } => format!("review was due {}", self.at(*at)),
            _ => format!("review {}", self.at(*at)),
        }
    }

    fn acts(&self, looking: &AccessQuery, item: &SweepItem) -> Vec<(&'static str, String)> {
        if !self.viewer.actor.is(Role::Admin) || matches!(item.fate, Fate::Removing { .. }) {
            return Vec::new();
        }
        let from = url_encoded(&looking.address(looking.by, looking.skip));
        let to = |act: &str| format!("/standing/{act}?{}&from={from}", held_address(item));
        let can_end = item.holder.is_some();
        let end = can_end.then(|| ("Set an end…", to("adopt")));
        match item.kind.acceptance() {
            None => [("Accept…", to("accept"))].into_iter().chain(end).collect(),
            Some(Acceptance::Person { .. }) => {
                let withdraw = ("Withdraw…", to("withdraw"));
                [withdraw].into_iter().chain(end).collect()
            }
            // accepted by configuration, so it must be changed there
            Some(Acceptance::Pattern { .. }) => Vec::new(),
        }
    }
}

/// Distinguishes active access from standing access, not from pending access.
fn temporary(badge: Badge) -> Badge {
    if badge.look == "active" {
        Badge {
            word: "Temporary",
            ..badge
        }
    } else {
        badge
    }
}

fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(REASON_SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
