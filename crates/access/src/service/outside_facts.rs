//! Facts for one decision that neither the rules nor the directory have: the ticket of its request
//! (`access.md` §25), and what its requester holds (§26).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{join, join_all};
use hallpass_base::{GroupId, RequestId, SweepId, TimeSpan, Timestamp, UserId};
use hallpass_rules::{Ask, Decision, Directory, HeldBy, Holding, Holdings, Rules, TicketFacts};

use super::{Access, AccessError, TicketReader};
use crate::target::LookedFor;
use crate::{
    Actor, Asking, Fate, Grant, GrantFilter, GrantStateKind, LiveGrantsSeen, Ports, Request,
    Subject, preview, target,
};

/// A right rests on facts this old at most.
const BELIEVED: TimeSpan = TimeSpan::seconds(5);
/// A start is decided between other work, which does not wait for answers.
const BELIEVED_AT_START: TimeSpan = TimeSpan::seconds(30);
const AWS_PATIENCE: Duration = Duration::from_secs(5);
/// More live grants of one person are an error: nothing constrained is granted.
const GRANTS_MAX: u32 = 500;

/// What a decision needs.
#[derive(Clone, Debug, Default)]
struct Needs {
    ticket_sources: BTreeSet<String>,
    holdings: bool,
}

impl Needs {
    fn of(decision: &Decision, wanted: &Ask<'_>, rules: &Rules, directory: &Directory) -> Self {
        let tickets = decision.tickets.iter();
        Self {
            ticket_sources: tickets.map(|it| it.terms.source.clone()).collect(),
            holdings: rules.constrain(wanted, directory),
        }
    }

    fn of_request(request: &Request, rules: &Rules, directory: &Directory, at: Timestamp) -> Self {
        let Some(question) = request.question() else {
            return Self::default();
        };
        let whose = request.requester.principal();
        let decision = rules.decide(whose, &question, directory, at);
        Self::of(&decision, &question, rules, directory)
    }

    fn is_nothing(&self) -> bool {
        self.ticket_sources.is_empty() && !self.holdings
    }
}

/// Answers of other services.
#[derive(Clone, Debug)]
struct OutsideAnswers {
    tickets: TicketFacts,
    /// `None` if not needed.
    groups: Option<Result<Vec<GroupId>, String>>,
}

async fn ask(
    needs: Needs,
    user: &UserId,
    ticket: &str,
    (tickets, ports): (&TicketReader, &Ports),
) -> OutsideAnswers {
    let now = ports.clock.now();
    let groups = async {
        if !needs.holdings {
            return None;
        }
        let read = ports.standing.groups_of(user);
        Some(match tokio::time::timeout(AWS_PATIENCE, read).await {
            Ok(read) => read.map_err(|fault| fault.to_string()),
            Err(_) => Err("AWS has not answered yet".to_owned()),
        })
    };
    let tickets = tickets.read(ticket, needs.ticket_sources, now);
    let (tickets, groups) = join(tickets, groups).await;
    OutsideAnswers { tickets, groups }
}

/// Facts of one decision.
#[derive(Clone, Debug)]
pub(super) struct OutsideFacts {
    read_at: Timestamp,
    tickets: TicketFacts,
    holdings: Option<Holdings>,
    pub(super) live_grants: Option<LiveGrantsSeen>,
}

impl OutsideFacts {
    pub(super) fn in_directory(&self, directory: &Directory) -> Directory {
        let with = directory.with_ticket(self.tickets.clone());
        match &self.holdings {
            Some(holdings) => with.with_holdings(holdings.clone()),
            None => with,
        }
    }

    pub(super) fn is_old(&self, now: Timestamp) -> bool {
        !BELIEVED.covers(self.read_at, now)
    }
}

/// Answers for requests whose start has come, and when they were asked for: `None` until then.
#[derive(Default)]
pub(super) struct StartAnswers(Mutex<BTreeMap<RequestId, (Timestamp, Option<OutsideAnswers>)>>);

impl StartAnswers {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<RequestId, (Timestamp, Option<OutsideAnswers>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Standing access of the newest listing, by person.
pub(super) type StandingCache = Mutex<Option<(SweepId, Arc<StandingByPerson>)>>;
type StandingByPerson = BTreeMap<UserId, Vec<Subject>>;

impl Access {
    /// Facts for each request of a call. What the call asks for together counts as held.
    pub(super) async fn facts_of_call(
        &self,
        actor: &Actor,
        (askings, extends): (&[Asking], Option<&Grant>),
        rules: &Rules,
        directory: &Directory,
    ) -> Result<Vec<OutsideFacts>, AccessError> {
        let now = self.now();
        let mut needed = Vec::new();
        for asking in askings {
            let wanted = LookedFor::by_asking(&asking.wanted, extends);
            let who = actor.principal();
            let starts_at = asking.starts_at;
            let judged = preview::judge(
                wanted,
                who,
                rules,
                directory,
                &self.settings,
                now,
                starts_at,
            );
            let found = judged.resolved.as_ref().zip(judged.decision.as_ref());
            let found = found.and_then(|(found, decision)| {
                let question = target::question(&found.target, &found.names)?;
                let needs = Needs::of(decision, &question, rules, directory);
                Some((needs, Subject::of(&found.target, &found.names)?))
            });
            needed.push(found);
        }
        let together: Vec<&Subject> = needed.iter().flatten().map(|(_, held)| held).collect();
        let read = askings.iter().zip(&needed).map(|(asking, needed)| {
            let needs = needed.as_ref().map(|(needs, _)| needs.clone());
            let text = asking.ticket.as_deref().unwrap_or_default();
            self.outside(
                actor.user.as_ref(),
                needs.unwrap_or_default(),
                text,
                &together,
            )
        });
        join_all(read).await.into_iter().collect()
    }

    /// Facts for an approval or emergency access now.
    pub(super) async fn facts_of(
        &self,
        request: &Request,
        directory: &Directory,
    ) -> Result<OutsideFacts, AccessError> {
        let at = request.judged_at(self.now());
        let needs = Needs::of_request(request, &self.rules(), directory, at);
        let text = request.ticket.as_deref().unwrap_or_default();
        let user = Some(&request.requester.user);
        self.outside(user, needs, text, &[]).await
    }

    /// Facts for a start, without waiting for other services: `None` while they are asked.
    pub(super) async fn facts_at_start(
        &self,
        request: &Request,
        rules: &Rules,
        directory: &Directory,
    ) -> Result<Option<OutsideFacts>, AccessError> {
        let now = self.now();
        let needs = Needs::of_request(request, rules, directory, now);
        let user = &request.requester.user;
        if needs.is_nothing() {
            let facts = self.outside(Some(user), needs, "", &[]).await?;
            return Ok(Some(facts));
        }
        let Some((at, answers)) = self.answers_at_start(request, needs, now) else {
            return Ok(None);
        };
        let facts = self.complete(user, at, answers, &[]).await?;
        Ok(Some(facts))
    }

    fn answers_at_start(
        &self,
        request: &Request,
        needs: Needs,
        now: Timestamp,
    ) -> Option<(Timestamp, OutsideAnswers)> {
        let mut starts = self.start_answers.lock();
        starts.retain(|_, (at, _)| BELIEVED_AT_START.covers(*at, now));
        if let Some((at, answers)) = starts.get(&request.id) {
            return answers.clone().map(|answers| (*at, answers));
        }
        starts.insert(request.id, (now, None));
        drop(starts);
        let (kept, tickets) = (Arc::clone(&self.start_answers), Arc::clone(&self.tickets));
        let (ports, id) = (self.ports.clone(), request.id);
        let user = request.requester.user.clone();
        let ticket = request.ticket.clone().unwrap_or_default();
        tokio::spawn(async move {
            let answers = ask(needs, &user, &ticket, (&tickets, &ports)).await;
            kept.lock().insert(id, (now, Some(answers)));
        });
        None
    }

    async fn outside(
        &self,
        user: Option<&UserId>,
        needs: Needs,
        ticket: &str,
        together: &[&Subject],
    ) -> Result<OutsideFacts, AccessError> {
        let read_at = self.now();
        let Some(user) = user else {
            return Err(crate::ActionRefused::NotInDirectory.into());
        };
        let answers = ask(needs, user, ticket, (&self.tickets, &self.ports)).await;
        self.complete(user, read_at, answers, together).await
    }

    /// Adds what the store has.
    async fn complete(
        &self,
        user: &UserId,
        read_at: Timestamp,
        answers: OutsideAnswers,
        together: &[&Subject],
    ) -> Result<OutsideFacts, AccessError> {
        let mut facts = OutsideFacts {
            read_at,
            tickets: answers.tickets,
            holdings: None,
            live_grants: None,
        };
        let groups = match answers.groups {
            None => return Ok(facts),
            Some(Err(why)) => {
                facts.holdings = Some(Holdings::Unread { why });
                return Ok(facts);
            }
            Some(Ok(groups)) => groups,
        };
        let filter = GrantFilter {
            holder: Some(user.clone()),
            states: GrantStateKind::LIVE.to_vec(),
            ..GrantFilter::default()
        };
        let grants = self.ports.store.grants(&filter, GRANTS_MAX).await?;
        if grants.next.is_some() {
            let why = format!("more than {GRANTS_MAX} grants");
            facts.holdings = Some(Holdings::Unread { why });
            return Ok(facts);
        }
        facts.live_grants = Some(LiveGrantsSeen {
            user: user.clone(),
            count: u32::try_from(grants.rows.len()).unwrap_or(u32::MAX),
        });
        let mut held: BTreeSet<Holding> = BTreeSet::new();
        let granted = grants.rows.iter().filter_map(|grant| {
            let target = Subject::of(&grant.key.target, &grant.names)?;
            Some((target, HeldBy::Grant(grant.id.to_string())))
        });
        let standing = self.standing_by_person().await?;
        let standing = standing.get(user).into_iter().flatten().cloned();
        let standing = standing.map(|target| (target, HeldBy::Standing));
        let requested = { together.iter() }.map(|it| ((*it).clone(), HeldBy::SameCall));
        let all = granted.chain(standing).chain(requested);
        held.extend(all.map(|(target, by)| Holding { target, by }));
        held.extend(self.held_through(&groups).await?);
        facts.holdings = Some(Holdings::Read(held));
        Ok(facts)
    }

    /// Memberships, and the assignments of these groups in the newest listing.
    async fn held_through(&self, groups: &[GroupId]) -> Result<Vec<Holding>, AccessError> {
        let directory = self.directory();
        let members = groups.iter().map(|group| Holding {
            target: Subject::Group {
                group: group.clone(),
            },
            by: HeldBy::Standing,
        });
        let mut held: Vec<Holding> = members.collect();
        let rows = self.ports.sweeps.group_assignments().await?;
        let rows = rows.into_iter().filter(|it| groups.contains(&it.key.group));
        for row in crate::NamedGroupAssignment::all(rows.collect(), &directory) {
            let subject = Subject::of(&row.row.key.target(), &row.names);
            held.extend(subject.map(|target| Holding {
                target,
                by: HeldBy::Group(row.group.clone()),
            }));
        }
        Ok(held)
    }

    pub(super) async fn standing_by_person(&self) -> Result<Arc<StandingByPerson>, AccessError> {
        let Some(sweep) = self.ports.sweeps.newest_listing().await? else {
            return Ok(Arc::default());
        };
        let kept = || {
            self.standing_cache
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some((_, known)) = kept().as_ref().filter(|(id, _)| *id == sweep.id) {
            return Ok(Arc::clone(known));
        }
        let mut by_person = StandingByPerson::new();
        for item in self.ports.sweeps.sweep_items(sweep.id).await? {
            let is_gone = matches!(item.fate, Fate::Gone { .. });
            let subject = Subject::of(&item.key.target, &item.names).filter(|_| !is_gone);
            let held = by_person.entry(item.key.user).or_default();
            held.extend(subject);
        }
        let by_person = Arc::new(by_person);
        *kept() = Some((sweep.id, Arc::clone(&by_person)));
        Ok(by_person)
    }
}
