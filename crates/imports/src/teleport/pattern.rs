//! How roles name other roles: by name, with `*`, or by more than that.

/// A pattern of roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RolePattern {
    /// A name.
    Name(String),
    /// A name with `*` for any characters.
    Star(String),
    /// A regular expression, or a template of what the identity provider says, as `$1` of a claim.
    More(String),
}

impl RolePattern {
    pub(super) fn new(text: &str) -> Self {
        let is_more = text.starts_with('^')
            || text.contains(['$', '{', '}', '(', ')', '[', ']', '?', '+', '|', '\\']);
        match text {
            text if is_more => Self::More(text.to_owned()),
            text if text.contains('*') => Self::Star(text.to_owned()),
            text => Self::Name(text.to_owned()),
        }
    }

    /// Whether it surely names a role.
    pub(super) fn names(&self, role: &str) -> bool {
        match self {
            Self::Name(name) => name == role,
            Self::Star(pattern) => star(pattern, role),
            Self::More(_) => false,
        }
    }

    /// Whether it may name a role.
    pub(super) fn may_name(&self, role: &str) -> bool {
        matches!(self, Self::More(_)) || self.names(role)
    }

    /// As it is written.
    pub(super) fn as_written(&self) -> &str {
        match self {
            Self::Name(text) | Self::Star(text) | Self::More(text) => text,
        }
    }
}

/// Whether a text is of a pattern with `*` for any characters.
fn star(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stars_and_more() {
        for (pattern, role, surely, maybe) in [
            ("dev", "dev", true, true),
            ("dev", "Dev", false, false),
            ("dev", "dev2", false, false),
            ("*", "dev", true, true),
            ("dev-*", "dev-a", true, true),
            ("dev-*", "xdev-a", false, false),
            ("*-prod-*", "a-prod-b", true, true),
            ("*-prod-*", "prod", false, false),
            ("a*a", "a", false, false),
            ("a**b", "ab", true, true),
            ("^dev-.*$", "ops", false, true),
            ("{{external.roles}}", "ops", false, true),
            ("dev?", "devs", false, true),
        ] {
            let read = RolePattern::new(pattern);
            assert_eq!(
                (read.names(role), read.may_name(role)),
                (surely, maybe),
                "{pattern} {role}"
            );
        }
    }
}
