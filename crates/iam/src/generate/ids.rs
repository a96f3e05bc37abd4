//! Identifier forms in generators (`policies.md` §1).

use std::fmt;
use std::str::FromStr;

use crate::input::BadInput;
use crate::language::Arn;

/// Length checks. Alphabet and structure are always checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lengths {
    #[default]
    Exact,
    /// Any length from 1 (`--lenient-ids`): teaching material has ids such as `o-acorg`.
    Lenient,
}

impl Lengths {
    fn fits(self, text: &str, least: usize, most: usize) -> bool {
        match self {
            Self::Exact => (least..=most).contains(&text.len()),
            Self::Lenient => !text.is_empty(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Partition {
    /// `aws`
    #[default]
    Aws,
    /// `aws-cn`
    China,
    /// `aws-us-gov`
    UsGov,
}

impl Partition {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::China => "aws-cn",
            Self::UsGov => "aws-us-gov",
        }
    }

    /// `aws:RequestedRegion` of global services (IAM User Guide, "AWS global condition context
    /// keys").
    pub fn global_region(self) -> &'static str {
        match self {
            Self::Aws => "us-east-1",
            Self::China => "cn-northwest-1",
            Self::UsGov => "us-gov-west-1",
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Partition {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Aws, Self::China, Self::UsGov]
            .into_iter()
            .find(|it| it.as_str() == text)
            .ok_or_else(|| {
                let message = format!("`{text}` is not one of `aws`, `aws-cn` and `aws-us-gov`");
                BadInput::new("E_ARG", message, "--partition")
            })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    /// `^\d{12}$`
    Account,
    /// `^o-[a-z0-9]{10,32}$`
    Organization,
    /// `^r-[a-z0-9]{4,32}$`
    Root,
    /// `^ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}$`
    Unit,
    /// `o-…/r-…/(ou-…/)*`, ending in `/`, `/*` or `/ou-*`.
    OrgPath,
    /// `^(sso)?ins-[a-zA-Z0-9-.]{16}$`
    Instance,
    /// `^ps-[a-zA-Z0-9-./]{16}$`
    PermissionSet,
    /// A UUID, or `^[0-9a-f]{10}-UUID$`.
    StoreUser,
    /// `^[a-z]{2}(-[a-z]+)+-\d$`
    Region,
    /// `^vpc-[a-z0-9]{8,17}$` (Amazon EC2 API Reference, `Vpc`: 8 or 17 hex digits).
    Vpc,
}

impl IdKind {
    /// Name and form for messages.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Account => "an account id (12 digits)",
            Self::Organization => "an organization id (`o-` and 10 to 32 of a-z, 0-9)",
            Self::Root => "a root id (`r-` and 4 to 32 of a-z, 0-9)",
            Self::Unit => "an OU id (`ou-`, 4 to 32, `-`, 8 to 32 of a-z, 0-9)",
            Self::OrgPath => "a path (`o-…/r-…/ou-…/`, ending in `/` or `/*`)",
            Self::Instance => "an Identity Center instance id (`ssoins-` and 16 characters)",
            Self::PermissionSet => "a permission set id (`ps-` and 16 characters)",
            Self::StoreUser => "an identity store user id (a UUID, or 10 hex digits, `-`, a UUID)",
            Self::Region => "a region (`us-east-1`)",
            Self::Vpc => "a VPC id (`vpc-` and 8 to 17 hex digits)",
        }
    }

    /// Checks only the form.
    ///
    /// # Errors
    /// `E_ID`, and `E_PATH_SLASH` for a path whose end would match siblings.
    pub fn check(self, text: &str, lengths: Lengths, place: &str) -> Result<(), BadInput> {
        if self == Self::OrgPath && has_open_end(text, lengths) {
            let message = format!(
                "`{text}` does not end in `/` or `/*`: it would match nothing, or also every \
                 sibling whose id begins alike"
            );
            return Err(BadInput::new("E_PATH_SLASH", message, place));
        }
        if self.fits(text, lengths) {
            return Ok(());
        }
        let message = format!("`{text}` is not {}", self.expected());
        Err(BadInput::new("E_ID", message, place))
    }

    pub fn fits(self, text: &str, lengths: Lengths) -> bool {
        match self {
            Self::Account => digits(text) && lengths.fits(text, 12, 12),
            Self::Organization => after(text, "o-", |id| low(id) && lengths.fits(id, 10, 32)),
            Self::Root => after(text, "r-", |id| low(id) && lengths.fits(id, 4, 32)),
            Self::Unit => after(text, "ou-", |ids| {
                ids.split_once('-').is_some_and(|(root, id)| {
                    low(root) && low(id) && lengths.fits(root, 4, 32) && lengths.fits(id, 8, 32)
                })
            }),
            Self::OrgPath => is_path(text, lengths),
            Self::Instance => after(text.strip_prefix("sso").unwrap_or(text), "ins-", |id| {
                made_of(id, b"-.") && lengths.fits(id, 16, 16)
            }),
            Self::PermissionSet => after(text, "ps-", |id| {
                made_of(id, b"-./") && lengths.fits(id, 16, 16)
            }),
            Self::StoreUser => is_store_user(text, lengths),
            Self::Region => is_region(text),
            Self::Vpc => after(text, "vpc-", |id| low(id) && lengths.fits(id, 8, 17)),
        }
    }
}

fn after(text: &str, prefix: &str, fits: impl Fn(&str) -> bool) -> bool {
    text.strip_prefix(prefix).is_some_and(fits)
}

fn digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn low(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn made_of(text: &str, also: &[u8]) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || also.contains(&b))
}

/// The levels of a path without its end; `None` for an unclosed end.
fn levels(text: &str) -> Option<&str> {
    ["/ou-*", "/*", "/"]
        .into_iter()
        .find_map(|end| text.strip_suffix(end))
}

fn is_path(text: &str, lengths: Lengths) -> bool {
    // every account is below a root: only `o-…/*` matches accounts without naming one
    let names_root = |path: &str| path.contains('/') || text.ends_with("/*");
    levels(text).is_some_and(|path| names_root(path) && are_levels(path, lengths))
}

/// Whether closing the end would make it a path.
fn has_open_end(text: &str, lengths: Lengths) -> bool {
    levels(text).is_none() && are_levels(text.trim_end_matches(['*', '?', '-']), lengths)
}

fn are_levels(path: &str, lengths: Lengths) -> bool {
    let mut parts = path.split('/');
    let organization = parts.next().unwrap_or_default();
    IdKind::Organization.fits(organization, lengths)
        && parts
            .next()
            .is_none_or(|root| IdKind::Root.fits(root, lengths))
        && parts.all(|unit| IdKind::Unit.fits(unit, lengths))
}

fn is_store_user(text: &str, lengths: Lengths) -> bool {
    let hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split('-').collect();
    let (prefix, uuid) = match parts.as_slice() {
        [prefix, uuid @ ..] if uuid.len() == 5 => (Some(*prefix), uuid),
        uuid => (None, uuid),
    };
    let prefix_fits =
        prefix.is_none_or(|prefix| hex(prefix) && low(prefix) && lengths.fits(prefix, 10, 10));
    prefix_fits
        && uuid.len() == 5
        && uuid
            .iter()
            .zip([8, 4, 4, 4, 12])
            .all(|(part, length)| hex(part) && lengths.fits(part, length, length))
}

fn is_region(text: &str) -> bool {
    let mut parts = text.split('-');
    let Some(number) = parts.next_back() else {
        return false;
    };
    let area = parts.next().unwrap_or_default();
    let names: Vec<&str> = parts.collect();
    let letters = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    digits(number)
        && number.len() == 1
        && area.len() == 2
        && letters(area)
        && !names.is_empty()
        && names.into_iter().all(letters)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleArn {
    Exact,
    /// `*` and `?` in account and name, for `ArnLike`.
    Pattern,
}

impl RoleArn {
    /// Checks for a role ARN of this partition.
    ///
    /// # Errors
    /// `E_ARN`.
    pub fn check(
        self,
        text: &str,
        partition: Partition,
        lengths: Lengths,
        place: &str,
    ) -> Result<(), BadInput> {
        let wrong = |why: &str| {
            let message = format!("`{text}` {why}");
            Err(BadInput::new("E_ARN", message, place))
        };
        let Some(arn) = Arn::parse(text) else {
            return wrong("is not an ARN (`arn:aws:iam::111122223333:role/name`)");
        };
        if arn.service == "sts" {
            return wrong("is a session: aws:PrincipalArn holds the role's own ARN, so name that");
        }
        if arn.service != "iam" || !arn.region.is_empty() {
            return wrong("is not the ARN of a role (`arn:aws:iam::111122223333:role/name`)");
        }
        if arn.partition != partition.as_str() {
            return wrong(&format!("is not in partition `{partition}`"));
        }
        let Some(name) = arn.rest.strip_prefix("role/") else {
            return wrong("is not the ARN of a role (`…:role/name`)");
        };
        let is_pattern = arn.account.contains(['*', '?']) || name.contains(['*', '?']);
        if is_pattern && self == Self::Exact {
            return wrong("has a wildcard; only exact roles can be named here");
        }
        let account_fits = match self {
            Self::Exact => IdKind::Account.fits(arn.account, lengths),
            Self::Pattern => {
                arn.account.contains(['*', '?']) || IdKind::Account.fits(arn.account, lengths)
            }
        };
        if !account_fits {
            return wrong("has no account id of 12 digits");
        }
        // IAM API Reference, `CreateRole`: paths of printable ASCII, names of `\w+=,.@-`
        let printable = name
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'$' | b'{' | b'}'));
        if name.is_empty() || !printable || name.ends_with('/') {
            return wrong("has no role name");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// kind, text → exact, lenient
    const FORMS: &[(IdKind, &str, &str)] = &[
        (IdKind::Account, "012345678901", "yy"),
        (IdKind::Account, "12345", "ny"),
        (IdKind::Account, "", "nn"),
        (IdKind::Account, "11111111111a", "nn"),
        (IdKind::Account, "١١١١١١", "nn"),
        (IdKind::Organization, "o-ab12cd34ef", "yy"),
        (IdKind::Organization, "o-acorg", "ny"),
        (IdKind::Organization, "o-ACORG12345", "nn"),
        (IdKind::Organization, "o-", "nn"),
        (IdKind::Root, "r-ab12", "yy"),
        (IdKind::Root, "r-a", "ny"),
        (IdKind::Unit, "ou-ab12-cdef3456", "yy"),
        (IdKind::Unit, "ou-acroot-sub", "ny"),
        (IdKind::Unit, "ou-ab12", "nn"),
        (IdKind::Unit, "ou-ab12-cdef3456-x", "nn"),
        (IdKind::OrgPath, "o-ab12cd34ef/", "nn"),
        (IdKind::OrgPath, "o-ab12cd34ef/ou-*", "nn"),
        (IdKind::OrgPath, "o-ab12cd34ef/r-ab12/ou-*", "yy"),
        (IdKind::OrgPath, "o-ab12cd34ef/*", "yy"),
        (IdKind::OrgPath, "o-ab12cd34ef/r-ab12/", "yy"),
        (
            IdKind::OrgPath,
            "o-ab12cd34ef/r-ab12/ou-ab12-cdef3456/",
            "yy",
        ),
        (
            IdKind::OrgPath,
            "o-ab12cd34ef/r-ab12/ou-ab12-cdef3456/*",
            "yy",
        ),
        (
            IdKind::OrgPath,
            "o-ab12cd34ef/r-ab12/ou-ab12-cdef3456/ou-*",
            "yy",
        ),
        (IdKind::OrgPath, "o-acorg/r-acroot/ou-acroot-mediaou/", "ny"),
        (IdKind::OrgPath, "o-ab12cd34ef/ou-ab12-cdef3456/", "nn"),
        (IdKind::OrgPath, "o-ab12cd34ef//", "nn"),
        (IdKind::OrgPath, "o-*/", "nn"),
        (IdKind::Instance, "ssoins-1234567890abcdef", "yy"),
        (IdKind::Instance, "ins-1234567890abcdef", "yy"),
        (IdKind::Instance, "ssoins-1", "ny"),
        (IdKind::PermissionSet, "ps-1234567890abcdef", "yy"),
        (IdKind::PermissionSet, "ps-1", "ny"),
        (IdKind::PermissionSet, "ps-*", "nn"),
        (
            IdKind::StoreUser,
            "99999999-8888-7777-6666-555555555555",
            "yy",
        ),
        (
            IdKind::StoreUser,
            "906752b26f-44c8f4e8-80f1-7091-a200-0f9ddad2661d",
            "yy",
        ),
        (
            IdKind::StoreUser,
            "906752B26F-44c8f4e8-80f1-7091-a200-0f9ddad2661d",
            "nn",
        ),
        (IdKind::StoreUser, "9999-8888-7777-6666-5555", "ny"),
        (IdKind::StoreUser, "john", "nn"),
        (IdKind::Region, "us-east-1", "yy"),
        (IdKind::Region, "us-gov-west-1", "yy"),
        (IdKind::Region, "us-east-12", "nn"),
        (IdKind::Region, "us-1", "nn"),
        (IdKind::Region, "US-east-1", "nn"),
        (IdKind::Region, "us--1", "nn"),
        (IdKind::Vpc, "vpc-0123456789abcdef0", "yy"),
        (IdKind::Vpc, "vpc-1", "ny"),
    ];

    #[test]
    fn forms_are_those_of_the_grammar() {
        let shown = |fits: bool| if fits { 'y' } else { 'n' };
        for (kind, text, want) in FORMS {
            let got: String = [Lengths::Exact, Lengths::Lenient]
                .map(|lengths| shown(kind.fits(text, lengths)))
                .iter()
                .collect();
            assert_eq!(&got, want, "{kind:?} {text}");
        }
    }

    #[test]
    fn an_open_end_is_its_own_mistake() {
        for (text, code) in [
            ("o-ab12cd34ef/r-ab12/ou-ab12-cdef3456", "E_PATH_SLASH"),
            ("o-ab12cd34ef/r-ab12/ou-ab12-cdef3456*", "E_PATH_SLASH"),
            ("o-ab12cd34ef", "E_PATH_SLASH"),
            ("ou-ab12-cdef3456", "E_ID"),
            ("222222222222", "E_ID"),
            ("", "E_ID"),
        ] {
            let error = IdKind::OrgPath
                .check(text, Lengths::Exact, "--id")
                .unwrap_err();
            assert_eq!(error.code, code, "{text}");
        }
    }

    #[test]
    fn roles_are_roles() {
        let check = |kind: RoleArn, text: &str| {
            kind.check(text, Partition::Aws, Lengths::Exact, "--exempt-role")
                .is_ok()
        };
        for (text, exact, pattern) in [
            ("arn:aws:iam::111122223333:role/x", true, true),
            ("arn:aws:iam::111122223333:role/p/x", true, true),
            ("arn:aws:iam::*:role/x", false, true),
            ("arn:aws:iam::111122223333:role/x-*", false, true),
            ("arn:aws-cn:iam::111122223333:role/x", false, false),
            ("arn:aws:iam::111122223333:user/x", false, false),
            ("arn:aws:iam::1:role/x", false, false),
            ("arn:aws:iam::111122223333:role/", false, false),
            (
                "arn:aws:iam::111122223333:role/${aws:username}",
                false,
                false,
            ),
            ("arn:aws:sts::111122223333:assumed-role/x/y", false, false),
            ("role/x", false, false),
            ("*", false, false),
        ] {
            assert_eq!(check(RoleArn::Exact, text), exact, "{text}");
            assert_eq!(check(RoleArn::Pattern, text), pattern, "{text}");
        }
    }
}
