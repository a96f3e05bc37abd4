//! Every list and search call over a past: measurements time them, tests count their steps.

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_access::CampaignStore;
use hallpass_access::{
    Access, AccessStore, Actor, GrantFilter, GrantStateKind, GroupSyncStore, Origin, Ports,
    RequestFilter, RequestStateKind, RequestView, Role, Settings, SweepStore,
};
use hallpass_assignments::AssignmentStore;
use hallpass_audit::{AuditStore, Order, RecordQuery, Words};
use hallpass_base::{Email, GrantId, RequestId, TimeSpan, Timestamp};
use hallpass_rules::{RuleFile, Rules, load};

use super::Organization;
use crate::{Center, Habits, Ids, SimulatedDirectory, Wall};

const PAGE: usize = 50;
/// Search rounds per API call.
const ROUNDS_MAX: u32 = 4;

pub fn access<S>(store: &Arc<S>, organization: &Organization, now: Timestamp) -> Access
where
    S: AccessStore + AssignmentStore + CampaignStore + GroupSyncStore + SweepStore + 'static,
{
    let clock = Arc::new(Wall::new(now));
    let mut snapshot = organization.snapshot.clone();
    snapshot.taken_at = Some(now);
    let ports = Ports {
        store: Arc::<S>::clone(store),
        assignments: Arc::<S>::clone(store),
        sweeps: Arc::<S>::clone(store),
        campaigns: Arc::<S>::clone(store),
        group_sync: Arc::<S>::clone(store),
        standing: Arc::new(Center::new(Arc::clone(&clock), Habits::default())),
        directory: Arc::new(SimulatedDirectory::new(Arc::clone(&clock), snapshot)),
        clock,
        ids: Arc::new(Ids::new(1)),
    };
    Access::new(ports, Settings::default(), rules(organization))
}

#[must_use]
pub fn rules(organization: &Organization) -> Rules {
    let text = organization.rules();
    load(&RuleFile::new("rules.toml", &text)).unwrap().rules
}

#[must_use]
pub fn readers(organization: &Organization) -> Vec<(&'static str, Actor)> {
    let actor = |email: &Email, role: Option<Role>| {
        let people = &organization.snapshot.people;
        let person = people.iter().find(|person| person.emails.contains(email));
        Actor {
            user: person.map(|person| person.user_id.clone()),
            email: email.clone(),
            name: email.to_string(),
            roles: role.into_iter().collect(),
            origin: Origin::Api,
            secondary_domain: false,
            authentication: None,
        }
    };
    let member = |place: usize| {
        let team = organization.teams.first().unwrap();
        let place = *team.people.get(place).unwrap();
        organization.person(place).emails.first().unwrap().clone()
    };
    vec![
        (
            "administrator",
            actor(&organization.staff("admin"), Some(Role::Admin)),
        ),
        (
            "auditor",
            actor(&organization.staff("auditor"), Some(Role::Auditor)),
        ),
        (
            "approver everywhere",
            actor(&organization.staff("security"), None),
        ),
        ("approver of a team", actor(&member(1), None)),
        ("member of a team", actor(&member(7), None)),
        ("sees nothing", actor(&organization.staff("newcomer"), None)),
    ]
}

#[derive(Clone, Debug)]
pub enum Reading {
    Requests(RequestView, RequestFilter),
    OpenReviews,
    Grants(GrantFilter),
    Records(RecordQuery),
    Decided,
    Set(String),
    Counts,
}

#[must_use]
pub fn readings(
    organization: &Organization,
    places: (RequestId, GrantId, u64),
) -> Vec<(String, Reading)> {
    let mut all = vec![
        (
            "requests to review".to_owned(),
            Reading::Requests(RequestView::ToReview, RequestFilter::default()),
        ),
        ("reviews of break-glass".to_owned(), Reading::OpenReviews),
        ("requests decided".to_owned(), Reading::Decided),
        (
            "a permission set".to_owned(),
            Reading::Set("Deployer".to_owned()),
        ),
        ("counts, and ends to come".to_owned(), Reading::Counts),
    ];
    all.extend(of_requests(places.0));
    all.extend(of_grants(organization, places.1));
    all.extend(of_records(organization, places.2));
    all
}

fn of_requests(far_back: RequestId) -> Vec<(String, Reading)> {
    let mut all = Vec::new();
    for (name, view) in [("all", RequestView::All), ("mine", RequestView::Mine)] {
        let mut add = |what: &str, filter| {
            all.push((
                format!("requests, {name}{what}"),
                Reading::Requests(view, filter),
            ));
        };
        add("", RequestFilter::default());
        add(
            ", far back",
            RequestFilter {
                before: Some(far_back),
                ..RequestFilter::default()
            },
        );
        for state in RequestStateKind::ALL {
            let filter = RequestFilter {
                state: Some(state),
                ..RequestFilter::default()
            };
            add(&format!(", {state}"), filter);
        }
    }
    all
}

fn of_grants(organization: &Organization, far_back: GrantId) -> Vec<(String, Reading)> {
    let states = |states: &[GrantStateKind]| GrantFilter {
        states: states.to_vec(),
        ..GrantFilter::default()
    };
    let held_by = |place: usize| GrantFilter {
        holder: Some(organization.person(place).user_id.clone()),
        ..GrantFilter::default()
    };
    let place = organization
        .teams
        .first()
        .unwrap()
        .accounts
        .first()
        .unwrap();
    let account = organization
        .snapshot
        .accounts
        .get(*place)
        .unwrap()
        .id
        .to_string();
    let nobody = organization.snapshot.people.len() - 2;
    vec![
        ("grants".to_owned(), Reading::Grants(GrantFilter::default())),
        (
            "grants, far back".to_owned(),
            Reading::Grants(GrantFilter {
                before: Some(far_back),
                ..GrantFilter::default()
            }),
        ),
        (
            "grants, live".to_owned(),
            Reading::Grants(states(&GrantStateKind::LIVE)),
        ),
        (
            "grants, ended".to_owned(),
            Reading::Grants(states(&[GrantStateKind::Ended])),
        ),
        (
            "grants, failed".to_owned(),
            Reading::Grants(states(&[GrantStateKind::Failed])),
        ),
        ("grants of a user".to_owned(), Reading::Grants(held_by(0))),
        (
            "grants of a user without grants".to_owned(),
            Reading::Grants(held_by(nobody)),
        ),
        (
            "grants in an account".to_owned(),
            Reading::Grants(GrantFilter {
                account: Some(account),
                ..GrantFilter::default()
            }),
        ),
        (
            "grants in no account".to_owned(),
            Reading::Grants(GrantFilter {
                account: Some("000000000000".to_owned()),
                ..GrantFilter::default()
            }),
        ),
    ]
}

fn searches(organization: &Organization) -> Vec<(String, RecordQuery)> {
    let mut all = vec![(String::new(), RecordQuery::default())];
    let events = |event: &str| RecordQuery {
        events: vec![event.to_owned()],
        ..RecordQuery::default()
    };
    for event in [
        "request.denied",
        "end.succeeded",
        "drift.missing",
        "no.such.event",
    ] {
        all.push((format!(", event {event}"), events(event)));
    }
    let words = |text: &str| {
        Some(Words {
            text: text.to_owned(),
            named: BTreeSet::new(),
        })
    };
    let somebody = organization.person(0).emails.first().unwrap().to_string();
    for (shown, text) in [
        ("settlement", "settlement"),
        ("prod", "prod"),
        ("a", "a"),
        ("no such words", "no such words anywhere"),
        ("an address", &somebody),
    ] {
        let query = RecordQuery {
            words: words(text),
            ..RecordQuery::default()
        };
        all.push((format!(", words `{shown}`"), query));
    }
    let both = RecordQuery {
        words: words("settlement"),
        ..events("request.denied")
    };
    all.push((", event and words".to_owned(), both));
    all
}

fn of_records(organization: &Organization, far_back: u64) -> Vec<(String, Reading)> {
    let mut all = Vec::new();
    for (name, order) in [
        ("oldest", Order::OldestFirst),
        ("newest", Order::NewestFirst),
    ] {
        let far = match order {
            Order::OldestFirst => RecordQuery {
                from: far_back,
                ..RecordQuery::default()
            },
            Order::NewestFirst => RecordQuery {
                before: Some(far_back),
                ..RecordQuery::default()
            },
        };
        let all_of_it = searches(organization).into_iter();
        for (what, query) in all_of_it.chain([(", far in".to_owned(), far)]) {
            let reading = Reading::Records(RecordQuery { order, ..query });
            all.push((format!("log from the {name}{what}"), reading));
        }
    }
    all
}

impl Reading {
    /// Makes one call; returns the number of rows.
    pub async fn run(&self, access: &Access, log: &dyn AuditStore, actor: &Actor) -> usize {
        match self {
            Self::Requests(view, filter) => access
                .requests(actor, *view, filter, PAGE)
                .await
                .unwrap()
                .rows
                .len(),
            Self::OpenReviews => {
                let all = RequestFilter::default();
                access
                    .open_reviews(actor, &all, PAGE)
                    .await
                    .unwrap()
                    .rows
                    .len()
            }
            Self::Grants(filter) => access.grants(actor, filter, PAGE).await.unwrap().rows.len(),
            Self::Records(query) => search(log, query.clone(), actor).await,
            Self::Decided => {
                let presses = ["request.approved", "request.denied", "review.closed"];
                let query = RecordQuery {
                    events: presses.map(str::to_owned).to_vec(),
                    naming: Some(actor.user.iter().cloned().collect()),
                    ..RecordQuery::default()
                };
                search(log, query, actor).await
            }
            Self::Set(name) => usize::from(access.may_see_set(actor, name).await.unwrap()),
            Self::Counts => {
                let counts = access.counts(TimeSpan::minutes(5)).await.unwrap();
                let _ = access.ends(actor, TimeSpan::hours(1)).await;
                counts.grants.len()
            }
        }
    }
}

async fn search(log: &dyn AuditStore, query: RecordQuery, actor: &Actor) -> usize {
    let mut query = RecordQuery {
        naming: query
            .naming
            .or_else(|| (!actor.reads_all()).then(|| actor.user.iter().cloned().collect())),
        ..query
    };
    let mut rows = 0;
    for _ in 0..ROUNDS_MAX {
        let wanted = u32::try_from(PAGE - rows).unwrap();
        let found = log.records_found(&query, wanted).await.unwrap();
        rows += found.records.len();
        match found.next {
            Some(next) if rows < PAGE => query = query.after(next),
            _ => break,
        }
    }
    rows
}
