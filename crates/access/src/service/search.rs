//! Searches requestable targets, fast at any size: only displayed ones are decided.

use hallpass_base::AccountId;
use hallpass_rules::directory::Group;
use serde::Serialize;

use super::catalog::group_fit;
use super::search_context::SearchContext;
use super::{Access, CatalogEntry, NamedId};
use crate::search::{Fit, IndexedAccount, Sought, Words, natural};
use crate::{Actor, RequestRefused, target};

/// Decisions per search beyond the results. After that, an account counts if it has anything.
const DECISIONS_MAX: usize = 2000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Words that must all be in the name, id or (for accounts) folders. Empty matches all. If
    /// nothing matches, names with a typing error do.
    pub text: String,
    /// Only for permission sets.
    pub account: Option<AccountId>,
    pub kind: Sought,
    /// Ids of accounts or groups that the person used, the last first. They precede equal matches.
    pub used: Vec<String>,
}

impl Search {
    pub fn new(text: &str, kind: Sought) -> Self {
        Self {
            text: text.to_owned(),
            account: None,
            kind,
            used: Vec::new(),
        }
    }

    /// Smaller for what was used later.
    fn rank(&self, id: &str) -> usize {
        let place = self.used.iter().position(|it| it == id);
        place.unwrap_or(self.used.len())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SearchPage {
    /// Best first; unavailable ones last, with the reason.
    pub entries: Vec<Hit>,
    /// For "5 of 41 accounts match".
    pub matching: usize,
    pub total: usize,
    /// Nothing matches as typed; the entries do with a typing error.
    pub is_corrected: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<NamedId>,
    /// `Prod / Payments`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<NamedId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<CatalogEntry>,
    /// `None` if the actor can request it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

impl Hit {
    fn of_account(place: &IndexedAccount) -> Self {
        Self {
            account: Some(NamedId {
                id: place.id.to_string(),
                name: place.name.clone(),
            }),
            folder: Some(place.folder.clone()).filter(|folder| !folder.is_empty()),
            permission_set: None,
            says: None,
            group: None,
            offer: None,
            why_not: None,
        }
    }

    fn of_group(group: &Group) -> Self {
        Self {
            account: None,
            folder: None,
            permission_set: None,
            says: None,
            group: Some(NamedId {
                id: group.id.to_string(),
                name: group.name.clone(),
            }),
            offer: None,
            why_not: None,
        }
    }
}

impl Access {
    /// Returns at most `limit` matches, best first; unavailable ones last, with the reason.
    pub fn search(&self, actor: &Actor, search: &Search, limit: usize) -> SearchPage {
        let scope = self.scope(actor);
        let words = Words::new(&search.text);
        let found = self.find(&scope, search, &words, limit);
        if found.matching > 0 || words.is_empty() {
            return found;
        }
        SearchPage {
            is_corrected: true,
            ..self.find(&scope, search, &words.forgiving(), limit)
        }
    }

    fn find(
        &self,
        scope: &SearchContext,
        search: &Search,
        words: &Words,
        limit: usize,
    ) -> SearchPage {
        match (search.kind, &search.account) {
            (Sought::Accounts, _) => self.find_accounts(scope, search, words, limit),
            (Sought::Groups, _) => self.find_groups(scope, search, words, limit),
            (Sought::PermissionSets, Some(id)) => match scope.places.account(id) {
                Some(place) => self.find_sets(scope, place, words, limit),
                None => SearchPage::nothing(),
            },
            (Sought::PermissionSets, None) => SearchPage::nothing(),
        }
    }

    fn find_accounts(
        &self,
        scope: &SearchContext,
        search: &Search,
        words: &Words,
        limit: usize,
    ) -> SearchPage {
        let out_of_reach = self.settings().out_of_reach.as_ref();
        let (mut open, mut barred) = (Vec::new(), Vec::new());
        for (at, place) in scope.places.accounts.iter().enumerate() {
            let Some(fit) = words.fit(place.candidate()) else {
                continue;
            };
            let is_open =
                out_of_reach != Some(&place.id) && scope.requestable.sets_in(&place.id).is_some();
            let list = if is_open { &mut open } else { &mut barred };
            let is_last = place.is_production && !words.is_empty();
            let order = (fit, search.rank(place.id.as_str()), is_last, at);
            list.push((order, place));
        }
        let matching = open.len() + barred.len();
        open.sort_unstable_by_key(|(order, _)| *order);
        barred.sort_unstable_by_key(|(order, _)| *order);
        let mut entries = Vec::new();
        let mut unanswered = Vec::new();
        let mut decisions = DECISIONS_MAX;
        for (_, place) in open {
            if entries.len() >= limit {
                break;
            }
            if self.has_something(scope, place, &mut decisions) {
                entries.push(Hit::of_account(place));
            } else {
                unanswered.push(place);
            }
        }
        let contact = self.settings().contact();
        let refused = unanswered.into_iter().map(|place| {
            let target = format!("anything in {}", place.name);
            (
                place,
                RequestRefused::NoApprover.message(&[], &target, contact),
            )
        });
        let refused = refused.chain(barred.into_iter().map(|(_, place)| {
            let why = self.why_not_account(scope, place);
            (place, why)
        }));
        let room = limit.saturating_sub(entries.len());
        entries.extend(refused.take(room).map(|(place, why)| Hit {
            why_not: Some(why),
            ..Hit::of_account(place)
        }));
        SearchPage {
            entries,
            matching,
            total: scope.places.accounts.len(),
            is_corrected: false,
        }
    }

    /// Stops at the first available permission set.
    fn has_something(
        &self,
        scope: &SearchContext,
        place: &IndexedAccount,
        decisions: &mut usize,
    ) -> bool {
        let Some(bits) = scope.requestable.sets_in(&place.id) else {
            return false;
        };
        let sets = scope.directory.permission_sets();
        for set in bits.places().filter_map(|at| sets.get(at)) {
            if *decisions == 0 {
                return true;
            }
            *decisions -= 1;
            if self.account_entry(scope, place, set).0.is_ok() {
                return true;
            }
        }
        false
    }

    fn why_not_account(&self, scope: &SearchContext, place: &IndexedAccount) -> String {
        if self.settings().out_of_reach.as_ref() == Some(&place.id) {
            return target::MANAGEMENT_ACCOUNT.to_owned();
        }
        let contact = self.settings().contact();
        let rules = scope.rules.about_account(&place.id, &scope.directory);
        if rules.is_empty() {
            return RequestRefused::NoRule.message(&[], &place.name, contact);
        }
        let target = format!("anything in {}", place.name);
        RequestRefused::NotAllowed.message(&rules, &target, contact)
    }

    fn find_sets(
        &self,
        scope: &SearchContext,
        place: &IndexedAccount,
        words: &Words,
        limit: usize,
    ) -> SearchPage {
        let sets = scope.directory.permission_sets();
        let reachable = self.settings().out_of_reach.as_ref() != Some(&place.id);
        let open = scope.requestable.sets_in(&place.id).filter(|_| reachable);
        let open: std::collections::BTreeSet<usize> =
            open.map(|bits| bits.places().collect()).unwrap_or_default();
        let mut fitting: Vec<(bool, Fit, usize)> = (0..sets.len())
            .filter_map(|at| Some((!open.contains(&at), words.fit(scope.places.set(at))?, at)))
            .collect();
        let matching = fitting.len();
        fitting.sort_by_cached_key(|(barred, fit, at)| {
            let name = sets.get(*at).map(|set| natural(&set.name));
            (*barred, *fit, name)
        });
        let (mut entries, mut refused) = (Vec::new(), Vec::new());
        for set in fitting.iter().filter_map(|(_, _, at)| sets.get(*at)) {
            if entries.len() >= limit {
                break;
            }
            let room = limit - entries.len();
            let (offer, decision) = self.account_entry(scope, place, set);
            let is_open = reachable && offer.is_ok();
            if !is_open && refused.len() >= room {
                continue;
            }
            let why_not = match &offer {
                _ if !reachable => Some(target::MANAGEMENT_ACCOUNT.to_owned()),
                Ok(_) => None,
                Err(why) => {
                    let target = format!("{} / {}", place.name, set.name);
                    Some(why.message(&decision.based_on, &target, self.settings().contact()))
                }
            };
            let list = if why_not.is_none() {
                &mut entries
            } else {
                &mut refused
            };
            list.push(Hit {
                permission_set: Some(set.name.clone()),
                says: Some(set.description.clone()).filter(|says| !says.is_empty()),
                offer: offer.ok().filter(|_| reachable),
                why_not,
                ..Hit::of_account(place)
            });
        }
        entries.extend(refused);
        entries.truncate(limit);
        SearchPage {
            entries,
            matching,
            total: sets.len(),
            is_corrected: false,
        }
    }

    fn find_groups(
        &self,
        scope: &SearchContext,
        search: &Search,
        words: &Words,
        limit: usize,
    ) -> SearchPage {
        let asked: Vec<&Group> = {
            let mut groups: Vec<&Group> = scope
                .rules
                .requested_groups()
                .iter()
                .filter_map(|group| scope.directory.resolve_group(group))
                .collect();
            groups.sort_by_cached_key(|group| (natural(&group.name), group.id.clone()));
            groups.dedup_by(|a, b| a.id == b.id);
            groups
        };
        let mut fitting: Vec<(bool, Fit, &Group)> = asked
            .iter()
            .filter_map(|group| {
                let barred = !scope.requestable.groups().contains(&group.id);
                Some((barred, group_fit(words, group)?, *group))
            })
            .collect();
        let matching = fitting.len();
        fitting.sort_by_key(|(barred, fit, group)| (*barred, *fit, search.rank(group.id.as_str())));
        let (mut entries, mut refused) = (Vec::new(), Vec::new());
        for (_, _, group) in fitting.into_iter().take(DECISIONS_MAX) {
            if entries.len() >= limit {
                break;
            }
            match self.group_entry(scope, group) {
                (Ok(offer), _) => entries.push(Hit {
                    offer: Some(offer),
                    ..Hit::of_group(group)
                }),
                (Err(why), decision) if refused.len() < limit => {
                    let target = format!("group {}", group.name);
                    refused.push(Hit {
                        why_not: Some(why.message(
                            &decision.based_on,
                            &target,
                            self.settings().contact(),
                        )),
                        ..Hit::of_group(group)
                    });
                }
                (Err(_), _) => {}
            }
        }
        entries.extend(refused);
        entries.truncate(limit);
        SearchPage {
            entries,
            matching,
            total: asked.len(),
            is_corrected: false,
        }
    }
}

impl SearchPage {
    fn nothing() -> Self {
        Self {
            entries: Vec::new(),
            matching: 0,
            total: 0,
            is_corrected: false,
        }
    }
}
