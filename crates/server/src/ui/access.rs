//! Access: who has what where, right now?

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use hallpass_access::{Directory, Grant, GrantFilter, GrantState, Role};
use hallpass_model::{Span, Timestamp};
use serde::Deserialize;

use super::people::{self, Face, Place, count_of, counted};
use super::shell::{Nav, PageResult, Shell, Viewer, page, url_encoded};
use super::words::{Badge, clock, countdown, grant_badge, id_groups, plain, zone_name};
use super::{cut_off, said::After, view};
use crate::App;

/// States of grants that are not over.
pub(crate) const LIVE: [&str; 4] = ["scheduled", "granting", "active", "ending"];
/// Grants looked at by one page at most; beyond that the page says so and asks for a filter.
const LOOKED_AT_MAX: usize = 10_000;
/// Rows of one page.
const ROWS: usize = 200;
/// Letters of a reason that a row shows; the request has it whole.
const REASON_SHOWN: usize = 80;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/access", get(show))
        .merge(cut_off::router())
}

/// How rows are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    #[default]
    Account,
    Person,
    Set,
    Group,
}

impl By {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Account, "account", "By account"),
        (Self::Person, "person", "By person"),
        (Self::Set, "set", "By permission set"),
        (Self::Group, "group", "By group"),
    ];

    fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(by, _, _)| *by == self)
            .map_or("account", |(_, name, _)| name)
    }

    /// What a group of rows is called: one, many.
    const fn nouns(self) -> (&'static str, &'static str) {
        match self {
            Self::Account => ("account or group", "accounts and groups"),
            Self::Person => ("person", "people"),
            Self::Set => ("permission set", "permission sets"),
            Self::Group => ("group", "groups"),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Looking {
    by: By,
    q: String,
    /// Rows passed over.
    skip: usize,
}

impl Looking {
    fn address(&self, by: By, skip: usize) -> String {
        let mut address = format!("/access?by={}", by.name());
        if !self.q.is_empty() {
            address.push_str("&q=");
            address.push_str(&url_encoded(&self.q));
        }
        if skip > 0 {
            // writing to a String cannot fail
            let _ = write!(address, "&skip={skip}");
        }
        address
    }
}

struct Tab {
    href: String,
    word: &'static str,
    is_on: bool,
}

/// A grant as a row.
struct Row {
    face: Option<Face>,
    place: Option<Place>,
    id_groups: Vec<String>,
    held: String,
    badge: Badge,
    reason: String,
    request: String,
    because: String,
    ends: String,
    /// Seconds to the end, counted down by the script.
    left: Option<u64>,
    left_words: String,
    /// What is to be said beside a time: late, standing.
    remark: String,
    is_late: bool,
    revoke: Option<String>,
}

struct Section {
    anchor: usize,
    face: Option<Face>,
    place: Option<Place>,
    id_groups: Vec<String>,
    name: String,
    count: String,
    rows: Vec<Row>,
}

struct Tiles {
    temporary: String,
    people: String,
    next_end: String,
    within_hour: String,
    setting_up: String,
    ending: String,
    ending_words: String,
    is_late: bool,
}

#[derive(Template)]
#[template(path = "access.html")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing the template shows or not"
)]
struct AccessPage {
    shell: Shell,
    here: String,
    q: String,
    by: &'static str,
    is_set_view: bool,
    sees_all: bool,
    can_cut_off: bool,
    as_of: String,
    zone: String,
    stale: Option<String>,
    tiles: Tiles,
    tabs: Vec<Tab>,
    sections: Vec<Section>,
    /// "16 more accounts match “prod”", and where they are.
    more: Option<(String, String)>,
    back: Option<String>,
    too_many: bool,
    nothing_at_all: bool,
    matching: String,
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Query(looking): Query<Looking>,
    Query(after): Query<After>,
) -> PageResult {
    let states = LIVE.map(str::to_owned).to_vec();
    let filter = GrantFilter {
        states,
        ..GrantFilter::default()
    };
    let grants = app
        .access
        .grants(&viewer.actor, &filter, LOOKED_AT_MAX)
        .await?;
    let mut shell = viewer.shell(&app, Nav::Access, "Who has what where").await;
    let view = view::View::new(&app, &viewer);
    shell.said = after.toast(&app, &viewer, &view).await;
    Ok(page(&build(&app, &viewer, &looking, &grants, shell)))
}

fn build(
    app: &App,
    viewer: &Viewer,
    looking: &Looking,
    grants: &[Grant],
    shell: Shell,
) -> AccessPage {
    let (now, directory) = (app.clock.now(), app.access.directory());
    let view = View {
        app,
        viewer,
        directory: &directory,
        now,
    };
    let (sections, places, shown, total) = view.sections(looking, grants);
    let more = (shown < total).then(|| what_follows(looking, places.left, shown, total));
    let back =
        (looking.skip > 0).then(|| looking.address(looking.by, looking.skip.saturating_sub(ROWS)));
    AccessPage {
        here: looking.address(looking.by, looking.skip),
        q: looking.q.clone(),
        by: looking.by.name(),
        is_set_view: looking.by == By::Set,
        sees_all: viewer.actor.reads_all(),
        can_cut_off: viewer.actor.is(Role::Admin),
        as_of: clock(now, now, &viewer.zone),
        zone: zone_name(now, &viewer.zone),
        stale: view.stale(),
        tiles: view.tiles(grants),
        tabs: By::ALL
            .into_iter()
            .map(|(by, _, word)| Tab {
                href: looking.address(by, 0),
                word,
                is_on: by == looking.by,
            })
            .collect(),
        matching: if looking.q.is_empty() {
            String::new()
        } else {
            format!(
                "{} of {} match “{}”.",
                total,
                grants.len(),
                plain(&looking.q)
            )
        },
        sections,
        more,
        back,
        too_many: grants.len() >= LOOKED_AT_MAX,
        nothing_at_all: grants.is_empty(),
        shell,
    }
}

/// "16 more accounts match “prod”", and where they are.
fn what_follows(looking: &Looking, left: usize, shown: usize, total: usize) -> (String, String) {
    let (one, many) = looking.by.nouns();
    let matching = if looking.q.is_empty() {
        "follow".to_owned()
    } else {
        format!("match “{}”", plain(&looking.q))
    };
    let words = if left == 0 {
        format!(
            "{} {matching}",
            count_of(total - shown, "more row", "more rows")
        )
    } else {
        let noun = count_of(left, &format!("more {one}"), &format!("more {many}"));
        format!("{noun} {matching}")
    };
    (words, looking.address(looking.by, shown))
}

/// Sections that are not on the page yet.
struct Places {
    left: usize,
}

struct View<'a> {
    app: &'a App,
    viewer: &'a Viewer,
    directory: &'a Directory,
    now: Timestamp,
}

/// The key a row is put under: groups after accounts, then by name.
type Key = (bool, String, String);

impl View<'_> {
    /// The organization may have been read too long ago for names to be right.
    fn stale(&self) -> Option<String> {
        let read = self.directory.taken_at()?;
        (Span::between(read, self.now) > Span::hours(1)).then(|| {
            let zone = zone_name(read, &self.viewer.zone);
            format!("{} {zone}", clock(read, self.now, &self.viewer.zone))
        })
    }

    fn key(&self, by: By, grant: &Grant) -> Option<Key> {
        let place = people::place(self.directory, grant);
        match by {
            By::Account => Some((place.is_group, place.name, place.id)),
            By::Group => place.is_group.then_some((true, place.name, place.id)),
            By::Set => (!place.is_group).then(|| (false, people::held(grant), String::new())),
            By::Person => Some((
                false,
                grant.holder.name.to_lowercase(),
                grant.holder.email.to_string(),
            )),
        }
    }

    fn fits(&self, needle: &str, grant: &Grant) -> bool {
        let place = people::place(self.directory, grant);
        let held = people::held(grant);
        let texts = [
            grant.holder.name.as_str(),
            grant.holder.email.as_str(),
            &place.name,
            &place.id,
            &place.folder,
            &held,
        ];
        texts
            .iter()
            .any(|text| text.to_lowercase().contains(needle))
    }

    /// The rows of this page in their sections; how many sections are still to come, and how many
    /// rows were passed and matched in all.
    fn sections(
        &self,
        looking: &Looking,
        grants: &[Grant],
    ) -> (Vec<Section>, Places, usize, usize) {
        let needle = looking.q.trim().to_lowercase();
        let mut rows: Vec<(Key, &Grant)> = grants
            .iter()
            .filter(|grant| needle.is_empty() || self.fits(&needle, grant))
            .filter_map(|grant| Some((self.key(looking.by, grant)?, grant)))
            .collect();
        rows.sort_by(|(key, grant), (other_key, other)| {
            let ends = grant.due_to_end().cmp(&other.due_to_end());
            key.cmp(other_key).then(ends).then(grant.id.cmp(&other.id))
        });
        let total = rows.len();
        let mut sizes: BTreeMap<&Key, usize> = BTreeMap::new();
        for (key, _) in &rows {
            *sizes.entry(key).or_default() += 1;
        }
        let mut sections: Vec<Section> = Vec::new();
        let mut last: Option<&Key> = None;
        for (key, grant) in rows.iter().skip(looking.skip).take(ROWS) {
            if last != Some(key) {
                sections.push(self.section(looking.by, grant, sections.len()));
                last = Some(key);
            }
            if let Some(section) = sections.last_mut() {
                section.rows.push(self.row(looking, grant));
                let (here, all) = (section.rows.len(), sizes.get(key).copied().unwrap_or(0));
                section.count = if here == all {
                    format!("{} shown", counted(all as u64))
                } else {
                    format!("{here} of {} shown", counted(all as u64))
                };
            }
        }
        let shown = (looking.skip + ROWS).min(total);
        let coming: BTreeSet<&Key> = rows.iter().skip(shown).map(|(key, _)| key).collect();
        let left = coming.iter().filter(|key| Some(**key) != last).count();
        (sections, Places { left }, shown, total)
    }

    fn section(&self, by: By, grant: &Grant, anchor: usize) -> Section {
        let place = people::place(self.directory, grant);
        let id_groups = id_groups(&place.id);
        let mut section = Section {
            anchor,
            face: None,
            place: None,
            id_groups,
            name: String::new(),
            count: String::new(),
            rows: Vec::new(),
        };
        match by {
            By::Account | By::Group => {
                section.name = if place.is_group {
                    format!("Group {}", place.name)
                } else {
                    place.name.clone()
                };
                section.place = Some(place);
            }
            By::Set => section.name = people::held(grant),
            By::Person => {
                let face = Face::new(&grant.holder.name, grant.holder.email.as_str());
                section.name.clone_from(&face.name);
                section.face = Some(face);
            }
        }
        section
    }

    fn row(&self, looking: &Looking, grant: &Grant) -> Row {
        let by = looking.by;
        let place = people::place(self.directory, grant);
        let left = Span::between(self.now, grant.ends_at);
        let ending = matches!(grant.state, GrantState::Ending { .. });
        let late = Span::between(grant.due_to_end(), self.now);
        let (ends, remark) = if ending {
            let words = match late.as_seconds() {
                0..60 => "AWS is removing it".to_owned(),
                _ => format!("Late by {}", lasting(late)),
            };
            ("due".to_owned(), words)
        } else if grant.standing {
            let ends = clock(grant.ends_at, self.now, &self.viewer.zone);
            (
                "stays".to_owned(),
                format!("stood before; grant ends {ends}"),
            )
        } else {
            (
                clock(grant.ends_at, self.now, &self.viewer.zone),
                String::new(),
            )
        };
        let may_revoke = self.app.access.may_revoke(&self.viewer.actor, grant);
        // the way back keeps what was searched for
        let from = || url_encoded(&looking.address(by, looking.skip));
        let revoke = (may_revoke && (!ending || grant.stuck.is_some()))
            .then(|| format!("/grants/{}/revoke?from={}", grant.id, from()));
        Row {
            face: (by != By::Person)
                .then(|| Face::new(&grant.holder.name, grant.holder.email.as_str())),
            id_groups: id_groups(&place.id),
            place: matches!(by, By::Person | By::Set).then_some(place),
            held: people::held(grant),
            badge: match &grant.stuck {
                Some(_) => Badge {
                    word: "Stuck",
                    look: "failed",
                },
                None => grant_badge(&grant.state, left),
            },
            reason: shortened(&plain(&grant.reason)),
            request: grant.request.to_string(),
            because: self.because(grant),
            ends,
            left: (!ending && !grant.standing).then(|| left.as_seconds()),
            left_words: countdown(left),
            remark,
            is_late: ending && late.as_seconds() >= 60,
            revoke,
        }
    }

    fn because(&self, grant: &Grant) -> String {
        use hallpass_access::Approval;
        match grant.approval {
            Approval::NotRequired => "no approval needed".to_owned(),
            Approval::Own => "approved by the requester".to_owned(),
            Approval::BreakGlass => "break-glass".to_owned(),
            Approval::Peer => format!(
                "approved by {}",
                people::name_of(self.directory, grant.approver.as_str())
            ),
        }
    }

    fn tiles(&self, grants: &[Grant]) -> Tiles {
        let holds = || grants.iter().filter(|grant| grant.is_hold());
        let people: BTreeSet<&str> = holds().map(|grant| grant.key.user.as_str()).collect();
        let next = holds().map(|grant| grant.ends_at).min();
        let soon = holds()
            .filter(|grant| Span::between(self.now, grant.ends_at) <= Span::hours(1))
            .count();
        let making = holds()
            .filter(|grant| matches!(grant.state, GrantState::Scheduled | GrantState::Granting))
            .count();
        let ending: Vec<&Grant> = grants.iter().filter(|grant| !grant.is_hold()).collect();
        let late = ending
            .iter()
            .filter(|grant| Span::between(grant.due_to_end(), self.now) >= Span::minutes(1))
            .count();
        Tiles {
            temporary: counted(holds().count() as u64),
            people: count_of(people.len(), "person", "people"),
            next_end: next.map_or_else(
                || "–".to_owned(),
                |at| clock(at, self.now, &self.viewer.zone),
            ),
            within_hour: counted(soon as u64),
            setting_up: counted(making as u64),
            ending: counted(ending.len() as u64),
            ending_words: if late == 0 {
                "none late".to_owned()
            } else {
                format!("{} late", counted(late as u64))
            },
            is_late: late > 0,
        }
    }
}

/// How long something lasts or is late: `40s`, `9m`, `2h 11m`.
pub(crate) fn lasting(span: Span) -> String {
    let seconds = span.as_seconds();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(REASON_SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
