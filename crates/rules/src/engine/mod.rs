//! Compiled rules: interned names, indexed candidates, no duplicates.

mod approvable;
mod approval_hours;
mod approvers;
mod catalog;
mod check;
mod coverage;
mod decide;
mod decision;
mod delegates;
mod delegations;
mod everyone;
mod exclusions;
mod explain;
mod hours_apart;
mod joinable;
mod limits;
mod names;
mod never_together;
mod on_call;
mod outstanding;
mod people;
mod people_exclusions;
mod places;
mod press;
mod quorum;
mod request_blockers;
mod requester_manager;
mod requirement;
mod rule_warning;
mod sign_in;
mod steps;
mod ticket_requirement;
mod tickets;
mod unread;
mod unread_notes;
mod warning;
mod why_not;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use hallpass_base::{AccountId, Email, Glob, GroupId, TimeSpan, Timestamp, UserId};

pub use approvable::Approvable;
pub use approval_hours::{ApprovalHours, ApprovalsOpen};
pub use catalog::{Requestable, SetBits};
pub use decision::{Decision, OwnLater, Stage};
pub use delegates::Delegates;
pub use explain::{Considered, Effect, Explanation, Nearest};
pub use joinable::RoleGroup;
pub use outstanding::{Outstanding, StageProgress};
pub use people::Principal;
pub use press::{JudgedPress, Permit, PressRefusedByRules};
pub use request_blockers::{RequestBlocker, people_with_another};
pub use requester_manager::{NoManager, RequesterManager};
pub use requirement::Requirement;
pub use rule_warning::RuleWarning;
pub use sign_in::{OverLimit, SignInRequirement};
pub use steps::{DecisionQuestion, DecisionStep};
pub use ticket_requirement::{TicketProblem, TicketRequirement};
pub use words::{RuleColumns, RuleSummary};

use crate::{
    attributes::PersonAttribute,
    content::Content,
    diagnostic::Diagnostic,
    directory::Directory,
    named_facts::NamedFacts,
    rule::{GroupRef, Requesters, Rule, RuleId, Selector, SetMatch, Targets, Terms},
    test_case::TestCase,
};
use decide::{Evaluation, When};
use never_together::Constraint;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask<'a> {
    Account {
        account: &'a AccountId,
        permission_set: &'a str,
    },
    Group {
        group: &'a GroupId,
    },
}

/// Immutable rules in force; cheap to clone.
#[derive(Debug, Clone)]
pub struct Rules {
    pub(crate) compiled: Arc<Compiled>,
}

#[derive(Debug)]
pub(crate) struct Compiled {
    /// Distinct rules in file order.
    pub(crate) rules: Vec<Ready>,
    /// All named approvers; rules refer to them by index.
    pub(crate) people: Vec<Email>,
    pub(crate) person_ids: HashMap<Email, usize>,
    /// All named groups; rules refer to them by index.
    pub(crate) groups: Vec<GroupRef>,
    by_account: HashMap<AccountId, Vec<usize>>,
    pub(crate) broad: Vec<usize>,
    by_group: HashMap<GroupId, Vec<usize>>,
    by_group_name: HashMap<String, Vec<usize>>,
    hash: String,
    pub(crate) file: String,
    pub(crate) tests: Vec<TestCase>,
    pub(crate) constraints: Vec<Constraint>,
    pub(crate) notes: Vec<Diagnostic>,
}

#[derive(Debug)]
pub(crate) struct Ready {
    /// Boxed, with the hot fields copied here: a decision visits many rules and needs little of
    /// most.
    pub(crate) rule: Box<Rule>,
    pub(crate) own: Option<bool>,
    pub(crate) auto: Option<bool>,
    pub(crate) permits: bool,
    pub(crate) restricted: bool,
    /// Whether the rule has terms beyond targets, approvers and flags.
    pub(crate) limited: bool,
    pub(crate) sets: Sets,
    pub(crate) listed: Vec<usize>,
    pub(crate) listed_groups: Vec<usize>,
    pub(crate) allowed_groups: Vec<usize>,
    pub(crate) except_requester_groups: Vec<usize>,
    pub(crate) except_approver_groups: Vec<usize>,
}

impl Ready {
    /// A rule that has targets only.
    fn of_targets(rule: Rule) -> Self {
        Self {
            own: None,
            auto: None,
            permits: rule.terms.permits_requests,
            restricted: false,
            limited: false,
            sets: Sets::of(&rule.terms.targets),
            rule: Box::new(rule),
            listed: Vec::new(),
            listed_groups: Vec::new(),
            allowed_groups: Vec::new(),
            except_requester_groups: Vec::new(),
            except_approver_groups: Vec::new(),
        }
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.rule.terms
    }

    pub(crate) fn excludes_approvers(&self) -> bool {
        !self.terms().except_approvers.is_nobody()
    }
}

#[derive(Debug)]
pub(crate) struct Sets {
    picked: Picked,
    except: Vec<SetMatch>,
}

#[derive(Debug)]
enum Picked {
    Every,
    Some {
        names: Vec<String>,
        patterns: Vec<Glob>,
    },
}

/// Up to this number, a linear scan is faster than a search.
const NAMES_COMPARED: usize = 8;

impl Sets {
    fn of(targets: &Targets) -> Self {
        match targets {
            Targets::Accounts { sets, except, .. } => Self::new(sets, &except.sets),
            Targets::Groups(_) => Self::every(),
        }
    }

    fn every() -> Self {
        Self {
            picked: Picked::Every,
            except: Vec::new(),
        }
    }

    fn new(sets: &BTreeSet<SetMatch>, except: &BTreeSet<SetMatch>) -> Self {
        Self {
            picked: Picked::new(sets),
            except: except.iter().cloned().collect(),
        }
    }

    pub(crate) fn contain(&self, name: &str) -> bool {
        self.picked.contain(name) && self.left_out(name).is_none()
    }

    /// Ignores exclusions.
    pub(crate) fn select(&self, name: &str) -> bool {
        self.picked.contain(name)
    }

    pub(crate) fn left_out(&self, name: &str) -> Option<&SetMatch> {
        let except = self.except.iter().find(|set| set.matches(name));
        except.filter(|_| self.picked.contain(name))
    }
}

impl Picked {
    fn new(sets: &BTreeSet<SetMatch>) -> Self {
        let (mut names, mut patterns) = (Vec::new(), Vec::new());
        for set in sets {
            match set {
                SetMatch::Every => return Self::Every,
                SetMatch::Name(name) => names.push(name.clone()),
                SetMatch::Glob(glob) => patterns.push(glob.clone()),
            }
        }
        names.sort_unstable();
        Self::Some { names, patterns }
    }

    fn contain(&self, name: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Some { names, patterns } => {
                let named = if names.len() <= NAMES_COMPARED {
                    names.iter().any(|known| known == name)
                } else {
                    names
                        .binary_search_by(|known| known.as_str().cmp(name))
                        .is_ok()
                };
                named || patterns.iter().any(|pattern| pattern.matches(name))
            }
        }
    }
}

impl Rules {
    pub fn none() -> Self {
        Self::new(Content::default(), Vec::new(), "none", &[])
    }

    pub(crate) fn new(
        content: Content,
        notes: Vec<Diagnostic>,
        file: &str,
        texts: &[&str],
    ) -> Self {
        let mut compiled = Compiled {
            rules: Vec::new(),
            people: Vec::new(),
            person_ids: HashMap::new(),
            groups: Vec::new(),
            by_account: HashMap::new(),
            broad: Vec::new(),
            by_group: HashMap::new(),
            by_group_name: HashMap::new(),
            hash: hash(texts),
            file: file.to_owned(),
            tests: content.tests,
            constraints: Vec::new(),
            notes,
        };
        let mut group_ids = HashMap::new();
        #[expect(
            clippy::mutable_key_type,
            reason = "a pattern is hashed and compared by its text, which never changes"
        )]
        let mut seen = HashSet::new();
        for rule in content.rules {
            if seen.insert(rule.terms.clone()) {
                compiled.add(rule, &mut group_ids);
            }
        }
        for constraint in content.constraints {
            let constraint = Constraint::new(constraint);
            for group in constraint.groups() {
                // members are read, as of the groups of rules
                group_ids.entry(group.clone()).or_insert_with(|| {
                    compiled.groups.push(group.clone());
                    compiled.groups.len() - 1
                });
            }
            compiled.constraints.push(constraint);
        }
        Self {
            compiled: Arc::new(compiled),
        }
    }

    /// Returns whether some rule wants enforced expiry.
    pub fn want_armed_ends(&self) -> bool {
        let mut rules = self.compiled.rules.iter();
        rules.any(|ready| ready.terms().armed_ends.is_some())
    }

    /// Decides a request (`access.md` §2).
    pub fn decide<'a>(
        &self,
        requester: impl Into<Principal<'a>>,
        ask: &Ask<'_>,
        facts: &Directory,
        now: Timestamp,
    ) -> Decision {
        Evaluation::new(&self.compiled, requester.into(), ask, facts, now).decision()
    }

    /// Returns the missing approvals by the rules of `at`, given valid approvals; `now` decides
    /// whether more may be given.
    pub fn outstanding<'a>(
        &self,
        requester: impl Into<Principal<'a>>,
        ask: &Ask<'_>,
        facts: &Directory,
        (at, now): (Timestamp, Timestamp),
        approvals: &BTreeMap<UserId, Email>,
    ) -> Outstanding {
        Evaluation::new(&self.compiled, requester.into(), ask, facts, at)
            .outstanding(approvals, (at, now))
    }

    /// Like `decide`, ignoring hours: hours limit requests and approvals, not the duration of
    /// grants.
    pub fn decide_at_any_hour<'a>(
        &self,
        requester: impl Into<Principal<'a>>,
        ask: &Ask<'_>,
        facts: &Directory,
    ) -> Decision {
        let requester = requester.into();
        Evaluation::new(&self.compiled, requester, ask, facts, When::AtAnyHour).decision()
    }

    /// Returns the strictest maximum duration and its first rule.
    pub(crate) fn shortest(
        &self,
        requester: &Email,
        ask: &Ask<'_>,
        facts: &Directory,
        now: Timestamp,
    ) -> Option<(RuleId, TimeSpan)> {
        Evaluation::new(&self.compiled, requester.into(), ask, facts, now).shortest()
    }

    #[must_use]
    pub fn press<'a>(
        &'a self,
        presser: impl Into<Principal<'a>>,
        requester: impl Into<Principal<'a>>,
        ask: &Ask<'_>,
        facts: &'a Directory,
        now: Timestamp,
    ) -> JudgedPress<'a> {
        let (presser, requester) = (presser.into(), requester.into());
        JudgedPress::new(&self.compiled, presser, requester, ask, facts, now)
    }

    pub fn hash(&self) -> &str {
        &self.compiled.hash
    }

    /// Returns all groups of approvers, requesters and exclusions. Requestable groups are in
    /// [`Rules::requested_groups`].
    pub fn referenced_groups(&self) -> BTreeSet<GroupRef> {
        self.compiled.groups.iter().cloned().collect()
    }

    pub fn referenced_attributes(&self) -> BTreeSet<PersonAttribute> {
        let rules = self.compiled.rules.iter();
        let of = |terms: &Terms| {
            let manager = terms.asks_manager().then_some(PersonAttribute::Manager);
            let wanted = terms.requester_attributes.iter().map(|want| want.attribute);
            wanted.chain(manager).collect::<Vec<_>>()
        };
        rules.flat_map(|ready| of(ready.terms())).collect()
    }

    pub fn references_account_tags(&self) -> bool {
        let mut rules = self.compiled.rules.iter();
        rules.any(|ready| ready.terms().targets.names_tags())
            || self.compiled.constraints.iter().any(Constraint::names_tags)
    }

    pub fn named_facts(&self) -> NamedFacts {
        NamedFacts {
            groups: self.referenced_groups(),
            attributes: self.referenced_attributes(),
            account_tags: self.references_account_tags(),
        }
    }

    /// Reports rules that offer a group whose membership is managed otherwise, as errors. Without a
    /// directory, name and id of a group cannot be matched.
    pub fn owned_twice(
        &self,
        owned: &BTreeSet<GroupRef>,
        facts: Option<&Directory>,
    ) -> Vec<Diagnostic> {
        names::owned_twice(&self.compiled.rules, owned, facts)
    }

    pub fn requested_groups(&self) -> BTreeSet<GroupRef> {
        self.compiled.asked_groups().cloned().collect()
    }
}

impl Compiled {
    fn add(&mut self, rule: Rule, group_ids: &mut HashMap<GroupRef, usize>) {
        let place = self.rules.len();
        let sets = Sets::of(&rule.terms.targets);
        match &rule.terms.targets {
            Targets::Accounts {
                accounts,
                ous,
                tags,
                except,
                ..
            } => match plain_accounts(accounts.as_ref()) {
                Some(ids) if ous.is_none() && tags.is_empty() && !except.of_accounts() => {
                    for id in ids {
                        self.by_account.entry(id.clone()).or_default().push(place);
                    }
                }
                _ => self.broad.push(place),
            },
            Targets::Groups(groups) => {
                for group in groups {
                    match group {
                        GroupRef::Id(id) => {
                            self.by_group.entry(id.clone()).or_default().push(place);
                        }
                        GroupRef::Name(name) => {
                            self.by_group_name
                                .entry(name.clone())
                                .or_default()
                                .push(place);
                        }
                        // refused by the reader: no one can join it
                        GroupRef::OnCall(_) => {}
                    }
                }
            }
        }
        let listed = self.listed(&rule.terms);
        let mut intern = |group: &GroupRef| {
            *group_ids.entry(group.clone()).or_insert_with(|| {
                self.groups.push(group.clone());
                self.groups.len() - 1
            })
        };
        let listed_groups = rule.terms.listed_groups().map(&mut intern).collect();
        let allowed_groups = rule.terms.requesting_groups().map(&mut intern).collect();
        let terms = &rule.terms;
        let except = [&terms.except_requesters, &terms.except_approvers];
        let [except_requester_groups, except_approver_groups] =
            except.map(|it| it.groups.iter().map(&mut intern).collect());
        self.rules.push(Ready {
            own: terms.allow_self_approval,
            auto: terms.approval_is_not_required,
            permits: terms.permits_requests,
            restricted: terms.requesters != Requesters::Everyone
                || terms.hours.is_some()
                || !terms.requester_attributes.is_empty()
                || !terms.except_requesters.is_nobody(),
            limited: terms.has_limits(),
            rule: Box::new(rule),
            sets,
            listed,
            listed_groups,
            allowed_groups,
            except_requester_groups,
            except_approver_groups,
        });
    }

    fn listed(&mut self, terms: &Terms) -> Vec<usize> {
        let emails = terms.listed_people().cloned();
        let mut listed: Vec<usize> = emails.map(|email| self.person(email)).collect();
        listed.sort_unstable();
        listed.dedup();
        listed
    }

    fn person(&mut self, email: Email) -> usize {
        *self.person_ids.entry(email).or_insert_with_key(|email| {
            self.people.push(email.clone());
            self.people.len() - 1
        })
    }

    pub(crate) fn asked_groups(&self) -> impl Iterator<Item = &GroupRef> {
        self.rules
            .iter()
            .flat_map(|ready| match &ready.terms().targets {
                Targets::Groups(groups) => groups.iter().collect(),
                Targets::Accounts { .. } => Vec::new(),
            })
    }

    pub(crate) fn for_account(&self, account: &AccountId) -> Vec<usize> {
        let mut places = self.by_account.get(account).cloned().unwrap_or_default();
        places.extend(&self.broad);
        places.sort_unstable();
        places
    }

    pub(crate) fn for_group(&self, group: &GroupRef) -> Vec<usize> {
        let places = match group {
            GroupRef::Id(id) => self.by_group.get(id),
            GroupRef::Name(name) => self.by_group_name.get(name),
            GroupRef::OnCall(_) => None,
        };
        places.cloned().unwrap_or_default()
    }

    pub(crate) fn candidates(&self, ask: &Ask<'_>, facts: &Directory) -> Vec<usize> {
        match ask {
            Ask::Account { account, .. } => self.for_account(account),
            Ask::Group { group } => {
                let mut places = self.by_group.get(*group).cloned().unwrap_or_default();
                if let Some(known) = facts.group(group) {
                    let name = GroupRef::known(&known.name);
                    places.extend(self.for_group(&name));
                    places.sort_unstable();
                    places.dedup();
                }
                places
            }
        }
    }
}

fn plain_accounts(places: Option<&BTreeSet<Selector>>) -> Option<Vec<&AccountId>> {
    places?
        .iter()
        .map(|place| match place {
            Selector::Account(id) => Some(id),
            Selector::Every
            | Selector::AccountName(_)
            | Selector::Ou(_)
            | Selector::OuPath(_)
            | Selector::Children(_)
            | Selector::ChildrenPath(_) => None,
        })
        .collect()
}

fn hash(texts: &[&str]) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for text in texts {
        context.update(text.as_bytes());
    }
    hex::encode(context.finish())
}
