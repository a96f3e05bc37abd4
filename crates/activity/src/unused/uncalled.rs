//! Actions without an API operation of their name: `data/uncalled.txt`, made by `e2e/uncalled.py`.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use hallpass_iam::facts::ActionFacts;

const TEXT: &str = include_str!("../../data/uncalled.txt");

/// Names by service; `*` means all.
static UNCALLED: LazyLock<HashMap<&'static str, HashSet<&'static str>>> = LazyLock::new(|| {
    let lines = TEXT.lines().filter(|it| !it.starts_with('#'));
    let split = lines.filter_map(|it| it.split_once(' '));
    split
        .map(|(service, names)| (service, names.split(' ').collect()))
        .collect()
});

pub(super) fn is_uncalled(action: &ActionFacts) -> bool {
    let names = UNCALLED.get(action.service);
    names.is_some_and(|it| it.contains("*") || it.contains(action.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallpass_iam::facts;

    #[test]
    fn every_listed_action_is_known() {
        for (service, names) in UNCALLED.iter() {
            let about = facts::service(service).unwrap();
            for name in names.iter().filter(|it| **it != "*") {
                assert!(about.action(name).is_some(), "{service}:{name}");
            }
        }
        assert!(UNCALLED.len() > 200);
    }
}
