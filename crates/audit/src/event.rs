//! The list of events: name in the log and meaning.

use std::fmt;

macro_rules! events {
    ($($(#[$about:meta])* $event:ident = $name:literal,)+) => {
        /// Names are part of the log's contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Event {
            $($(#[$about])* $event,)+
        }

        impl Event {
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$event),+];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$event => $name,)+
                }
            }
        }
    };
}

events! {
    RequestCreated = "request.created",
    /// An approval that does not decide yet.
    RequestReviewed = "request.reviewed",
    /// Refused at the request.
    RequestRejected = "request.rejected",
    RequestApproved = "request.approved",
    RequestDenied = "request.denied",
    RequestDiscarded = "request.discarded",
    /// Not decided in time.
    RequestExpired = "request.expired",
    ReviewOpened = "review.opened",
    ReviewClosed = "review.closed",
    /// A user attempted a forbidden action.
    ActionRefused = "press.refused",
    /// A grant's end and intent were stored; AWS was not called yet.
    GrantRequested = "grant.requested",
    GrantSucceeded = "grant.succeeded",
    /// AWS refused permanently or timed out; absence was confirmed.
    GrantFailed = "grant.failed",
    EndStarted = "end.started",
    /// The access was seen removed, or stays for the recorded reason.
    EndSucceeded = "end.succeeded",
    /// A failed removal attempt; it is retried.
    EndFailed = "end.failed",
    /// AWS refuses the removal permanently.
    EndStuck = "end.stuck",
    /// An unanswered create took effect after the reported end, and was removed.
    EndRepeated = "end.repeated",
    Extend = "extend",
    /// Granted access was removed outside Hallpass.
    DriftMissing = "drift.missing",
    /// The holder left or was disabled.
    DriftPrincipalLeft = "drift.principal_left",
    DriftRuleChanged = "drift.rule_changed",
    /// A sweep's listing, with counts of seen and unmanaged access.
    SweepLooked = "sweep.looked",
    /// A sweep found new unmanaged access.
    SweepFound = "sweep.found",
    /// A plan waits for an administrator.
    SweepPlanned = "sweep.planned",
    /// The plan exceeded a limit; nothing was done.
    SweepStopped = "sweep.stopped",
    SweepConfirmed = "sweep.confirmed",
    /// A sweep could not read, or its process stopped; nothing was done.
    SweepFailed = "sweep.failed",
    /// About to remove unmanaged access; AWS was not called yet.
    SweepRemoving = "sweep.removing",
    /// The access was seen removed, or was already missing.
    SweepRemoved = "sweep.removed",
    /// AWS refuses the removal; it is retried.
    SweepStuck = "sweep.stuck",
    /// A due item was left alone: held, accepted or already missing.
    SweepLeftAlone = "sweep.left_alone",
    /// A membership comparison found a change.
    MembershipsLooked = "memberships.looked",
    /// Too many removals for one run; none was made.
    MembershipsStopped = "memberships.stopped",
    /// The directory could not be read completely: nothing changed.
    MembershipsFailed = "memberships.failed",
    /// About to add a user to a group by an attribute rule; AWS was not called yet.
    MembershipAdding = "membership.adding",
    MembershipAdded = "membership.added",
    /// About to remove a user from a group without a matching rule.
    MembershipRemoving = "membership.removing",
    MembershipRemoved = "membership.removed",
    /// AWS refuses; retried a day later.
    MembershipRefused = "membership.refused",
    /// A grant holds the membership by now.
    MembershipLeftAlone = "membership.left_alone",
    StandingAccepted = "standing.accepted",
    StandingWithdrawn = "standing.withdrawn",
    StandingAdopted = "standing.adopted",
    /// An access review campaign began.
    CampaignBegun = "campaign.begun",
    /// A reviewer answered one line.
    CampaignAnswered = "campaign.answered",
    /// Lines got another reviewer.
    CampaignReassigned = "campaign.reassigned",
    /// No more answers are taken.
    CampaignClosed = "campaign.closed",
    /// An administrator signed off all lines; the record holds their hash.
    CampaignSignedOff = "campaign.signed_off",
    /// A plan of what the signed answers remove waits for an administrator.
    CampaignPlanned = "campaign.planned",
    ConfigLoaded = "config.loaded",
    TokenCreated = "token.created",
    TokenRevoked = "token.revoked",
    /// A user ended their own web sessions, on the page or through the API.
    SessionsEnded = "session.revoked",
    /// All tokens and sessions of a user ended: they left or were disabled.
    CredentialsEnded = "credentials.ended",
    /// A first sign-in: it is bound to the user from now on.
    SignInBound = "sign_in.bound",
    /// An administrator signed in by a one-time link, before a provider was configured.
    SignInByLink = "sign_in.link",
    /// The sign-in is bound to another user, or the user to another sign-in.
    SignInRefused = "sign_in.refused",
    /// The operator deleted a binding, so that another sign-in may replace it.
    SignInForgotten = "sign_in.forgotten",
    /// Tokens and sessions ended too.
    PersonLocked = "person.locked",
    PersonUnlocked = "person.unlocked",
    /// Someone is out of office until an instant, perhaps with a delegate.
    AbsenceSet = "absence.set",
    /// The absence ended before its time.
    AbsenceEnded = "absence.ended",
    PlanChanged = "plan.changed",
    /// Sessions that outlived a grant are denied.
    SessionsCut = "sessions.cut",
    /// The denial failed; it is retried.
    SessionsCutFailed = "sessions.cut_failed",
    /// The last session ended, and the denial was removed.
    SessionsRestored = "sessions.restored",
    /// AWS enforces the end: it denies the person from that instant on.
    EndArmed = "end.armed",
    /// The enforced end was moved.
    EndRearmed = "end.rearmed",
    EndDisarmed = "end.disarmed",
    EndArmFailed = "end.arm_failed",
    /// Overdue and not enforced during an outage of IAM Identity Center's home Region: AWS denies
    /// the person from now on.
    EndDenied = "end.denied",
    /// About to delete an account access manager entitlement, because the holder's access ends.
    EntitlementEnding = "entitlement.ending",
    EntitlementEnded = "entitlement.ended",
    EntitlementEndFailed = "entitlement.end_failed",
    /// A guard with an older end removed wanted access. It is recreated.
    DriftGuard = "drift.guard",
    /// In a guard's journal: its hourly status.
    GuardLooked = "guard.looked",
    /// In a guard's journal: about to remove expired access.
    GuardEnding = "guard.ending",
    /// In a guard's journal: the access was seen removed.
    GuardEnded = "guard.ended",
    /// In a guard's journal: AWS refuses the removal permanently.
    GuardRefused = "guard.refused",
    /// In a guard's journal: it cannot read the ends, or does not know the time.
    GuardBlind = "guard.blind",
    /// Nothing is granted until clocks agree. The record's instant is as they report it.
    ClockDisagreed = "clock.disagreed",
    ClockAgreed = "clock.agreed",
    AlertMuted = "alert.muted",
    AlertUnmuted = "alert.unmuted",
    /// Approved, or retried.
    RemediationApproved = "remediation.approved",
    /// Denied: left for manual work.
    RemediationDeclined = "remediation.declined",
    RemediationsPaused = "remediations.paused",
    RemediationsResumed = "remediations.resumed",
    /// An operator continues with a database that lost the named records.
    LogLossAccepted = "log.loss_accepted",
    /// A request in another tool's history; Hallpass had no part in it.
    HistoryImported = "history.imported",
}

impl Event {
    /// The original's term for its operations, sweep removals included; else the event's name.
    pub(crate) fn operation_type(self) -> &'static str {
        match self {
            Self::GrantSucceeded => "grant",
            Self::EndSucceeded | Self::SweepRemoved => "revoke",
            other => other.name(),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// External scripts use these names.
    #[test]
    fn names_are_words_and_each_its_own() {
        let names: BTreeSet<&str> = Event::ALL.iter().map(|event| event.name()).collect();
        assert_eq!(names.len(), Event::ALL.len());
        for name in names {
            let is_word = |part: &str| {
                !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            };
            let parts: Vec<&str> = name.split('.').collect();
            assert!(parts.iter().all(|part| is_word(part)), "{name}");
            assert!(parts.len() == 2 || name == "extend", "{name}");
        }
        assert_eq!(Event::SweepRemoved.operation_type(), "revoke");
        assert_eq!(Event::SweepRemoved.name(), "sweep.removed");
        assert_eq!(Event::GrantSucceeded.operation_type(), "grant");
        assert_eq!(Event::EndSucceeded.operation_type(), "revoke");
    }
}
