//! Compresses action names into few exact patterns.

/// Sorted patterns (`Create*`) matching all of `wanted` and none of `others`. Wildcards follow
/// whole words, so that a verb covers new actions, but half a verb does not.
pub(super) fn prefixes(wanted: &[&str], others: &[&str]) -> Vec<String> {
    let mut sorted = wanted.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut found: Vec<String> = Vec::new();
    for name in sorted {
        if found.iter().any(|pattern| covers(pattern, name)) {
            continue;
        }
        let prefix = ends_of_words(name)
            .filter_map(|end| name.get(..end))
            .find(|prefix| !others.iter().any(|other| begins(other, prefix)));
        let shared = prefix.filter(|prefix| {
            let alike = wanted.iter().filter(|it| begins(it, prefix)).count();
            alike > 1
        });
        found.push(shared.map_or_else(|| name.to_owned(), |prefix| format!("{prefix}*")));
    }
    found
}

fn covers(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .is_some_and(|prefix| begins(name, prefix))
}

/// Case-insensitive, like action matching.
fn begins(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Byte offsets of word ends in `CamelCase`, last the name's end.
fn ends_of_words(name: &str) -> impl Iterator<Item = usize> {
    let mut last = ' ';
    let mut ends: Vec<usize> = name
        .char_indices()
        .filter_map(|(at, c)| {
            let begins = c.is_ascii_uppercase() && !last.is_ascii_uppercase() && at > 0;
            last = c;
            begins.then_some(at)
        })
        .collect();
    ends.push(name.len());
    ends.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_service_has_a_read_among_its_writes() {
        use crate::facts::{self, Access};
        for service in facts::services() {
            let is_read =
                |it: &&facts::ActionFacts| matches!(it.access, Access::List | Access::Read);
            let (reads, writes): (Vec<_>, Vec<_>) = service.actions().iter().partition(is_read);
            let [reads, writes] =
                [reads, writes].map(|actions| actions.iter().map(|it| it.name).collect::<Vec<_>>());
            let patterns = prefixes(&writes, &reads);
            let hit = |name: &str| patterns.iter().any(|it| it == name || covers(it, name));
            let missed: Vec<_> = writes.iter().filter(|name| !hit(name)).collect();
            let wrong: Vec<_> = reads.iter().filter(|name| hit(name)).collect();
            assert!(
                missed.is_empty() && wrong.is_empty(),
                "{}: {missed:?} {wrong:?}",
                service.prefix
            );
            assert!(patterns.len() <= writes.len());
        }
    }

    #[test]
    fn patterns_cover_what_is_wanted_and_nothing_else() {
        let table: [(&[&str], &[&str], &[&str]); 6] = [
            (&["CreateRole", "CreateUser"], &["GetRole"], &["Create*"]),
            (&["CreateRole"], &[], &["CreateRole"]),
            (
                &["GenerateKeyA", "GenerateKeyB", "GenerateReport"],
                &["GenerateReportStatus"],
                &["GenerateKey*", "GenerateReport"],
            ),
            (&["PutA", "PutB"], &["putC"], &["PutA", "PutB"]),
            (
                &["UpdateSSHPublicKey", "UpdateRole"],
                &["UpdateView"],
                &["UpdateRole", "UpdateSSHPublicKey"],
            ),
            (&[], &["Get"], &[]),
        ];
        for (wanted, others, want) in table {
            let got = prefixes(wanted, others);
            assert_eq!(got, want, "{wanted:?} without {others:?}");
            for name in wanted {
                let hit = got.iter().any(|it| it == name || covers(it, name));
                assert!(hit, "{name} is not in {got:?}");
            }
            for name in others {
                let hit = got
                    .iter()
                    .any(|it| it.eq_ignore_ascii_case(name) || covers(it, name));
                assert!(!hit, "{name} is in {got:?}");
            }
        }
    }
}
