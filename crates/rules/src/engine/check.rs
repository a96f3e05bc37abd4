//! What is odd about rules that load: targets nobody can approve, rules that never match, flags
//! that cancel each other, names that nothing in the organization has.

use std::collections::BTreeSet;

use hallpass_model::Email;

use super::{Ready, Rules, Sets, people::address_of, places::AccountView, words};
use crate::{
    diagnostic::{Code, Diagnostic},
    directory::{Directory, NotOnePerson, OuRef},
    rule::{GroupRef, Place, SetMatch, Targets, Terms},
};

/// The most targets of one rule that are tried when looking for ones nobody can approve.
const TARGETS_TRIED: usize = 64;

impl Rules {
    /// Warnings about the rules, those of loading included. With a directory also about accounts,
    /// permission sets, units, people and groups that it does not hold; an ambiguous path of an
    /// organizational unit is an error.
    pub fn check(&self, facts: Option<&Directory>) -> Vec<Diagnostic> {
        let check = Check {
            rules: &self.compiled.rules,
            facts,
        };
        let mut found = self.compiled.notes.clone();
        for ready in check.rules {
            check.reach(ready, &mut found);
            check.overridden(ready, &mut found);
            if let Some(facts) = facts {
                names(ready, facts, &mut found);
            }
        }
        for finding in &mut found {
            finding.file.clone_from(&self.compiled.file);
        }
        found.sort_by_key(|finding| finding.position);
        found
    }
}

struct Check<'a> {
    rules: &'a [Ready],
    facts: Option<&'a Directory>,
}

/// One kind of target of a rule: a place (or none, when other keys say where) and a permission
/// set, or a group.
#[derive(Clone, Copy)]
enum Spot<'a> {
    Account(&'a Targets, Option<&'a Place>, &'a SetMatch),
    Group(&'a GroupRef),
}

/// Why a target cannot be approved, or not for everyone.
enum Deadlock {
    Nobody,
    TooFew { people: usize, needed: usize },
    Only(Vec<Email>),
}

impl<'a> Check<'a> {
    /// Rules that match nothing, and targets nobody can approve.
    fn reach(&self, ready: &'a Ready, found: &mut Vec<Diagnostic>) {
        let spots = spots(&ready.terms().targets);
        if spots.is_empty() || self.matches_no_account(ready) {
            let message = "the rule can match nothing";
            found.push(warn(ready, Code::DeadStatement, message).help("name a target, or drop it"));
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

    fn matches_no_account(&self, ready: &Ready) -> bool {
        match (&ready.terms().targets, self.facts) {
            (targets @ Targets::Accounts { accounts, .. }, Some(facts)) => {
                // ids and names that do not exist are reported one by one
                let by_name = accounts.as_ref().is_some_and(|places| {
                    places
                        .iter()
                        .any(|p| matches!(p, Place::Account(_) | Place::Ou(_) | Place::OuPath(_)))
                });
                !by_name
                    && !facts.accounts().is_empty()
                    && !facts
                        .accounts()
                        .iter()
                        .any(|account| AccountView::new(&account.id, facts).covered_by(targets))
            }
            (Targets::Accounts { .. } | Targets::Groups(_), _) => false,
        }
    }

    /// With a directory, a target is real when some account is covered by its rule and by none
    /// but the rules that were looked at.
    fn is_real(&self, spot: Spot<'_>) -> bool {
        let (Some(facts), Spot::Account(targets, _, set)) = (self.facts, spot) else {
            return true;
        };
        let covering = |account: &crate::directory::Account| {
            let view = AccountView::new(&account.id, facts);
            view.covered_by(targets)
                && !self.rules.iter().any(|other| {
                    let terms = other.terms();
                    view.covered_by(&terms.targets)
                        && covers_set(&other.sets, set)
                        && (!other.listed.is_empty()
                            || !other.listed_groups.is_empty()
                            || terms.approval_is_not_required == Some(true))
                        && !covers(other, spot)
                })
        };
        facts.accounts().is_empty() || facts.accounts().iter().any(covering)
    }

    fn deadlock(&self, spot: Spot<'_>) -> Option<Deadlock> {
        let covering: Vec<&Ready> = self
            .rules
            .iter()
            .filter(|rule| covers(rule, spot))
            .collect();
        let auto = |flag| {
            covering
                .iter()
                .any(|r| r.terms().approval_is_not_required == Some(flag))
        };
        if auto(true) && !auto(false) {
            return None;
        }
        let mut people = BTreeSet::new();
        for ready in &covering {
            people.extend(ready.terms().listed_people().cloned());
            for group in ready.terms().listed_groups() {
                // without its members, a group may hold anybody
                people.extend(members(group, self.facts?)?);
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
            .filter(|person| !may_approve_own(&covering, person))
            .collect();
        (!locked.is_empty()).then_some(Deadlock::Only(locked))
    }

    /// `true` flags that a `false` one of another rule overrides.
    fn overridden(&self, ready: &Ready, found: &mut Vec<Diagnostic>) {
        let terms = ready.terms();
        let mut deny = |flag: &str, people: &str, other: &Ready| {
            let (this, other) = (&ready.rule.id, &other.rule.id);
            let message = format!(
                "`{flag}: true` of `{this}` is overridden by `{flag}: false` of `{other}`{people}"
            );
            found.push(
                warn(ready, Code::SelfDeniedBy, message)
                    .field(flag)
                    .help("where both apply, `false` wins; narrow one of the two"),
            );
        };
        for other in self
            .rules
            .iter()
            .filter(|other| overlap(terms, ready, other))
        {
            let against = other.terms();
            if terms.approval_is_not_required == Some(true)
                && against.approval_is_not_required == Some(false)
            {
                deny(flag_name(ready, "ApprovalIsNotRequired"), "", other);
            }
            if terms.allow_self_approval == Some(true) && against.allow_self_approval == Some(false)
            {
                let mine: BTreeSet<&Email> = terms.listed_people().collect();
                let both: Vec<&str> = against
                    .listed_people()
                    .filter(|email| mine.contains(email))
                    .map(Email::as_str)
                    .collect();
                if !both.is_empty() {
                    let people = format!(" for {}", both.join(", "));
                    deny(flag_name(ready, "AllowSelfApproval"), &people, other);
                }
            }
        }
    }
}

/// The flag as the file's form spells it.
fn flag_name(ready: &Ready, elevator: &'static str) -> &'static str {
    match (ready.rule.list, elevator) {
        ("rule", "AllowSelfApproval") => "allow_self_approval",
        ("rule", _) => "approval_is_not_required",
        _ => elevator,
    }
}

fn warn(ready: &Ready, code: Code, message: impl Into<String>) -> Diagnostic {
    let rule = &ready.rule;
    Diagnostic::warning(code, rule.position, message).at(rule.list, rule.index)
}

fn described(deadlock: &Deadlock, spot: Spot<'_>) -> (Code, String, &'static str) {
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
            Code::NobodyCanApprove,
            format!("nobody can approve {target}, and no rule makes approval needless"),
            "list approvers, or allow it without approval",
        ),
        Deadlock::TooFew { people, needed } => (
            Code::NobodyCanApprove,
            format!("{target} needs {needed} approvals, and {people} people can approve"),
            "list more approvers, or ask for fewer approvals",
        ),
        Deadlock::Only(people) => {
            let names: Vec<&str> = people.iter().map(Email::as_str).collect();
            let names = names.join(", ");
            (
                Code::SoleApprover,
                format!("{names} can never get {target}: nobody else is left to approve it"),
                "list another approver, or allow self approval",
            )
        }
    }
}

/// The kinds of targets of a rule; empty when it matches nothing.
fn spots(targets: &Targets) -> Vec<Spot<'_>> {
    match targets {
        Targets::Groups(groups) => groups.iter().map(Spot::Group).collect(),
        Targets::Accounts {
            accounts,
            ous,
            sets,
            ..
        } => {
            let places: Vec<Option<&Place>> = match accounts {
                Some(places) => places.iter().map(Some).collect(),
                None => vec![None],
            };
            if ous.as_ref().is_some_and(BTreeSet::is_empty) {
                return Vec::new();
            }
            places
                .into_iter()
                .flat_map(|place| {
                    sets.iter()
                        .map(move |set| Spot::Account(targets, place, set))
                })
                .collect()
        }
    }
}

/// Whether a rule certainly affects all of the spot.
fn covers(ready: &Ready, spot: Spot<'_>) -> bool {
    match (&ready.terms().targets, spot) {
        (Targets::Groups(groups), Spot::Group(group)) => groups.contains(group),
        (
            Targets::Accounts {
                accounts,
                ous,
                tags,
                ..
            },
            Spot::Account(of, place, set),
        ) => {
            let Targets::Accounts {
                ous: of_ous,
                tags: of_tags,
                ..
            } = of
            else {
                return false;
            };
            let in_accounts = accounts.as_ref().is_none_or(|mine| {
                is_everything(mine) || place.is_some_and(|place| within_any(place, mine))
            });
            let in_ous = ous.as_ref().is_none_or(|mine| {
                is_everything(mine)
                    || of_ous
                        .as_ref()
                        .is_some_and(|of| of.iter().all(|p| within_any(p, mine)))
                    || place.is_some_and(|place| within_any(place, mine))
            });
            in_accounts && in_ous && tags.is_subset(of_tags) && covers_set(&ready.sets, set)
        }
        (Targets::Groups(_), Spot::Account(..)) | (Targets::Accounts { .. }, Spot::Group(_)) => {
            false
        }
    }
}

fn is_everything(places: &BTreeSet<Place>) -> bool {
    places.contains(&Place::Every) || places.contains(&Place::OuPath(String::new()))
}

fn within_any(place: &Place, places: &BTreeSet<Place>) -> bool {
    is_everything(places)
        || places.contains(place)
        || match place {
            Place::OuPath(path) => path
                .match_indices('/')
                .filter_map(|(end, _)| path.get(..end))
                .any(|above| places.contains(&Place::OuPath(above.to_owned()))),
            Place::Every | Place::Account(_) | Place::AccountName(_) | Place::Ou(_) => false,
        }
}

fn covers_set(sets: &Sets, set: &SetMatch) -> bool {
    match (sets, set) {
        (Sets::Every, _) => true,
        (Sets::Some { .. }, SetMatch::Every) => false,
        (sets, SetMatch::Name(name)) => sets.contain(name),
        (Sets::Some { patterns, .. }, SetMatch::Glob(glob)) => patterns.contains(glob),
    }
}

/// Whether two rules certainly affect a common target.
fn overlap(terms: &Terms, ready: &Ready, other: &Ready) -> bool {
    let mine = spots(&terms.targets);
    let theirs = spots(&other.terms().targets);
    mine.iter()
        .take(TARGETS_TRIED)
        .any(|spot| covers(other, *spot))
        || theirs
            .iter()
            .take(TARGETS_TRIED)
            .any(|spot| covers(ready, *spot))
        || crossing(&mine, &theirs)
}

/// Whether one rule is wide in accounts and the other in permission sets.
fn crossing(mine: &[Spot<'_>], theirs: &[Spot<'_>]) -> bool {
    let wide = |spots: &[Spot<'_>]| {
        let every = |spot: &Spot<'_>| matches!(spot, Spot::Account(_, Some(Place::Every), _));
        let all_sets = |spot: &Spot<'_>| matches!(spot, Spot::Account(_, _, SetMatch::Every));
        (spots.iter().any(every), spots.iter().any(all_sets))
    };
    matches!(
        (wide(mine), wide(theirs)),
        ((true, _), (_, true)) | ((_, true), (true, _))
    )
}

fn needed(terms: &Terms) -> usize {
    let stages: u32 = terms.stages.iter().map(|stage| stage.quorum).sum();
    usize::try_from(terms.min_approvals.max(stages)).unwrap_or(usize::MAX)
}

fn may_approve_own(covering: &[&Ready], person: &Email) -> bool {
    let flag = |flag| {
        covering.iter().any(|ready| {
            ready.terms().allow_self_approval == Some(flag)
                && ready.terms().listed_people().any(|email| email == person)
        })
    };
    flag(true) && !flag(false)
}

/// The addresses of a group's members, if they were read.
fn members(group: &GroupRef, facts: &Directory) -> Option<Vec<Email>> {
    let members = facts.resolve_group(group)?.members.as_ref()?;
    let people = members.iter().filter_map(|id| facts.person(id));
    Some(
        people
            .filter(|person| person.enabled)
            .filter_map(address_of)
            .collect(),
    )
}

/// Names in a rule that the directory does not hold.
fn names(ready: &Ready, facts: &Directory, found: &mut Vec<Diagnostic>) {
    let terms = ready.terms();
    match &terms.targets {
        Targets::Accounts {
            accounts,
            ous,
            sets,
            ..
        } => {
            for place in accounts.iter().chain(ous).flatten() {
                found.extend(place_finding(ready, place, facts));
            }
            for set in sets {
                found.extend(set_finding(ready, set, facts));
            }
        }
        Targets::Groups(groups) => {
            let unknown = groups
                .iter()
                .filter(|group| facts.resolve_group(group).is_none());
            found.extend(unknown.map(|group| no_group(ready, group)));
        }
    }
    for group in terms.listed_groups().chain(&terms.allowed_groups) {
        match facts.resolve_group(group) {
            None => found.push(no_group(ready, group)),
            Some(known) if known.members.is_none() => {
                let message = format!("the members of group `{group}` could not be read");
                found.push(warn(ready, Code::UnreadGroup, message).value(&group.to_string()));
            }
            Some(_) => {}
        }
    }
    let none = BTreeSet::new();
    let named: BTreeSet<&Email> = terms
        .listed_people()
        .chain(&terms.allowed_users)
        .chain(terms.break_glass.as_ref().unwrap_or(&none))
        .collect();
    found.extend(
        named
            .into_iter()
            .filter_map(|email| person_finding(ready, email, facts)),
    );
}

fn no_group(ready: &Ready, group: &GroupRef) -> Diagnostic {
    let message = match group {
        GroupRef::Id(_) => format!("there is no group `{group}`"),
        GroupRef::Name(_) => format!("there is not exactly one group named `{group}`"),
    };
    warn(ready, Code::DeadStatement, message).value(&group.to_string())
}

fn person_finding(ready: &Ready, email: &Email, facts: &Directory) -> Option<Diagnostic> {
    let message = match facts.person_by_email(email) {
        Ok(person) if person.enabled => return None,
        Ok(_) => format!("the user `{email}` is disabled"),
        Err(NotOnePerson::None) => format!("no user has the address `{email}`"),
        Err(NotOnePerson::Ambiguous) => format!("several users have the address `{email}`"),
    };
    Some(warn(ready, Code::UnknownPerson, message).value(email.as_str()))
}

fn place_finding(ready: &Ready, place: &Place, facts: &Directory) -> Option<Diagnostic> {
    match place {
        Place::Every => None,
        Place::Account(id) => match facts.account(id) {
            None => {
                let message = format!("the organization has no account `{id}`");
                Some(warn(ready, Code::DeadStatement, message).value(id.as_str()))
            }
            Some(account) if !account.active => {
                let message = format!("the account `{id}` is not active");
                Some(warn(ready, Code::DeadStatement, message).value(id.as_str()))
            }
            Some(_) => None,
        },
        Place::AccountName(glob) => {
            let fits = facts
                .accounts()
                .iter()
                .any(|account| glob.matches(&account.name));
            let message = format!("no account is named `{glob}`");
            (!fits).then(|| warn(ready, Code::DeadStatement, message).value(glob.as_str()))
        }
        Place::Ou(id) => {
            let ends_in = |path: &&[OuRef]| path.last().is_some_and(|ou| ou.id == *id);
            let known = id == facts.root_id() || facts.organizational_units().iter().any(ends_in);
            let message = format!("there is no organizational unit `{id}`");
            (!known).then(|| warn(ready, Code::UnknownOu, message).value(id))
        }
        Place::OuPath(path) if path.is_empty() => None,
        Place::OuPath(path) => {
            let joined = |units: &[OuRef]| {
                let names: Vec<&str> = units.iter().map(|ou| ou.name.as_str()).collect();
                names.join("/")
            };
            let with_root = format!("Root/{path}");
            let units = facts.organizational_units();
            let ids: BTreeSet<&str> = units
                .iter()
                .filter(|units| [path, &with_root].contains(&&joined(units)))
                .filter_map(|units| units.last().map(|ou| ou.id.as_str()))
                .collect();
            match ids.len() {
                0 => {
                    let message = format!("there is no organizational unit `{path}`");
                    Some(warn(ready, Code::UnknownOu, message).value(path))
                }
                1 => None,
                _ => {
                    let ids: Vec<&str> = ids.into_iter().collect();
                    let message = format!("`{path}` names several units: {}", ids.join(", "));
                    let rule = &ready.rule;
                    Some(
                        Diagnostic::error(Code::AmbiguousOu, rule.position, message)
                            .at(rule.list, rule.index)
                            .value(path)
                            .help("name the unit by its id"),
                    )
                }
            }
        }
    }
}

fn set_finding(ready: &Ready, set: &SetMatch, facts: &Directory) -> Option<Diagnostic> {
    let (fits, name) = match set {
        SetMatch::Every => return None,
        SetMatch::Name(name) => (facts.permission_set_by_name(name).is_some(), name.as_str()),
        SetMatch::Glob(glob) => (
            facts
                .permission_sets()
                .iter()
                .any(|set| glob.matches(&set.name)),
            glob.as_str(),
        ),
    };
    let message = format!("there is no permission set `{name}`");
    (!fits).then(|| warn(ready, Code::DeadStatement, message).value(name))
}
