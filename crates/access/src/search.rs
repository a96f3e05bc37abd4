//! Searches targets by typed words: names, id digits, folders; best first. Pure, without permission
//! checks.

use std::collections::HashMap;

use hallpass_base::{AccountId, fold};
use hallpass_rules::Directory;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    Accounts,
    PermissionSets,
    Groups,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    Exact,
    Prefix,
    Infix,
    Id,
    Around,
    /// Only if nothing fits as typed.
    Typo,
}

/// Extra words are ignored: each one is compared with every candidate.
const WORDS_MAX: usize = 16;

/// The first distinct folded words, all of which must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    words: Vec<String>,
    forgives_typos: bool,
}

/// All folded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) name: &'a str,
    pub(crate) id: &'a str,
    pub(crate) around: &'a str,
}

impl Words {
    pub(crate) fn new(text: &str) -> Self {
        let mut words = Vec::new();
        for word in text.split_whitespace().map(fold::folded) {
            if words.len() == WORDS_MAX {
                break;
            }
            if !words.contains(&word) {
                words.push(word);
            }
        }
        Self {
            words,
            forgives_typos: false,
        }
    }

    /// Returns the words for a second search, after nothing fitted them as typed.
    pub(crate) fn forgiving(&self) -> Self {
        Self {
            words: self.words.clone(),
            forgives_typos: true,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// Returns the match quality of the worst word.
    pub(crate) fn fit(&self, candidate: Candidate<'_>) -> Option<Fit> {
        self.iter().try_fold(Fit::Exact, |worst, word| {
            let misspelled =
                || (self.forgives_typos && is_typo(word, candidate.name)).then_some(Fit::Typo);
            let fit = fit(word, candidate).or_else(misspelled);
            fit.map(|fit| fit.max(worst))
        })
    }
}

/// Whether `word` differs from the name, or from a part of it, by one error (two from eight
/// characters on): a character too many, too few, another one, or two exchanged.
fn is_typo(word: &str, name: &str) -> bool {
    let allowed = match word.chars().count() {
        0..4 => return false,
        4..8 => 1,
        _ => 2,
    };
    let is_near = |part: &str| {
        part.len().abs_diff(word.len()) <= allowed * 4
            && strsim::osa_distance(word, part) <= allowed
    };
    let mut parts = name.split(|c: char| !c.is_alphanumeric());
    is_near(name) || parts.any(is_near)
}

/// Whether a name of an account, or of a folder above it, indicates production. For order and
/// display only.
pub fn is_production(name: &str) -> bool {
    let mut parts = name.split(|c: char| !c.is_alphanumeric());
    parts.any(|part| {
        let mut words = ["prod", "production"].iter();
        words.any(|word| part.eq_ignore_ascii_case(word))
    })
}

pub(crate) fn fit(word: &str, candidate: Candidate<'_>) -> Option<Fit> {
    let Candidate { name, id, around } = candidate;
    if name == word || id == word {
        Some(Fit::Exact)
    } else if name.starts_with(word) {
        Some(Fit::Prefix)
    } else if name.contains(word) {
        Some(Fit::Infix)
    } else if id.contains(word) {
        Some(Fit::Id)
    } else if around.contains(word) {
        Some(Fit::Around)
    } else {
        None
    }
}

#[derive(Clone, Debug)]
pub(crate) struct IndexedAccount {
    pub(crate) id: AccountId,
    pub(crate) name: String,
    /// The folders above, as displayed: `Prod / Payments`.
    pub(crate) folder: String,
    pub(crate) is_production: bool,
    folded_name: String,
    folded_folder: String,
    order: String,
}

impl IndexedAccount {
    pub(crate) fn candidate(&self) -> Candidate<'_> {
        Candidate {
            name: &self.folded_name,
            id: self.id.as_str(),
            around: &self.folded_folder,
        }
    }
}

/// A sort key: ignores case and compares numbers by value (`alerts-2` before `alerts-10`).
pub(crate) fn natural(name: &str) -> String {
    const DIGITS: usize = 20;
    let (mut key, lower) = (String::new(), name.to_lowercase());
    let is_digit = |c: char| c.is_ascii_digit();
    let mut rest = lower.as_str();
    while let Some(at) = rest.find(is_digit) {
        let (words, number) = rest.split_at(at);
        let end = number.find(|c| !is_digit(c)).unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        let number = number.trim_start_matches('0');
        key.push_str(words);
        key.extend(std::iter::repeat_n(
            '0',
            DIGITS.saturating_sub(number.len()),
        ));
        key.push_str(number);
        rest = after;
    }
    key.push_str(rest);
    key
}

/// Active accounts, sorted by [`natural`] and id, and permission sets in directory order. Built
/// once per directory read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    pub(crate) accounts: Vec<IndexedAccount>,
    by_id: HashMap<AccountId, usize>,
    sets: Vec<(String, String)>,
}

impl Places {
    pub(crate) fn new(directory: &Directory) -> Self {
        let mut accounts: Vec<IndexedAccount> = directory
            .accounts()
            .iter()
            .filter(|account| account.active)
            .map(|account| {
                let folders: Vec<&str> = account.ous.iter().map(|ou| ou.name.as_str()).collect();
                let folder = folders.join(" / ");
                IndexedAccount {
                    id: account.id.clone(),
                    name: account.name.clone(),
                    is_production: is_production(&account.name) || is_production(&folder),
                    folded_name: fold::folded(&account.name),
                    folded_folder: fold::folded(&folder),
                    order: natural(&account.name),
                    folder,
                }
            })
            .collect();
        accounts.sort_by(|a, b| (&a.order, &a.id).cmp(&(&b.order, &b.id)));
        let by_id = accounts
            .iter()
            .enumerate()
            .map(|(place, account)| (account.id.clone(), place))
            .collect();
        let sets = directory
            .permission_sets()
            .iter()
            .map(|set| (fold::folded(&set.name), fold::folded(&set.description)))
            .collect();
        Self {
            accounts,
            by_id,
            sets,
        }
    }

    pub(crate) fn account(&self, id: &AccountId) -> Option<&IndexedAccount> {
        self.accounts.get(*self.by_id.get(id)?)
    }

    pub(crate) fn set(&self, place: usize) -> Candidate<'_> {
        let (name, around) = self
            .sets
            .get(place)
            .map_or(("", ""), |(name, says)| (name, says));
        Candidate {
            name,
            id: "",
            around,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_looked_for_once_and_no_more_than_anybody_types() {
        let words = |text: &str| Words::new(text).iter().count();
        assert_eq!(words(&"e E\te ".repeat(16_000)), 1);
        let different: Vec<_> = (0..1_000).map(|n| n.to_string()).collect();
        assert_eq!(words(&different.join(" ")), WORDS_MAX);
        assert_eq!(words(" "), 0);
    }

    #[test]
    fn names_are_in_the_order_people_expect() {
        let mut names = [
            "b",
            "alerts-10",
            "Alerts-2",
            "alerts",
            "alerts-1x",
            "a9b10",
            "a9b9",
            "a09c",
            "",
        ];
        names.sort_by_key(|name| natural(name));
        let expected = [
            "",
            "a9b9",
            "a9b10",
            "a09c",
            "alerts",
            "alerts-1x",
            "Alerts-2",
            "alerts-10",
            "b",
        ];
        assert_eq!(names, expected);
    }

    /// `ui.md` §3, Ask: rows of typed text and match, best first.
    #[test]
    fn what_is_typed_fits_names_then_ids_then_folders() {
        let candidate = Candidate {
            name: "payments-prod",
            id: "201100000107",
            around: "prod / cards",
        };
        let rows = [
            ("", Some(Fit::Exact)),
            ("Payments-Prod", Some(Fit::Exact)),
            ("201100000107", Some(Fit::Exact)),
            ("PAY", Some(Fit::Prefix)),
            ("ments", Some(Fit::Infix)),
            ("prod", Some(Fit::Infix)),
            ("0107", Some(Fit::Id)),
            ("2011 0000 0107", Some(Fit::Id)),
            ("cards", Some(Fit::Around)),
            ("pay cards", Some(Fit::Around)),
            ("pay xyz", None),
            ("xyz", None),
        ];
        for (typed, expected) in rows {
            assert_eq!(Words::new(typed).fit(candidate), expected, "{typed}");
        }
    }

    #[test]
    fn a_second_search_forgives_typos() {
        let rows = [
            ("payments-prod", "paymnts-prod", true),
            ("payments-prod", "paymnts", true),
            ("payments-prod", "apyments prod", true),
            ("payments-prod", "pyaments-prdo", true),
            ("payments-prod", "prdo", true),
            ("payments-prod", "paymnts xyz", false),
            ("payments-prod", "prx", false),
            ("payments-prod", "pamnets", false),
            ("data-eu", "dta", false),
            ("große-kunden", "grose", true),
            ("große-kunden", "GROSSE", true),
            ("istanbul", "ISTANBUL", true),
        ];
        for (name, typed, expected) in rows {
            let name = fold::folded(name);
            let (id, around) = ("201100000107", "");
            let candidate = Candidate {
                name: &name,
                id,
                around,
            };
            let found = Words::new(typed).forgiving().fit(candidate).is_some();
            assert_eq!(found, expected, "{name} {typed}");
        }
    }

    #[test]
    fn production_is_a_part_of_a_name() {
        for (name, expected) in [
            ("payments-prod", true),
            ("Prod", true),
            ("Workloads / Production", true),
            ("product-catalog", false),
            ("nonprod", false),
            ("", false),
        ] {
            assert_eq!(is_production(name), expected, "{name}");
        }
    }
}
