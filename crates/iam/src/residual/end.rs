//! Computes each end: portals, held sessions, later sessions, chains.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{TimeSpan, Timestamp};

use super::chain::{self, Graph};
use super::read::{HeldSession, SessionKind};
use crate::input::BadInput;

use super::{
    Deny, EndKind, Event, Held, HeldEntitlement, LONGEST_SESSION, ResidualEnd, ResidualQuestion,
};

type LastEnds<'a> = BTreeMap<&'a str, Timestamp>;

#[derive(Debug, Default)]
pub(super) struct Reckoned {
    pub(super) ends: Vec<ResidualEnd>,
    pub(super) rings: Vec<Vec<String>>,
    pub(super) not_in_graph: Vec<String>,
    /// True if a role was assumed to be in a member account because its account is unknown.
    pub(super) account_assumed: bool,
}

type AnyRole<'a> = Option<&'a str>;

const ANY_ROLE: &str = "any role";

pub(super) fn reckon(question: &ResidualQuestion) -> Reckoned {
    let mut reckoned = Reckoned::default();
    let facts = ResidualFacts::of(question);
    let portals = facts.portals();
    let door = facts.door(&portals);
    let (mut held, mut entitled) = (LastEnds::new(), LastEnds::new());
    let mut roles = Vec::new();
    for (role, start, own, id) in facts.role_sessions() {
        let (end, why) = facts.cut(role, start, own);
        note(&mut held, role, end);
        roles.push(one(EndKind::Role, id, start, end, why));
    }
    if let Some(until) = door {
        for role in facts.starts() {
            let length = question.lengths.permission_set;
            let (end, why) = facts.new_session(role, until, length);
            note(&mut held, role, end);
            let id = role.unwrap_or(ANY_ROLE).to_owned();
            roles.push(one(EndKind::NewRole, id, until.min(end), end, why));
        }
    }
    for it in question.entitlements.known() {
        for end in facts.entitled(it, &portals) {
            let last = end.end.unwrap_or(question.at);
            note(&mut entitled, Some(&it.role), last);
            roles.push(end);
        }
    }
    reckoned.ends.extend(facts.doors(&portals, door));
    reckoned.ends.extend(roles);
    reckoned.ends.extend(facts.apps(&portals));
    if let Some(graph) = &question.graph {
        facts.chains(graph, &held, &entitled, &mut reckoned);
    }
    reckoned.account_assumed = question.deny == Deny::Scp
        && facts
            .starts()
            .iter()
            .any(|role| role.is_none_or(|role| facts.account(role).is_none()));
    reckoned
}

fn note<'a>(held: &mut LastEnds<'a>, role: AnyRole<'a>, end: Timestamp) {
    if let Some(role) = role {
        held.entry(role)
            .and_modify(|old| *old = end.max(*old))
            .or_insert(end);
    }
}

fn one(kind: EndKind, id: String, start: Timestamp, end: Timestamp, why: String) -> ResidualEnd {
    ResidualEnd {
        kind,
        id,
        start,
        end: Some(end),
        why,
    }
}

type Portal = (String, Timestamp, Timestamp);

struct ResidualFacts<'a> {
    question: &'a ResidualQuestion,
    at: Timestamp,
    /// When a deny attached at the event is effective everywhere.
    denied: Timestamp,
    sessions: &'a [HeldSession],
    management_account: Option<&'a str>,
}

impl<'a> ResidualFacts<'a> {
    fn of(question: &'a ResidualQuestion) -> Self {
        let (sessions, mut management_account) = match &question.held {
            Held::Worst => (&[][..], None),
            Held::Listed(listed) => (&*listed.sessions, listed.management_account.as_deref()),
        };
        if let Some(graph) = &question.graph {
            management_account = management_account.or(graph.management_account.as_deref());
        }
        Self {
            question,
            at: question.at,
            denied: question.lengths.propagation.after(question.at),
            sessions,
            management_account,
        }
    }

    fn is_worst(&self) -> bool {
        self.question.held == Held::Worst
    }

    fn portals(&self) -> Vec<Portal> {
        let lengths = &self.question.lengths;
        if self.is_worst() {
            return vec![(
                "worst case".to_owned(),
                self.at,
                lengths.portal_end(self.at),
            )];
        }
        let portals = self
            .sessions
            .iter()
            .filter(|it| it.kind == SessionKind::Portal);
        portals
            .map(|it| {
                let mut own = *lengths;
                own.portal = it.duration.unwrap_or(own.portal);
                let end = it.end.unwrap_or_else(|| own.portal_end(it.start));
                (it.id.clone(), it.start, end)
            })
            .collect()
    }

    /// Until when new role sessions can be taken; `None` if they cannot, or do not count.
    fn door(&self, portals: &[Portal]) -> Option<Timestamp> {
        let open = self.open(portals)?;
        match &self.question.event {
            Event::IdpDisabled | Event::SessionsDenied { .. } => Some(open),
            Event::PortalDeleted => Some(open.min(self.question.lengths.cli_token.after(self.at))),
            Event::UserDisabled
            | Event::AssignmentRemoved
            | Event::UserDenied
            | Event::AttributeChanged => None,
        }
    }

    fn open(&self, portals: &[Portal]) -> Option<Timestamp> {
        let open = portals.iter().map(|(_, _, end)| *end);
        open.filter(|end| *end > self.at).max()
    }

    /// Sessions of a role held by an entitlement. Removing an assignment or permission set or
    /// disabling the user does not end them; their maximum duration is unknown here. One may have
    /// started just before the event even without an open portal session: account access manager
    /// has another entrance.
    fn entitled(&self, it: &'a HeldEntitlement, portals: &[Portal]) -> Vec<ResidualEnd> {
        let whose = if it.by_group {
            "by an entitlement of a group"
        } else {
            "by a personal entitlement"
        };
        let own = LONGEST_SESSION.after(self.at);
        let is_denied = self.denies_issued_sessions_of(Some(&it.role)) && self.denied < own;
        let (end, why) = if is_denied {
            (self.denied, "issued before the deny, once it has spread")
        } else {
            (own, "credentials live until their own end")
        };
        let why = format!("{why}; {whose}");
        let mut ends = vec![one(EndKind::Role, it.role.clone(), self.at, end, why)];
        let door = match &self.question.event {
            Event::UserDisabled => None,
            Event::PortalDeleted => self.door(portals),
            Event::IdpDisabled
            | Event::AssignmentRemoved
            | Event::UserDenied
            | Event::SessionsDenied { .. }
            | Event::AttributeChanged => self.open(portals),
        };
        if let Some(until) = door {
            let (end, why) = taken_last(until, LONGEST_SESSION);
            let why = format!("{why}; {whose}");
            ends.push(one(EndKind::NewRole, it.role.clone(), until, end, why));
        }
        ends
    }

    /// Checks if a deny by issue time stops a session that started then.
    fn is_issued_before_deny(&self, role: AnyRole<'_>, start: Timestamp) -> bool {
        self.denies_issued_sessions_of(role) && (start < self.at || self.is_worst())
    }

    /// Checks if the event is a deny by issue time on this role.
    fn denies_issued_sessions_of(&self, role: AnyRole<'_>) -> bool {
        let Event::SessionsDenied { role: denied } = &self.question.event else {
            return false;
        };
        denied
            .as_deref()
            .is_none_or(|denied| role.is_some_and(|role| same_role(role, denied)))
    }

    fn doors(&self, portals: &[Portal], door: Option<Timestamp>) -> Vec<ResidualEnd> {
        let mut ends = Vec::new();
        for (id, start, own) in portals {
            let (end, why) = match &self.question.event {
                _ if *own <= self.at => (*own, "over before the event"),
                Event::PortalDeleted => (self.at, "deleted"),
                Event::UserDisabled => (self.at, "the user is disabled"),
                Event::IdpDisabled => (*own, "the portal does not ask the identity provider again"),
                Event::AssignmentRemoved => {
                    (*own, "runs on; it gives nothing of the removed assignment")
                }
                Event::UserDenied => (*own, "runs on; sessions taken with it are denied"),
                Event::SessionsDenied { .. } => (*own, "runs on; new sessions work"),
                Event::AttributeChanged => (*own, "runs on; new sessions have the new attribute"),
            };
            ends.push(one(
                EndKind::Portal,
                id.clone(),
                *start,
                end,
                why.to_owned(),
            ));
        }
        if let (Event::PortalDeleted, Some(until)) = (&self.question.event, door) {
            let why = "a token of the command line outlives the portal session".to_owned();
            let id = "command line".to_owned();
            ends.push(one(EndKind::CliToken, id, self.at, until, why));
        }
        ends
    }

    fn role_sessions(&self) -> Vec<(AnyRole<'a>, Timestamp, Timestamp, String)> {
        let length = self.question.lengths.permission_set;
        if self.is_worst() {
            let starts = self.starts().into_iter();
            let name = |role: AnyRole<'_>| role.unwrap_or(ANY_ROLE).to_owned();
            return starts
                .map(|role| (role, self.at, length.after(self.at), name(role)))
                .collect();
        }
        let roles = self
            .sessions
            .iter()
            .filter(|it| it.kind == SessionKind::Role);
        roles
            .map(|it| {
                let end = it
                    .end
                    .unwrap_or_else(|| it.duration.unwrap_or(length).after(it.start));
                (it.role.as_deref(), it.start, end, it.id.clone())
            })
            .collect()
    }

    fn starts(&self) -> Vec<AnyRole<'a>> {
        let graph = self.question.graph.as_ref();
        let mut roles: BTreeSet<&str> = graph.map(Graph::starts).into_iter().flatten().collect();
        roles.extend(self.sessions.iter().filter_map(|it| it.role.as_deref()));
        if roles.is_empty() {
            vec![None]
        } else {
            roles.into_iter().map(Some).collect()
        }
    }

    /// The latest end of a role session, with the reason.
    fn cut(&self, role: AnyRole<'_>, start: Timestamp, own: Timestamp) -> (Timestamp, String) {
        let by_event = match &self.question.event {
            Event::UserDenied => Some("denied for the person, once the policy has spread"),
            _ if self.is_issued_before_deny(role, start) => {
                Some("issued before the deny, once it has spread")
            }
            _ => None,
        };
        let by_deny = self.cap(role).map(|_| "denied, once the policy has spread");
        match by_event.or(by_deny) {
            _ if own <= self.at => (own, "over before the event".to_owned()),
            Some(why) if self.denied < own => (self.denied.max(start), why.to_owned()),
            _ => (own, "credentials live until their own end".to_owned()),
        }
    }

    fn new_session(
        &self,
        role: AnyRole<'_>,
        until: Timestamp,
        length: TimeSpan,
    ) -> (Timestamp, String) {
        match self.cap(role) {
            Some(cap) => (
                cap.min(length.after(until)),
                "denied, once the policy has spread".to_owned(),
            ),
            None => taken_last(until, length),
        }
    }

    fn cap(&self, role: AnyRole<'_>) -> Option<Timestamp> {
        match self.question.deny {
            Deny::None => None,
            Deny::Iam => Some(self.denied),
            Deny::Scp => {
                let account = role.and_then(|role| self.account(role));
                let is_management = account.is_some() && account == self.management_account;
                (!is_management).then_some(self.denied)
            }
        }
    }

    fn account(&self, role: &str) -> Option<&'a str> {
        let graph = self.question.graph.as_ref();
        let of_graph = graph.and_then(|graph| graph.roles.get(role)?.account.as_deref());
        of_graph.or_else(|| {
            let mut sessions = self.sessions.iter();
            let session =
                sessions.find(|it| it.role.as_deref() == Some(role) && it.account.is_some());
            let of_session = session.and_then(|it| it.account.as_deref());
            let mut entitled = self.question.entitlements.known().iter();
            of_session.or_else(|| Some(entitled.find(|it| it.role == role)?.account.as_str()))
        })
    }

    fn apps(&self, portals: &[Portal]) -> Vec<ResidualEnd> {
        let lengths = &self.question.lengths;
        let open = self.open(portals);
        let (until, why) = match &self.question.event {
            Event::IdpDisabled | Event::UserDenied | Event::SessionsDenied { .. } => (
                open.unwrap_or(self.at),
                "the application asks again after the portal session ended",
            ),
            Event::PortalDeleted
            | Event::UserDisabled
            | Event::AssignmentRemoved
            | Event::AttributeChanged => (self.at, "the application asks again by then"),
        };
        let apps = self
            .sessions
            .iter()
            .filter(|it| it.kind == SessionKind::App);
        apps.map(|it| {
            let asked = lengths.app.after(until);
            let own = it.end.or_else(|| Some(it.duration?.after(it.start)));
            let end = own.map_or(asked, |own| own.min(asked));
            one(EndKind::App, it.id.clone(), it.start, end, why.to_owned())
        })
        .collect()
    }

    fn chains(
        &self,
        graph: &'a Graph,
        held: &LastEnds<'a>,
        entitled: &LastEnds<'a>,
        reckoned: &mut Reckoned,
    ) {
        let roles: BTreeSet<&str> = held.keys().chain(entitled.keys()).copied().collect();
        let unknown = roles
            .iter()
            .filter(|role| !graph.roles.contains_key(**role));
        reckoned.not_in_graph = unknown.map(|role| (*role).to_owned()).collect();
        let known = |ends: &LastEnds<'a>| -> LastEnds<'a> {
            let ends = ends.iter();
            let known = ends.filter(|(role, _)| graph.roles.contains_key(**role));
            known.map(|(role, end)| (*role, *end)).collect()
        };
        let step = self.question.lengths.chained;
        let reached = if self.question.deny == Deny::None {
            let mut all = known(held);
            for (role, end) in known(entitled) {
                note(&mut all, Some(role), end);
            }
            chain::follow(graph, &all, |_| None, step)
        } else {
            // a role not reached by a deny passes it to no chained role either
            let denied = chain::follow(graph, &known(held), |role| self.cap(Some(role)), step);
            denied.or(chain::follow(graph, &known(entitled), |_| None, step))
        };
        for link in reached.links {
            let why = match (link.end, link.path.len()) {
                (None, 0 | 1) => "on a ring: a session can be renewed for ever".to_owned(),
                (None, _) => "reached from a ring, for ever".to_owned(),
                (Some(_), _) if link.is_denied => "denied, once the policy has spread".to_owned(),
                (Some(_), _) => format!("assumed at the last moment, good for {step}"),
            };
            reckoned.ends.push(ResidualEnd {
                kind: EndKind::Chained,
                id: link.path.join(" -> "),
                start: link.start.unwrap_or(self.at),
                end: link.end,
                why,
            });
        }
        reckoned.rings = reached.rings;
    }
}

/// Refuses a short name that matches roles in several accounts: the deny is on only one of them.
pub(super) fn ensure_one_role(question: &ResidualQuestion) -> Result<(), BadInput> {
    let Event::SessionsDenied { role: Some(named) } = &question.event else {
        return Ok(());
    };
    let facts = ResidualFacts::of(question);
    let mut meant: BTreeSet<&str> = facts.starts().into_iter().flatten().collect();
    let entitled = question.entitlements.known().iter();
    meant.extend(entitled.map(|it| it.role.as_str()));
    meant.retain(|role| same_role(role, named));
    if meant.len() < 2 || meant.contains(named.as_str()) {
        return Ok(());
    }
    let all = meant.into_iter().collect::<Vec<_>>().join(", ");
    let message = format!(
        "`{named}` is the name of several roles: {all}; write the ARN of the one that denies"
    );
    Err(BadInput::new("E_ARG", message, "--event"))
}

fn taken_last(until: Timestamp, length: TimeSpan) -> (Timestamp, String) {
    let why = format!("taken at the last moment, {until}, and good for {length}");
    (length.after(until), why)
}

fn same_role(role: &str, named: &str) -> bool {
    role == named || role.rsplit('/').next() == Some(named)
}
