use hallpass_aws_model::facts;
use hallpass_base::Timestamp;
use jiff::SignedDuration;

use super::entry::{PRE_STAGED, RevocationEntry, Revocations};
use super::form::RevocationForm;
use super::order;
use crate::generate::Draft;
use crate::generate::ids::{IdKind, Lengths, Partition, RoleArn};
use crate::input::BadInput;
use crate::language::Arn;
use crate::residual::instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Match {
    /// `aws:userid`: the session's name.
    Name,
    /// `aws:SourceIdentity`: also through chained roles, if the identity provider sets it.
    Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    No,
    /// Policy limit: free attachment slots.
    Slots(usize),
}

/// Slots next to `FullAWSAccess`.
pub const SCP_SLOTS: usize = facts::SCPS_PER_TARGET.count() - 1;

/// AWS's limit of role sessions.
pub const MAX_SESSION: SignedDuration =
    SignedDuration::from_hours(facts::SESSION_HOURS.value as i64);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationSpec {
    /// Also matched in lower case.
    pub users: Vec<String>,
    pub variants: Vec<String>,
    /// Empty means [`Match::Name`].
    pub matches: Vec<Match>,
    pub user_ids: Vec<String>,
    pub source_identities: Vec<String>,
    pub roles: Vec<String>,
    /// Only earlier role sessions; RFC 3339 with a zone.
    pub issued_before: Option<String>,
    pub form: RevocationForm,
    /// Keep placeholder statements for unused kinds.
    pub pre_stage: bool,
    pub into: Revocations,
    /// From 1 to 12 hours.
    pub max_session: SignedDuration,
    pub split: Split,
    pub accounts: Vec<String>,
    pub management_account: Option<String>,
    pub partition: Partition,
    pub lengths: Lengths,
}

impl RevocationSpec {
    pub fn new(form: RevocationForm) -> Self {
        Self {
            users: Vec::new(),
            variants: Vec::new(),
            matches: Vec::new(),
            user_ids: Vec::new(),
            source_identities: Vec::new(),
            roles: Vec::new(),
            issued_before: None,
            form,
            pre_stage: false,
            into: Revocations::new(),
            max_session: MAX_SESSION,
            split: Split::No,
            accounts: Vec::new(),
            management_account: None,
            partition: Partition::default(),
            lengths: Lengths::default(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedRevocation {
    pub parts: Vec<Draft>,
    pub revocations: Revocations,
    pub added: Vec<RevocationEntry>,
    pub warnings: Vec<String>,
    pub order: String,
}

/// # Errors
/// `E_ARG` for conflicting options or none, `E_NAME` for names with pattern characters, `E_ID` for
/// user ids, `E_ARN` for roles, `E_TIME` for instants without a zone, `E_DURATION` for sessions
/// outside 1 to 12 hours, `E_SIZE` if too long.
pub fn generate(wish: &RevocationSpec, now: Timestamp) -> Result<GeneratedRevocation, BadInput> {
    check_arguments(wish)?;
    let issued_before = wish.issued_before.as_deref();
    let issued_before = issued_before
        .map(|it| instant(it, "--issued-before"))
        .transpose()?;
    let mut revocations = wish.into.clone();
    revocations.pre_staged |= wish.pre_stage;
    let mut added = Vec::new();
    for entry in entries(wish, issued_before)? {
        if revocations.add(entry.clone()) {
            added.push(entry);
        }
    }
    let parts = parts(&revocations, wish.form, wish.split)?;
    let ends = added.iter().map(|it| it.ends(now, wish.max_session)).max();
    Ok(GeneratedRevocation {
        parts,
        warnings: warnings(wish, issued_before, now),
        order: order::text(wish.form, issued_before, ends),
        revocations,
        added,
    })
}

fn check_arguments(wish: &RevocationSpec) -> Result<(), BadInput> {
    let arg = |message: &str| Err(BadInput::new("E_ARG", message, ""));
    let names_nobody = wish.users.is_empty()
        && wish.user_ids.is_empty()
        && wish.source_identities.is_empty()
        && wish.issued_before.is_none()
        && wish.roles.is_empty();
    if names_nobody && !wish.pre_stage {
        return arg("no one is named: give a user, a user id, a source identity or a role");
    }
    if wish.users.is_empty() && !wish.variants.is_empty() {
        return arg("variants are spellings of a user's name: name the user, too");
    }
    if !wish.roles.is_empty() && wish.issued_before.is_none() {
        return arg("a role needs the instant before which its sessions were issued");
    }
    if wish.form == RevocationForm::Scp && wish.issued_before.is_some() && wish.roles.is_empty() {
        return arg(
            "as a service control policy an instant needs the role it is about: without one it \
             would revoke every session of every role",
        );
    }
    for account in &wish.accounts {
        IdKind::Account.check(account, wish.lengths, "--account")?;
    }
    if let Some(account) = &wish.management_account {
        IdKind::Account.check(account, wish.lengths, "--management-account")?;
    }
    let hours = SignedDuration::from_hours(1)..=MAX_SESSION;
    if !hours.contains(&wish.max_session) {
        let message = "a role session lasts from 1 to 12 hours";
        return Err(BadInput::new("E_DURATION", message, "--max-session"));
    }
    Ok(())
}

fn entries(
    wish: &RevocationSpec,
    issued_before: Option<Timestamp>,
) -> Result<Vec<RevocationEntry>, BadInput> {
    let mut entries = Vec::new();
    for id in &wish.user_ids {
        IdKind::StoreUser.check(id, wish.lengths, "--user-id")?;
        entries.push(RevocationEntry::UserId { value: id.clone() });
    }
    let by_name = wish.matches.is_empty() || wish.matches.contains(&Match::Name);
    let by_source = wish.matches.contains(&Match::Source);
    for user in wish.users.iter().chain(&wish.variants) {
        let name = name(user, "--user")?;
        if by_name {
            let lower = name.to_lowercase();
            entries.push(RevocationEntry::Name {
                value: name.clone(),
            });
            entries.push(RevocationEntry::Name { value: lower });
        }
    }
    let sources = by_source.then_some(&wish.users).into_iter().flatten();
    for source in sources.chain(&wish.source_identities) {
        entries.push(RevocationEntry::Source {
            value: name(source, "--source-identity")?,
        });
    }
    if let Some(issued_before) = issued_before {
        let roles = roles(wish)?;
        let entry = |value| RevocationEntry::Role {
            value,
            issued_before,
        };
        if roles.is_empty() {
            entries.push(entry(None));
        } else {
            entries.extend(roles.into_iter().map(|role| entry(Some(role))));
        }
    }
    Ok(entries)
}

/// A session name without wildcards, variables or separators.
fn name(text: &str, place: &str) -> Result<String, BadInput> {
    let why = if text.is_empty() {
        "a name is not empty"
    } else if text.contains(['*', '?']) {
        "a name has no wildcards: name every user"
    } else if text.contains("${") {
        "a name has no policy variables"
    } else if text.contains(':') {
        "session names have no colon"
    } else if text.chars().any(|it| it.is_whitespace() || it.is_control()) {
        "session names have no blanks"
    } else if text.chars().count() > 128 {
        "a name has at most 128 characters"
    } else if text == PRE_STAGED {
        "this name is reserved in policies attached in advance"
    } else {
        return Ok(text.to_owned());
    };
    Err(BadInput::new("E_NAME", format!("`{text}`: {why}"), place))
}

/// Role patterns; none if the policy is on the role.
fn roles(wish: &RevocationSpec) -> Result<Vec<String>, BadInput> {
    let mut patterns = Vec::new();
    for role in &wish.roles {
        RoleArn::Pattern.check(role, wish.partition, wish.lengths, "--role")?;
        patterns.push(role.clone());
        // sessions show no path, the role has one: cover both
        let arn = Arn::parse(role);
        let name = arn.and_then(|arn| arn.rest.strip_prefix("role/AWSReservedSSO_"));
        if let (Some(arn), Some(name)) = (arn, name) {
            let rest = format!("role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_{name}");
            patterns.push(Arn { rest: &rest, ..arn }.to_string());
        }
    }
    Ok(if wish.form == RevocationForm::Iam {
        Vec::new()
    } else {
        patterns
    })
}

/// One policy if it fits; else up to the slots. Entries only deny and one match suffices, so any
/// distribution is equivalent.
fn parts(
    revocations: &Revocations,
    form: RevocationForm,
    split: Split,
) -> Result<Vec<Draft>, BadInput> {
    let (limit, what) = form.limit();
    // canonical text has blanks only in strings, so both counts are upper bounds
    let size = |it: &Revocations| it.json().map_or(0, |text| text.len());
    let whole = size(revocations);
    if whole <= limit {
        return Ok(revocations.draft().into_iter().collect());
    }
    let Split::Slots(slots) = split else {
        let message = format!(
            "{whole} characters are more than the {limit} of {what}: split it, or prune entries \
             that have ended"
        );
        return Err(BadInput::new("E_SIZE", message, ""));
    };
    let mut parts = Vec::new();
    let mut current = Revocations::new();
    current.pre_staged = revocations.pre_staged;
    for entry in revocations.entries() {
        let mut wider = current.clone();
        wider.add(entry.clone());
        if size(&wider) > limit && !current.is_empty() {
            parts.extend(current.draft());
            // only the first keeps placeholders
            wider = Revocations::new();
            wider.add(entry.clone());
        }
        current = wider;
        if parts.len() >= slots || size(&current) > limit {
            let message = format!(
                "{whole} characters need more than the {slots} free slots of {limit} characters \
                 each: prune entries that have ended, or free a slot"
            );
            return Err(BadInput::new("E_SIZE", message, ""));
        }
    }
    parts.extend(current.draft());
    Ok(parts)
}

fn warnings(
    wish: &RevocationSpec,
    issued_before: Option<Timestamp>,
    now: Timestamp,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(instant) = issued_before.filter(|it| *it > now) {
        warnings.push(format!(
            "{instant} is in the future: sessions issued until then are revoked when made"
        ));
    }
    if wish.form == RevocationForm::Scp && reaches_no_member(wish) {
        warnings.push(
            "no member account is in scope: service control policies have no effect in the \
             management account, use the IAM form there"
                .to_owned(),
        );
    }
    if wish.roles.iter().any(|role| role.ends_with(":role/*")) {
        warnings.push("`role/*` revokes the sessions of every role of the account".to_owned());
    }
    warnings
}

/// Whether the known scope is only the management account.
fn reaches_no_member(wish: &RevocationSpec) -> bool {
    let Some(management) = wish.management_account.as_deref() else {
        return false;
    };
    let by_role = wish
        .roles
        .iter()
        .filter_map(|role| Arn::parse(role))
        .map(|arn| arn.account);
    let mut known = wish
        .accounts
        .iter()
        .map(String::as_str)
        .chain(by_role)
        .peekable();
    known.peek().is_some() && known.all(|account| account == management)
}
