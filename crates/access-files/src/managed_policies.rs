//! The catalogue of AWS managed policies: names in their exact case, with paths.

use std::collections::HashMap;
use std::sync::LazyLock;

const LIST: &str = include_str!("../data/managed-policies.txt");
const PREFIX: &str = "arn:aws:iam::aws:policy/";

static BY_NAME: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let named = |line: &'static str| (name_of(line).to_ascii_lowercase(), line);
    LIST.lines().map(named).collect()
});

pub(crate) fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FoundPolicy {
    Exact(String),
    /// AWS spells it in another case.
    OtherCase(String),
    Unknown(String),
}

pub(crate) fn find(written: &str) -> FoundPolicy {
    let (prefix, path) = match written.split_once(":policy/") {
        Some((start, path)) => (format!("{start}:policy/"), path),
        None => (PREFIX.to_owned(), written),
    };
    match BY_NAME.get(&name_of(path).to_ascii_lowercase()) {
        Some(known) if *known == path || name_of(known) == path => {
            FoundPolicy::Exact(format!("{prefix}{known}"))
        }
        Some(known) if known.eq_ignore_ascii_case(path) || !path.contains('/') => {
            FoundPolicy::OtherCase(format!("{prefix}{known}"))
        }
        // The path is not in the catalogue: the policy may have moved since.
        Some(_) | None => FoundPolicy::Unknown(format!("{prefix}{path}")),
    }
}

/// Returns the short name if it resolves back to the ARN, else the ARN.
pub(crate) fn written(arn: &str) -> &str {
    let name = name_of(arn);
    if find(name) == FoundPolicy::Exact(arn.to_owned()) {
        name
    } else {
        arn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arns_lead_to_the_exact_spelling() {
        let arn = |path: &str| format!("{PREFIX}{path}");
        let exact = |path: &str| FoundPolicy::Exact(arn(path));
        let other = |path: &str| FoundPolicy::OtherCase(arn(path));
        let table = [
            ("SecurityAudit", exact("SecurityAudit")),
            ("amazonec2fullaccess", other("AmazonEC2FullAccess")),
            ("ViewOnlyAccess", exact("job-function/ViewOnlyAccess")),
            (
                "job-function/ViewOnlyAccess",
                exact("job-function/ViewOnlyAccess"),
            ),
            (
                "arn:aws:iam::aws:policy/ReadOnlyAccess",
                exact("ReadOnlyAccess"),
            ),
            (
                "arn:aws:iam::aws:policy/readonlyaccess",
                other("ReadOnlyAccess"),
            ),
            ("NotThere", FoundPolicy::Unknown(arn("NotThere"))),
        ];
        for (written, expected) in table {
            assert_eq!(find(written), expected, "{written}");
        }
        assert_eq!(
            written(&arn("job-function/ViewOnlyAccess")),
            "ViewOnlyAccess"
        );
        assert_eq!(written(&arn("NotThere")), arn("NotThere"));
    }

    #[test]
    fn no_name_stands_twice() {
        assert_eq!(BY_NAME.len(), LIST.lines().count());
    }
}
