//! What a record can be about. Each event, what it means and its name in the log stand in one place.

use std::fmt;

macro_rules! events {
    ($($(#[$about:meta])+ $event:ident = $name:literal,)+) => {
        /// What happened. The name is part of the log's contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Event {
            $($(#[$about])+ $event,)+
        }

        impl Event {
            /// Every event, in the order of a grant's life.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$event),+];

            /// The event's name in the log.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$event => $name,)+
                }
            }
        }
    };
}

events! {
    /// A request was stored and waits for a person.
    RequestCreated = "request.created",
    /// An approval was given that does not decide yet.
    RequestReviewed = "request.reviewed",
    /// A request was refused when it was made.
    RequestRejected = "request.rejected",
    /// A request was decided yes.
    RequestApproved = "request.approved",
    /// A request was decided no.
    RequestDenied = "request.denied",
    /// A request was withdrawn.
    RequestDiscarded = "request.discarded",
    /// A request lapsed: nobody decided in time.
    RequestExpired = "request.expired",
    /// An after-the-fact review of a break-glass grant was opened.
    ReviewOpened = "review.opened",
    /// Such a review was closed.
    ReviewClosed = "review.closed",
    /// Somebody pressed what they may not press.
    PressRefused = "press.refused",
    /// A grant's end and intent were stored; AWS has not been asked yet.
    GrantRequested = "grant.requested",
    /// The access was seen in Identity Center.
    GrantSucceeded = "grant.succeeded",
    /// AWS refused for good, or nothing came of it; absence was confirmed.
    GrantFailed = "grant.failed",
    /// The end of a grant began.
    EndStarted = "end.started",
    /// The access was seen gone, or stays for a reason the record gives.
    EndSucceeded = "end.succeeded",
    /// One attempt to remove the access failed; it is tried again.
    EndFailed = "end.failed",
    /// AWS refuses the removal for good; it is parked in sight.
    EndStuck = "end.stuck",
    /// A create that AWS had not answered took effect after the end was told, and was removed once more.
    EndRepeated = "end.repeated",
    /// The end of a grant moved later.
    Extend = "extend",
    /// Access we gave was removed by somebody else.
    DriftMissing = "drift.missing",
    /// A person left, or was disabled, while holding access.
    DriftPrincipalLeft = "drift.principal_left",
    /// Today's rules would refuse a live grant.
    DriftRuleChanged = "drift.rule_changed",
    /// A sweep looked at what stands; says how much it saw, and how much of it nobody recorded.
    SweepLooked = "sweep.looked",
    /// A sweep found access that nobody recorded and that the one before had not seen.
    SweepFound = "sweep.found",
    /// What a sweep would do waits for an administrator.
    SweepPlanned = "sweep.planned",
    /// A sweep would do more than it may by itself, and did nothing.
    SweepStopped = "sweep.stopped",
    /// An administrator confirmed what a sweep would do.
    SweepConfirmed = "sweep.confirmed",
    /// A sweep could not look, or its process stopped; nothing was done.
    SweepFailed = "sweep.failed",
    /// A sweep is about to remove access that nobody recorded; AWS has not been asked yet.
    SweepRemoving = "sweep.removing",
    /// Access that a sweep removed was seen gone, or was gone already.
    SweepRemoved = "sweep.removed",
    /// AWS refuses what a sweep would remove; it is parked in sight and tried again.
    SweepStuck = "sweep.stuck",
    /// A sweep left an item alone that it was to act on: it is held, accepted or gone by now.
    SweepLeftAlone = "sweep.left_alone",
    /// Memberships by attributes of people were looked at, and something is otherwise than before.
    MembershipsLooked = "memberships.looked",
    /// More people would lose a membership than a run may take away; it took none of these.
    MembershipsStopped = "memberships.stopped",
    /// The directory could not be read whole: no membership was changed.
    MembershipsFailed = "memberships.failed",
    /// Somebody is about to be added to a group, by a rule about attributes; AWS has not been asked yet.
    MembershipAdding = "membership.adding",
    /// They were seen in it.
    MembershipAdded = "membership.added",
    /// Somebody whom no rule about attributes wants there is about to be removed from a group.
    MembershipRemoving = "membership.removing",
    /// They were seen out of it.
    MembershipRemoved = "membership.removed",
    /// AWS refuses the change; it is tried again a day later.
    MembershipRefused = "membership.refused",
    /// The membership was left alone after all: a grant holds it by now.
    MembershipLeftAlone = "membership.left_alone",
    /// An administrator accepted standing access.
    StandingAccepted = "standing.accepted",
    /// An administrator withdrew that.
    StandingWithdrawn = "standing.withdrawn",
    /// Standing access became a grant that ends.
    StandingAdopted = "standing.adopted",
    /// Rules were loaded or replaced.
    ConfigLoaded = "config.loaded",
    /// An API token was made.
    TokenCreated = "token.created",
    /// An API token was revoked.
    TokenRevoked = "token.revoked",
    /// Somebody ended web sessions of their own, on the page or through the API.
    SessionsEnded = "session.revoked",
    /// Every token and session of a person ended: they left or were disabled.
    CredentialsEnded = "credentials.ended",
    /// Somebody signed in for the first time: from here on that sign-in is theirs, and no other.
    SignInBound = "sign_in.bound",
    /// A sign-in that belongs to somebody else, or of somebody who has another, was refused.
    SignInRefused = "sign_in.refused",
    /// The operator forgot which sign-in is whose, so that another one may become it.
    SignInForgotten = "sign_in.forgotten",
    /// A person was locked; their tokens and sessions ended.
    PersonLocked = "person.locked",
    /// A lock was lifted.
    PersonUnlocked = "person.unlocked",
    /// A plan changed a target: somewhere in the organization something is otherwise than before.
    PlanChanged = "plan.changed",
    /// Sessions that outlived a grant were seen denied.
    SessionsCut = "sessions.cut",
    /// They could not be denied; it is tried again.
    SessionsCutFailed = "sessions.cut_failed",
    /// The last of them has ended, and what denied them was seen gone.
    SessionsRestored = "sessions.restored",
    /// The end of a grant was seen armed at AWS: it refuses the person from that instant on.
    EndArmed = "end.armed",
    /// The instant was moved.
    EndRearmed = "end.rearmed",
    /// It was taken out of force.
    EndDisarmed = "end.disarmed",
    /// It could not be armed, and why.
    EndArmFailed = "end.arm_failed",
    /// It was past, not armed, and the home Region of IAM Identity Center was lost: AWS refuses the person from now on.
    EndDenied = "end.denied",
    /// An entitlement of account access manager is about to be deleted: its holder's access ends.
    EntitlementEnding = "entitlement.ending",
    /// AWS has deleted it.
    EntitlementEnded = "entitlement.ended",
    /// AWS has not, and why.
    EntitlementEndFailed = "entitlement.end_failed",
    /// A guard removed access that is still wanted: it knew an older end. It is created again.
    DriftGuard = "drift.guard",
    /// In a guard's journal: what it sees, every hour.
    GuardLooked = "guard.looked",
    /// In a guard's journal: it is about to remove access that is past its end.
    GuardEnding = "guard.ending",
    /// In a guard's journal: it saw that access gone.
    GuardEnded = "guard.ended",
    /// In a guard's journal: AWS refuses the removal for good.
    GuardRefused = "guard.refused",
    /// In a guard's journal: it cannot read what must be gone by when, or does not know the time.
    GuardBlind = "guard.blind",
    /// The clocks disagree: nothing is granted until they agree. Its instant is as they tell it.
    ClockDisagreed = "clock.disagreed",
    /// They agree again.
    ClockAgreed = "clock.agreed",
    /// A row of an alert rule is not told until an instant, and why.
    AlertMuted = "alert.muted",
    /// It is told again.
    AlertUnmuted = "alert.unmuted",
    /// Somebody lets a remediation happen, or has it tried once more.
    RemediationApproved = "remediation.approved",
    /// Somebody says no to a remediation that waited: it is for people.
    RemediationDeclined = "remediation.declined",
    /// Somebody stops all writes of remediations.
    RemediationsPaused = "remediations.paused",
    /// They go on.
    RemediationsResumed = "remediations.resumed",
    /// An operator goes on over a database that lacks records which were seen; says which.
    LogLossAccepted = "log.loss_accepted",
    /// A request of another tool, as that tool's history has it; Hallpass had no part in it.
    HistoryImported = "history.imported",
}

impl Event {
    /// The original's word for the operations it knew, a sweep's removals among them; else the event's
    /// name.
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

    /// Scripts of others ask for them by name.
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
