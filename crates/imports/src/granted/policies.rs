//! What the policies of Common Fate permit and forbid, as far as rules can say it.

use std::collections::BTreeSet;

use hallpass_model::{AccountId, PermissionSetArn};

use super::cedar::{
    Condition, Entity, FoundPolicy, Policy, PolicyEffect, PolicyScope, policies as read_policies,
};
use crate::collected::{ImportRow, RowHead};
use crate::draft::Area;
use crate::names::{LookUp, People};
use crate::report::RowNote;

/// What policies are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// To ask.
    Request,
    /// To begin: what needs no approval where it does not ask for one.
    Activate,
    /// To approve.
    Approve,
}

/// Who may do something where.
#[derive(Debug, Clone)]
pub(super) struct Permit {
    pub(super) deed: Deed,
    /// Everyone in `PolicyScope::Anyone`.
    pub(super) scope: PolicyScope,
    pub(super) area: Area,
    /// The permission set, as policies call it.
    pub(super) role: Option<String>,
    /// Whether it waits for an approval.
    pub(super) approved: bool,
    /// Whether it is for the manager of whoever asks alone.
    pub(super) manager: bool,
}

/// What nobody may have, or nobody approve.
#[derive(Debug, Clone, Default)]
pub(super) struct Excluded {
    pub(super) area: Area,
    pub(super) roles: BTreeSet<String>,
    /// Who may not, wherever it is.
    scopes: Vec<PolicyScope>,
}

/// All policies together.
#[derive(Debug, Default)]
pub(super) struct CedarPolicies {
    pub(super) permits: Vec<Permit>,
    pub(super) requests_excluded: Excluded,
    pub(super) approvals_excluded: Excluded,
    /// What may forbid more than can be said: no rule is made then.
    pub(super) barred: Option<String>,
}

/// The note of what a manager approves.
pub(super) const MANAGER: RowNote = RowNote::Elsewhere(
    "the manager of a requester is who the identity store has as `manager`, which may be somebody else than where Common \
     Fate has them from: provision the attribute from there",
);
const NOBODY: &str = "nobody to whom it permits something is named here (`--names`)";
const OWN: &str = "nobody approves their own request in Hallpass";
const BASE: &str = "Hallpass does it anyhow";
const OTHER_DEED: &str =
    "it is about no request and no approval: see who may end access in the documentation";
const UNKNOWN_DEED: &str =
    "it permits an action that is not known here: nobody gets anything by that action";
const GROUP_ITSELF: &str = "it permits nobody: `principal == …::Group` is the group itself; where its members are meant, it is \
                            `principal in`";
const UNREAD: &str = "Cedar can say more than rules: write by hand what it permits";

impl CedarPolicies {
    /// Takes the policies of one set, and says of each what became of it.
    pub(super) fn take(
        &mut self,
        file: &str,
        line: Option<u32>,
        set: &str,
        text: &str,
        look: &mut LookUp<'_>,
    ) -> Vec<ImportRow> {
        let Some(found) = read_policies(text) else {
            self.bar(set, 1);
            let note = RowNote::NotSaid("it is not read as Cedar".into());
            return vec![ImportRow::told(
                RowHead::of("policy", file, line, set),
                vec![note],
            )];
        };
        let rows = found.into_iter().map(|policy| {
            let id = format!("{set}:{}", policy.line);
            let mut notes = match self.policy(set, &policy) {
                Some(note) => vec![note],
                None => unnamed_of(&policy, look),
            };
            notes.extend(permits_less(&policy));
            ImportRow::told(RowHead::of("policy", file, line, &id), notes)
        });
        rows.collect()
    }

    /// A set whose text is not there: it may forbid anything.
    pub(super) fn take_unread(&mut self, file: &str, line: Option<u32>, set: &str) -> ImportRow {
        self.bar(set, 1);
        let what = "its text is not in this file; import the state (`terraform show -json`)";
        let head = RowHead::of("policy", file, line, set);
        ImportRow::told(head, vec![RowNote::NotSaid(what.into())])
    }

    fn bar(&mut self, set: &str, line: usize) {
        let named = || format!("`{}`, line {line}", hallpass_model::text::line(set, 80));
        self.barred.get_or_insert_with(named);
    }

    fn policy(&mut self, set: &str, found: &FoundPolicy) -> Option<RowNote> {
        let deeds = Deeds::of(&found.actions);
        if deeds.is_other() {
            return Some(RowNote::Elsewhere(OTHER_DEED));
        }
        match (found.effect, &found.policy) {
            (Some(PolicyEffect::Permit), None) => Some(RowNote::NotSaid(UNREAD.into())),
            (Some(PolicyEffect::Permit), Some(_)) if deeds.known.is_empty() => {
                Some(RowNote::NotSaid(UNKNOWN_DEED.into()))
            }
            (Some(PolicyEffect::Permit), Some(policy)) => self.permit(policy, &deeds.known),
            (Some(PolicyEffect::Forbid), Some(policy)) => {
                self.forbid(set, found.line, policy, &deeds.forbidden())
            }
            (None | Some(PolicyEffect::Forbid), _) => {
                self.bar(set, found.line);
                let what =
                    "it may forbid what no rule can: nothing of the availabilities is imported";
                Some(RowNote::NotSaid(what.into()))
            }
        }
    }

    fn permit(&mut self, policy: &Policy, deeds: &[Deed]) -> Option<RowNote> {
        if matches!(policy.scope, PolicyScope::GroupItself(_)) {
            return Some(RowNote::NotSaid(GROUP_ITSELF.into()));
        }
        let Some(meant) = Meant::of(&policy.conditions) else {
            return Some(RowNote::NotSaid(UNREAD.into()));
        };
        let mut note = None;
        let mut deeds = deeds.to_vec();
        // who asks and who begins is whose request it is; who approves never is
        if meant.own && deeds.contains(&Deed::Approve) {
            deeds.retain(|deed| *deed != Deed::Approve);
            note = Some(RowNote::NotSaid(OWN.into()));
        }
        if meant.approved && deeds.iter().any(|deed| *deed != Deed::Activate) {
            return Some(RowNote::NotSaid(UNREAD.into()));
        }
        let of_others = deeds.iter().any(|deed| *deed != Deed::Approve);
        if meant.manager && (of_others || meant.own) {
            return Some(RowNote::NotSaid(UNREAD.into()));
        }
        let scope = match (&policy.scope, meant.email) {
            (PolicyScope::OneOf(_), _) | (_, Some(_)) if meant.manager => {
                return Some(RowNote::NotSaid(UNREAD.into()));
            }
            (scope, None) => scope.clone(),
            (PolicyScope::Anyone, Some(email)) => PolicyScope::OneOf(vec![Entity {
                kind: EMAIL.to_owned(),
                id: email,
            }]),
            (PolicyScope::OneOf(_) | PolicyScope::GroupItself(_), Some(_)) => {
                return Some(RowNote::NotSaid(UNREAD.into()));
            }
        };
        for deed in deeds {
            self.permits.push(Permit {
                deed,
                scope: scope.clone(),
                area: meant.area.clone(),
                role: meant.role.clone(),
                approved: meant.approved,
                manager: meant.manager,
            });
        }
        note
    }

    fn forbid(
        &mut self,
        set: &str,
        line: usize,
        policy: &Policy,
        deeds: &[Deed],
    ) -> Option<RowNote> {
        let everyone = policy.scope == PolicyScope::Anyone;
        let barred = || {
            RowNote::NotSaid(
                "it forbids what no rule can: nothing of the availabilities is imported".into(),
            )
        };
        match policy.conditions.as_slice() {
            [Condition::OwnRequest] if deeds == [Deed::Approve] => Some(RowNote::SaysNothing(BASE)),
            [] | [Condition::Always] if !everyone => {
                self.forbid_people(&policy.scope, deeds);
                None
            }
            [Condition::Email(email)] if everyone => {
                let entity = Entity {
                    kind: EMAIL.to_owned(),
                    id: email.clone(),
                };
                self.forbid_people(&PolicyScope::OneOf(vec![entity]), deeds);
                None
            }
            [condition] if everyone => {
                for deed in deeds {
                    if self.excluded(*deed).take(condition).is_none() {
                        self.bar(set, line);
                        return Some(barred());
                    }
                }
                None
            }
            _ => {
                self.bar(set, line);
                Some(barred())
            }
        }
    }

    fn forbid_people(&mut self, scope: &PolicyScope, deeds: &[Deed]) {
        // who meant a group itself meant its members, and to leave them out gives nothing
        let scope = match scope {
            PolicyScope::GroupItself(group) => &PolicyScope::OneOf(vec![group.clone()]),
            PolicyScope::Anyone | PolicyScope::OneOf(_) => scope,
        };
        for deed in deeds {
            self.excluded(*deed).scopes.push(scope.clone());
        }
    }

    fn excluded(&mut self, deed: Deed) -> &mut Excluded {
        match deed {
            Deed::Request | Deed::Activate => &mut self.requests_excluded,
            Deed::Approve => &mut self.approvals_excluded,
        }
    }

    /// The permits for a deed.
    pub(super) fn of(&self, deed: Deed) -> impl Iterator<Item = &Permit> {
        self.permits.iter().filter(move |it| it.deed == deed)
    }

    /// Whether everyone may begin what was approved, wherever it is.
    pub(super) fn approved_begins(&self) -> bool {
        self.of(Deed::Activate).any(|it| {
            it.scope == PolicyScope::Anyone && it.area == Area::default() && it.role.is_none()
        })
    }
}

impl Excluded {
    /// Whether it leaves nothing out, people aside.
    pub(super) fn is_nothing(&self) -> bool {
        self.area == Area::default() && self.roles.is_empty()
    }

    /// Whether a permission set is left out; `None` where one that is has no name here.
    pub(super) fn has_set(&self, set: &str, look: &mut LookUp<'_>) -> Option<bool> {
        let names: Option<Vec<String>> = { self.roles.iter() }
            .map(|arn| look.permission_set(arn))
            .collect();
        Some(names?.iter().any(|name| name == set))
    }

    /// The people who are left out; `None` where one of them is not named here.
    pub(super) fn people(&self, look: &mut LookUp<'_>) -> Option<People> {
        let mut all = People::default();
        for scope in &self.scopes {
            let PolicyScope::OneOf(entities) = scope else {
                return None;
            };
            for entity in entities {
                let alone = PolicyScope::OneOf(vec![entity.clone()]);
                all = all.and(people(&alone, look)?);
            }
        }
        Some(all)
    }

    fn take(&mut self, condition: &Condition) -> Option<()> {
        match condition {
            Condition::Is(entity) => _ = self.area.except_accounts.insert(account(entity)?),
            Condition::In(entities) => {
                for entity in entities {
                    match account(entity) {
                        Some(account) => _ = self.area.except_accounts.insert(account),
                        None => _ = self.area.except_ous.insert(unit(entity)?),
                    }
                }
            }
            Condition::Role(entity) => _ = self.roles.insert(role(entity)?),
            Condition::Always
            | Condition::Approved
            | Condition::OwnRequest
            | Condition::Manager
            | Condition::HasManager
            | Condition::Email(_) => return None,
        }
        Some(())
    }
}

const EVERY_DEED: [Deed; 3] = [Deed::Request, Deed::Activate, Deed::Approve];

/// What actions are about; those of no matter for requests are left out.
struct Deeds {
    /// What is known of them.
    known: Vec<Deed>,
    /// Whether one of them is an action that is not known here. It may be any deed: to forbid it forbids them all, and
    /// to permit it permits none.
    has_unknown: bool,
}

impl Deeds {
    fn of(actions: &[String]) -> Self {
        let mut deeds = Self {
            known: Vec::new(),
            has_unknown: false,
        };
        if actions.is_empty() {
            deeds.known.extend(EVERY_DEED);
        }
        for action in actions {
            match action.as_str() {
                "Request" => deeds.known.push(Deed::Request),
                "Activate" => deeds.known.push(Deed::Activate),
                "Approve" => deeds.known.push(Deed::Approve),
                // ends, extensions, break glass and looking at things
                "Close" | "ForceClose" | "Extend" | "Extension" | "BreakglassActivate"
                | "GetEvaluation" | "Read" => {}
                _ => deeds.has_unknown = true,
            }
        }
        deeds.known.dedup();
        deeds
    }

    /// Whether none of them is about a request or an approval.
    fn is_other(&self) -> bool {
        self.known.is_empty() && !self.has_unknown
    }

    /// What a prohibition of them forbids.
    fn forbidden(&self) -> Vec<Deed> {
        if self.has_unknown {
            EVERY_DEED.to_vec()
        } else {
            self.known.clone()
        }
    }
}

/// The kind of an entity that is an address.
const EMAIL: &str = "email";

/// What conditions come to.
#[derive(Default)]
struct Meant {
    area: Area,
    role: Option<String>,
    approved: bool,
    own: bool,
    manager: bool,
    email: Option<String>,
}

impl Meant {
    fn of(conditions: &[Condition]) -> Option<Self> {
        let mut meant = Self::default();
        for condition in conditions {
            match condition {
                Condition::Always => {}
                Condition::Approved => meant.approved = true,
                Condition::OwnRequest => meant.own = true,
                Condition::Manager => meant.manager = true,
                Condition::HasManager if conditions.contains(&Condition::Manager) => {}
                Condition::HasManager => return None,
                Condition::Email(email) => {
                    if meant.email.replace(email.clone()).is_some() {
                        return None;
                    }
                }
                Condition::Role(entity) => {
                    if meant.role.replace(role(entity)?).is_some() {
                        return None;
                    }
                }
                Condition::Is(_) | Condition::In(_) => {
                    meant.area = meant.area.and(&area(condition)?)?;
                }
            }
        }
        Some(meant)
    }
}

/// The accounts of one condition.
pub(super) fn area(condition: &Condition) -> Option<Area> {
    match condition {
        Condition::Always => Some(Area::default()),
        Condition::Is(entity) => Some(Area {
            accounts: Some([account(entity)?].into()),
            ..Area::default()
        }),
        Condition::In(entities) => {
            // whatever is in an account is the account: of these it is one
            let accounts: Option<BTreeSet<String>> = entities.iter().map(account).collect();
            let ous = match accounts {
                Some(_) => None,
                None => Some(entities.iter().map(unit).collect::<Option<_>>()?),
            };
            Some(Area {
                accounts,
                ous,
                ..Area::default()
            })
        }
        Condition::Approved
        | Condition::OwnRequest
        | Condition::Manager
        | Condition::HasManager
        | Condition::Email(_)
        | Condition::Role(_) => None,
    }
}

fn account(entity: &Entity) -> Option<String> {
    let is_account = entity.kind == "AWS::Account" && AccountId::new(entity.id.as_str()).is_ok();
    is_account.then(|| entity.id.clone())
}

/// Whether an id is one of an organizational unit.
pub(super) fn is_unit(id: &str) -> bool {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    id.starts_with("ou-") && id.chars().all(known)
}

fn unit(entity: &Entity) -> Option<String> {
    let named = entity.kind == "AWS::OrgUnit" && is_unit(&entity.id);
    named.then(|| entity.id.clone())
}

/// The ARN of a permission set: by another id nobody could tell which one it is.
fn role(entity: &Entity) -> Option<String> {
    let is_set = entity.kind == "AWS::IDC::PermissionSet";
    (is_set && PermissionSetArn::new(entity.id.as_str()).is_ok()).then(|| entity.id.clone())
}

/// That a policy permits more than its rules say, beside what is known of it.
fn permits_less(found: &FoundPolicy) -> Option<RowNote> {
    let deeds = Deeds::of(&found.actions);
    let is_permit = found.effect == Some(PolicyEffect::Permit);
    let is_less = is_permit && deeds.has_unknown && !deeds.known.is_empty();
    is_less.then(|| RowNote::Narrower(UNKNOWN_DEED.into()))
}

/// Whom a policy permits something, and who is not named here.
fn unnamed_of(found: &FoundPolicy, look: &mut LookUp<'_>) -> Vec<RowNote> {
    let Some(policy) = found
        .policy
        .as_ref()
        .filter(|it| it.effect == PolicyEffect::Permit)
    else {
        return Vec::new();
    };
    // that what was approved may begin says nothing of who
    if policy.conditions.contains(&Condition::Approved) {
        return Vec::new();
    }
    if policy.conditions.contains(&Condition::Manager) {
        return vec![MANAGER];
    }
    if people(&policy.scope, look).is_none() {
        return vec![RowNote::NotSaid(NOBODY.into())];
    }
    let PolicyScope::OneOf(entities) = &policy.scope else {
        return Vec::new();
    };
    let alone =
        |entity: &&Entity| people(&PolicyScope::OneOf(vec![(*entity).clone()]), look).is_none();
    let unnamed = entities.iter().filter(alone);
    unnamed
        .map(|entity| RowNote::LeftOut {
            what: "principal",
            id: hallpass_model::text::line(&format!("{}::{}", entity.kind, entity.id), 120),
            why: "it is no group or user that is named here (`--names`)",
        })
        .collect()
}

/// The people of a scope, as far as they are named; `None` where it is not, or nobody of it is.
pub(super) fn people(scope: &PolicyScope, look: &mut LookUp<'_>) -> Option<People> {
    let entities = match scope {
        PolicyScope::Anyone => return look.everyone(),
        PolicyScope::GroupItself(_) => return None,
        PolicyScope::OneOf(entities) => entities,
    };
    let mut found = People::default();
    for entity in entities {
        match entity.kind.as_str() {
            EMAIL => _ = found.users.insert(entity.id.clone()),
            "CF::User" | "Core::User" => found.users.extend(look.user(&entity.id, "")),
            "AWS::IDC::Group" => found.groups.extend(look.own_group(&entity.id)),
            kind if kind.ends_with("::Group") => found.groups.extend(look.group(&entity.id, "")),
            // rotas of who is on call, services
            _ => {}
        }
    }
    (!found.is_nobody()).then_some(found)
}
