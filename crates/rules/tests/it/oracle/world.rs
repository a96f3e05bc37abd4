use std::collections::BTreeSet;

use hallpass_base::{AccountId, Email};
use hallpass_rules::{
    Directory,
    directory::{Account, Person},
};

use crate::world::{DEPARTMENTS, MANAGERS, user};

use super::{
    Target,
    draft::{Draft, Form},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    Yes,
    No,
    Unread,
}

impl Member {
    pub(super) fn opposite(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unread => Self::Unread,
        }
    }
}

pub(super) struct World<'a>(pub(super) &'a Directory);

impl World<'_> {
    /// Ignores ASCII case.
    fn users(&self, email: &str) -> Vec<&Person> {
        let email = Email::new(email).unwrap();
        let users = self.0.people().iter();
        users.filter(|user| user.emails.contains(&email)).collect()
    }

    pub(super) fn knows_nobody(&self) -> bool {
        self.0.people().is_empty() && self.0.groups().is_empty()
    }

    pub(super) fn person(&self, email: &str) -> String {
        match self.users(email).as_slice() {
            [one] => one.user_id.to_string(),
            _ => email.to_lowercase(),
        }
    }

    /// Returns the enabled manager, who is another user and not below; none if unread.
    pub(super) fn manager(&self, email: &str) -> Option<&Person> {
        let users = self.users(email);
        let [one] = users.as_slice() else {
            return None;
        };
        let manager = self.above(one).1?;
        if !manager.enabled || manager.user_id == one.user_id {
            return None;
        }
        let mut at = manager;
        // limits cycles
        for _ in self.0.people() {
            match self.above(at) {
                (false, _) => return None,
                (true, Some(next)) if next.user_id == one.user_id => return None,
                (true, Some(next)) => at = next,
                (true, None) => break,
            }
        }
        Some(manager)
    }

    fn above(&self, person: &Person) -> (bool, Option<&Person>) {
        let mut read = MANAGERS.iter();
        let read = read.find(|(number, _)| user(*number) == person.user_id);
        let people = || self.0.people().iter();
        let above = read.and_then(|(_, text)| *text).and_then(|text| {
            let by_id = people().find(|it| it.user_id.as_str() == text);
            by_id.or_else(|| {
                let email = Email::new(text).ok()?;
                people().find(|it| it.emails.contains(&email))
            })
        });
        (read.is_some(), above)
    }

    pub(super) fn same(&self, one: &str, other: &str) -> bool {
        let addresses = |email: &str| -> BTreeSet<String> {
            let mut all = BTreeSet::from([email.to_lowercase()]);
            if let [one] = self.users(email).as_slice() {
                all.extend(one.emails.iter().map(ToString::to_string));
            }
            all
        };
        self.person(one) == self.person(other)
            || addresses(one).contains(&other.to_lowercase())
            || addresses(other).contains(&one.to_lowercase())
    }

    pub(super) fn is_one_of(&self, email: &str, list: &[&str]) -> bool {
        let own = match self.users(email).as_slice() {
            [one] => one.emails.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        list.iter()
            .map(|named| named.to_lowercase())
            .any(|named| named == email.to_lowercase() || own.contains(&named))
    }

    pub(super) fn is_of_department(&self, email: &str, wanted: &[&str]) -> Member {
        let users = self.users(email);
        let [one] = users.as_slice() else {
            return Member::Unread;
        };
        let read = DEPARTMENTS
            .iter()
            .find(|(number, _)| user(*number) == one.user_id);
        match read {
            None => Member::Unread,
            Some((_, Some(held))) if wanted.iter().any(|it| it.eq_ignore_ascii_case(held)) => {
                Member::Yes
            }
            Some(_) => Member::No,
        }
    }

    pub(super) fn is_in_one_of(&self, email: &str, groups: &[&str]) -> Member {
        let members: Vec<Member> = groups.iter().map(|g| self.is_in(email, g)).collect();
        if members.contains(&Member::Yes) {
            Member::Yes
        } else if members.contains(&Member::Unread) {
            Member::Unread
        } else {
            Member::No
        }
    }

    fn is_in(&self, email: &str, group: &str) -> Member {
        // without user data, groups have no members
        if self.0.people().is_empty() && self.0.groups().is_empty() {
            return Member::No;
        }
        let group = self.0.groups().iter().find(|g| g.id.as_str() == group);
        let Some(members) = group.and_then(|group| group.members.as_ref()) else {
            return Member::Unread;
        };
        let users = self.users(email);
        let inside = users.iter().any(|user| members.contains(&user.user_id));
        match (users.len(), inside) {
            (1, true) => Member::Yes,
            (_, true) => Member::Unread,
            (_, false) => Member::No,
        }
    }

    pub(super) fn members(&self, group: &str, without: &str) -> Vec<String> {
        let group = self.0.groups().iter().find(|g| g.id.as_str() == group);
        let members = group.and_then(|group| group.members.clone());
        let people = self.0.people().iter();
        people
            .filter(|user| members.as_ref().is_some_and(|m| m.contains(&user.user_id)))
            .filter(|user| user.enabled)
            .filter(|user| !user.emails.iter().any(|e| self.same(e.as_str(), without)))
            .filter_map(|user| user.emails.first().map(ToString::to_string))
            .collect()
    }

    pub(super) fn covers(&self, draft: &Draft, target: &Target) -> bool {
        match target {
            Target::Group(group) => draft.groups.contains(group),
            Target::Account { account, set } => {
                draft.groups.is_empty()
                    && self.covers_account(draft, account)
                    && covers_set(draft, set)
            }
        }
    }

    fn covers_account(&self, draft: &Draft, id: &str) -> bool {
        let known = self.0.accounts().iter().find(|a| a.id.as_str() == id);
        match draft.form {
            Form::Elevator => draft.places.iter().any(|place| {
                let inside = || known.is_some_and(|account| self.is_in_unit(account, place));
                *place == "*" || if draft.unit { inside() } else { *place == id }
            }),
            Form::Native => self.covers_natively(draft, id, known),
        }
    }

    /// Keys narrow each other; exclusions win, also those only the directory could resolve.
    fn covers_natively(&self, draft: &Draft, id: &str, known: Option<&Account>) -> bool {
        let fits_account =
            |text: &str| text == "*" || text == id || known.is_some_and(|a| fits(text, &a.name));
        let fits_unit = |text: &str| text == "*" || known.is_some_and(|a| self.is_in_unit(a, text));
        let fits_parent = |text: &str| known.is_some_and(|a| self.is_parent(a, text));
        let env = known.and_then(|account| account.tags.known()?.get("env"));
        let fits_tag = |text: &str| env.is_some_and(|value| fits(text, value));
        let none = |list: &[&str], fits: &dyn Fn(&str) -> bool| {
            let out: Vec<&str> = list.iter().filter_map(|t| t.strip_prefix('!')).collect();
            !out.iter().any(|text| fits(text))
        };
        let any = |list: &[&str], fits: &dyn Fn(&str) -> bool| {
            list.iter().any(|text| !text.starts_with('!') && fits(text))
        };
        let key = |list: &Option<Vec<&'static str>>, fits: &dyn Fn(&str) -> bool| {
            list.as_ref()
                .is_none_or(|list| any(list, fits) && none(list, fits))
        };
        let twin = |list: &Option<Vec<&'static str>>, fits: &dyn Fn(&str) -> bool| {
            list.as_ref().is_none_or(|list| !any(list, fits))
        };
        let names = |list: &Option<Vec<&'static str>>, from: &str| {
            let list = list.as_deref().unwrap_or_default().iter();
            let texts = list.filter_map(|text| text.strip_prefix(from));
            texts.filter(|text| AccountId::new(*text).is_err()).count() > 0
        };
        let by_name = names(&draft.accounts, "!") || names(&draft.except_accounts, "");
        let by_unit = names(&draft.ous, "!")
            || names(&draft.except_ous, "")
            || names(&draft.except_parent_ous, "");
        let by_tag = names(&draft.tags, "!") || names(&draft.except_tags, "");
        (known.is_some() || !(by_name || by_unit || by_tag))
            && key(&draft.accounts, &fits_account)
            && key(&draft.ous, &fits_unit)
            && key(&draft.parent_ous, &fits_parent)
            && key(&draft.tags, &fits_tag)
            && twin(&draft.except_accounts, &fits_account)
            && twin(&draft.except_ous, &fits_unit)
            && twin(&draft.except_parent_ous, &fits_parent)
            && twin(&draft.except_tags, &fits_tag)
    }

    fn is_parent(&self, account: &Account, unit: &str) -> bool {
        let root = self.0.root_id();
        let above: Vec<_> = account
            .ous
            .iter()
            .filter(|above| above.id != root)
            .collect();
        let names: Vec<&str> = above.iter().map(|above| above.name.as_str()).collect();
        match above.last() {
            None => unit == "Root" || unit == root,
            Some(parent) => {
                parent.id == unit || names.join("/") == unit.strip_prefix("Root/").unwrap_or(unit)
            }
        }
    }

    fn is_in_unit(&self, account: &Account, unit: &str) -> bool {
        if unit == "Root" || unit == self.0.root_id() {
            return true;
        }
        let unit = unit.strip_prefix("Root/").unwrap_or(unit);
        let mut path = String::new();
        for above in &account.ous {
            if above.id == self.0.root_id() {
                continue;
            }
            path = format!("{path}/{}", above.name);
            if above.id == unit || path == format!("/{unit}") {
                return true;
            }
        }
        false
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => name.strip_prefix(start).is_some_and(|rest| {
            let mut ends = rest.char_indices().map(|(cut, _)| rest.get(cut..));
            ends.any(|tail| tail.is_some_and(|tail| fits(end, tail))) || fits(end, "")
        }),
    }
}

/// Permission set names are exact, patterns ignore case.
fn fits_set(form: Form, text: &str, set: &str) -> bool {
    match form {
        Form::Elevator => text == "*" || text == set,
        Form::Native if text.contains('*') => fits(text, set),
        Form::Native => text == set,
    }
}

fn covers_set(draft: &Draft, set: &str) -> bool {
    let fits = |text: &str| fits_set(draft.form, text, set);
    let out = draft.sets.iter().filter_map(|text| text.strip_prefix('!'));
    let out = out.chain(draft.except_sets.iter().flatten().copied());
    draft.sets.iter().any(|text| fits(text)) && !out.into_iter().any(fits)
}
