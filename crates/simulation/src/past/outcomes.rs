//! Outcomes of requests: decision, grant and end.

use std::collections::BTreeSet;

use hallpass_access::{
    AfterReview, Approval, Closing, EndCause, EndOutcome, Grant, GrantState, Origin, Person,
    Request, RequestState, Review,
};
use hallpass_audit::{Draft, Event};
use hallpass_base::{GrantId, RequestId, TimeSpan, Timestamp};

use super::Journey;
use super::journeys::{Aim, DENIED, Journeys, PastOutcome, WAITS};
use super::records::{PastActor, of_grant, of_request};

/// Returns the first approver of a request, or the requester without one.
fn lead(request: &Request) -> Person {
    let decided = &request.decided;
    match (decided.approvers.first(), decided.approver_users.first()) {
        (Some(email), Some(user)) => Person {
            user: user.clone(),
            email: email.clone(),
            name: email.to_string(),
        },
        _ => request.requester.clone(),
    }
}

impl Journeys<'_> {
    pub(super) fn rejected(&mut self, mut request: Request, at: Timestamp) -> Journey {
        let is_typo = self.dice.chance(300);
        let (code, detail) = if is_typo {
            ("invalid", "no account is named so")
        } else {
            ("requester-not-allowed", "no rule lets you request this")
        };
        request.state = RequestState::Rejected {
            at,
            code: code.to_owned(),
            detail: detail.to_owned(),
        };
        request.decided.approvers.clear();
        request.decided.approver_users.clear();
        request.decided.notify.clear();
        if is_typo {
            request.key = None;
        }
        let me = request.requester.clone();
        let by = PastActor::Person(&me, request.origin);
        let draft = of_request(Event::RequestRejected, by, &request, at, &mut self.dice);
        Journey {
            drafts: vec![(at, draft.error(&format!("{code}: {detail}")))],
            request,
            grant: None,
            desire: None,
        }
    }

    pub(super) fn refused(
        &mut self,
        mut request: Request,
        outcome: &PastOutcome,
        mut drafts: Vec<(Timestamp, Draft)>,
        at: Timestamp,
    ) -> Journey {
        let approver = self.an_approver(&request);
        let me = request.requester.clone();
        let (event, by, at, why) = match outcome {
            PastOutcome::Denied => {
                let words = *self.dice.pick(&DENIED);
                request.state = RequestState::Denied {
                    by: approver.email.clone(),
                    at,
                    reason: Some(words.to_owned()),
                };
                (
                    Event::RequestDenied,
                    PastActor::Person(&approver, Origin::Slack),
                    at,
                    words,
                )
            }
            PastOutcome::Discarded => {
                let by = me.email.clone();
                request.state = RequestState::Discarded { by, at };
                (
                    Event::RequestDiscarded,
                    PastActor::Person(&me, Origin::Web),
                    at,
                    "",
                )
            }
            PastOutcome::Expired
            | PastOutcome::Free
            | PastOutcome::Approved
            | PastOutcome::BrokeGlass
            | PastOutcome::Rejected => {
                let at = WAITS.after(request.asked_at);
                request.state = RequestState::Expired { at };
                (Event::RequestExpired, PastActor::Hallpass, at, "")
            }
        };
        let mut draft = of_request(event, by, &request, at, &mut self.dice);
        if !why.is_empty() {
            draft = draft.why(why);
        }
        drafts.push((at, draft));
        Journey {
            request,
            grant: None,
            desire: None,
            drafts,
        }
    }

    pub(super) fn approved(
        &mut self,
        mut request: Request,
        aim: &Aim,
        mut drafts: Vec<(Timestamp, Draft)>,
        at: Timestamp,
    ) -> Journey {
        let mut approver = self.an_approver(&request);
        for n in 1..aim.needed {
            let first = TimeSpan::seconds(600 - 10 * n as u64)
                .before(at)
                .max(request.asked_at);
            let by = PastActor::Person(&approver, Origin::Slack);
            request.reviews.push(Review {
                by: approver.email.clone(),
                user: Some(approver.user.clone()),
                at: first,
                comment: None,
                counts: true,
            });
            drafts.push((
                first,
                of_request(Event::RequestReviewed, by, &request, first, &mut self.dice),
            ));
            let before = approver.clone();
            while approver.user == before.user {
                approver = self.an_approver(&request);
            }
        }
        self.granted(request, drafts, at, &approver, Approval::Peer)
    }

    pub(super) fn broke_glass(
        &mut self,
        mut request: Request,
        drafts: Vec<(Timestamp, Draft)>,
        at: Timestamp,
    ) -> Journey {
        let words = "customers cannot pay and no approver answers at all";
        let reviewer = self.an_approver(&request);
        let closed_at = TimeSpan::hours(5).after(at);
        let closed = self.dice.chance(970).then(|| Closing {
            by: reviewer.email.clone(),
            at: closed_at,
            words: Some("it was right".to_owned()),
        });
        request.duration = request.duration.min(TimeSpan::hours(1));
        request.after_review = Some(AfterReview {
            justification: words.to_owned(),
            opened_at: at,
            closed: closed.clone(),
        });
        let me = request.requester.clone();
        let mut journey = self.granted(request, drafts, at, &me, Approval::BreakGlass);
        let opened = of_request(
            Event::ReviewOpened,
            PastActor::Person(&me, Origin::Web),
            &journey.request,
            at,
            &mut self.dice,
        );
        let opened = opened.approved_by(&me.email, Some(&me.user), Approval::BreakGlass);
        let opened = opened.why(words);
        journey.drafts.push((at, opened));
        if closed.is_some() {
            let by = PastActor::Person(&reviewer, Origin::Web);
            let draft = of_request(
                Event::ReviewClosed,
                by,
                &journey.request,
                closed_at,
                &mut self.dice,
            );
            journey.drafts.push((closed_at, draft.why("it was right")));
        }
        journey
    }

    pub(super) fn granted(
        &mut self,
        request: Request,
        mut drafts: Vec<(Timestamp, Draft)>,
        at: Timestamp,
        by: &Person,
        approval: Approval,
    ) -> Journey {
        let (request, mut grant) = self.scheduled(request, &mut drafts, at, by, approval);
        if self.dice.chance(8) {
            let failed = TimeSpan::seconds(40).after(at);
            let error = "AWS refused: AccessDeniedException";
            grant.state = GrantState::Failed {
                at: failed,
                error: error.to_owned(),
            };
            let draft = of_grant(
                Event::GrantFailed,
                PastActor::Hallpass,
                &grant,
                failed,
                &mut self.dice,
            );
            drafts.push((failed, draft.error(error)));
            return Journey {
                request,
                grant: Some(grant),
                desire: None,
                drafts,
            };
        }
        let seen = TimeSpan::seconds(5).after(at);
        grant.granted_at = Some(seen);
        grant.ends_at = grant.duration.after(seen);
        grant.aws_request = Some(self.dice.uuid(seen).to_string());
        grant.standing = self.dice.chance(10);
        let draft = of_grant(
            Event::GrantSucceeded,
            PastActor::Hallpass,
            &grant,
            seen,
            &mut self.dice,
        );
        drafts.push((
            seen,
            if grant.standing {
                draft.why("standing")
            } else {
                draft
            },
        ));
        self.over(&request, &mut grant, &mut drafts, seen);
        if self.dice.chance(100) {
            self.last = Some((request.clone(), grant.clone()));
        }
        Journey {
            request,
            grant: Some(grant),
            desire: None,
            drafts,
        }
    }

    pub(super) fn scheduled(
        &mut self,
        mut request: Request,
        drafts: &mut Vec<(Timestamp, Draft)>,
        at: Timestamp,
        by: &Person,
        approval: Approval,
    ) -> (Request, Grant) {
        let grant = Grant {
            id: GrantId::new(self.dice.uuid(at)),
            request: request.id,
            holder: request.requester.clone(),
            key: request.key.clone().unwrap(),
            names: request.names.clone(),
            duration: request.duration,
            reason: request.reason.clone(),
            origin: request.origin,
            approver: by.email.clone(),
            approver_user: Some(by.user.clone()),
            approval,
            based_on: request.decided.based_on.clone(),
            lengthened_by: BTreeSet::new(),
            config_hash: request.decided.config_hash.clone(),
            holder_groups: None,
            secondary_domain: false,
            scheduled_at: at,
            granted_at: None,
            ends_at: request.duration.after(at),
            longest_session: None,
            standing: false,
            warned: false,
            refusals: 0,
            stuck: None,
            end_sessions: false,
            armed_ends: hallpass_access::ArmedEnds::Off,
            never_armed: None,
            aws_request: None,
            seen_news: 0,
            state: GrantState::Scheduled,
            version: 0,
        };
        request.grant = Some(grant.id);
        request.state = RequestState::Approved {
            by: by.email.clone(),
            at,
            approval,
            comment: None,
        };
        let actor = PastActor::Person(by, request.origin);
        let yes = of_request(Event::RequestApproved, actor, &request, at, &mut self.dice);
        drafts.push((at, yes.approved_by(&by.email, Some(&by.user), approval)));
        drafts.push((
            at,
            of_grant(Event::GrantRequested, actor, &grant, at, &mut self.dice),
        ));
        (request, grant)
    }

    /// Returns the reason of the end, and the first finding with its time.
    pub(super) fn cause(
        &mut self,
        request: &Request,
        grant: &Grant,
        seen: Timestamp,
    ) -> (EndCause, Option<Event>, Timestamp) {
        let half = TimeSpan::seconds(grant.duration.as_seconds() / 2).after(seen);
        let lead = lead(request).email;
        match self.dice.below(1_000) {
            0..220 => (EndCause::Released, None, half),
            220..255 => {
                let reason = "the incident is over".to_owned();
                (
                    EndCause::Revoked {
                        by: lead.clone(),
                        reason,
                    },
                    None,
                    half,
                )
            }
            255..262 => (EndCause::RuleChanged, Some(Event::DriftRuleChanged), half),
            262..270 => (
                EndCause::PrincipalLeft,
                Some(Event::DriftPrincipalLeft),
                half,
            ),
            270..276 => (EndCause::Drift, Some(Event::DriftMissing), half),
            _ => (EndCause::Expired, None, grant.ends_at),
        }
    }

    pub(super) fn over(
        &mut self,
        request: &Request,
        grant: &mut Grant,
        drafts: &mut Vec<(Timestamp, Draft)>,
        seen: Timestamp,
    ) {
        let (cause, finding, since) = self.cause(request, grant, seen);
        let who = match &cause {
            EndCause::Released => Some(grant.holder.clone()),
            EndCause::Revoked { .. } => Some(lead(request)),
            EndCause::Expired
            | EndCause::RuleChanged
            | EndCause::PrincipalLeft
            | EndCause::Drift
            | EndCause::Guard { .. } => None,
        };
        let by = match &who {
            Some(person) => PastActor::Person(person, Origin::Web),
            None => PastActor::Hallpass,
        };
        if let Some(event) = finding {
            drafts.push((
                since,
                of_grant(event, PastActor::Hallpass, grant, since, &mut self.dice),
            ));
        }
        let reason = cause.audit_reason();
        let started = of_grant(Event::EndStarted, by, grant, since, &mut self.dice);
        drafts.push((since, started.reason(&reason)));
        let at = TimeSpan::seconds(2 + self.dice.below(6) as u64).after(since);
        let (removed, why) = match (&cause, grant.standing) {
            (EndCause::Drift, _) => (false, EndOutcome::AlreadyAbsent),
            (_, true) => (false, EndOutcome::Standing),
            (_, false) => (true, EndOutcome::Removed),
        };
        let ended = of_grant(
            Event::EndSucceeded,
            PastActor::Hallpass,
            grant,
            at,
            &mut self.dice,
        );
        drafts.push((at, ended.reason(&reason).removed(removed, why.name())));
        grant.warned = grant.duration >= TimeSpan::hours(1);
        grant.state = GrantState::Ended {
            cause,
            at,
            removed,
            why,
        };
    }

    /// Extends a live grant. The grant has ended by now, so only the request's traces are written.
    pub(super) fn extension(&mut self, request: &Request, grant: &Grant) -> Journey {
        let asked = grant.granted_at.unwrap_or(grant.scheduled_at);
        let at = TimeSpan::seconds(grant.duration.as_seconds() / 4).after(asked);
        let decided_at = TimeSpan::seconds(90).after(at);
        let mut extension = Request {
            id: RequestId::new(self.dice.uuid(at)),
            asked_at: at,
            extends: Some(grant.id),
            expires_at: Some(WAITS.after(at)),
            reviews: Vec::new(),
            after_review: None,
            grant: None,
            state: RequestState::Pending,
            ..request.clone()
        };
        let me = extension.requester.clone();
        let mine = PastActor::Person(&me, extension.origin);
        let created = of_request(Event::RequestCreated, mine, &extension, at, &mut self.dice);
        let by = Person {
            user: grant.approver_user.clone().unwrap(),
            email: grant.approver.clone(),
            name: grant.approver.to_string(),
        };
        extension.grant = Some(grant.id);
        extension.state = RequestState::Approved {
            by: by.email.clone(),
            at: decided_at,
            approval: grant.approval,
            comment: None,
        };
        let actor = PastActor::Person(&by, extension.origin);
        let yes = of_request(
            Event::RequestApproved,
            actor,
            &extension,
            decided_at,
            &mut self.dice,
        );
        let longer = of_grant(Event::Extend, actor, grant, decided_at, &mut self.dice);
        Journey {
            request: extension,
            grant: None,
            desire: None,
            drafts: vec![
                (at, created),
                (
                    decided_at,
                    yes.approved_by(&by.email, Some(&by.user), grant.approval),
                ),
                (decided_at, longer),
            ],
        }
    }
}
