//! What somebody may choose while they type: at most a hundred hits, best first, out of what the
//! rules let this person ask for (`access.md` §11.3).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hallpass_access::{Access, Directory};
use hallpass_model::{AccountId, Email, Timestamp};
use hallpass_rules::Requestable;

use crate::blocks::Choice;

/// Hits Slack takes.
pub(crate) const HITS_MAX: usize = 100;
/// How long what somebody may ask for is believed: rules may hold at certain hours only.
const BELIEVED_SECONDS: i64 = 30;
/// People remembered at most.
const PEOPLE_MAX: usize = 500;

/// Something that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its id: what comes back.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How it is shown.
    pub label: String,
    found_by: String,
    id_lower: String,
}

impl Candidate {
    fn new(id: &str, name: &str, label: String) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            label,
            found_by: name.to_lowercase(),
            id_lower: id.to_lowercase(),
        }
    }
}

/// The hits for what was typed, best first: the very thing, then what begins with it, then what has
/// a word that begins with it, then what has it anywhere. Several words must all be found.
pub fn search(candidates: &[Candidate], typed: &str) -> Vec<Choice> {
    let typed = typed.trim().to_lowercase();
    let tokens: Vec<&str> = typed.split_whitespace().collect();
    let mut hits: Vec<(u8, &Candidate)> = candidates
        .iter()
        .filter_map(|candidate| Some((rank(candidate, &typed, &tokens)?, candidate)))
        .collect();
    // candidates come by name: a stable sort keeps that order within a rank
    hits.sort_by_key(|(rank, _)| *rank);
    hits.into_iter()
        .take(HITS_MAX)
        .map(|(_, hit)| Choice::new(&hit.label, hit.id.clone()))
        .collect()
}

fn rank(candidate: &Candidate, typed: &str, tokens: &[&str]) -> Option<u8> {
    let (id, name) = (candidate.id_lower.as_str(), candidate.found_by.as_str());
    if typed.is_empty() {
        return Some(0);
    }
    if name == typed || id == typed {
        return Some(0);
    }
    if name.starts_with(typed) || id.starts_with(typed) {
        return Some(1);
    }
    let begins_a_word = |token: &&str| {
        name.split(|c: char| !c.is_alphanumeric())
            .any(|word| word.starts_with(*token))
    };
    if tokens.iter().all(begins_a_word) {
        return Some(2);
    }
    let is_in = |token: &&str| name.contains(*token) || id.contains(*token);
    tokens.iter().all(is_in).then_some(3)
}

/// What one person may ask for, ready to be searched.
#[derive(Debug)]
pub(crate) struct Offer {
    requestable: Requestable,
    pub(crate) accounts: Vec<Candidate>,
    pub(crate) groups: Vec<Candidate>,
    /// Every permission set of any of the accounts.
    all_sets: Vec<Candidate>,
    /// Whether the organization was read at all.
    pub(crate) is_known: bool,
}

impl Offer {
    fn new(access: &Access, directory: &Directory, email: &Email, now: Timestamp) -> Self {
        let requestable = access.rules().requestable(email, directory, now);
        let out_of_reach = access.settings().out_of_reach.as_ref();
        let mut accounts: Vec<Candidate> = requestable
            .accounts()
            .filter(|id| out_of_reach != Some(id))
            .filter_map(|id| directory.account(id))
            .map(|account| {
                let label = format!("{} - {}", account.id, account.name);
                Candidate::new(account.id.as_str(), &account.name, label)
            })
            .collect();
        accounts.sort_by(|a, b| (&a.found_by, &a.id).cmp(&(&b.found_by, &b.id)));
        let mut groups: Vec<Candidate> = requestable
            .groups()
            .iter()
            .filter_map(|id| directory.group(id))
            .map(|group| Candidate::new(group.id.as_str(), &group.name, group.name.clone()))
            .collect();
        groups.sort_by(|a, b| (&a.found_by, &a.id).cmp(&(&b.found_by, &b.id)));
        let names: std::collections::BTreeSet<&str> =
            requestable.pairs().flat_map(|(_, names)| names).collect();
        let all_sets = sets(names.into_iter());
        Self {
            accounts,
            groups,
            all_sets,
            is_known: directory.taken_at().is_some(),
            requestable,
        }
    }

    /// The permission sets of an account; of any, while none is chosen.
    pub(crate) fn sets(&self, account: Option<&str>) -> Vec<Candidate> {
        match account.map(str::parse::<AccountId>) {
            Some(Ok(id)) => sets(self.requestable.permission_sets(&id).into_iter()),
            Some(Err(_)) => Vec::new(),
            None => self.all_sets.clone(),
        }
    }
}

fn sets<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Candidate> {
    let mut sets: Vec<Candidate> = names
        .map(|name| Candidate::new(name, name, name.to_owned()))
        .collect();
    sets.sort_by(|a, b| a.found_by.cmp(&b.found_by));
    sets
}

/// Offers by person, made anew when rules, directory or half a minute passed.
#[derive(Default)]
pub(crate) struct Offers {
    made: Mutex<HashMap<Email, (Stamp, Arc<Offer>)>>,
}

/// What an offer was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    rules: String,
    directory: Option<Timestamp>,
    slice: i64,
}

impl Offers {
    pub(crate) fn of(&self, access: &Access, email: &Email, now: Timestamp) -> Arc<Offer> {
        let directory = access.directory();
        let stamp = Stamp {
            rules: access.rules().hash().to_owned(),
            directory: directory.taken_at(),
            slice: now.as_second() / BELIEVED_SECONDS,
        };
        if let Some((made_from, offer)) = self.locked().get(email)
            && *made_from == stamp
        {
            return Arc::clone(offer);
        }
        let offer = Arc::new(Offer::new(access, &directory, email, now));
        let mut made = self.locked();
        if made.len() >= PEOPLE_MAX {
            made.clear();
        }
        made.insert(email.clone(), (stamp, Arc::clone(&offer)));
        offer
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<Email, (Stamp, Arc<Offer>)>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(names: &[(&str, &str)]) -> Vec<Candidate> {
        names
            .iter()
            .map(|(id, name)| Candidate::new(id, name, format!("{id} - {name}")))
            .collect()
    }

    fn found(candidates: &[Candidate], typed: &str) -> Vec<String> {
        search(candidates, typed)
            .into_iter()
            .map(|hit| hit.value)
            .collect()
    }

    #[test]
    fn the_best_comes_first() {
        let all = candidates(&[
            ("111", "zz-prod"),
            ("222", "prod"),
            ("333", "prod-payments"),
            ("444", "reproduce"),
            ("555", "Team: Prod #2"),
        ]);
        assert_eq!(found(&all, "prod"), ["222", "333", "111", "555", "444"]);
        assert_eq!(found(&all, "PROD pay"), ["333"]);
        assert_eq!(found(&all, "55"), ["555"]);
        assert_eq!(found(&all, " "), ["111", "222", "333", "444", "555"]);
        assert_eq!(found(&all, "nothing"), Vec::<String>::new());
    }

    #[test]
    fn the_last_of_five_thousand_is_found_by_three_letters() {
        let names: Vec<(String, String)> = (0..5000)
            .map(|n| {
                (
                    format!("{n:012}"),
                    if n == 4999 {
                        "zyx-last".to_owned()
                    } else {
                        format!("account-{n}")
                    },
                )
            })
            .collect();
        let pairs: Vec<(&str, &str)> = names
            .iter()
            .map(|(id, name)| (id.as_str(), name.as_str()))
            .collect();
        let all = candidates(&pairs);
        assert_eq!(found(&all, "zyx"), ["000000004999"]);
        assert_eq!(found(&all, "").len(), HITS_MAX);
        for (id, name) in names.iter().step_by(97) {
            assert!(found(&all, name).contains(id), "{name}");
        }
    }

    #[test]
    fn labels_are_escaped_and_cut() {
        let long = format!("Team: <Prod> & {}", "x".repeat(90));
        let all = candidates(&[("111111111111", &long)]);
        let hit = &search(&all, "")[0];
        let crate::blocks::Text::PlainText { text, .. } = &hit.text else {
            panic!("not plain")
        };
        assert!(
            text.starts_with("111111111111 - Team: &lt;Prod&gt; &amp; xx"),
            "{text}"
        );
        assert!(text.chars().count() == 75 && text.ends_with('…'), "{text}");
    }
}
