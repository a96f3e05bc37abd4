//! Journeys in order of request: requester, decision and end.

use hallpass_access::{
    Approval, DecidedKind, DecisionKind, DesiredAssignment, Grant, Origin, Person, Reminders,
    Request, RequestState, RulingAtAsking, Wanted,
};
use hallpass_assignments::EndPriority;
use hallpass_audit::Event;
use hallpass_base::{Email, HoldKey, RequestId, Target, TargetNames, TimeSpan, Timestamp};

use super::organization::TEAM_SETS;
use super::records::{PastActor, of_request, of_rules};
use super::rng::Rng;
use super::{Journey, Organization, Sizes, Team};

/// Requests per thousand without a grant.
const WITHOUT_GRANT: u64 = 175;
pub(super) const WAITS: TimeSpan = TimeSpan::hours(8);
const WHY: [&str; 12] = [
    "the settlement job is stuck and holds the queue",
    "customers report slow answers of the search",
    "follow the deployment of the new ledger version",
    "check why last night's backup took four hours",
    "rotate the credentials of the partner's gateway",
    "read the access logs for the incident review",
    "clean up the index that fills the disk",
    "move the nightly report to the new cluster",
    "look at the failed payments of this morning",
    "try the migration on real data before Monday",
    "answer a question of the auditors about retention",
    "raise the limit of the message queue",
];
pub(super) const DENIED: [&str; 4] = [
    "ReadOnly is enough for this",
    "please pair with the engineer on call",
    "not during the freeze",
    "request again with the ticket",
];

/// The target of a request and its rule.
pub(super) struct Aim {
    target: Target,
    names: TargetNames,
    rule: String,
    approvers: Vec<usize>,
    pub(super) needed: usize,
    is_free: bool,
}

pub(super) enum PastOutcome {
    Free,
    Approved,
    BrokeGlass,
    Denied,
    Discarded,
    Expired,
    Rejected,
}

pub(super) struct Journeys<'a> {
    pub(super) organization: &'a Organization,
    pub(super) dice: Rng,
    pub(super) count: u64,
    pub(super) live_from: u64,
    pub(super) pending_from: u64,
    pub(super) begins: Timestamp,
    pub(super) until: Timestamp,
    pub(super) place: u64,
    pub(super) taken: std::collections::BTreeSet<String>,
    pub(super) last: Option<(Request, Grant)>,
    pub(super) config_hash: String,
}

impl<'a> Journeys<'a> {
    pub(super) fn new(
        organization: &'a Organization,
        sizes: &Sizes,
        until: Timestamp,
        mut dice: Rng,
    ) -> Self {
        let past = u64::from(sizes.grants) * 1_000 / (1_000 - WITHOUT_GRANT);
        let hash = |dice: &mut Rng| format!("{:032x}{:032x}", dice.uuid(until).as_u128(), 7);
        Self {
            organization,
            count: past + u64::from(sizes.live) + u64::from(sizes.pending),
            live_from: past,
            pending_from: past + u64::from(sizes.live),
            begins: TimeSpan::hours(u64::from(sizes.years) * 365 * 24).before(until),
            until,
            place: 0,
            taken: std::collections::BTreeSet::new(),
            last: None,
            config_hash: hash(&mut dice),
            dice,
        }
    }

    pub(super) fn asked_at(&mut self) -> Timestamp {
        // live or waiting requests come last, made within two hours
        let recent = TimeSpan::hours(2).before(self.until);
        let (from, to, place, count) = if self.place < self.live_from {
            let past = TimeSpan::hours(26).before(self.until);
            (self.begins, past, self.place, self.live_from)
        } else {
            let count = self.count - self.live_from;
            (recent, self.until, self.place - self.live_from, count)
        };
        let step = TimeSpan::between(from, to).as_seconds() * 1_000_000 / count.max(1);
        let jitter = u64::try_from(self.dice.below(usize::try_from(step.max(1)).unwrap())).unwrap();
        let micros = step * place + jitter;
        from + std::time::Duration::from_micros(micros)
    }

    pub(super) fn next(&mut self) -> Option<Journey> {
        if self.place >= self.count {
            return None;
        }
        let at = self.asked_at();
        let place = self.place;
        self.place += 1;
        let journey = if place >= self.pending_from {
            self.waiting(at)
        } else if place >= self.live_from {
            self.live(at)
        } else if let Some((request, grant)) = self.last.take()
            && self.dice.chance(500)
        {
            self.extension(&request, &grant)
        } else {
            self.past(at)
        };
        Some(journey)
    }

    pub(super) fn team(&mut self) -> (&'a Team, usize) {
        let number = self.dice.skewed(self.organization.teams.len());
        (self.organization.teams.get(number).unwrap(), number)
    }

    pub(super) fn aim(&mut self, team: &Team, number: usize) -> Aim {
        let snapshot = &self.organization.snapshot;
        let leads = team.people.get(..4).unwrap().to_vec();
        let account = *self.dice.pick(&team.accounts);
        let kind = self.dice.below(100);
        if kind < 8 {
            let group = snapshot.groups.get(team.on_call).unwrap();
            return Aim {
                target: Target::Group {
                    group: group.id.clone(),
                },
                names: TargetNames::Group {
                    group: group.name.clone(),
                },
                rule: format!("team{number:02}-oncall"),
                approvers: leads,
                needed: 1,
                is_free: false,
            };
        }
        let (account, set, rule, approvers, needed) = match kind {
            8..40 => {
                let anywhere = self.dice.below(snapshot.accounts.len());
                (
                    anywhere,
                    "ReadOnly",
                    "read-anywhere".to_owned(),
                    Vec::new(),
                    0,
                )
            }
            40..46 => {
                let prod = *team.accounts.first().unwrap();
                let security = self.organization.security.clone();
                (
                    prod,
                    "AdministratorAccess",
                    "administration".to_owned(),
                    security,
                    2,
                )
            }
            _ => {
                let set = TEAM_SETS.get(self.dice.skewed(TEAM_SETS.len())).unwrap();
                (account, *set, format!("team{number:02}"), leads, 1)
            }
        };
        let known = snapshot.permission_sets.iter().find(|it| it.name == set);
        let place = snapshot.accounts.get(account).unwrap();
        Aim {
            target: Target::Account {
                account: place.id.clone(),
                permission_set: known.unwrap().arn.clone(),
            },
            names: TargetNames::Account {
                account: place.name.clone(),
                permission_set: set.to_owned(),
            },
            rule,
            approvers,
            needed,
            is_free: needed == 0,
        }
    }

    pub(super) fn somebody(&self, place: usize) -> Person {
        let person = self.organization.person(place);
        Person {
            user: person.user_id.clone(),
            email: person.emails.first().unwrap().clone(),
            name: person.display_name.clone(),
        }
    }

    pub(super) fn an_approver(&mut self, request: &Request) -> Person {
        let decided = &request.decided;
        let place = self.dice.below(decided.approvers.len());
        let email = decided.approvers.get(place).unwrap();
        Person {
            user: decided.approver_users.get(place).unwrap().clone(),
            email: email.clone(),
            name: email.to_string(),
        }
    }

    pub(super) fn request(&mut self, who: usize, aim: &Aim, at: Timestamp) -> Request {
        let requester = self.somebody(who);
        let others = aim.approvers.iter().filter(|place| **place != who);
        let approvers: Vec<Person> = others.map(|place| self.somebody(*place)).collect();
        let addresses: Vec<Email> = approvers.iter().map(|it| it.email.clone()).collect();
        let origins = [
            Origin::Web,
            Origin::Slack,
            Origin::Slack,
            Origin::Cli,
            Origin::Api,
        ];
        let ticket = self.dice.below(90_000) + 1_000;
        let minutes = *self.dice.pick(&[30_u64, 60, 60, 120, 240, 480]);
        Request {
            id: RequestId::new(self.dice.uuid(at)),
            wanted: wanted(&aim.names),
            key: Some(HoldKey {
                user: requester.user.clone(),
                target: aim.target.clone(),
            }),
            requester,
            names: aim.names.clone(),
            duration: TimeSpan::minutes(minutes),
            shortened: None,
            asked_with: Vec::new(),
            reason: format!("INC-{ticket}: {}", self.dice.pick(&WHY)),
            ticket: self.dice.chance(300).then(|| format!("OPS-{ticket}")),
            origin: *self.dice.pick(&origins),
            secondary_domain: false,
            asked_at: at,
            expires_at: Some(WAITS.after(at)),
            start: None,
            extends: None,
            decided: RulingAtAsking {
                kind: DecidedKind::Rules(if aim.is_free {
                    DecisionKind::ApprovalNotRequired
                } else {
                    DecisionKind::RequiresApproval
                }),
                notify: addresses.clone(),
                approvers: addresses,
                approver_users: approvers.into_iter().map(|it| it.user).collect(),
                based_on: vec![aim.rule.clone()],
                config_hash: self.config_hash.clone(),
                approvals_needed: u32::try_from(aim.needed).unwrap(),
                on_call: Vec::new(),
                tickets: Vec::new(),
                exceptions: Vec::new(),
            },
            reviews: Vec::new(),
            confirmed: Vec::new(),
            reminders: Reminders {
                sent: 0,
                next_at: None,
            },
            grant: None,
            after_review: None,
            state: RequestState::Pending,
            outstanding: None,
            version: 0,
        }
    }

    pub(super) fn asker(&mut self, team: &Team) -> usize {
        *team
            .people
            .get(self.dice.skewed(team.people.len()))
            .unwrap()
    }

    pub(super) fn outcome(&mut self, aim: &Aim) -> PastOutcome {
        let dice = self.dice.below(1_000);
        match (aim.is_free, dice) {
            (_, 0..30) => PastOutcome::Rejected,
            (true, _) => PastOutcome::Free,
            (false, 30..125) => PastOutcome::Denied,
            (false, 125..165) => PastOutcome::Discarded,
            (false, 165..245) => PastOutcome::Expired,
            (false, 245..252) if aim.needed == 1 => PastOutcome::BrokeGlass,
            (false, _) => PastOutcome::Approved,
        }
    }

    pub(super) fn past(&mut self, at: Timestamp) -> Journey {
        let (team, number) = self.team();
        let who = self.asker(team);
        let aim = self.aim(team, number);
        let request = self.request(who, &aim, at);
        let outcome = self.outcome(&aim);
        let mut drafts = Vec::new();
        let minutes = self.dice.below(90) + 1;
        let decided_at = TimeSpan::seconds(20 + 37 * minutes as u64).after(at);
        if matches!(outcome, PastOutcome::Rejected) {
            return self.rejected(request, at);
        }
        let origin = request.origin;
        let me = request.requester.clone();
        let mine = PastActor::Person(&me, origin);
        drafts.push((
            at,
            of_request(Event::RequestCreated, mine, &request, at, &mut self.dice),
        ));
        if self.dice.chance(15) {
            let stranger = self.somebody(self.organization.security.len() + number);
            let by = PastActor::Person(&stranger, Origin::Web);
            let draft = of_request(
                Event::ActionRefused,
                by,
                &request,
                decided_at,
                &mut self.dice,
            );
            let words = "not-an-approver: not an approver of this request";
            drafts.push((decided_at, draft.why("approve").error(words)));
        }
        match outcome {
            PastOutcome::Free => {
                let by = request.requester.clone();
                self.granted(request, drafts, at, &by, Approval::NotRequired)
            }
            PastOutcome::Approved => self.approved(request, &aim, drafts, decided_at),
            PastOutcome::BrokeGlass => self.broke_glass(request, drafts, decided_at),
            PastOutcome::Denied
            | PastOutcome::Discarded
            | PastOutcome::Expired
            | PastOutcome::Rejected => self.refused(request, &outcome, drafts, decided_at),
        }
    }

    /// Returns a key neither held nor waited for at the end.
    pub(super) fn free_key(&mut self, at: Timestamp) -> (Aim, Request) {
        loop {
            let (team, number) = self.team();
            let who = self.asker(team);
            let aim = self.aim(team, number);
            let request = self.request(who, &aim, at);
            let key = request
                .key
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            if !aim.is_free && self.taken.insert(key) {
                return (aim, request);
            }
        }
    }

    pub(super) fn live(&mut self, at: Timestamp) -> Journey {
        let (_, request) = self.free_key(at);
        let request = Request {
            duration: TimeSpan::hours(20),
            ..request
        };
        let me = request.requester.clone();
        let mine = PastActor::Person(&me, request.origin);
        let created = of_request(Event::RequestCreated, mine, &request, at, &mut self.dice);
        let mut drafts = vec![(at, created)];
        let by = self.an_approver(&request);
        let decided_at = TimeSpan::seconds(30).after(at);
        let (request, grant) =
            self.scheduled(request, &mut drafts, decided_at, &by, Approval::Peer);
        let desire = DesiredAssignment::Until {
            key: grant.key.clone(),
            rev: None,
            until: grant.ends_at,
            asked_at: decided_at,
            haste: EndPriority::Ordinary,
        };
        Journey {
            request,
            grant: Some(grant),
            desire: Some(desire),
            drafts,
        }
    }

    pub(super) fn waiting(&mut self, at: Timestamp) -> Journey {
        let (_, mut request) = self.free_key(at);
        request.reminders.next_at = Some(TimeSpan::hours(3).after(at));
        let me = request.requester.clone();
        let by = PastActor::Person(&me, request.origin);
        let mut drafts = vec![(
            at,
            of_request(Event::RequestCreated, by, &request, at, &mut self.dice),
        )];
        if self.dice.chance(100) {
            drafts.push((at, of_rules(&self.config_hash, at, &mut self.dice)));
        }
        Journey {
            request,
            grant: None,
            desire: None,
            drafts,
        }
    }
}

fn wanted(names: &TargetNames) -> Wanted {
    match names {
        TargetNames::Account {
            account,
            permission_set,
        } => Wanted::Account {
            account: account.clone(),
            permission_set: permission_set.clone(),
        },
        TargetNames::Group { group } => Wanted::Group {
            group: group.clone(),
        },
    }
}
