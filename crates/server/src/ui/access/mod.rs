mod csv;
mod group;
mod line;
mod of_person;
mod paths;
mod paths_csv;
mod sections;
mod sorting;
mod tiles;

use std::fmt::Write as _;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use hallpass_access::{
    AccessError, Directory, Grant, GrantFilter, GrantOffers, GrantStateKind, Role, StandingView,
    Sweep, SweepMode,
};
use hallpass_base::{TimeSpan, Timestamp};
use serde::Deserialize;

use super::people::{count_of, counted};
use super::shell::{Nav, PageResult, Shell, Viewer, page, url_encoded};
use super::words::{clock, plain, zone_name};
use super::{flash::FlashQuery, locks, presenter, revoke_all, standing, sweeps};
use crate::{App, problem::ProblemResponse};
use line::AccessLine;
pub(super) use of_person::{PersonAccess, direct, of_person};
use sections::{ROWS, Section};
use sorting::Sort;
use tiles::tiles;
pub(super) use tiles::{Tile, tile};

/// Maximum number of grants per page; beyond it the page requires a filter.
const LOOKED_AT_MAX: usize = 10_000;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/access", get(show))
        .route("/access.csv", get(csv::export))
        .merge(group::router())
        .merge(paths::router())
        .merge(paths_csv::router())
        .merge(revoke_all::router())
        .merge(standing::router())
        .merge(sweeps::router())
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Grouping {
    #[default]
    All,
    Account,
    Person,
    Set,
    Group,
}

impl Grouping {
    const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::All, "all", "All"),
        (Self::Account, "account", "By account"),
        (Self::Person, "person", "By person"),
        (Self::Set, "set", "By permission set"),
        (Self::Group, "group", "By group"),
    ];

    fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(by, _, _)| *by == self)
            .map_or("all", |(_, name, _)| name)
    }

    const fn nouns(self) -> (&'static str, &'static str) {
        match self {
            Self::All => ("row", "rows"),
            Self::Account => ("account or group", "accounts and groups"),
            Self::Person => ("person", "people"),
            Self::Set => ("permission set", "permission sets"),
            Self::Group => ("group", "groups"),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum HeldFilter {
    #[default]
    Every,
    Temporary,
    Standing,
    Unknown,
    Group,
    Entitlement,
}

impl HeldFilter {
    const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Every, "every", "Every kind"),
        (Self::Temporary, "temporary", "Temporary"),
        (Self::Standing, "standing", "Standing"),
        (Self::Unknown, "unknown", "Unmanaged"),
        (Self::Group, "group", "Through groups"),
        (Self::Entitlement, "entitlement", "Entitlements"),
    ];

    /// As in “3 of 9 are …”.
    const fn words(self) -> &'static str {
        match self {
            Self::Every => "of any kind",
            Self::Temporary => "temporary",
            Self::Standing => "standing",
            Self::Unknown => "unmanaged",
            Self::Group => "assigned to groups",
            Self::Entitlement => "entitlements",
        }
    }

    fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(kind, _, _)| *kind == self)
            .map_or("every", |(_, name, _)| name)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AccessQuery {
    by: Grouping,
    q: String,
    kind: HeldFilter,
    sort: Sort,
    skip: usize,
}

impl AccessQuery {
    fn sorted(&self, sort: Sort) -> String {
        let looking = Self {
            q: self.q.clone(),
            sort,
            ..*self
        };
        looking.address(Grouping::All, 0)
    }

    fn as_file(&self) -> String {
        self.address(self.by, 0)
            .replacen("/access", "/access.csv", 1)
    }

    fn address(&self, by: Grouping, skip: usize) -> String {
        let mut address = format!("/access?by={}", by.name());
        if !self.q.is_empty() {
            address.push_str("&q=");
            address.push_str(&url_encoded(&self.q));
        }
        if self.kind != HeldFilter::Every {
            address.push_str("&kind=");
            address.push_str(self.kind.name());
        }
        if by == Grouping::All && self.sort != Sort::default() {
            address.push_str("&sort=");
            address.push_str(self.sort.name());
        }
        if skip > 0 {
            let _ = write!(address, "&skip={skip}");
        }
        address
    }

    const fn is_all(&self) -> bool {
        self.q.is_empty() && matches!(self.kind, HeldFilter::Every)
    }
}

pub(in crate::ui) struct Heading {
    pub(in crate::ui) word: &'static str,
    pub(in crate::ui) width: &'static str,
    /// Empty if the rows cannot be sorted.
    pub(in crate::ui) href: String,
    pub(in crate::ui) is_on: bool,
}

impl Heading {
    fn unsorted(self) -> Self {
        Self {
            href: String::new(),
            is_on: false,
            ..self
        }
    }
}

struct Tab {
    href: String,
    word: &'static str,
    is_on: bool,
}

struct KindChoice {
    name: &'static str,
    word: &'static str,
    is_on: bool,
}

#[derive(Default)]
struct Looks {
    lead: String,
    unread: Option<(String, String)>,
    plan: Option<(String, String)>,
    too_many: bool,
}

#[derive(Template)]
#[template(path = "access.html")]
struct AccessPage {
    shell: Shell,
    here: String,
    q: String,
    by: &'static str,
    is_set_view: bool,
    headings: Vec<Heading>,
    sort: &'static str,
    file: String,
    sees_all: bool,
    can_cut_off: bool,
    looks: Looks,
    stale: Option<String>,
    locked: Vec<(String, String)>,
    tiles: Vec<Tile>,
    tabs: Vec<Tab>,
    kinds: Vec<KindChoice>,
    sections: Vec<Section>,
    more: Option<(String, String)>,
    back: Option<String>,
    empty: Empty,
    matching: String,
    all: String,
}

enum Empty {
    Nothing,
    NoMatch,
    Elsewhere,
}

struct AccessView<'a> {
    app: &'a App,
    viewer: &'a Viewer,
    offers: GrantOffers<'a>,
    directory: &'a Directory,
    now: Timestamp,
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Query(looking): Query<AccessQuery>,
    Query(after): Query<FlashQuery>,
) -> PageResult {
    let grants = live_grants(&app, &viewer).await?;
    let found = standing_of(&app, &viewer).await?;
    let plan = match &found {
        Some(_) => sweeps::waiting(&app, &viewer).await?,
        None => None,
    };
    let mut shell = viewer.shell(&app, Nav::Access, "Access").await;
    let view = presenter::Presenter::new(&app, &viewer);
    shell.said = after.toast(&app, &viewer, &view).await;
    let locked = locks::locked(&app, &viewer).await?;
    let directory = app.access.directory();
    let view = AccessView {
        app: &app,
        viewer: &viewer,
        offers: app.access.grant_offers(&viewer.actor).await?,
        directory: &directory,
        now: app.clock.now(),
    };
    let mut page_of = build(&view, &looking, &grants, found.as_ref(), plan, shell);
    page_of.locked = locked;
    Ok(page(&page_of))
}

async fn live_grants(app: &App, viewer: &Viewer) -> Result<Vec<Grant>, ProblemResponse> {
    let filter = GrantFilter {
        states: GrantStateKind::LIVE.to_vec(),
        ..GrantFilter::default()
    };
    let found = app.access.grants(&viewer.actor, &filter, LOOKED_AT_MAX);
    Ok(found.await?.rows)
}

async fn standing_of(app: &App, viewer: &Viewer) -> Result<Option<StandingView>, ProblemResponse> {
    match app.access.standing(&viewer.actor).await {
        Ok(found) => Ok(Some(found)),
        Err(AccessError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn build(
    view: &AccessView<'_>,
    looking: &AccessQuery,
    grants: &[Grant],
    found: Option<&StandingView>,
    plan: Option<(String, String)>,
    shell: Shell,
) -> AccessPage {
    let lines = AccessLine::all(grants, found);
    let page = view.page(looking, &lines);
    let (shown, total) = (page.shown, page.total);
    let more = (shown < total).then(|| what_follows(looking, page.left, shown, total));
    let back =
        (looking.skip > 0).then(|| looking.address(looking.by, looking.skip.saturating_sub(ROWS)));
    let sweep = found.and_then(|found| found.sweep.as_ref());
    AccessPage {
        here: looking.address(looking.by, looking.skip),
        q: looking.q.clone(),
        by: looking.by.name(),
        is_set_view: looking.by == Grouping::Set,
        headings: headings(looking),
        sort: looking.sort.name(),
        file: looking.as_file(),
        sees_all: view.viewer.actor.reads_all(),
        can_cut_off: view.viewer.actor.is(Role::Admin),
        looks: Looks {
            plan,
            too_many: grants.len() >= LOOKED_AT_MAX,
            ..view.looks(found.is_some(), sweep)
        },
        stale: view.stale(),
        locked: Vec::new(),
        tiles: tiles(view, grants, found, &lines),
        tabs: tabs(looking),
        kinds: kinds(looking),
        matching: matching(looking, total, lines.len()),
        empty: match (lines.is_empty(), looking.is_all()) {
            (true, _) => Empty::Nothing,
            (false, false) => Empty::NoMatch,
            (false, true) => Empty::Elsewhere,
        },
        sections: page.sections,
        more,
        back,
        all: format!("/access?by={}", looking.by.name()),
        shell,
    }
}

fn headings(looking: &AccessQuery) -> Vec<Heading> {
    let is_list = looking.by == Grouping::All;
    let headings = Sort::ALL.into_iter().map(|(sort, _, word, width)| Heading {
        word,
        width,
        href: looking.sorted(sort),
        is_on: sort == looking.sort,
    });
    headings.filter(|_| is_list).collect()
}

fn tabs(looking: &AccessQuery) -> Vec<Tab> {
    Grouping::ALL
        .into_iter()
        .map(|(by, _, word)| Tab {
            href: looking.address(by, 0),
            word,
            is_on: by == looking.by,
        })
        .collect()
}

fn kinds(looking: &AccessQuery) -> Vec<KindChoice> {
    HeldFilter::ALL
        .into_iter()
        .map(|(kind, name, word)| KindChoice {
            name,
            word,
            is_on: kind == looking.kind,
        })
        .collect()
}

fn matching(looking: &AccessQuery, total: usize, all: usize) -> String {
    match (looking.q.as_str(), looking.kind) {
        ("", HeldFilter::Every) if all == 0 => String::new(),
        ("", HeldFilter::Every) => format!("{} in all.", counted(all as u64)),
        ("", kind) => format!("{total} of {all} are {}.", kind.words()),
        (q, HeldFilter::Every) => format!("{total} of {all} match “{}”.", plain(q)),
        (q, kind) => format!(
            "{total} of {all} are {} and match “{}”.",
            kind.words(),
            plain(q)
        ),
    }
}

fn what_follows(
    looking: &AccessQuery,
    left: usize,
    shown: usize,
    total: usize,
) -> (String, String) {
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

impl AccessView<'_> {
    fn at(&self, at: Timestamp) -> String {
        clock(at, self.now, &self.viewer.zone)
    }

    /// Warns that the organization data, and so names, may be outdated.
    fn stale(&self) -> Option<String> {
        let read = self.directory.taken_at()?;
        (TimeSpan::between(read, self.now) > TimeSpan::hours(1)).then(|| {
            let zone = zone_name(read, &self.viewer.zone);
            format!("{} {zone}", self.at(read))
        })
    }

    fn looks(&self, sees_standing: bool, sweep: Option<&Sweep>) -> Looks {
        let zone = zone_name(self.now, &self.viewer.zone);
        let now = self.at(self.now);
        if !sees_standing {
            return Looks {
                lead: format!(
                    "Temporary access at {now} {zone}; times are {zone}. Yours, and what you could \
                     decide about."
                ),
                ..Looks::default()
            };
        }
        let report = sweep.and_then(|sweep| sweep.report.as_ref());
        let Some(report) = report else {
            let why = if self.app.access.settings().sweep.mode == SweepMode::Off {
                "Sweeps are off: standing access is not checked."
            } else {
                "No sweep has checked standing access yet."
            };
            return Looks {
                lead: format!("Temporary access at {now} {zone}; times are {zone}. {why}"),
                ..Looks::default()
            };
        };
        let unread = report.unread_places.first().map(|first| {
            let place = hallpass_channels::wording::standing::unread_place(&first.what);
            let count = usize::try_from(report.unread).unwrap_or(usize::MAX);
            (
                count_of(
                    count,
                    "place could not be read:",
                    "places could not be read:",
                ),
                plain(&format!("{place} ({})", first.error)),
            )
        });
        Looks {
            lead: format!(
                "As AWS showed it at {} {zone}. Temporary access ends automatically; standing access does not.",
                self.at(report.began)
            ),
            unread,
            ..Looks::default()
        }
    }
}
