//! The content of a record before numbering. Field names and `NA` follow the original log for
//! existing queries (`access.md` §14.1), with additional fields.

use hallpass_base::{
    AccountId, AuditId, CampaignId, Email, GrantId, HoldKey, RequestId, SweepId, Target,
    TargetNames, TimeSpan, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Event;

/// "Unknown or not applicable".
pub const NOT_APPLICABLE: &str = "NA";

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Web,
    Slack,
    Cli,
    Api,
    /// Hallpass: a deadline, a reconciliation, a start.
    System,
}

impl Origin {
    pub const fn name(self) -> &'static str {
        self.names().0
    }

    pub const fn title(self) -> &'static str {
        self.names().1
    }

    pub fn named(name: &str) -> Option<Self> {
        serde_json::from_value(name.into()).ok()
    }

    /// In records, and as people read it.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Web => ("web", "web"),
            Self::Slack => ("slack", "Slack"),
            Self::Cli => ("cli", "command line"),
            Self::Api => ("api", "API"),
            Self::System => ("system", "Hallpass"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    NotRequired,
    /// The requester, with the right of self-approval.
    #[serde(rename = "self")]
    Own,
    Peer,
    /// The requester in an emergency, with a later review.
    BreakGlass,
    /// An administrator or a sweep set an end for standing access.
    Adopted,
}

impl Approval {
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

/// What another service said, and when it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionFact {
    /// `on-call:payments`, or `ticket:jira`.
    pub source: String,
    pub read_at: Timestamp,
    /// `on_call`, `not_on_call`, or the ticket with its state.
    pub answer: String,
}

/// A request in another tool. Unknown values are `None`.
#[derive(Clone, Copy, Debug)]
pub struct ImportedRequest<'a> {
    pub from: &'a str,
    pub id: &'a str,
    pub requester: Option<&'a str>,
    pub approver: Option<&'a str>,
    pub account: Option<&'a str>,
    pub permission_set: Option<&'a str>,
    pub reason: Option<&'a str>,
    /// Everything that the tool stored.
    pub whole: &'a Value,
}

/// One event before it joins the chain. Missing fields become `NA`.
#[derive(Clone, Debug)]
#[must_use = "a draft is recorded only when it is committed with its change"]
pub struct Draft {
    id: AuditId,
    event: Event,
    at: Timestamp,
    fields: Map<String, Value>,
}

impl Draft {
    /// `actor` is an e-mail, or `hallpass`.
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

    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The requester's reason, or the original's term for an end.
    pub fn reason(self, reason: &str) -> Self {
        self.with("reason", reason)
    }

    pub fn subject(mut self, requester: &Email, key: &HoldKey, names: &TargetNames) -> Self {
        self.set("requester_email", requester.as_str());
        self.standing(key, names)
    }

    /// For access without a requester.
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

    /// A guard's end: key, known end, revision and grants. `permission_set`, `rev` and `grants` are
    /// only in guards' records, since guards know no names.
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

    /// The typed request, if it never resolved.
    pub fn unresolved(mut self, requester: &str, wanted: &str) -> Self {
        self.set("requester_email", requester);
        self.set("why", wanted);
        self
    }

    pub fn about(mut self, request: RequestId, grant: Option<GrantId>) -> Self {
        self.set("access_request_id", request.to_string());
        if let Some(grant) = grant {
            self.set("grant_id", grant.to_string());
        }
        self
    }

    pub fn about_grant(self, grant: GrantId) -> Self {
        self.with("grant_id", grant.to_string())
    }

    /// Written as whole seconds in decimal.
    pub fn duration(self, duration: TimeSpan) -> Self {
        self.with("permission_duration", duration.as_seconds().to_string())
    }

    /// For records about a person rather than their access.
    pub fn person(self, user: &UserId, email: &Email) -> Self {
        self.user(user).with("requester_email", email.as_str())
    }

    pub fn user(self, user: &UserId) -> Self {
        self.with("sso_user_principal_id", user.as_str())
    }

    /// The actor's user id, which is unambiguous unlike an address. Only in records of user
    /// actions.
    pub fn actor_user(self, user: &UserId) -> Self {
        self.with("actor_user_id", user.as_str())
    }

    /// Time and method (`acr`) of the actor's sign-in. Only in records of browser actions.
    pub fn signed_in(self, at: Timestamp, acr: Option<&str>) -> Self {
        let draft = self.with("signed_in_at", at.to_string());
        match acr {
            Some(acr) => draft.with("signed_in_acr", acr),
            None => draft,
        }
    }

    /// `approver_user_id` is present only if known.
    pub fn approved_by(self, approver: &Email, user: Option<&UserId>, approval: Approval) -> Self {
        let draft = self
            .with("approver_email", approver.as_str())
            .with("approval", approval.name());
        match user {
            Some(user) => draft.with("approver_user_id", user.as_str()),
            None => draft,
        }
    }

    pub fn decided(self, kind: &str, based_on: &[String], config_hash: &str) -> Self {
        self.with("decision", kind)
            .with("based_on", json!(based_on))
            .with("config_hash", config_hash)
    }

    /// What other services said for the decision. Only in records of decisions by rules that ask
    /// one.
    pub fn facts(self, facts: &[DecisionFact]) -> Self {
        if facts.is_empty() {
            return self;
        }
        self.with("facts", json!(facts))
    }

    pub fn config_hash(self, config_hash: &str) -> Self {
        self.with("config_hash", config_hash)
    }

    pub fn ends_at(self, ends_at: Timestamp) -> Self {
        self.with("ends_at", ends_at.to_string())
    }

    pub fn removed(self, removed: bool, why: &str) -> Self {
        self.with("removed", removed).with("why", why)
    }

    /// Confirmed rule warnings. Only in records of requests and approvals that required it.
    pub fn warnings_confirmed(self, texts: &[String]) -> Self {
        self.with("warnings_confirmed", json!(texts))
    }

    /// A word of the specification or a short sentence.
    pub fn why(self, why: &str) -> Self {
        self.with("why", why)
    }

    /// The plan, its step's kind, and the place (`organization.md` P-12). These and the fields of
    /// [`changed`](Self::changed) are only in plan records.
    pub fn planned(self, plan: &str, kind: &str, step: &str, target: &str) -> Self {
        self.with("plan_id", plan)
            .with("plan_kind", kind)
            .with("step_kind", step)
            .with("target", target)
    }

    /// JSON before and after; `null` = absent.
    pub fn changed(self, before: Value, after: Value) -> Self {
        self.with("before", before).with("after", after)
    }

    /// The role of an account access manager entitlement, with AWS's id. Only in entitlement
    /// records.
    pub fn entitled(mut self, account: &AccountId, role_name: &str, role: &str, id: &str) -> Self {
        self.set("audit_entry_type", "account");
        self.set("account_id", account.as_str());
        self.set("role_name", role_name);
        self.with("role_arn", role).with("entitlement_id", id)
    }

    /// A request in another tool with all stored data. `imported_from`, `imported_id` and
    /// `imported` are only in history records, without Hallpass ids or user ids: the tool's names
    /// are not resolved.
    pub fn imported(mut self, past: &ImportedRequest<'_>) -> Self {
        let texts = [
            ("requester_email", past.requester),
            ("approver_email", past.approver),
            ("account_id", past.account),
            ("role_name", past.permission_set),
            ("reason", past.reason),
        ];
        for (field, text) in texts {
            if let Some(text) = text {
                self.set(field, text);
            }
        }
        self.set("audit_entry_type", "account");
        self.with("imported_from", past.from)
            .with("imported_id", past.id)
            .with("imported", past.whole.clone())
    }

    /// The sweep and its mode. Only in sweep records.
    pub fn swept(self, sweep: SweepId, mode: &str) -> Self {
        self.with("sweep_id", sweep.to_string())
            .with("sweep_mode", mode)
    }

    /// The access review campaign. Only in its records.
    pub fn campaign(self, campaign: CampaignId) -> Self {
        self.with("campaign_id", campaign.to_string())
    }

    /// The number of a campaign's line, and its answer.
    pub fn campaign_line(self, number: u32, answer: &str) -> Self {
        self.with("campaign_line", number)
            .with("campaign_answer", answer)
    }

    /// The SHA-256 of the lines that an administrator signed off, in hexadecimal.
    pub fn lines_hash(self, sha256: &str) -> Self {
        self.with("lines_sha256", sha256)
    }

    /// The error of AWS or Hallpass.
    pub fn error(self, error: &str) -> Self {
        self.with("error", error)
    }

    /// AWS's id of the asynchronous operation.
    pub fn aws_request(self, id: &str) -> Self {
        self.with("request_id", id)
    }

    pub fn secondary_domain(self, used: bool) -> Self {
        self.with("secondary_domain_was_used", used)
    }

    pub fn id(&self) -> AuditId {
        self.id
    }

    pub fn event(&self) -> Event {
        self.event
    }

    pub fn actor_user_id(&self) -> Option<&str> {
        self.text("actor_user_id")
    }

    pub fn is_of_system(&self) -> bool {
        self.text("source") == Some(Origin::System.name())
    }

    /// In characters; 0 for Hallpass's records.
    pub fn longest_text_of_person(&self) -> usize {
        if self.is_of_system() {
            return 0;
        }
        let texts = ["reason", "why"].into_iter().filter_map(|it| self.text(it));
        texts.map(|it| it.chars().count()).max().unwrap_or(0)
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(Value::as_str)
    }

    /// All log fields, without number, links and hash.
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

/// Fields that default to `NA`.
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
