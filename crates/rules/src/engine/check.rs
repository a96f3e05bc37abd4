//! Warnings about valid rules: targets without approvers, rules that never match, conflicting
//! flags, unknown names.

use std::{cell::Cell, collections::BTreeSet};

use hallpass_base::Email;

use super::{
    Compiled, Ready, Rules,
    coverage::{Spot, TARGETS_TRIED, covers, covers_set, overlap, spots},
    everyone::{Admitting, is_for_everyone, widening},
    exclusions, hours_apart,
    joinable::{RoleGroup, joinable},
    names::unknown_names,
    people::{Membership, PersonView, Principal, address_of},
    people_exclusions,
    places::AccountView,
    requester_manager::{NoManager, manager_of},
    unread_notes,
    warning::warn,
    words,
};
use crate::{
    cancel::CancelFlag,
    diagnostic::{Diagnostic, FindingCode},
    directory::Directory,
    named_facts::{UnreadAs, WhyUnread},
    rule::{Denials, GroupRef, Requesters, Selector, SetMatch, Targets, Terms},
};

/// Limit of rule and target comparisons. Larger files (thousands of rules with units or patterns)
/// are checked in part.
const STEPS_MAX: usize = 4_000_000;

impl Rules {
    /// Returns warnings, including those of parsing. With a directory also about unknown names; an
    /// ambiguous unit path is an error.
    pub fn check(&self, facts: Option<&Directory>) -> Vec<Diagnostic> {
        self.check_with_roles(facts, &[])
    }

    /// Like `check`, with the groups that hold configured roles.
    pub fn check_with_roles(
        &self,
        facts: Option<&Directory>,
        role_groups: &[RoleGroup],
    ) -> Vec<Diagnostic> {
        self.check_until(facts, role_groups, &CancelFlag::default())
    }

    /// Stops when `cancel` is set; the result is then incomplete and must be dropped.
    pub(crate) fn check_until(
        &self,
        facts: Option<&Directory>,
        role_groups: &[RoleGroup],
        cancel: &CancelFlag,
    ) -> Vec<Diagnostic> {
        self.findings(facts, UnreadAs::Counted, role_groups, cancel)
    }

    /// Checks rules before they are in force. Unread facts are noted with `why`, instead of
    /// warnings.
    pub(crate) fn check_ahead(
        &self,
        facts: &Directory,
        why: &WhyUnread,
        role_groups: &[RoleGroup],
        cancel: &CancelFlag,
    ) -> Vec<Diagnostic> {
        self.findings(Some(facts), UnreadAs::Noted(why), role_groups, cancel)
    }

    fn findings(
        &self,
        facts: Option<&Directory>,
        unread: UnreadAs<'_>,
        role_groups: &[RoleGroup],
        cancel: &CancelFlag,
    ) -> Vec<Diagnostic> {
        let compiled = &*self.compiled;
        let rules = compiled.rules.as_slice();
        let views = facts.map(|facts| {
            let accounts = facts.accounts().iter();
            accounts
                .map(|account| AccountView::new(&account.id, facts))
                .collect()
        });
        let check = Check {
            compiled,
            facts,
            unread,
            views: views.unwrap_or_default(),
            most_needed: rules
                .iter()
                .map(|ready| needed(ready.terms()))
                .max()
                .unwrap_or(1),
            steps: Cell::new(0),
            cancel,
        };
        let denials: Vec<&Ready> = rules
            .iter()
            .filter(|ready| has_flag(ready, false))
            .collect();
        let admitting: Vec<Admitting<'_>> = rules.iter().filter_map(Admitting::of).collect();
        let mut found = self.compiled.notes.clone();
        for (place, ready) in rules.iter().enumerate() {
            if cancel.is_cancelled() {
                return found;
            }
            check.reach(ready, &mut found);
            if ready.terms().approval_hours.is_some() && check.may_go_on(place.saturating_mul(8)) {
                let earlier = rules.get(..place).unwrap_or_default();
                found.extend(hours_apart::apart(ready, earlier, cancel));
            }
            found.extend(people_exclusions::attributes_of_nobody(ready));
            check.overridden(ready, &denials, &mut found);
            if is_for_everyone(ready) && check.may_go_on(admitting.len()) {
                found.extend(widening(ready, &admitting, cancel));
            }
            if let Targets::Groups(groups) = &ready.terms().targets
                && check.may_go_on(rules.len().saturating_mul(groups.len()))
            {
                found.extend(joinable(ready, rules, role_groups, facts));
            }
            exclusions::dead(ready, &check.views, facts, cancel, &mut found);
            people_exclusions::dead(compiled, ready, facts, cancel, &mut found);
            found.extend(facts.and_then(|facts| check.without_manager(ready, facts)));
            if let Some(facts) = facts {
                unknown_names(ready, facts, unread, cancel, &mut found);
                if let UnreadAs::Noted(why) = unread {
                    unread_notes::note(ready, facts, why, &mut found);
                }
            }
        }
        found.extend(compiled.sides_of_nothing(facts, cancel));
        for finding in &mut found {
            finding.file.clone_from(&self.compiled.file);
        }
        found.sort_by_key(|finding| finding.position);
        found
    }
}

struct Check<'a> {
    compiled: &'a Compiled,
    facts: Option<&'a Directory>,
    unread: UnreadAs<'a>,
    views: Vec<AccountView<'a>>,
    /// The highest approval count of any rule.
    most_needed: usize,
    steps: Cell<usize>,
    cancel: &'a CancelFlag,
}

/// Why a target cannot be approved, at all or for some requesters.
enum Deadlock {
    Nobody,
    TooFew { people: usize, needed: usize },
    Only(Vec<Email>),
}

impl<'a> Check<'a> {
    /// Finds patterns without hints, rules that match nothing, and targets without approvers.
    fn reach(&self, ready: &'a Ready, found: &mut Vec<Diagnostic>) {
        found.extend(without_hint(ready));
        let spots = spots(&ready.terms().targets);
        if spots.is_empty()
            || exclusions::leaves_no_tag(&ready.terms().targets)
            || self.matches_no_account(ready)
        {
            let message = "the rule can match nothing";
            found.push(
                warn(ready, FindingCode::DeadStatement, message).help("name a target, or drop it"),
            );
            return;
        }
        // the permitting rules decide whether the target can be approved
        if !ready.permits {
            return;
        }
        let mut seen = BTreeSet::new();
        for spot in spots.iter().take(TARGETS_TRIED) {
            let Some(deadlock) = self.deadlock(*spot) else {
                continue;
            };
            if !self.is_real(*spot) {
                continue;
            }
            let (code, message, help) = described(&deadlock, *spot);
            if seen.insert(code) {
                found.push(warn(ready, code, message).help(help));
            }
        }
    }

    /// Counts comparisons; `false` over the limit or when cancelled.
    fn may_go_on(&self, comparisons: usize) -> bool {
        let steps = self.steps.get().saturating_add(comparisons);
        self.steps.set(steps);
        steps <= STEPS_MAX && !self.cancel.is_cancelled()
    }

    fn matches_no_account(&self, ready: &Ready) -> bool {
        let targets = &ready.terms().targets;
        let Targets::Accounts {
            accounts, except, ..
        } = targets
        else {
            return false;
        };
        // unknown ids and names are reported one by one, unless exclusions remove all targets
        let one_by_one = |place: &Selector| match place {
            Selector::Account(_)
            | Selector::Ou(_)
            | Selector::OuPath(_)
            | Selector::Children(_)
            | Selector::ChildrenPath(_) => true,
            Selector::Every | Selector::AccountName(_) => false,
        };
        let named = accounts
            .as_ref()
            .is_some_and(|places| places.iter().any(one_by_one));
        let is_selected = |view: &AccountView<'_>| view.selected_by(targets) == Membership::Yes;
        let emptied = except.of_accounts() && self.views.iter().any(is_selected);
        (!named || emptied) && !self.views.is_empty() && self.may_go_on(self.views.len()) && {
            self.views.iter()
        }
        .all(|view| view.coverage(targets) == Membership::No)
    }

    /// With a directory, a target counts if it has an account that no other rule helps, even a rule
    /// that only the directory resolves.
    fn is_real(&self, spot: Spot<'_>) -> bool {
        let Spot::Account(targets, place, set) = spot else {
            return true;
        };
        let rules = &self.compiled.rules;
        if self.views.is_empty() || !self.may_go_on(self.views.len().saturating_mul(8)) {
            return true;
        }
        let helps = |other: &Ready| {
            !other.listed.is_empty()
                || !other.listed_groups.is_empty()
                || other.terms().asks_manager()
                || other.terms().approval_is_not_required == Some(true)
        };
        let helpers: Vec<&Ready> = rules
            .iter()
            .filter(|other| helps(other) && covers_set(other, set, targets) && !covers(other, spot))
            .collect();
        let inside = |view: &&AccountView<'_>| {
            place.is_none_or(|place| view.is_in(place)) && view.covered_by(targets)
        };
        self.views.iter().filter(inside).any(|view| {
            let _ = self.may_go_on(helpers.len());
            !helpers
                .iter()
                .any(|other| view.covered_by(&other.terms().targets))
        })
    }

    fn candidates(&self, spot: Spot<'_>) -> Vec<&'a Ready> {
        let places = match spot {
            Spot::Account(_, Some(Selector::Account(id)), _) => self.compiled.for_account(id),
            Spot::Account(..) => self.compiled.broad.clone(),
            Spot::Group(group) => self.compiled.for_group(group),
        };
        places
            .into_iter()
            .filter_map(|place| self.compiled.rules.get(place))
            .collect()
    }

    fn deadlock(&self, spot: Spot<'_>) -> Option<Deadlock> {
        let mut people = BTreeSet::new();
        let mut covering = Vec::new();
        let candidates = self.candidates(spot);
        if !self.may_go_on(candidates.len()) {
            return None;
        }
        for ready in candidates.into_iter().filter(|rule| covers(rule, spot)) {
            if ready.terms().asks_manager() {
                return None;
            }
            let listed = ready.terms().listed_people();
            people.extend(listed.filter(|email| self.is_left_in(ready, email)));
            if people.len() > self.most_needed {
                return None;
            }
            covering.push(ready);
        }
        let auto = |flag| {
            covering
                .iter()
                .any(|r| r.terms().approval_is_not_required == Some(flag))
        };
        if auto(true) && !auto(false) {
            return None;
        }
        let mut people: BTreeSet<Email> = people.into_iter().cloned().collect();
        for ready in &covering {
            for group in ready.terms().listed_groups() {
                // an unread group may contain anyone
                let members = members(group, self.facts?)?;
                let left = { members.into_iter() }.filter(|email| self.is_left_in(ready, email));
                people.extend(left);
            }
        }
        let needed = covering
            .iter()
            .map(|ready| needed(ready.terms()))
            .max()
            .unwrap_or(1);
        if people.is_empty() {
            return Some(Deadlock::Nobody);
        }
        if people.len() < needed {
            return Some(Deadlock::TooFew {
                people: people.len(),
                needed,
            });
        }
        if people.len() > needed {
            return None;
        }
        let locked: Vec<Email> = people
            .into_iter()
            .filter(|person| !self.may_approve_own(&covering, person))
            .collect();
        (!locked.is_empty()).then_some(Deadlock::Only(locked))
    }

    fn without_manager(&self, ready: &Ready, facts: &Directory) -> Option<Diagnostic> {
        let lists_others = !ready.listed.is_empty() || !ready.listed_groups.is_empty();
        if !ready.terms().manager_approves || lists_others || !ready.permits {
            return None;
        }
        let (mut asking, mut without) = (0_usize, Vec::new());
        for person in facts.people().iter().filter(|person| person.enabled) {
            let view = PersonView::of(self.compiled, person, facts);
            match view.may_ask(ready) {
                Membership::No => continue,
                Membership::Unread if self.unread.is_noted() => continue,
                Membership::Unread | Membership::Yes => asking += 1,
            }
            let why = match manager_of(&view, facts) {
                Ok(manager) => {
                    let manager = PersonView::of(self.compiled, manager, facts);
                    let is_out = manager.is_no_approver(ready) == Membership::Yes;
                    is_out.then_some(NoManager::LeftOut)
                }
                Err(NoManager::Unread) if self.unread.is_noted() => None,
                Err(why) => Some(why),
            };
            without.extend(why.map(|why| (person, why)));
        }
        let (first, why) = without.first()?;
        let message = format!(
            "{} of {asking} people who may request have no manager who could approve, and the rule lists no one else: \
             {}: {}",
            without.len(),
            first.user_name,
            why.words()
        );
        let help = "have managers set at the identity provider, or list approvers too";
        let finding = warn(ready, FindingCode::NoManager, message);
        Some(finding.field("manager_approves").help(help))
    }

    /// Returns whether a rule keeps a listed approver, as far as known.
    fn is_left_in(&self, ready: &Ready, email: &Email) -> bool {
        let left_out = &ready.terms().except_approvers;
        match self.facts {
            _ if !ready.excludes_approvers() => true,
            None => !left_out.emails.contains(email),
            Some(facts) => {
                let who = PersonView::new(self.compiled, Principal::from(email), facts);
                match who.is_no_approver(ready) {
                    Membership::No => true,
                    Membership::Unread => self.unread.is_noted(),
                    Membership::Yes => false,
                }
            }
        }
    }

    fn may_approve_own(&self, covering: &[&Ready], person: &Email) -> bool {
        let flag = |flag| {
            covering.iter().any(|ready| {
                ready.terms().allow_self_approval == Some(flag)
                    && ready.terms().listed_people().any(|email| email == person)
                    && (!flag || self.is_left_in(ready, person))
            })
        };
        flag(true) && !flag(false)
    }

    /// Finds `true` flags overridden by a `false` of another rule.
    fn overridden(&self, ready: &Ready, denials: &[&Ready], found: &mut Vec<Diagnostic>) {
        if !has_flag(ready, true) || !self.may_go_on(denials.len().saturating_mul(4)) {
            return;
        }
        let terms = ready.terms();
        let mut deny = |flag: &str, people: &str, other: &Ready| {
            let (this, other) = (&ready.rule.id, &other.rule.id);
            let message = format!(
                "`{flag}: true` of `{this}` is overridden by `{flag}: false` of `{other}`{people}"
            );
            found.push(
                warn(ready, FindingCode::SelfDeniedBy, message)
                    .field(flag)
                    .help("where both apply, `false` wins; narrow one of the two"),
            );
        };
        let denials = { denials.iter() }.take_while(|_| !self.cancel.is_cancelled());
        for other in denials.filter(|other| overlap(ready, other)) {
            let against = other.terms();
            let Some(asking) = denied_requesters(terms, against) else {
                continue;
            };
            if terms.approval_is_not_required == Some(true)
                && against.approval_is_not_required == Some(false)
            {
                deny(flag_name(ready, "ApprovalIsNotRequired"), asking, other);
            }
            if terms.allow_self_approval == Some(true) && against.allow_self_approval == Some(false)
            {
                let mine: BTreeSet<&Email> = terms.listed_people().collect();
                let both: BTreeSet<&str> = against
                    .listed_people()
                    .filter(|email| mine.contains(email))
                    .map(Email::as_str)
                    .collect();
                if !both.is_empty() {
                    let both: Vec<&str> = both.into_iter().collect();
                    let people = format!(" for {}{asking}", both.join(", "));
                    deny(flag_name(ready, "AllowSelfApproval"), &people, other);
                }
            }
        }
    }
}

fn denied_requesters(asking: &Terms, denying: &Terms) -> Option<&'static str> {
    const SOME: &str = ", for requesters of the second";
    match (denying.denials, &denying.requesters, &asking.requesters) {
        (Denials::Always, _, _) | (Denials::OfRequesters, Requesters::Everyone, _) => Some(""),
        (Denials::OfRequesters, Requesters::Only { .. }, Requesters::Everyone) => Some(SOME),
        (
            Denials::OfRequesters,
            Requesters::Only { users, groups, .. },
            Requesters::Only {
                users: of_users,
                groups: of_groups,
                ..
            },
        ) => {
            // without groups, the listed users decide whether the rules share requesters
            let apart = groups.is_empty() && of_groups.is_empty() && users.is_disjoint(of_users);
            (!apart).then_some(SOME)
        }
    }
}

fn has_flag(ready: &Ready, flag: bool) -> bool {
    let terms = ready.terms();
    [terms.allow_self_approval, terms.approval_is_not_required].contains(&Some(flag))
}

fn flag_name(ready: &Ready, elevator: &'static str) -> &'static str {
    match (ready.rule.list, elevator) {
        ("rule", "AllowSelfApproval") => "allow_self_approval",
        ("rule", _) => "approval_is_not_required",
        _ => elevator,
    }
}

fn described(deadlock: &Deadlock, spot: Spot<'_>) -> (FindingCode, String, &'static str) {
    let target = match spot {
        Spot::Account(_, place, set) => {
            let place = place.map_or_else(|| "its accounts".to_owned(), words::place);
            match set {
                SetMatch::Every => format!("permission sets in {place}"),
                SetMatch::Name(name) => format!("{name} in {place}"),
                SetMatch::Glob(glob) => format!("{} in {place}", glob.as_str()),
            }
        }
        Spot::Group(group) => format!("group {group}"),
    };
    match deadlock {
        Deadlock::Nobody => (
            FindingCode::NobodyCanApprove,
            format!("no one can approve {target}, and no rule waives approval"),
            "list approvers, or allow it without approval",
        ),
        Deadlock::TooFew { people, needed } => (
            FindingCode::NobodyCanApprove,
            format!("{target} needs {needed} approvals, and {people} people can approve"),
            "list more approvers, or require fewer approvals",
        ),
        Deadlock::Only(people) => {
            let names: Vec<&str> = people.iter().map(Email::as_str).collect();
            let names = names.join(", ");
            (
                FindingCode::SoleApprover,
                format!("{names} can never get {target}: no one else can approve it"),
                "list another approver, or allow self approval",
            )
        }
    }
}

/// Requesters see the pattern itself if nothing says what to write.
fn without_hint(ready: &Ready) -> Vec<Diagnostic> {
    let terms = ready.terms();
    let of_reason = (&terms.reason_pattern, &terms.reason_hint, "reason");
    let of_ticket = (&terms.ticket_pattern, &terms.ticket_hint, "ticket");
    let without = [of_reason, of_ticket].into_iter();
    let without = without.filter(|(pattern, hint, _)| pattern.is_some() && hint.is_none());
    let warning = |(_, _, field)| {
        let message = format!("`{field}_pattern` has no `{field}_hint`");
        let help = format!("say in `{field}_hint` what to write, such as: an incident number");
        warn(ready, FindingCode::PatternWithoutHint, message).help(help)
    };
    without.map(warning).collect()
}

fn needed(terms: &Terms) -> usize {
    let stages: u32 = terms.stages.iter().map(|stage| stage.quorum).sum();
    usize::try_from(terms.min_approvals.max(stages)).unwrap_or(usize::MAX)
}

fn members(group: &GroupRef, facts: &Directory) -> Option<Vec<Email>> {
    let members = facts.members_named(group)?;
    let people = members.iter().filter_map(|id| facts.person(id));
    Some(
        people
            .filter(|person| person.enabled)
            .filter_map(address_of)
            .collect(),
    )
}
