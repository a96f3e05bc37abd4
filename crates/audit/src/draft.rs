//! What one record says, before it has a number. Field names and the `NA` convention are those of
//! the log that existing queries read (`access.md` §14.1), with our own fields beside them.

use hallpass_base::{
    AccountId, AuditId, Email, GrantId, HoldKey, RequestId, SweepId, Target, TargetNames, TimeSpan,
    Timestamp, UserId,
};
use serde_json::{Map, Value, json};

use crate::Event;

/// How the log writes "unknown or not applicable".
pub const NOT_APPLICABLE: &str = "NA";

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

/// A request that people made of another tool. What the tool does not tell is none.
#[derive(Clone, Copy, Debug)]
pub struct ImportedRequest<'a> {
    /// The tool.
    pub from: &'a str,
    /// Its id there.
    pub id: &'a str,
    /// Who asked, as the tool names them.
    pub requester: Option<&'a str>,
    /// Who answered, as the tool names them.
    pub approver: Option<&'a str>,
    /// The account.
    pub account: Option<&'a str>,
    /// The name of the permission set.
    pub permission_set: Option<&'a str>,
    /// The reason given.
    pub reason: Option<&'a str>,
    /// All that the tool has kept of it.
    pub whole: &'a Value,
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

    /// When it happened.
    pub fn at(&self) -> Timestamp {
        self.at
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

    /// The grant alone, without its request.
    pub fn about_grant(self, grant: GrantId) -> Self {
        self.with("grant_id", grant.to_string())
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

    /// The warnings of rules that whoever did it has read and confirmed. The field stands only in records
    /// of requests and approvals that were asked for it.
    pub fn warnings_confirmed(self, texts: &[String]) -> Self {
        self.with("warnings_confirmed", json!(texts))
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

    /// A request that people made of another tool: what it was about, and all that the tool has kept of
    /// it. The fields `imported_from`, `imported_id` and `imported` stand only in records of history;
    /// they have no ids of ours, and no user ids: the tool's names are not looked up.
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

    /// The user id of the person who did it, where a person did and it is known.
    pub fn actor_user_id(&self) -> Option<&str> {
        self.text("actor_user_id")
    }

    /// Whether Hallpass did it and no person.
    pub fn is_of_system(&self) -> bool {
        self.text("source") == Some(Origin::System.name())
    }

    /// How many characters the longest text has that a person wrote for it; 0 where Hallpass did it.
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
