use std::fmt::Write as _;
use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_inventory::{
    AccessFinding, AccessFindingKind, AccessGraph, AccessPath, GraphAssignment, GraphRoleKind,
    group_of_way,
};
use serde::Deserialize;

use crate::ui::forbidden;
use crate::ui::people::{self, count_of, counted};
use crate::ui::shell::{Nav, PageResult, Shell, Viewer, page, url_encoded};
use crate::ui::words::{clock, countdown, plain};
use crate::{App, KnownAccess, costly, problem::ProblemResponse};

const ROWS: usize = 100;
pub(super) const FILE_ROWS: usize = 200_000;
const FINDINGS: usize = 20;
const OFFERED: usize = 20;
const JUST: TimeSpan = TimeSpan::minutes(1);
const OLD: TimeSpan = TimeSpan::hours(48);

pub(super) fn router() -> Router<App> {
    Router::new().route("/access/paths", get(show))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PathsQuery {
    q: String,
    person: String,
    account: String,
    set: String,
    skip: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Subject {
    Person(usize),
    Account(usize),
    Set(usize),
}

struct Offered {
    kind: &'static str,
    name: String,
    about: String,
    href: String,
}

struct PathRow {
    person: String,
    person_href: String,
    note: &'static str,
    account: String,
    account_href: String,
    account_note: String,
    set: String,
    set_href: String,
    via: String,
    until: String,
    is_temporary: bool,
}

struct FindingRow {
    what: &'static str,
    account: String,
    set: String,
    whom: String,
}

#[derive(Template)]
#[template(path = "access_paths.html")]
struct PathsPage {
    shell: Shell,
    missing: Option<(&'static str, String)>,
    lead: String,
    old: Option<String>,
    uncovered: Vec<String>,
    has_entitlements: bool,
    q: String,
    offered: Vec<Offered>,
    subject: Option<(String, String)>,
    rows: Vec<PathRow>,
    counted: String,
    file: Option<String>,
    newer: Option<String>,
    older: Option<String>,
    findings: Vec<FindingRow>,
    more_findings: usize,
}

async fn show(State(app): State<App>, viewer: Viewer, looking: Query<PathsQuery>) -> PageResult {
    if !viewer.actor.reads_all() {
        return Ok(forbidden::page_for(&app, &viewer, "auditors").await);
    }
    let mut built = PathsPage {
        shell: viewer.shell(&app, Nav::Access, "Paths into accounts").await,
        missing: None,
        lead: String::new(),
        old: None,
        uncovered: Vec::new(),
        has_entitlements: false,
        q: looking.q.clone(),
        offered: Vec::new(),
        subject: None,
        rows: Vec::new(),
        counted: String::new(),
        file: None,
        newer: None,
        older: None,
        findings: Vec::new(),
        more_findings: 0,
    };
    match known(&app).await {
        Ok(known) => {
            let (turn, now) = (costly::turn(&app, &viewer.actor).await?, app.clock.now());
            let filled = turn.run(move |_| {
                built.fill(&known, &looking, now, &viewer);
                built
            });
            built = { filled.await }.map_err(|error| ProblemResponse::unavailable(&error))?;
        }
        Err(missing) => built.missing = Some(missing),
    }
    Ok(page(&built))
}

pub(super) async fn known(app: &App) -> Result<Arc<KnownAccess>, (&'static str, String)> {
    let Some(snapshots) = &app.snapshots else {
        let help = "Name the folder of snapshots in the configuration, as inventory.snapshots.";
        return Err(("No snapshots are known", help.to_owned()));
    };
    match snapshots.newest().await {
        Ok(Some(known)) => Ok(known),
        Ok(None) => Err((
            "There is no snapshot yet",
            "hallpass sync makes one.".to_owned(),
        )),
        Err(words) => Err(("The snapshot cannot be read", plain(&words))),
    }
}

impl PathsQuery {
    pub(super) fn subject(&self, graph: &AccessGraph) -> Option<Subject> {
        if !self.person.is_empty() {
            let is_it = |id: Option<&str>| id == Some(self.person.as_str());
            let mut people = graph.people.iter();
            return people
                .position(|it| is_it(it.user_id.as_deref()))
                .map(Subject::Person);
        }
        if !self.account.is_empty() {
            let mut accounts = graph.accounts.iter();
            return accounts
                .position(|it| it.id == self.account)
                .map(Subject::Account);
        }
        let mut sets = graph.roles.iter();
        let found = sets.position(|it| it.arn == self.set).map(Subject::Set);
        found.filter(|_| !self.set.is_empty())
    }

    fn has_subject(&self) -> bool {
        [&self.person, &self.account, &self.set]
            .iter()
            .any(|it| !it.is_empty())
    }

    fn address(&self, page: &str, skip: usize) -> String {
        let mut address = format!("/access/{page}?");
        for (name, value) in [
            ("person", &self.person),
            ("account", &self.account),
            ("set", &self.set),
        ] {
            if !value.is_empty() {
                let _ = write!(address, "{name}={}", url_encoded(value));
                break;
            }
        }
        if skip > 0 {
            let _ = write!(address, "&skip={skip}");
        }
        address
    }
}

impl Subject {
    pub(super) fn paths(
        self,
        graph: &AccessGraph,
        skip: usize,
        most: usize,
    ) -> (Vec<AccessPath>, usize) {
        let of = |is_wanted: &dyn Fn(&GraphAssignment) -> bool| graph.window(is_wanted, skip, most);
        match self {
            Self::Person(person) => {
                let all = graph.paths_of(person);
                let total = all.len();
                (all.into_iter().skip(skip).take(most).collect(), total)
            }
            Self::Account(account) => of(&|it| it.account == account),
            Self::Set(set) => of(&|it| it.role == set),
        }
    }

    fn concerns(self, graph: &AccessGraph, finding: &AccessFinding) -> bool {
        match self {
            Self::Account(account) => {
                let account = graph.accounts.get(account);
                account.is_some_and(|it| it.id == finding.account_id)
            }
            Self::Set(set) => {
                let set = graph.roles.get(set);
                set.is_some_and(|it| it.shown() == finding.role.shown())
            }
            Self::Person(person) => {
                let id = finding.principal_id.as_deref();
                let own = graph
                    .people
                    .get(person)
                    .and_then(|it| it.user_id.as_deref());
                let is_of_group = graph
                    .groups_of(person)
                    .any(|it| graph.groups.get(it).map(|it| it.id.as_str()) == id);
                id.is_some() && (own == id || is_of_group)
            }
        }
    }

    fn name(self, graph: &AccessGraph) -> (String, String) {
        match self {
            Self::Person(place) => {
                let person = graph.people.get(place).cloned().unwrap_or_default();
                let id = person.user_id.unwrap_or_default();
                (
                    plain(&person.user_name.unwrap_or_else(|| id.clone())),
                    plain(&person.email.unwrap_or(id)),
                )
            }
            Self::Account(place) => {
                let account = graph.accounts.get(place).cloned().unwrap_or_default();
                let name = account.name.unwrap_or_else(|| account.id.clone());
                (plain(&name), account.id)
            }
            Self::Set(place) => {
                let set = graph.roles.get(place).cloned().unwrap_or_default();
                (plain(set.shown()), set.arn)
            }
        }
    }
}

impl PathsPage {
    fn fill(&mut self, known: &KnownAccess, looking: &PathsQuery, now: Timestamp, viewer: &Viewer) {
        let (snapshot, graph) = (&known.snapshot, &known.snapshot.graph);
        let age = TimeSpan::between(snapshot.finished, now);
        let at = clock(snapshot.finished, now, &viewer.zone);
        self.lead = format!(
            "By the snapshot of {at}{}: {} in {}.",
            if age < JUST {
                String::new()
            } else {
                format!(", {} ago", countdown(age))
            },
            count_of(graph.people.len(), "person", "people"),
            count_of(graph.accounts.len(), "account", "accounts"),
        );
        self.old = (age > OLD).then(|| {
            "What changed since is not in it: hallpass sync makes a newer one.".to_owned()
        });
        self.has_entitlements = snapshot.has_entitlements;
        let unread = snapshot.unread.iter();
        self.uncovered = unread
            .map(|it| plain(&format!("{}: {}", it.table, it.why)))
            .collect();
        self.offered = offered(graph, &looking.q);
        let subject = looking.subject(graph);
        if subject.is_none() && looking.has_subject() {
            let name = [&looking.person, &looking.account, &looking.set].into_iter();
            let name = name.map(|it| plain(it)).collect();
            self.subject = Some((name, "not in this snapshot".to_owned()));
            return;
        }
        if let Some(subject) = subject {
            self.subject = Some(subject.name(graph));
            let (paths, total) = subject.paths(graph, looking.skip, ROWS);
            let skip = looking.skip.min(total);
            self.counted = match total {
                0 => "No path".to_owned(),
                total if total <= ROWS => count_of(total, "path", "paths"),
                total => format!(
                    "{} to {} of {} paths",
                    skip + 1,
                    skip + paths.len(),
                    counted(total as u64)
                ),
            };
            let rows = paths.iter();
            self.rows = rows.map(|it| path_row(it, now, viewer)).collect();
            self.file = (1..=FILE_ROWS)
                .contains(&total)
                .then(|| looking.address("paths.csv", 0));
            let next = skip + ROWS;
            self.older = (next < total).then(|| looking.address("paths", next));
            let back = skip.saturating_sub(ROWS);
            self.newer = (skip > 0).then(|| looking.address("paths", back));
        }
        let concerning = known.findings.iter();
        let concerning = concerning.filter(|it| subject.is_none_or(|of| of.concerns(graph, it)));
        let mut found = 0;
        for finding in concerning {
            found += 1;
            if found <= FINDINGS {
                self.findings.push(finding_row(graph, finding));
            }
        }
        self.more_findings = found - self.findings.len();
    }
}

fn offered(graph: &AccessGraph, q: &str) -> Vec<Offered> {
    let words = q.trim().to_lowercase();
    if words.is_empty() {
        return Vec::new();
    }
    let fits = |texts: &[Option<&str>]| {
        let mut texts = texts.iter().flatten();
        texts.any(|it| it.to_lowercase().contains(&words))
    };
    let people = graph.people.iter().filter_map(|it| {
        let id = it.user_id.as_deref()?;
        let names = [it.user_name.as_deref(), it.email.as_deref(), Some(id)];
        fits(&names).then(|| Offered {
            kind: "Person",
            name: plain(it.user_name.as_deref().unwrap_or(id)),
            about: plain(it.email.as_deref().unwrap_or(id)),
            href: people::paths_of(id),
        })
    });
    let accounts = graph.accounts.iter();
    let accounts = accounts.filter(|it| fits(&[it.name.as_deref(), Some(&it.id)]));
    let accounts = accounts.map(|it| Offered {
        kind: "Account",
        name: plain(it.name.as_deref().unwrap_or(&it.id)),
        about: it.id.clone(),
        href: account_href(&it.id),
    });
    let sets = graph.roles.iter();
    let sets = sets.filter(|it| fits(&[it.name.as_deref()]));
    let sets = sets.map(|it| Offered {
        kind: match it.kind {
            GraphRoleKind::PermissionSet => "Permission set",
            GraphRoleKind::Entitled => "Role",
        },
        name: plain(it.shown()),
        about: String::new(),
        href: set_href(&it.arn),
    });
    let people = people.take(OFFERED);
    let others = accounts.take(OFFERED).chain(sets.take(OFFERED));
    people.chain(others).collect()
}

fn account_href(id: &str) -> String {
    format!("/access/paths?account={}", url_encoded(id))
}

fn set_href(arn: &str) -> String {
    format!("/access/paths?set={}", url_encoded(arn))
}

fn path_row(path: &AccessPath, now: Timestamp, viewer: &Viewer) -> PathRow {
    let id = path.person.user_id.as_deref().unwrap_or_default();
    let state = path.account_state.as_deref();
    PathRow {
        person: plain(path.person.user_name.as_deref().unwrap_or(id)),
        person_href: people::paths_of(id),
        note: match path.person.user_status.as_deref() {
            Some("DISABLED") => "disabled",
            _ => "",
        },
        account: plain(path.account_name.as_ref().unwrap_or(&path.account_id)),
        account_href: account_href(&path.account_id),
        account_note: match state {
            Some("ACTIVE") => path.account_id.clone(),
            Some(state) => plain(&state.to_lowercase()),
            None => "not in the organization".to_owned(),
        },
        set: plain(path.role.shown()),
        set_href: set_href(path.role.arn()),
        via: way(path),
        until: match (path.temporary, path.expires_at) {
            (false, _) => "no end".to_owned(),
            (true, Some(at)) => format!("until {}", clock(at, now, &viewer.zone)),
            (true, None) => "until its grant ends".to_owned(),
        },
        is_temporary: path.temporary,
    }
}

fn way(path: &AccessPath) -> String {
    let way = match group_of_way(&path.via) {
        Some(group) => format!("through group {}", plain(group)),
        None => "directly".to_owned(),
    };
    if path.role.is_entitled() {
        return format!("{way}, by an entitlement");
    }
    way
}

fn finding_row(graph: &AccessGraph, finding: &AccessFinding) -> FindingRow {
    let account = graph
        .accounts
        .binary_search_by(|it| it.id.as_str().cmp(&finding.account_id));
    let account = account
        .ok()
        .and_then(|it| graph.accounts.get(it)?.name.clone());
    let id = finding.principal_id.as_deref().unwrap_or_default();
    let is_it = |other: Option<&str>| other == Some(id);
    let person = graph.people.iter().find(|it| is_it(it.user_id.as_deref()));
    let group = graph.groups.iter().find(|it| it.id == id);
    let whom = match (person, group) {
        (Some(person), _) => person.user_name.clone().unwrap_or_else(|| id.to_owned()),
        (None, Some(group)) => format!("group {}", group.name),
        (None, None) => id.to_owned(),
    };
    FindingRow {
        what: match finding.kind {
            AccessFindingKind::DirectUser => "A person by name, without an end",
            AccessFindingKind::Orphaned => "Its holder is gone",
            AccessFindingKind::Outdated => "The role is not of the set's newest version",
            AccessFindingKind::ProvisionedUnassigned => "The role exists, and no one has it",
            AccessFindingKind::SuspendedAccount => "The account is not active",
            AccessFindingKind::UnexpectedMember => "A member of the group is no user",
            AccessFindingKind::UnknownAccount => "The account is not in the organization",
        },
        account: plain(account.as_ref().unwrap_or(&finding.account_id)),
        set: plain(finding.role.shown()),
        whom: plain(&whom),
    }
}
