//! Pages of requestable targets. Only targets that some rule offers the user are decided; the
//! product of accounts and permission sets is never computed.

use hallpass_base::{AccountId, GroupId, TimeSpan, fold};
use hallpass_rules::directory::Group;
use hallpass_rules::{Ask, Decision, DecisionKind, Directory, SetBits};
use serde::Serialize;

use super::Access;
use super::search_context::SearchContext;
use crate::preview::by_rules_and_people;
use crate::search::{self, Candidate, Fit, IndexedAccount, Words};
use crate::{Actor, FieldProblem, RequestRefused, RequestVerdict, Settings};

pub const CATALOG_PAGE_MAX: usize = 1000;
/// Decisions per page beyond its entries: a page may be short if targets lack approvers, but never
/// slow.
const DECISIONS_BEYOND: usize = 2000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CatalogEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<NamedId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// The owner's description of the permission set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<NamedId>,
    pub decision: DecisionKind,
    #[serde(skip)]
    pub verdict: RequestVerdict,
    pub approvers: Vec<String>,
    pub approvals_needed: u32,
    #[serde(skip)]
    pub stages: usize,
    pub max_duration_seconds: u64,
    /// The underlying rules.
    pub because: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedId {
    pub id: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Catalog {
    /// One entry per target, accounts by name, then groups.
    pub entries: Vec<CatalogEntry>,
    pub durations_seconds: Vec<u64>,
    /// Matching targets on all pages that some rule offers.
    pub total: usize,
    /// The cursor of the next page; `None` on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogPage {
    /// Words that must all match the account's name, id or folder, the permission set's name or
    /// description, or the group's name.
    pub text: String,
    pub account: Option<AccountId>,
    /// Permission set name, in any case; then no groups are listed.
    pub permission_set: Option<String>,
    /// The `next` of the previous page.
    pub after: Option<String>,
    pub limit: usize,
}

struct CatalogRow<'a> {
    fit: Fit,
    place: &'a IndexedAccount,
    sets: SetBits,
}

enum CatalogPosition {
    Set(AccountId, String),
    Group(GroupId),
}

impl CatalogPosition {
    fn read(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "account" => {
                let (id, set) = rest.split_once(':')?;
                Some(Self::Set(AccountId::new(id).ok()?, set.to_owned()))
            }
            "group" => Some(Self::Group(GroupId::new(rest).ok()?)),
            _ => None,
        }
    }
}

struct Gathered {
    entries: Vec<CatalogEntry>,
    limit: usize,
    decisions: usize,
    last: Option<String>,
}

impl Gathered {
    fn is_full(&self) -> bool {
        self.entries.len() >= self.limit || self.decisions == 0
    }

    fn take(&mut self, entry: Option<CatalogEntry>, place: String) {
        self.decisions = self.decisions.saturating_sub(1);
        self.entries.extend(entry);
        self.last = Some(place);
    }
}

impl Access {
    /// Returns a page: accounts by name, or best first for a search, then groups.
    ///
    /// # Errors
    /// If `after` is unknown: the listing changed and must be read from the start.
    pub fn catalog_page(&self, actor: &Actor, page: &CatalogPage) -> Result<Catalog, FieldProblem> {
        let scope = self.scope(actor);
        let words = Words::new(&page.text);
        let rows = self.rows(&scope, &words, page);
        let groups = match (&page.account, &page.permission_set) {
            (None, None) => groups(&scope, &words),
            _ => Vec::new(),
        };
        let total = rows.iter().map(|row| row.sets.count()).sum::<usize>() + groups.len();
        let moved = || {
            let message = "the list has changed since; read it from the start";
            FieldProblem::new("cursor", "bad-cursor", message)
        };
        let after = page
            .after
            .as_deref()
            .map(|text| CatalogPosition::read(text).ok_or_else(moved));
        let after = after.transpose()?;
        let begun = match &after {
            Some(CatalogPosition::Set(id, _)) => {
                let found = rows.iter().position(|row| row.place.id == *id);
                found.ok_or_else(moved)?
            }
            Some(CatalogPosition::Group(_)) => rows.len(),
            None => 0,
        };
        let groups_begun = match &after {
            Some(CatalogPosition::Group(id)) => {
                let found = groups.iter().position(|(_, group)| group.id == *id);
                found.ok_or_else(moved)? + 1
            }
            _ => 0,
        };
        let mut gathered = Gathered {
            entries: Vec::new(),
            limit: page.limit.max(1),
            decisions: page.limit.saturating_add(DECISIONS_BEYOND),
            last: None,
        };
        let mut seen = match after {
            Some(CatalogPosition::Set(_, set)) => Some(set),
            _ => None,
        };
        for row in rows.iter().skip(begun) {
            self.gather(&scope, row, seen.take().as_deref(), &mut gathered);
        }
        for (_, group) in groups.iter().skip(groups_begun) {
            if gathered.is_full() {
                break;
            }
            let entry = self.group_entry(&scope, group).0.ok();
            gathered.take(entry, format!("group:{}", group.id));
        }
        let next = gathered
            .last
            .filter(|_| gathered.entries.len() >= gathered.limit || gathered.decisions == 0);
        Ok(self.catalog_of(gathered.entries, total, next))
    }

    fn catalog_of(
        &self,
        entries: Vec<CatalogEntry>,
        total: usize,
        next: Option<String>,
    ) -> Catalog {
        let longest = self.settings().longest();
        let choices = self.settings().choices(longest);
        Catalog {
            entries,
            durations_seconds: choices.into_iter().map(TimeSpan::as_seconds).collect(),
            total,
            next,
        }
    }

    fn rows<'a>(
        &self,
        scope: &'a SearchContext,
        words: &Words,
        page: &CatalogPage,
    ) -> Vec<CatalogRow<'a>> {
        let of_name = page.permission_set.as_ref().map(|wanted| {
            let is_it = |_, name: &str| fold::is_same(name, wanted);
            SetBits::of(&scope.directory, is_it)
        });
        let masks: Vec<(&str, SetBits)> = words
            .iter()
            .map(|word| {
                let fits = |place, _: &str| search::fit(word, scope.places.set(place)).is_some();
                (word, SetBits::of(&scope.directory, fits))
            })
            .collect();
        let row = |place: &'a IndexedAccount| {
            let mut sets = scope.requestable.sets_in(&place.id)?.clone();
            if let Some(of_name) = &of_name {
                sets = sets.and(of_name);
            }
            let mut worst = Fit::Exact;
            for (word, mask) in &masks {
                match search::fit(word, place.candidate()) {
                    Some(fit) => worst = worst.max(fit),
                    None => sets = sets.and(mask),
                }
            }
            (!sets.is_empty()).then_some(CatalogRow {
                fit: worst,
                place,
                sets,
            })
        };
        let accounts: Box<dyn Iterator<Item = &IndexedAccount>> = match &page.account {
            Some(id) => Box::new(scope.places.account(id).into_iter()),
            None => Box::new(scope.places.accounts.iter()),
        };
        let mut rows: Vec<CatalogRow<'_>> = accounts
            .filter(|place| self.settings().out_of_reach.as_ref() != Some(&place.id))
            .filter_map(row)
            .collect();
        rows.sort_by_key(|row| row.fit);
        rows
    }

    fn gather(
        &self,
        scope: &SearchContext,
        row: &CatalogRow<'_>,
        seen: Option<&str>,
        gathered: &mut Gathered,
    ) {
        let sets = scope.directory.permission_sets();
        let begun = seen.and_then(|name| sets.iter().position(|set| set.name == name));
        for at in row.sets.places() {
            if begun.is_some_and(|begun| at <= begun) {
                continue;
            }
            if gathered.is_full() {
                return;
            }
            let Some(set) = sets.get(at) else { continue };
            let entry = self.account_entry(scope, row.place, set).0.ok();
            gathered.take(entry, format!("account:{}:{}", row.place.id, set.name));
        }
    }

    pub(super) fn account_entry(
        &self,
        scope: &SearchContext,
        place: &IndexedAccount,
        set: &hallpass_rules::directory::PermissionSet,
    ) -> (Result<CatalogEntry, RequestRefused>, Decision) {
        let question = Ask::Account {
            account: &place.id,
            permission_set: &set.name,
        };
        let decision = scope.decide(&question);
        let entry = entry(&decision, &scope.directory, self.settings()).map(|entry| CatalogEntry {
            account: Some(NamedId {
                id: place.id.to_string(),
                name: place.name.clone(),
            }),
            permission_set: Some(set.name.clone()),
            says: Some(set.description.clone()).filter(|says| !says.is_empty()),
            ..entry
        });
        (entry, decision)
    }

    pub(super) fn group_entry(
        &self,
        scope: &SearchContext,
        group: &Group,
    ) -> (Result<CatalogEntry, RequestRefused>, Decision) {
        let decision = scope.decide(&Ask::Group { group: &group.id });
        let entry = entry(&decision, &scope.directory, self.settings()).map(|entry| CatalogEntry {
            group: Some(NamedId {
                id: group.id.to_string(),
                name: group.name.clone(),
            }),
            ..entry
        });
        (entry, decision)
    }
}

fn groups<'a>(scope: &'a SearchContext, words: &Words) -> Vec<(Fit, &'a Group)> {
    let mut found: Vec<(Fit, &Group)> = scope
        .directory
        .groups()
        .iter()
        .filter(|group| scope.requestable.groups().contains(&group.id))
        .filter_map(|group| Some((group_fit(words, group)?, group)))
        .collect();
    found.sort_by_key(|(fit, _)| *fit);
    found
}

pub(super) fn group_fit(words: &Words, group: &Group) -> Option<Fit> {
    words.fit(Candidate {
        name: &fold::folded(&group.name),
        id: &group.id.as_str().to_lowercase(),
        around: "",
    })
}

fn entry(
    decision: &Decision,
    directory: &Directory,
    settings: &Settings,
) -> Result<CatalogEntry, RequestRefused> {
    by_rules_and_people(decision, directory).map(|verdict| CatalogEntry {
        account: None,
        permission_set: None,
        says: None,
        group: None,
        decision: decision.kind,
        verdict,
        approvers: decision.approvers.iter().map(ToString::to_string).collect(),
        approvals_needed: decision.approvals_needed,
        stages: decision.stages.len(),
        max_duration_seconds: settings.longest_by(decision).as_seconds(),
        because: decision.based_on.iter().map(ToString::to_string).collect(),
    })
}
