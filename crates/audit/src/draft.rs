//! What one record says, before it has a number. Field names and the `NA` convention are those of
//! the log that existing queries read (`access.md` §14.1), with our own fields beside them.

use std::fmt;

use hallpass_model::{
    AccountId, AuditId, Email, GrantId, HoldKey, RequestId, SweepId, Target, TargetNames, TimeSpan,
    Timestamp, UserId,
};
use serde_json::{Map, Value, json};

/// How the log writes "unknown or not applicable".
pub const NOT_APPLICABLE: &str = "NA";

/// What happened. The name is part of the log's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// A request was stored and waits for a person.
    RequestCreated,
    /// An approval was given that does not decide yet.
    RequestReviewed,
    /// A request was refused when it was made.
    RequestRejected,
    /// A request was decided yes.
    RequestApproved,
    /// A request was decided no.
    RequestDenied,
    /// A request was withdrawn.
    RequestDiscarded,
    /// A request lapsed: nobody decided in time.
    RequestExpired,
    /// An after-the-fact review of a break-glass grant was opened.
    ReviewOpened,
    /// Such a review was closed.
    ReviewClosed,
    /// Somebody pressed what they may not press.
    PressRefused,
    /// A grant's end and intent were stored; AWS has not been asked yet.
    GrantRequested,
    /// The access was seen in Identity Center.
    GrantSucceeded,
    /// AWS refused for good, or nothing came of it; absence was confirmed.
    GrantFailed,
    /// The end of a grant began.
    EndStarted,
    /// The access was seen gone, or stays for a reason the record gives.
    EndSucceeded,
    /// One attempt to remove the access failed; it is tried again.
    EndFailed,
    /// AWS refuses the removal for good; it is parked in sight.
    EndStuck,
    /// The end of a grant moved later.
    Extend,
    /// Access we gave was removed by somebody else.
    DriftMissing,
    /// A person left, or was disabled, while holding access.
    DriftPrincipalLeft,
    /// Today's rules would refuse a live grant.
    DriftRuleChanged,
    /// A sweep looked at what stands; says how much it saw, and how much of it nobody recorded.
    SweepLooked,
    /// A sweep found access that nobody recorded and that the one before had not seen.
    SweepFound,
    /// What a sweep would do waits for an administrator.
    SweepPlanned,
    /// A sweep would do more than it may by itself, and did nothing.
    SweepStopped,
    /// An administrator confirmed what a sweep would do.
    SweepConfirmed,
    /// A sweep could not look, or its process stopped; nothing was done.
    SweepFailed,
    /// A sweep is about to remove access that nobody recorded; AWS has not been asked yet.
    SweepRemoving,
    /// Access that a sweep removed was seen gone, or was gone already.
    SweepRemoved,
    /// AWS refuses what a sweep would remove; it is parked in sight and tried again.
    SweepStuck,
    /// A sweep left an item alone that it was to act on: it is held, accepted or gone by now.
    SweepLeftAlone,
    /// An administrator accepted standing access.
    StandingAccepted,
    /// An administrator withdrew that.
    StandingWithdrawn,
    /// Standing access became a grant that ends.
    StandingAdopted,
    /// Rules were loaded or replaced.
    ConfigLoaded,
    /// An API token was made.
    TokenCreated,
    /// An API token was revoked.
    TokenRevoked,
    /// Somebody ended web sessions of their own, on the page or through the API.
    SessionsEnded,
    /// Every token and session of a person ended: they left or were disabled.
    CredentialsEnded,
    /// Somebody signed in for the first time: from here on that sign-in is theirs, and no other.
    SignInBound,
    /// A sign-in that belongs to somebody else, or of somebody who has another, was refused.
    SignInRefused,
    /// The operator forgot which sign-in is whose, so that another one may become it.
    SignInForgotten,
    /// A person was locked; their tokens and sessions ended.
    PersonLocked,
    /// A lock was lifted.
    PersonUnlocked,
    /// A plan changed a target: somewhere in the organization something is otherwise than before.
    PlanChanged,
    /// Sessions that outlived a grant were seen denied.
    SessionsCut,
    /// They could not be denied; it is tried again.
    SessionsCutFailed,
    /// The last of them has ended, and what denied them was seen gone.
    SessionsRestored,
    /// The end of a grant was seen armed at AWS: it refuses the person from that instant on.
    EndArmed,
    /// The instant was moved.
    EndRearmed,
    /// It was taken out of force.
    EndDisarmed,
    /// It could not be armed, and why.
    EndArmFailed,
    /// It was past, not armed, and the home Region of IAM Identity Center was lost: AWS refuses the person from now on.
    EndDenied,
    /// An entitlement of account access manager is about to be deleted: its holder's access ends.
    EntitlementEnding,
    /// AWS has deleted it.
    EntitlementEnded,
    /// AWS has not, and why.
    EntitlementEndFailed,
    /// A guard removed access that is still wanted: it knew an older end. It is created again.
    DriftGuard,
    /// In a guard's journal: what it sees, every hour.
    GuardLooked,
    /// In a guard's journal: it is about to remove access that is past its end.
    GuardEnding,
    /// In a guard's journal: it saw that access gone.
    GuardEnded,
    /// In a guard's journal: AWS refuses the removal for good.
    GuardRefused,
    /// In a guard's journal: it cannot read what must be gone by when, or does not know the time.
    GuardBlind,
    /// The clocks disagree: nothing is granted until they agree. Its instant is as they tell it.
    ClockDisagreed,
    /// They agree again.
    ClockAgreed,
    /// A row of an alert rule is not told until an instant, and why.
    AlertMuted,
    /// It is told again.
    AlertUnmuted,
    /// Somebody lets a remediation happen, or has it tried once more.
    RemediationApproved,
    /// Somebody says no to a remediation that waited: it is for people.
    RemediationDeclined,
    /// Somebody stops all writes of remediations.
    RemediationsPaused,
    /// They go on.
    RemediationsResumed,
}

impl Event {
    /// Every event, in the order of a grant's life.
    pub const ALL: [Self; 70] = [
        Self::RequestCreated,
        Self::RequestReviewed,
        Self::RequestRejected,
        Self::RequestApproved,
        Self::RequestDenied,
        Self::RequestDiscarded,
        Self::RequestExpired,
        Self::ReviewOpened,
        Self::ReviewClosed,
        Self::PressRefused,
        Self::GrantRequested,
        Self::GrantSucceeded,
        Self::GrantFailed,
        Self::EndStarted,
        Self::EndSucceeded,
        Self::EndFailed,
        Self::EndStuck,
        Self::Extend,
        Self::DriftMissing,
        Self::DriftPrincipalLeft,
        Self::DriftRuleChanged,
        Self::SweepLooked,
        Self::SweepFound,
        Self::SweepPlanned,
        Self::SweepStopped,
        Self::SweepConfirmed,
        Self::SweepFailed,
        Self::SweepRemoving,
        Self::SweepRemoved,
        Self::SweepStuck,
        Self::SweepLeftAlone,
        Self::StandingAccepted,
        Self::StandingWithdrawn,
        Self::StandingAdopted,
        Self::ConfigLoaded,
        Self::TokenCreated,
        Self::TokenRevoked,
        Self::SessionsEnded,
        Self::CredentialsEnded,
        Self::SignInBound,
        Self::SignInRefused,
        Self::SignInForgotten,
        Self::PersonLocked,
        Self::PersonUnlocked,
        Self::PlanChanged,
        Self::SessionsCut,
        Self::SessionsCutFailed,
        Self::SessionsRestored,
        Self::EndArmed,
        Self::EndRearmed,
        Self::EndDisarmed,
        Self::EndArmFailed,
        Self::EndDenied,
        Self::EntitlementEnding,
        Self::EntitlementEnded,
        Self::EntitlementEndFailed,
        Self::DriftGuard,
        Self::GuardLooked,
        Self::GuardEnding,
        Self::GuardEnded,
        Self::GuardRefused,
        Self::GuardBlind,
        Self::ClockDisagreed,
        Self::ClockAgreed,
        Self::AlertMuted,
        Self::AlertUnmuted,
        Self::RemediationApproved,
        Self::RemediationDeclined,
        Self::RemediationsPaused,
        Self::RemediationsResumed,
    ];

    /// The event's name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequestCreated => "request.created",
            Self::RequestReviewed => "request.reviewed",
            Self::RequestRejected => "request.rejected",
            Self::RequestApproved => "request.approved",
            Self::RequestDenied => "request.denied",
            Self::RequestDiscarded => "request.discarded",
            Self::RequestExpired => "request.expired",
            Self::ReviewOpened => "review.opened",
            Self::ReviewClosed => "review.closed",
            Self::PressRefused => "press.refused",
            Self::GrantRequested => "grant.requested",
            Self::GrantSucceeded => "grant.succeeded",
            Self::GrantFailed => "grant.failed",
            Self::EndStarted => "end.started",
            Self::EndSucceeded => "end.succeeded",
            Self::EndFailed => "end.failed",
            Self::EndStuck => "end.stuck",
            Self::Extend => "extend",
            Self::DriftMissing => "drift.missing",
            Self::DriftPrincipalLeft => "drift.principal_left",
            Self::DriftRuleChanged => "drift.rule_changed",
            Self::SweepLooked => "sweep.looked",
            Self::SweepFound => "sweep.found",
            Self::SweepPlanned => "sweep.planned",
            Self::SweepStopped => "sweep.stopped",
            Self::SweepConfirmed => "sweep.confirmed",
            Self::SweepFailed => "sweep.failed",
            Self::SweepRemoving => "sweep.removing",
            Self::SweepRemoved => "sweep.removed",
            Self::SweepStuck => "sweep.stuck",
            Self::SweepLeftAlone => "sweep.left_alone",
            Self::StandingAccepted => "standing.accepted",
            Self::StandingWithdrawn => "standing.withdrawn",
            Self::StandingAdopted => "standing.adopted",
            Self::ConfigLoaded => "config.loaded",
            Self::TokenCreated => "token.created",
            Self::TokenRevoked => "token.revoked",
            Self::SessionsEnded => "session.revoked",
            Self::CredentialsEnded => "credentials.ended",
            Self::SignInBound => "sign_in.bound",
            Self::SignInRefused => "sign_in.refused",
            Self::SignInForgotten => "sign_in.forgotten",
            Self::PersonLocked => "person.locked",
            Self::PersonUnlocked => "person.unlocked",
            Self::PlanChanged => "plan.changed",
            Self::SessionsCut => "sessions.cut",
            Self::SessionsCutFailed => "sessions.cut_failed",
            Self::SessionsRestored => "sessions.restored",
            Self::EndArmed
            | Self::EndRearmed
            | Self::EndDisarmed
            | Self::EndArmFailed
            | Self::EndDenied => self.name_of_armed_end(),
            Self::EntitlementEnding => "entitlement.ending",
            Self::EntitlementEnded => "entitlement.ended",
            Self::EntitlementEndFailed => "entitlement.end_failed",
            Self::DriftGuard => "drift.guard",
            Self::GuardLooked => "guard.looked",
            Self::GuardEnding => "guard.ending",
            Self::GuardEnded => "guard.ended",
            Self::GuardRefused => "guard.refused",
            Self::GuardBlind => "guard.blind",
            Self::ClockDisagreed => "clock.disagreed",
            Self::ClockAgreed => "clock.agreed",
            Self::AlertMuted => "alert.muted",
            Self::AlertUnmuted => "alert.unmuted",
            Self::RemediationApproved => "remediation.approved",
            Self::RemediationDeclined => "remediation.declined",
            Self::RemediationsPaused => "remediations.paused",
            Self::RemediationsResumed => "remediations.resumed",
        }
    }

    /// The name of what AWS refuses by itself, or no longer.
    const fn name_of_armed_end(self) -> &'static str {
        match self {
            Self::EndArmed => "end.armed",
            Self::EndRearmed => "end.rearmed",
            Self::EndArmFailed => "end.arm_failed",
            Self::EndDenied => "end.denied",
            _ => "end.disarmed",
        }
    }

    /// The original's word for the operations it knew, a sweep's removals among them; else the event's
    /// name.
    fn operation_type(self) -> &'static str {
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

/// Through which door an action came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The web pages.
    Web,
    /// The Slack app.
    Slack,
    /// The command line.
    Cli,
    /// Any other caller of the HTTP API.
    Api,
    /// Hallpass itself: a deadline, a reconciliation, a start.
    System,
}

impl Origin {
    /// The name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Slack => "slack",
            Self::Cli => "cli",
            Self::Api => "api",
            Self::System => "system",
        }
    }
}

/// Who said yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// The rules ask for nobody's approval.
    NotRequired,
    /// The requester, whom the rules let approve their own request.
    #[serde(rename = "self")]
    Own,
    /// Somebody else.
    Peer,
    /// The requester, in an emergency, reviewed afterwards.
    BreakGlass,
    /// Nobody was asked: the access stood, and an administrator or a sweep gave it an end.
    Adopted,
}

impl Approval {
    /// The name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotRequired => "not_required",
            Self::Own => "self",
            Self::Peer => "peer",
            Self::BreakGlass => "break_glass",
            Self::Adopted => "adopted",
        }
    }
}

/// One thing that happened, not yet part of the chain. What is left out is written as `NA`.
#[derive(Clone, Debug)]
#[must_use = "a draft is recorded only when it is committed with its change"]
pub struct Draft {
    id: AuditId,
    event: Event,
    at: Timestamp,
    fields: Map<String, Value>,
}

impl Draft {
    /// Starts a draft: `actor` is the person's e-mail, or `hallpass` for the product itself.
    pub fn new(id: AuditId, event: Event, at: Timestamp, actor: &str, origin: Origin) -> Self {
        let mut draft = Self {
            id,
            event,
            at,
            fields: Map::new(),
        };
        draft.set("actor", actor);
        draft.set("source", origin.name());
        draft
    }

    fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.fields.insert(field.to_owned(), value.into());
    }

    fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.set(field, value);
        self
    }

    /// The requester's reason, or the original's word for an end.
    pub fn reason(self, reason: &str) -> Self {
        self.with("reason", reason)
    }

    /// Who gets or got access to what.
    pub fn subject(mut self, requester: &Email, key: &HoldKey, names: &TargetNames) -> Self {
        self.set("requester_email", requester.as_str());
        self.standing(key, names)
    }

    /// Who has what, where nobody asked for it.
    pub fn standing(mut self, key: &HoldKey, names: &TargetNames) -> Self {
        self.set_key(key);
        match names {
            TargetNames::Account { permission_set, .. } => {
                self.set("role_name", permission_set.as_str());
            }
            TargetNames::Group { group } => self.set("group_name", group.as_str()),
        }
        self
    }

    fn set_key(&mut self, key: &HoldKey) {
        self.set("sso_user_principal_id", key.user.as_str());
        match &key.target {
            Target::Account { account, .. } => {
                self.set("audit_entry_type", "account");
                self.set("account_id", account.as_str());
            }
            Target::Group { group } => {
                self.set("audit_entry_type", "group");
                self.set("group_id", group.as_str());
            }
        }
    }

    /// What a guard ends: the key, until when it was wanted as far as the guard knows, the revision
    /// of that wish, and the grants that held it. `permission_set`, `rev` and `grants` stand only in
    /// records of guards, who know nobody's names.
    pub fn guarded(
        mut self,
        key: &HoldKey,
        until: Timestamp,
        rev: u64,
        grants: &[GrantId],
    ) -> Self {
        self.set_key(key);
        if let Target::Account { permission_set, .. } = &key.target {
            self.set("permission_set", permission_set.as_str());
        }
        let grants: Vec<String> = grants.iter().map(ToString::to_string).collect();
        self.ends_at(until)
            .with("rev", rev)
            .with("grants", json!(grants))
    }

    /// What was asked for, as it was typed, when it never resolved to a person and a target.
    pub fn unresolved(mut self, requester: &str, wanted: &str) -> Self {
        self.set("requester_email", requester);
        self.set("why", wanted);
        self
    }

    /// Our own ids of the request and, if there is one, the grant.
    pub fn about(mut self, request: RequestId, grant: Option<GrantId>) -> Self {
        self.set("access_request_id", request.to_string());
        if let Some(grant) = grant {
            self.set("grant_id", grant.to_string());
        }
        self
    }

    /// How long the access was asked for; written as whole seconds in decimal.
    pub fn duration(self, duration: TimeSpan) -> Self {
        self.with("permission_duration", duration.as_seconds().to_string())
    }

    /// The person it is about, where it is about nothing that they have.
    pub fn person(self, user: &UserId, email: &Email) -> Self {
        self.user(user).with("requester_email", email.as_str())
    }

    /// The same, where only the user id is known.
    pub fn user(self, user: &UserId) -> Self {
        self.with("sso_user_principal_id", user.as_str())
    }

    /// The user id of whoever did it: it tells people apart, which an address does not. Stands only in
    /// records of what people did.
    pub fn actor_user(self, user: &UserId) -> Self {
        self.with("actor_user_id", user.as_str())
    }

    /// When and in which way (`acr`) whoever did it had signed in. These fields stand only in records of
    /// what was done in a browser.
    pub fn signed_in(self, at: Timestamp, acr: Option<&str>) -> Self {
        let draft = self.with("signed_in_at", at.to_string());
        match acr {
            Some(acr) => draft.with("signed_in_acr", acr),
            None => draft,
        }
    }

    /// Who said yes, and in which capacity. `approver_user_id` stands only where it is known.
    pub fn approved_by(self, approver: &Email, user: Option<&UserId>, approval: Approval) -> Self {
        let draft = self
            .with("approver_email", approver.as_str())
            .with("approval", approval.name());
        match user {
            Some(user) => draft.with("approver_user_id", user.as_str()),
            None => draft,
        }
    }

    /// The decision's kind and the rules it rests on, with the hash of the rules in force.
    pub fn decided(self, kind: &str, based_on: &[String], config_hash: &str) -> Self {
        self.with("decision", kind)
            .with("based_on", json!(based_on))
            .with("config_hash", config_hash)
    }

    /// The hash of the rules in force.
    pub fn config_hash(self, config_hash: &str) -> Self {
        self.with("config_hash", config_hash)
    }

    /// When the access is due to end.
    pub fn ends_at(self, ends_at: Timestamp) -> Self {
        self.with("ends_at", ends_at.to_string())
    }

    /// Whether this end removed an assignment, and why not if it did not.
    pub fn removed(self, removed: bool, why: &str) -> Self {
        self.with("removed", removed).with("why", why)
    }

    /// Why this happened, in one word of the specification or a short sentence.
    pub fn why(self, why: &str) -> Self {
        self.with("why", why)
    }

    /// The plan that changed something, its step's kind, and where (`organization.md` P-12). These
    /// fields and those of [`changed`](Self::changed) stand only in records of plans.
    pub fn planned(self, plan: &str, kind: &str, step: &str, target: &str) -> Self {
        self.with("plan_id", plan)
            .with("plan_kind", kind)
            .with("step_kind", step)
            .with("target", target)
    }

    /// The form of a thing before and after, as JSON; `null` = not there.
    pub fn changed(self, before: Value, after: Value) -> Self {
        self.with("before", before).with("after", after)
    }

    /// The role that a person has by an entitlement of account access manager, and AWS's id of that.
    /// These fields stand only in records of entitlements.
    pub fn entitled(mut self, account: &AccountId, role_name: &str, role: &str, id: &str) -> Self {
        self.set("audit_entry_type", "account");
        self.set("account_id", account.as_str());
        self.set("role_name", role_name);
        self.with("role_arn", role).with("entitlement_id", id)
    }

    /// The sweep it belongs to and the mode that was in force. These fields stand only in records of
    /// sweeps.
    pub fn swept(self, sweep: SweepId, mode: &str) -> Self {
        self.with("sweep_id", sweep.to_string())
            .with("sweep_mode", mode)
    }

    /// What AWS or we answered.
    pub fn error(self, error: &str) -> Self {
        self.with("error", error)
    }

    /// AWS's id of the asynchronous assignment operation.
    pub fn aws_request(self, id: &str) -> Self {
        self.with("request_id", id)
    }

    /// Whether the requester was matched through a fallback e-mail domain.
    pub fn secondary_domain(self, used: bool) -> Self {
        self.with("secondary_domain_was_used", used)
    }

    /// The record's id.
    pub fn id(&self) -> AuditId {
        self.id
    }

    /// What happened.
    pub fn event(&self) -> Event {
        self.event
    }

    /// Every field the log has, in its own form, still without number, links and hash.
    pub(crate) fn into_fields(self) -> Map<String, Value> {
        let mut record = Map::new();
        for field in TEXT_FIELDS {
            record.insert((*field).to_owned(), NOT_APPLICABLE.into());
        }
        record.insert(
            "operation_type".to_owned(),
            self.event.operation_type().into(),
        );
        record.insert("secondary_domain_was_used".to_owned(), false.into());
        record.insert("matched_attributes".to_owned(), NOT_APPLICABLE.into());
        record.insert("based_on".to_owned(), json!([]));
        record.insert("version".to_owned(), 1.into());
        record.insert("id".to_owned(), self.id.to_string().into());
        record.insert("event".to_owned(), self.event.name().into());
        record.insert(
            "time".to_owned(),
            self.at
                .strftime("%Y-%m-%d %H:%M:%S%.6f+00:00")
                .to_string()
                .into(),
        );
        record.insert("timestamp".to_owned(), self.at.as_millisecond().into());
        record.extend(self.fields);
        record
    }
}

/// Fields that are `NA` unless a draft says otherwise.
const TEXT_FIELDS: &[&str] = &[
    "reason",
    "audit_entry_type",
    "permission_duration",
    "sso_user_principal_id",
    "sso_user_email",
    "role_name",
    "account_id",
    "group_name",
    "group_id",
    "group_membership_id",
    "requester_slack_id",
    "requester_email",
    "approver_slack_id",
    "approver_email",
    "request_id",
    "sync_operation",
    "access_request_id",
    "grant_id",
    "decision",
    "approval",
    "config_hash",
    "actor",
    "source",
    "ends_at",
    "removed",
    "why",
    "error",
];
