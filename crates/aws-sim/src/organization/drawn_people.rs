use std::collections::HashSet;

use crate::base::Random;

use super::{
    User,
    names::{FAMILY, GIVEN, TITLES},
};

pub(super) struct NameSource {
    random: Random,
    taken: HashSet<String>,
    domain: &'static str,
}

impl NameSource {
    pub(super) fn new(seed: u64, domain: &'static str) -> Self {
        Self {
            random: Random::new(seed, "people"),
            taken: HashSet::new(),
            domain,
        }
    }

    pub(super) fn take(&mut self, given: &str, family: &str) {
        self.taken.insert(address(given, family, self.domain));
    }

    pub(super) fn person(&mut self) -> User {
        let given = self.random.pick(GIVEN).copied().unwrap_or("Alex");
        let family = self.random.pick(FAMILY).copied().unwrap_or("Doe");
        let title = self.random.pick(TITLES).copied().unwrap_or_default();
        let mut user = person(given, family, title, self.domain);
        let plain = user.user_name.clone();
        for number in 2_usize.. {
            if self.taken.insert(user.user_name.clone()) {
                break;
            }
            user.user_name = plain.replace('@', &format!("{number}@"));
        }
        user.email = Some(user.user_name.clone());
        user
    }
}

pub(crate) fn address(given: &str, family: &str, domain: &str) -> String {
    let plain = |name: &str| -> String {
        name.to_lowercase()
            .chars()
            .map(|letter| match letter {
                'á' | 'ä' | 'å' => 'a',
                'é' => 'e',
                'ñ' => 'n',
                'ö' | 'ø' => 'o',
                'ü' => 'u',
                other => other,
            })
            .collect()
    };
    format!("{}.{}@{domain}", plain(given), plain(family))
}

pub(super) fn person(given: &str, family: &str, title: &str, domain: &str) -> User {
    let address = address(given, family, domain);
    User {
        user_name: address.clone(),
        given_name: Some(given.to_owned()),
        family_name: Some(family.to_owned()),
        email: Some(address),
        title: (!title.is_empty()).then(|| title.to_owned()),
        ..User::default()
    }
}
