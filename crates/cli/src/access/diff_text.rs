//! Renders a difference for people (`inventory.md` ).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hallpass_access_files::{
    AccessAction, AccessChange, AccessDiff, AccountAssignment, LastAccess, PermissionsBoundary,
    PrincipalRef, SetAction, iso_duration,
};
use hallpass_base::{AccountId, PermissionSetName};
use hallpass_rules::Directory;
use hallpass_terminal::output::{plain, wrapped};
use serde_json::Value;

use super::json_diff::json_diff;

/// Line width, unless a word is longer.
const WIDTH: usize = 80;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Shown,
    Left,
}

pub(super) fn text(
    diff: &AccessDiff,
    last: &LastAccess,
    directory: &Directory,
    colour: Colour,
) -> String {
    let mut out = DiffText {
        text: String::new(),
        directory,
        colour,
    };
    for set in diff.sets() {
        out.set(&set, diff);
    }
    for (old, new) in &diff.replaced {
        let what = format!("{old} is replaced by {new}: a set's name cannot be changed");
        out.line(0, '!', &what);
    }
    for blocked in &diff.blocked {
        let what = format!(
            "{} stays: it has assignments that are left alone in {}",
            blocked.permission_set,
            out.accounts(&blocked.accounts)
        );
        out.line(0, '!', &what);
    }
    for held in &diff.held {
        let what = format!(
            "{}: held for a grant; left to Hallpass until that ends",
            out.assignment(held)
        );
        out.line(0, '!', &what);
    }
    out.last(last);
    let totals = diff.totals();
    let _ = writeln!(
        out.text,
        "{} to add, {} to change, {} to delete, {} to provision",
        totals.add, totals.change, totals.delete, totals.provision
    );
    out.text
}

struct DiffText<'a> {
    text: String,
    directory: &'a Directory,
    colour: Colour,
}

impl DiffText<'_> {
    fn line(&mut self, depth: usize, sign: char, what: &str) {
        let indent = depth * 4;
        let shown = wrapped(&plain(what), WIDTH - indent - 2, indent + 4);
        let painted = match (self.colour, sign) {
            (Colour::Left, _) => sign.to_string(),
            (Colour::Shown, '+') => "\u{1b}[32m+\u{1b}[0m".to_owned(),
            (Colour::Shown, '-') => "\u{1b}[31m-\u{1b}[0m".to_owned(),
            (Colour::Shown, other) => format!("\u{1b}[33m{other}\u{1b}[0m"),
        };
        let _ = writeln!(self.text, "{:indent$}{painted} {shown}", "");
    }

    fn set(&mut self, set: &PermissionSetName, diff: &AccessDiff) {
        let of_set = |it: &&AccessChange| it.action.permission_set() == set;
        let changes: Vec<&AccessChange> = diff.changes.iter().filter(of_set).collect();
        let actions = changes.iter().filter_map(|it| match &it.action {
            AccessAction::Set { action, .. } => Some((action, &it.old)),
            AccessAction::Assign(_) | AccessAction::Unassign(_) => None,
        });
        let actions: Vec<_> = actions.collect();
        let sign = if diff.is_created(set) {
            Some('+')
        } else if actions.iter().any(|(it, _)| **it == SetAction::Delete) {
            Some('-')
        } else {
            let is_edit = |it: &SetAction| !matches!(it, SetAction::Provision { .. });
            actions.iter().any(|(it, _)| is_edit(it)).then_some('~')
        };
        if let Some(sign) = sign {
            self.line(0, sign, &format!("permission set {set}"));
        }
        for (action, old) in actions {
            self.action(set, action, old);
        }
        for change in changes {
            match &change.action {
                AccessAction::Set { .. } => {}
                AccessAction::Assign(it) => self.line(0, '+', &self.assignment(it)),
                AccessAction::Unassign(it) => self.line(0, '-', &self.assignment(it)),
            }
        }
    }

    fn action(&mut self, set: &PermissionSetName, action: &SetAction, old: &Value) {
        match action {
            SetAction::Create { .. } => self.created(action),
            SetAction::Update { .. } => self.updated(action, old),
            SetAction::AttachManaged { arn } => {
                self.line(1, '+', &format!("managed_policies {}", name(arn)));
            }
            SetAction::DetachManaged { arn } => {
                self.line(1, '-', &format!("managed_policies {}", name(arn)));
            }
            SetAction::AttachCustomer { policy } => {
                self.line(1, '+', &format!("customer_managed_policies {policy}"));
            }
            SetAction::DetachCustomer { policy } => {
                self.line(1, '-', &format!("customer_managed_policies {policy}"));
            }
            SetAction::PutInline { policy } => self.policy(old, policy),
            SetAction::DeleteInline => self.line(1, '-', "inline_policy"),
            SetAction::PutBoundary { boundary } => {
                let before: Option<PermissionsBoundary> = serde_json::from_value(old.clone()).ok();
                match before {
                    Some(before) => self.field(
                        "permissions_boundary",
                        &before.to_string(),
                        &boundary.to_string(),
                    ),
                    None => self.line(1, '+', &format!("permissions_boundary {boundary}")),
                }
            }
            SetAction::DeleteBoundary => self.line(1, '-', "permissions_boundary"),
            SetAction::Tag { key, value } => match old.as_str() {
                Some(old) => self.field(&format!("tags {key}:"), old, value),
                None => self.line(1, '+', &format!("tags {key}: {value}")),
            },
            SetAction::Untag { key } => self.line(1, '-', &format!("tags {key}")),
            SetAction::Provision { .. } => {
                let count = old
                    .get("accounts")
                    .and_then(Value::as_u64)
                    .unwrap_or_default();
                self.line(0, '>', &format!("provision {set} in {count} accounts"));
            }
            SetAction::Delete => {}
        }
    }

    fn created(&mut self, action: &SetAction) {
        let SetAction::Create {
            session_seconds,
            description,
            tags,
            relay_state,
        } = action
        else {
            return;
        };
        let session = format!("session_duration {}", iso_duration(*session_seconds));
        self.line(1, '+', &session);
        let texts = [("description", description), ("relay_state", relay_state)];
        for (key, value) in texts {
            if let Some(value) = value {
                self.line(1, '+', &format!("{key} {value}"));
            }
        }
        for (key, value) in tags {
            self.line(1, '+', &format!("tags {key}: {value}"));
        }
    }

    fn updated(&mut self, action: &SetAction, old: &Value) {
        let SetAction::Update {
            description,
            session_seconds,
            relay_state,
        } = action
        else {
            return;
        };
        let before = old.get("session_seconds").and_then(Value::as_u64);
        let before = iso_duration(before.unwrap_or_default());
        self.field("session_duration", &before, &iso_duration(*session_seconds));
        for (key, new) in [("description", description), ("relay_state", relay_state)] {
            let before = old.get(key).and_then(Value::as_str).unwrap_or("-");
            self.field(key, before, new.as_deref().unwrap_or("-"));
        }
    }

    fn field(&mut self, key: &str, old: &str, new: &str) {
        if old != new {
            self.line(1, '~', &format!("{key} {old} -> {new}"));
        }
    }

    fn policy(&mut self, old: &Value, new: &Value) {
        if old.is_null() {
            self.line(1, '+', &format!("inline_policy {new}"));
            return;
        }
        self.line(1, '~', "inline_policy");
        for (sign, place, value) in json_diff(old, new) {
            self.line(2, sign, &format!("{place} {value}"));
        }
    }

    fn account(&self, id: &AccountId) -> String {
        match self.directory.account(id) {
            Some(account) if !account.name.is_empty() => format!("{} ({id})", account.name),
            _ => id.to_string(),
        }
    }

    fn accounts(&self, ids: &BTreeSet<AccountId>) -> String {
        let all: Vec<String> = ids.iter().map(|id| self.account(id)).collect();
        all.join(", ")
    }

    fn assignment(&self, it: &AccountAssignment) -> String {
        let who = match &it.principal {
            PrincipalRef::Group(id) => match self.directory.group(id) {
                Some(group) => format!("group {}", group.name),
                None => it.principal.to_string(),
            },
            PrincipalRef::User(id) => match self.directory.person(id) {
                Some(person) => format!("user {}", person.user_name),
                None => it.principal.to_string(),
            },
        };
        format!(
            "{} in {} for {who}",
            it.permission_set,
            self.account(&it.account)
        )
    }

    fn last(&mut self, last: &LastAccess) {
        if last.roles.is_empty() {
            return;
        }
        let roles: Vec<String> = last
            .roles
            .iter()
            .map(|(set, accounts)| format!("{set} in {}", self.accounts(accounts)))
            .collect();
        let note = format!(
            "The last assignment goes, and the role with it: {}. Earlier sessions continue for up to {}; \
             `hallpass people sessions generate` revokes them.",
            roles.join("; "),
            iso_duration(last.session_seconds)
        );
        self.text.push_str(&wrapped(&plain(&note), WIDTH, 0));
        self.text.push('\n');
    }
}

fn name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
