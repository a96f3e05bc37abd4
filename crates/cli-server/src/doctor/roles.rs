use std::collections::BTreeSet;

use hallpass_terminal::nearest::nearest;

pub(super) fn missing_groups(
    missing: &[String],
    known: &BTreeSet<String>,
) -> (String, &'static str) {
    let named = missing.iter().map(|name| match nearest(name, known) {
        Some(meant) => format!("{name} (did you mean {meant}?)"),
        None => name.clone(),
    });
    let said = format!(
        "no such group: {}; its members have no role",
        named.collect::<Vec<_>>().join(", ")
    );
    (
        said,
        "correct the name in `[identity]`; `hallpass serve` reads it when it starts",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_group_is_named_with_the_one_that_was_meant() {
        let known = BTreeSet::from(["platform-admins".to_owned(), "auditors".to_owned()]);
        for (missing, said) in [
            (
                "platfrom-admins",
                "platfrom-admins (did you mean platform-admins?);",
            ),
            ("owners", "no such group: owners;"),
        ] {
            let (words, _) = missing_groups(&[missing.to_owned()], &known);
            assert!(words.contains(said), "{words}");
        }
    }
}
