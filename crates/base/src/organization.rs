//! Accounts and units in AWS Organizations responses, current and older fields.

/// Returns the account state from `State`, else from `Status`.
///
/// AWS sends only `State` since 2026-09-09; older data, older partitions and documents of other
/// programs may have only `Status`, with fewer values (AWS Organizations API Reference, `Account`).
/// `member` reads a field by name.
pub fn account_state<'a>(member: impl Fn(&str) -> Option<&'a str>) -> Option<&'a str> {
    let told = |name| member(name).filter(|it| !it.is_empty());
    told("State").or_else(|| told("Status"))
}

/// The root and units above an account, from its `Paths`: `o-…/r-…/ou-…/ou-…/111122223333/` (AWS
/// Organizations API Reference, `Account`). Without names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountPath<'a> {
    above: Vec<&'a str>,
}

impl<'a> AccountPath<'a> {
    /// `None` if `Paths` is missing, ambiguous, malformed, or of another account: then use
    /// `ListParents`.
    pub fn of(account: &str, paths: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut paths = paths.into_iter();
        let (Some(path), None) = (paths.next(), paths.next()) else {
            return None;
        };
        let mut ids = path.strip_suffix('/')?.split('/');
        let organization = ids.next().filter(|it| it.starts_with("o-"));
        let root = ids.next().filter(|it| it.starts_with("r-"));
        let (Some(_), Some(root)) = (organization, root) else {
            return None;
        };
        let mut above = vec![root];
        above.extend(ids);
        let last = above.pop();
        let is_unit = |it: &&str| it.starts_with("ou-");
        let is_whole = last == Some(account) && !above.is_empty();
        (is_whole && above.iter().skip(1).all(is_unit)).then_some(Self { above })
    }

    pub fn parent(&self) -> &'a str {
        self.above.last().copied().unwrap_or_default()
    }

    /// From the root down.
    pub fn above(&self) -> &[&'a str] {
        &self.above
    }

    pub fn is_below(&self, unit: &str) -> bool {
        self.above.contains(&unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "111122223333";

    #[test]
    fn a_state_is_told_by_the_newer_member_and_by_the_older_where_it_is_alone() {
        let cases = [
            (Some("CLOSED"), Some("SUSPENDED"), Some("CLOSED")),
            (Some("ACTIVE"), None, Some("ACTIVE")),
            (None, Some("SUSPENDED"), Some("SUSPENDED")),
            (Some(""), Some("ACTIVE"), Some("ACTIVE")),
            (None, Some(""), None),
            (None, None, None),
        ];
        let wrong: Vec<_> = cases
            .into_iter()
            .filter(|(state, status, wanted)| {
                let member = |name: &str| match name {
                    "State" => *state,
                    "Status" => *status,
                    _ => None,
                };
                account_state(member) != *wanted
            })
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn a_path_tells_a_place_only_where_it_is_one_and_whole() {
        let cases: [(&[&str], Option<&[&str]>); 10] = [
            (&["o-a/r-b/111122223333/"], Some(&["r-b"])),
            (
                &["o-a/r-b/ou-b-c/ou-b-d/111122223333/"],
                Some(&["r-b", "ou-b-c", "ou-b-d"]),
            ),
            (&[], None),
            (&[""], None),
            (&["o-a/r-b/ou-b-c/"], None),
            (&["o-a/r-b/444455556666/"], None),
            (&["o-a/r-b/111122223333"], None),
            (&["o-a/111122223333/"], None),
            (&["o-a/r-b/444455556666/111122223333/"], None),
            (&["o-a/r-b/111122223333/", "o-a/r-c/111122223333/"], None),
        ];
        for (paths, wanted) in cases {
            let found = AccountPath::of(ACCOUNT, paths.iter().copied());
            let found = found.as_ref().map(AccountPath::above);
            assert_eq!(found, wanted, "{paths:?}");
        }
    }

    #[test]
    fn an_account_is_below_every_unit_of_its_path_and_in_the_last() {
        let paths = ["o-a/r-b/ou-b-c/ou-b-d/111122223333/"];
        let path = AccountPath::of(ACCOUNT, paths).unwrap();
        assert_eq!(path.parent(), "ou-b-d");
        assert!(
            ["r-b", "ou-b-c", "ou-b-d"]
                .iter()
                .all(|it| path.is_below(it))
        );
        assert!(!path.is_below("ou-b"));
        assert!(!path.is_below(ACCOUNT));
    }
}
