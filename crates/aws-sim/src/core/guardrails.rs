//! Policies of the organization: which there are, what they are attached to, and from when both
//! are in force.
//!
//! Lists and conflict checks see a change at once; evaluation sees it after its window
//! (`simulator.md` C-2).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_iam::language::{PolicyJson, PolicyType, ScpLanguage};
use hallpass_sim_base::{Millis, Random};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    document::Document,
    entities::{Id, Tags},
    state::{ListPosition, SimState},
    table::Table,
};

/// Service control policies.
pub(crate) const SCP: &str = "SERVICE_CONTROL_POLICY";
/// Resource control policies.
pub(crate) const RCP: &str = "RESOURCE_CONTROL_POLICY";
/// The policy that AWS attaches to everything when service control policies are switched on.
pub(crate) const FULL_ACCESS: &str = "p-FullAWSAccess";
/// The same for resource control policies.
pub(crate) const RCP_FULL_ACCESS: &str = "p-RCPFullAWSAccess";

/// A type of policy, AWS's default policy of it, its name, its description and its content.
pub(crate) const DEFAULTS: [(&str, &str, &str, &str, &str); 2] = [
    (
        SCP,
        FULL_ACCESS,
        "FullAWSAccess",
        "Allows access to every operation",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    ),
    (
        RCP,
        RCP_FULL_ACCESS,
        "RCPFullAWSAccess",
        "Allow access to every resource",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#,
    ),
];

/// The default policy of a type.
pub(crate) fn default_of(kind: &str) -> Option<&'static str> {
    let found = DEFAULTS.iter().find(|(of, ..)| *of == kind);
    found.map(|(_, id, ..)| *id)
}

/// A policy of the organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Guardrail {
    /// `p-…`
    pub id: Id,
    /// Unique among the policies of its type.
    pub name: String,
    /// `SERVICE_CONTROL_POLICY` and so on, as the model spells it.
    pub kind: String,
    /// One sentence.
    pub description: String,
    /// The document, as it was sent.
    pub content: Document,
    /// Tags.
    pub tags: Tags,
    /// AWS's own: cannot be changed.
    pub aws_managed: bool,
}

/// That a policy is attached to a target.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Attachment {
    /// Since when.
    pub since: Millis,
}

/// The policies of the organization and what they are attached to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Guardrails {
    /// Policies.
    pub rows: Table<ListPosition, Guardrail>,
    /// Attachments: target, order of the policy, policy.
    pub attached: Table<(Id, u64, Id), Attachment>,
    /// The same from the other side, with those that are no more: policy, order of the target,
    /// target.
    pub targets: BTreeSet<(Id, u64, Id)>,
    /// Until when a type that was switched on shows as `PENDING_ENABLE`.
    pub pending: BTreeMap<String, Millis>,
}

impl SimState {
    /// A policy now.
    pub(crate) fn guardrail(&self, id: &str) -> Option<&Guardrail> {
        self.guardrails.rows.latest(&self.place(id))
    }

    /// The policies of a type that are attached to a target now.
    pub(crate) fn guardrails_of<'a>(
        &'a self,
        target: &str,
        kind: &'a str,
    ) -> impl Iterator<Item = &'a Guardrail> {
        let target = Id::from(target);
        let start = std::ops::Bound::Included((target.clone(), 0, Id::from("")));
        self.guardrails
            .attached
            .range(start)
            .take_while(move |((of, ..), _)| *of == target)
            .filter_map(|((_, _, policy), _)| self.guardrail(policy))
            .filter(move |policy| policy.kind == kind)
    }

    /// The targets of a policy now, in the order of listings.
    pub(crate) fn targets_of(&self, policy: &str) -> impl Iterator<Item = ListPosition> {
        let policy = Id::from(policy);
        self.guardrails
            .targets
            .range((policy.clone(), 0, Id::from(""))..)
            .take_while(move |(of, ..)| *of == policy)
            .filter(|(policy, _, target)| self.is_attached(policy, target))
            .map(|(_, order, target)| (*order, target.clone()))
    }

    /// Whether a policy is attached to a target now.
    pub(crate) fn is_attached(&self, policy: &str, target: &str) -> bool {
        let key = (Id::from(target), self.order(policy), Id::from(policy));
        self.guardrails.attached.latest(&key).is_some()
    }

    /// Attaches a policy; in force from `seen` on.
    pub(crate) fn attach(&mut self, policy: &str, target: &str, seen: Millis, now: Millis) {
        let key = (Id::from(target), self.order(policy), Id::from(policy));
        let other = (Id::from(policy), self.order(target), Id::from(target));
        self.guardrails
            .attached
            .put(key, Attachment { since: now }, seen, now);
        self.guardrails.targets.insert(other);
    }

    /// Detaches a policy; no longer in force from `seen` on.
    pub(crate) fn detach(&mut self, policy: &str, target: &str, seen: Millis, now: Millis) {
        let key = (Id::from(target), self.order(policy), Id::from(policy));
        self.guardrails.attached.remove(&key, seen, now);
    }

    /// Whether a type of policies is switched on.
    pub(crate) fn has_type(&self, kind: &str) -> bool {
        self.head.policy_types.iter().any(|one| one == kind)
    }

    /// Attaches what AWS attaches to everything new: the default policies of the types that are
    /// switched on.
    pub(crate) fn attach_defaults(&mut self, target: &str, now: Millis) {
        for (kind, policy, ..) in DEFAULTS {
            if self.has_type(kind) {
                self.attach(policy, target, now, now);
            }
        }
    }

    /// The root, every OU and every account.
    pub(crate) fn nodes(&self) -> Vec<Id> {
        let root = std::iter::once(Id::from(self.head.root.as_str()));
        let ous = self.ous.iter().map(|(_, ou)| ou.id.clone());
        let accounts = self.accounts.iter().map(|(_, account)| account.id.clone());
        root.chain(ous).chain(accounts).collect()
    }

    /// Makes AWS's own policies, and attaches those of the types that are switched on to
    /// everything. Does nothing where they are there already.
    pub(crate) fn found_guardrails(&mut self) {
        if self.guardrail(FULL_ACCESS).is_some() {
            return;
        }
        for (kind, id, name, description, content) in DEFAULTS {
            let row = Guardrail {
                id: id.into(),
                name: name.to_owned(),
                kind: kind.to_owned(),
                description: description.to_owned(),
                content: Document::new(content),
                tags: Tags::new(),
                aws_managed: true,
            };
            let place = self.place(id);
            self.guardrails.rows.put(place, row, 0, 0);
        }
        for node in self.nodes() {
            self.attach_defaults(&node, 0);
        }
    }

    /// From an account up to the root: the account, its OUs, the root.
    pub(crate) fn path_up(&self, account: &str) -> Vec<Id> {
        let mut path = vec![Id::from(account)];
        let mut at = self.account(account).map(|account| account.parent.clone());
        while let Some(parent) = at.filter(|_| path.len() < 16) {
            at = self.ou(&parent).map(|ou| ou.parent.clone());
            path.push(parent);
        }
        path
    }
}

/// The longest content of a policy of this type, in bytes (AWS: "Quotas for AWS Organizations").
pub(crate) fn longest(kind: &str) -> usize {
    match kind {
        SCP | RCP => 5_120,
        "AISERVICES_OPT_OUT_POLICY" => 2_500,
        _ => 10_000,
    }
}

/// How many policies of a type one target holds (AWS: "Quotas for AWS Organizations").
pub(crate) fn most_attached(kind: &str) -> usize {
    match kind {
        SCP | RCP | "AISERVICES_OPT_OUT_POLICY" | "CHATBOT_POLICY" => 5,
        _ => 10,
    }
}

/// The document of an organization file: JSON is written as one line.
pub(crate) fn text(content: &Value) -> String {
    let written = content.as_str().map(str::to_owned);
    written.unwrap_or_else(|| content.to_string())
}

/// Whether a text is a policy of this type: the policy language for service and resource control
/// policies, a JSON object for the others.
///
/// # Errors
/// What is wrong with it, in one sentence.
pub(crate) fn check_content(kind: &str, content: &str) -> Result<(), String> {
    let language = match kind {
        SCP => PolicyType::Scp,
        RCP => PolicyType::Rcp,
        _ => {
            let value = serde_json::from_str::<Value>(content);
            let is_object = value.is_ok_and(|value| value.is_object());
            return is_object
                .then_some(())
                .ok_or("not a JSON object".to_owned());
        }
    };
    let source = PolicyJson::new(content).map_err(|error| error.to_string())?;
    let read = source.strict(language, ScpLanguage::Full);
    read.map(|_| ()).map_err(|error| error.to_string())
}

/// The ARN of a policy.
pub(crate) fn guardrail_arn(state: &SimState, policy: &Guardrail) -> String {
    let kind = policy.kind.to_lowercase();
    if policy.aws_managed {
        return format!("arn:aws:organizations::aws:policy/{kind}/{}", policy.id);
    }
    let head = &state.head;
    format!(
        "arn:aws:organizations::{}:policy/{}/{kind}/{}",
        head.management, head.id, policy.id
    )
}

/// The ARN of a policy, if there is one with this id.
pub(crate) fn policy_arn(state: &SimState, id: &str) -> Option<String> {
    state
        .guardrail(id)
        .map(|policy| guardrail_arn(state, policy))
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789";

/// An id that no policy has yet.
pub(crate) fn fresh_id(state: &SimState, random: &mut Random) -> String {
    loop {
        let id = format!("p-{}", random.text(LETTERS, 10));
        if state.guardrail(&id).is_none() {
            return id;
        }
    }
}
