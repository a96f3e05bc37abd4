use crate::base::{Millis, Random};

use super::{
    document::Document,
    entities::{Id, ListPosition, Tags},
    guardrails::{Attachment, Guardrail},
    state::SimState,
};
use crate::vocabulary::policy_types::{DEFAULTS, FULL_ACCESS};

impl SimState {
    pub(crate) fn guardrail(&self, id: &str) -> Option<&Guardrail> {
        self.guardrails.rows.latest(&self.place(id))
    }

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

    pub(crate) fn targets_of(&self, policy: &str) -> impl Iterator<Item = ListPosition> {
        let policy = Id::from(policy);
        self.guardrails
            .targets
            .range((policy.clone(), 0, Id::from(""))..)
            .take_while(move |(of, ..)| *of == policy)
            .filter(|(policy, _, target)| self.is_attached(policy, target))
            .map(|(_, order, target)| (*order, target.clone()))
    }

    pub(crate) fn is_attached(&self, policy: &str, target: &str) -> bool {
        let key = (Id::from(target), self.order(policy), Id::from(policy));
        self.guardrails.attached.latest(&key).is_some()
    }

    /// Effective from `seen` on.
    pub(crate) fn attach(&mut self, policy: &str, target: &str, seen: Millis, now: Millis) {
        let key = (Id::from(target), self.order(policy), Id::from(policy));
        let other = (Id::from(policy), self.order(target), Id::from(target));
        self.guardrails
            .attached
            .put(key, Attachment { since: now }, seen, now);
        self.guardrails.targets.insert(other);
    }

    /// Effective until `seen`.
    pub(crate) fn detach(&mut self, policy: &str, target: &str, seen: Millis, now: Millis) {
        let key = (Id::from(target), self.order(policy), Id::from(policy));
        self.guardrails.attached.remove(&key, seen, now);
    }

    pub(crate) fn has_type(&self, kind: &str) -> bool {
        self.head.policy_types.iter().any(|one| one == kind)
    }

    /// Attaches AWS's default policies of the enabled types to a new target.
    pub(crate) fn attach_defaults(&mut self, target: &str, now: Millis) {
        for (kind, policy, ..) in DEFAULTS {
            if self.has_type(kind) {
                self.attach(policy, target, now, now);
            }
        }
    }

    pub(crate) fn nodes(&self) -> Vec<Id> {
        let root = std::iter::once(Id::from(self.head.root.as_str()));
        let ous = self.ous.iter().map(|(_, ou)| ou.id.clone());
        let accounts = self.accounts.iter().map(|(_, account)| account.id.clone());
        root.chain(ous).chain(accounts).collect()
    }

    /// Creates AWS's default policies, and attaches those of enabled types everywhere. Idempotent.
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

pub(crate) fn policy_arn(state: &SimState, id: &str) -> Option<String> {
    state
        .guardrail(id)
        .map(|policy| guardrail_arn(state, policy))
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789";

pub(crate) fn fresh_id(state: &SimState, random: &mut Random) -> String {
    loop {
        let id = format!("p-{}", random.text(LETTERS, 10));
        if state.guardrail(&id).is_none() {
            return id;
        }
    }
}
