//! Resolves names (`inventory.md` H-2): exactly, else ignoring case, else without a domain, each
//! only if unique.

use std::collections::BTreeMap;

use hallpass_base::UserId;

use super::people::PciPerson;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameMatch {
    Strong,
    /// A domain had to be removed.
    Weak,
}

pub(crate) struct NameIndex<'a> {
    exact: BTreeMap<&'a str, Unique<'a>>,
    folded: BTreeMap<String, Unique<'a>>,
    bare: BTreeMap<String, Unique<'a>>,
}

/// One person, or an ambiguous name.
#[derive(Clone, Copy)]
enum Unique<'a> {
    One(&'a UserId),
    Several,
}

impl<'a> Unique<'a> {
    fn add<K: Ord>(map: &mut BTreeMap<K, Self>, key: K, person: &'a PciPerson) {
        let one = Self::One(&person.user_id);
        map.entry(key)
            .and_modify(|it| *it = Self::Several)
            .or_insert(one);
    }

    fn one(self) -> Option<&'a UserId> {
        match self {
            Self::One(id) => Some(id),
            Self::Several => None,
        }
    }
}

impl<'a> NameIndex<'a> {
    pub(crate) fn new(people: &'a [PciPerson]) -> Self {
        let (mut exact, mut folded, mut bare) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for person in people {
            let lower = person.user_name.to_lowercase();
            Unique::add(&mut exact, person.user_name.as_str(), person);
            Unique::add(&mut bare, without_domain(&lower).to_owned(), person);
            Unique::add(&mut folded, lower, person);
        }
        Self {
            exact,
            folded,
            bare,
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<(&'a UserId, NameMatch)> {
        let lower = name.to_lowercase();
        if let Some(found) = self.exact.get(name).or_else(|| self.folded.get(&lower)) {
            return found.one().map(|id| (id, NameMatch::Strong));
        }
        let found = self.bare.get(without_domain(&lower))?;
        found.one().map(|id| (id, NameMatch::Weak))
    }
}

/// `alice` of `corp\alice` and of `alice@example.com`.
fn without_domain(name: &str) -> &str {
    let name = name.rsplit('\\').next().unwrap_or(name);
    match name.split_once('@') {
        Some((bare, _)) if !bare.is_empty() => bare,
        _ => name,
    }
}
