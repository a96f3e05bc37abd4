//! A parsed rule: requesters, targets, approvers and limits.

use std::{collections::BTreeSet, fmt, sync::Arc};

use hallpass_base::{AccountId, Email, Glob, GroupId, TimeSpan, UserId, fold::folded};
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::{
    arming::EndArming, attributes::AttributeMatch, diagnostic::Position, hours::Hours,
    on_call::ON_CALL_PREFIX, ticket::TicketTerms,
};

/// Rule name in audit records and explanations. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(Arc<str>);

impl RuleId {
    pub(crate) fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for RuleId {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for RuleId {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl From<RuleId> for String {
    fn from(id: RuleId) -> Self {
        id.0.as_ref().to_owned()
    }
}

/// A group reference. The sso-elevator form has ids only; native rules also names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum GroupRef {
    Id(GroupId),
    Name(String),
    /// With [`ON_CALL_PREFIX`].
    OnCall(String),
}

impl GroupRef {
    pub fn named(name: &str) -> Self {
        match folded(name.trim()) {
            list if list.starts_with(ON_CALL_PREFIX) => Self::OnCall(list),
            name => Self::Name(name),
        }
    }

    /// From AWS, where trailing spaces are significant.
    pub fn known(name: &str) -> Self {
        Self::Name(folded(name))
    }
}

impl fmt::Display for GroupRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => fmt::Display::fmt(id, f),
            Self::Name(name) | Self::OnCall(name) => f.write_str(name),
        }
    }
}

/// Accounts selected by one key; its entries add up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Selector {
    Every,
    Account(AccountId),
    /// Native only.
    AccountName(Glob),
    Ou(String),
    /// The subtree of a unit path, without the root name; empty is the root.
    OuPath(String),
    /// Accounts directly in a unit, by id (native only).
    Children(String),
    /// The same by path, without the root name; empty is the root.
    ChildrenPath(String),
}

/// Accounts with this tag and one of the values (native only).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TagMatch {
    pub(crate) key: String,
    pub(crate) values: BTreeSet<Glob>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SetMatch {
    Every,
    Name(String),
    /// Native only.
    Glob(Glob),
}

impl SetMatch {
    pub(crate) fn matches(&self, name: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Name(known) => known == name,
            Self::Glob(glob) => glob.matches(name),
        }
    }
}

/// Exclusions of a rule (native only): `!` entries and `except_` keys. They win in any order, and
/// affect only this rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Exclusions {
    pub(crate) places: BTreeSet<Selector>,
    /// Each tag excludes independently.
    pub(crate) tags: BTreeSet<TagMatch>,
    pub(crate) sets: BTreeSet<SetMatch>,
}

impl Exclusions {
    pub(crate) fn of_accounts(&self) -> bool {
        !self.places.is_empty() || !self.tags.is_empty()
    }

    /// Returns whether `other` has every exclusion, compared by text.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.places.is_subset(&other.places) && self.tags.is_subset(&other.tags)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Targets {
    /// Permission sets in accounts. An account must match every given list.
    Accounts {
        accounts: Option<BTreeSet<Selector>>,
        ous: Option<BTreeSet<Selector>>,
        tags: BTreeSet<TagMatch>,
        sets: BTreeSet<SetMatch>,
        except: Exclusions,
    },
    Groups(BTreeSet<GroupRef>),
}

impl Targets {
    pub(crate) fn names_tags(&self) -> bool {
        match self {
            Self::Accounts { tags, except, .. } => !tags.is_empty() || !except.tags.is_empty(),
            Self::Groups(_) => false,
        }
    }

    pub(crate) fn names_group(&self, group: &GroupRef) -> bool {
        match self {
            Self::Groups(groups) => groups.contains(group),
            Self::Accounts { .. } => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StageRule {
    pub(crate) name: String,
    pub(crate) people: BTreeSet<Email>,
    pub(crate) groups: BTreeSet<GroupRef>,
    pub(crate) manager: bool,
    pub(crate) quorum: u32,
}

/// An expression for reasons or tickets. Compared by text.
#[derive(Clone)]
pub struct TextPattern(Regex);

/// Size limits in bytes, tried in order.
const REGEX_SIZES: [usize; 4] = [1 << 14, 1 << 16, 1 << 18, 1 << 20];

/// Remaining memory for compiled expressions of a file, in bytes. Failed compilations count too,
/// because they take as long.
#[derive(Debug)]
pub(crate) struct RegexBudget(usize);

impl Default for RegexBudget {
    fn default() -> Self {
        Self(1 << 24)
    }
}

const PATTERN_CHARACTERS_MAX: usize = 1_000;

#[derive(Debug, thiserror::Error)]
pub(crate) enum PatternRefused {
    #[error(transparent)]
    Bad(regex::Error),
    #[error("a regular expression has at most {PATTERN_CHARACTERS_MAX} characters")]
    TooLong,
    #[error("the regular expressions of the file take too much memory")]
    OverBudget,
}

impl TextPattern {
    pub(crate) fn new(pattern: &str, budget: &mut RegexBudget) -> Result<Self, PatternRefused> {
        if pattern.chars().count() > PATTERN_CHARACTERS_MAX {
            return Err(PatternRefused::TooLong);
        }
        let mut refused = PatternRefused::OverBudget;
        for size in REGEX_SIZES {
            if size > budget.0 {
                return Err(PatternRefused::OverBudget);
            }
            let built = regex::RegexBuilder::new(pattern)
                .size_limit(size)
                .dfa_size_limit(size)
                .build();
            match built {
                Ok(regex) => {
                    budget.0 -= size;
                    return Ok(Self(regex));
                }
                Err(error @ regex::Error::CompiledTooBig(_)) => {
                    refused = PatternRefused::Bad(error);
                }
                Err(error) => return Err(PatternRefused::Bad(error)),
            }
        }
        budget.0 -= REGEX_SIZES.into_iter().max().unwrap_or(0).min(budget.0);
        Err(refused)
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub fn is_found_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for TextPattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for TextPattern {}

impl std::hash::Hash for TextPattern {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.as_str())
    }
}

impl Serialize for TextPattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Requesters {
    Everyone,
    /// These users and group members; no one if both are empty.
    Only {
        users: BTreeSet<Email>,
        /// Native only.
        user_ids: BTreeSet<UserId>,
        groups: BTreeSet<GroupRef>,
    },
}

impl Requesters {
    pub(crate) fn is_nobody(&self) -> bool {
        match self {
            Self::Everyone => false,
            Self::Only {
                users,
                user_ids,
                groups,
            } => users.is_empty() && user_ids.is_empty() && groups.is_empty(),
        }
    }
}

/// Users excluded as requesters or approvers (native only). Exclusions win, and affect only this
/// rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct PeopleLeftOut {
    /// Every user with one of these addresses.
    pub(crate) emails: BTreeSet<Email>,
    pub(crate) user_ids: BTreeSet<UserId>,
    pub(crate) groups: BTreeSet<GroupRef>,
}

impl PeopleLeftOut {
    pub(crate) fn is_nobody(&self) -> bool {
        self.emails.is_empty() && self.user_ids.is_empty() && self.groups.is_empty()
    }
}

/// Scope of a rule's denials (`false` flags).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Denials {
    /// Everyone, so that a restricted rule never loosens the whole: native rules.
    Always,
    /// Only its requesters: in the sso-elevator form a statement does not affect others.
    OfRequesters,
}

/// The content of a rule. Equal rules count once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Terms {
    /// Explicit name; rules with different names are distinct.
    pub(crate) given_id: Option<String>,
    pub(crate) targets: Targets,
    pub(crate) approvers: BTreeSet<Email>,
    pub(crate) approver_groups: BTreeSet<GroupRef>,
    /// Native only.
    pub(crate) manager_approves: bool,
    pub(crate) stages: Vec<StageRule>,
    pub(crate) requesters: Requesters,
    /// Additional requester attributes (native only).
    pub(crate) requester_attributes: BTreeSet<AttributeMatch>,
    /// Native only.
    pub(crate) except_requesters: PeopleLeftOut,
    /// Native only.
    pub(crate) except_approvers: PeopleLeftOut,
    /// Otherwise the rule only adds approvers, limits and denials to other rules.
    pub(crate) permits_requests: bool,
    pub(crate) denials: Denials,
    pub(crate) allow_self_approval: Option<bool>,
    pub(crate) approval_is_not_required: Option<bool>,
    /// `false` refuses delegates of approvers (native only).
    pub(crate) allow_delegated_approval: Option<bool>,
    /// The rule applies to requests that have waited this long (native only).
    pub(crate) after_waiting: Option<TimeSpan>,
    pub(crate) notify: Option<BTreeSet<Email>>,
    pub(crate) max_duration: Option<TimeSpan>,
    /// Among applicable rules with this flag, the longest `max_duration` counts instead of the
    /// smallest.
    pub(crate) prefer_longest_duration: bool,
    pub(crate) min_approvals: u32,
    pub(crate) slack_channel: Option<String>,
    pub(crate) break_glass: Option<BTreeSet<Email>>,
    pub(crate) reason_pattern: Option<TextPattern>,
    pub(crate) ticket_pattern: Option<TextPattern>,
    /// Native only.
    pub(crate) ticket: Option<TicketTerms>,
    pub(crate) reason_hint: Option<String>,
    pub(crate) ticket_hint: Option<String>,
    pub(crate) hours: Option<Hours>,
    /// Native only.
    pub(crate) approval_hours: Option<Hours>,
    pub(crate) max_lead_time: Option<TimeSpan>,
    /// Shortens a waiting request at approval if the limit became smaller.
    pub(crate) shorten_to_max_duration: Option<bool>,
    /// Maximum age of the sign-in for approval or break-glass.
    pub(crate) fresh_sign_in: Option<TimeSpan>,
    /// Accepted values of the provider (`acr`); empty = any.
    pub(crate) sign_in_acr: BTreeSet<String>,
    pub(crate) armed_ends: Option<EndArming>,
    /// Text that requester and approver must confirm (native only).
    pub(crate) warning: Option<String>,
}

impl Terms {
    pub(crate) fn new(targets: Targets, denials: Denials) -> Self {
        Self {
            given_id: None,
            targets,
            approvers: BTreeSet::new(),
            approver_groups: BTreeSet::new(),
            manager_approves: false,
            stages: Vec::new(),
            requesters: Requesters::Everyone,
            requester_attributes: BTreeSet::new(),
            except_requesters: PeopleLeftOut::default(),
            except_approvers: PeopleLeftOut::default(),
            permits_requests: true,
            denials,
            allow_self_approval: None,
            approval_is_not_required: None,
            allow_delegated_approval: None,
            after_waiting: None,
            notify: None,
            max_duration: None,
            prefer_longest_duration: false,
            min_approvals: 1,
            slack_channel: None,
            break_glass: None,
            reason_pattern: None,
            ticket_pattern: None,
            ticket: None,
            reason_hint: None,
            ticket_hint: None,
            hours: None,
            approval_hours: None,
            max_lead_time: None,
            shorten_to_max_duration: None,
            fresh_sign_in: None,
            sign_in_acr: BTreeSet::new(),
            armed_ends: None,
            warning: None,
        }
    }

    pub(crate) fn requesting_people(&self) -> impl Iterator<Item = &Email> {
        match &self.requesters {
            Requesters::Everyone => None,
            Requesters::Only { users, .. } => Some(users),
        }
        .into_iter()
        .flatten()
    }

    pub(crate) fn requesting_users(&self) -> impl Iterator<Item = &UserId> {
        match &self.requesters {
            Requesters::Everyone => None,
            Requesters::Only { user_ids, .. } => Some(user_ids),
        }
        .into_iter()
        .flatten()
    }

    pub(crate) fn requesting_groups(&self) -> impl Iterator<Item = &GroupRef> {
        match &self.requesters {
            Requesters::Everyone => None,
            Requesters::Only { groups, .. } => Some(groups),
        }
        .into_iter()
        .flatten()
    }

    /// Returns whether there are terms beyond targets, requesters, approvers and flags.
    /// Destructures every field, so that new ones are considered.
    pub(crate) fn has_limits(&self) -> bool {
        let Self {
            stages,
            notify,
            max_duration,
            min_approvals,
            slack_channel,
            break_glass,
            reason_pattern,
            ticket_pattern,
            ticket,
            fresh_sign_in,
            sign_in_acr,
            armed_ends,
            approval_hours,
            max_lead_time,
            warning,
            // targets, requesters, approvers, flags, and texts of the above
            given_id: _,
            targets: _,
            approvers: _,
            approver_groups: _,
            manager_approves: _,
            requesters: _,
            requester_attributes: _,
            except_requesters: _,
            except_approvers: _,
            permits_requests: _,
            denials: _,
            allow_self_approval: _,
            approval_is_not_required: _,
            allow_delegated_approval: _,
            after_waiting: _,
            prefer_longest_duration: _,
            reason_hint: _,
            ticket_hint: _,
            hours: _,
            shorten_to_max_duration: _,
        } = self;
        !stages.is_empty()
            || notify.is_some()
            || max_duration.is_some()
            || *min_approvals > 1
            || slack_channel.is_some()
            || break_glass.is_some()
            || reason_pattern.is_some()
            || ticket_pattern.is_some()
            || ticket.is_some()
            || fresh_sign_in.is_some()
            || !sign_in_acr.is_empty()
            || armed_ends.is_some()
            || approval_hours.is_some()
            || max_lead_time.is_some()
            || warning.is_some()
    }

    /// Returns whether the rule only adds a warning: all else except its scope is default.
    pub(crate) fn only_warns(&self) -> bool {
        if self.permits_requests || self.warning.is_none() {
            return false;
        }
        let warning_alone = Self {
            given_id: self.given_id.clone(),
            requesters: self.requesters.clone(),
            requester_attributes: self.requester_attributes.clone(),
            except_requesters: self.except_requesters.clone(),
            except_approvers: self.except_approvers.clone(),
            permits_requests: false,
            hours: self.hours.clone(),
            prefer_longest_duration: self.prefer_longest_duration,
            reason_hint: self.reason_hint.clone(),
            ticket_hint: self.ticket_hint.clone(),
            warning: self.warning.clone(),
            ..Self::new(self.targets.clone(), self.denials)
        };
        *self == warning_alone
    }

    pub(crate) fn asks_manager(&self) -> bool {
        self.manager_approves || self.stages.iter().any(|stage| stage.manager)
    }

    pub(crate) fn listed_people(&self) -> impl Iterator<Item = &Email> {
        self.approvers
            .iter()
            .chain(self.stages.iter().flat_map(|stage| &stage.people))
    }

    pub(crate) fn listed_groups(&self) -> impl Iterator<Item = &GroupRef> {
        self.approver_groups
            .iter()
            .chain(self.stages.iter().flat_map(|stage| &stage.groups))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) id: RuleId,
    pub(crate) list: &'static str,
    pub(crate) index: usize,
    pub(crate) position: Position,
    pub(crate) terms: Terms,
    pub(crate) written: Written,
}

/// The texts of a rule with positions, for findings.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Written(Vec<(String, Position)>);

/// Prints nothing: the parsed rule contains the texts.
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Written")
    }
}

impl Written {
    pub(crate) fn note(&mut self, text: &str, position: Position) {
        self.0.push((text.to_owned(), position));
    }

    /// Returns the position of a parsed text, ignoring case, blanks, `!`, the root name of a path,
    /// or a display name.
    pub(crate) fn position_of(&self, value: &str) -> Option<Position> {
        let value = value.to_lowercase();
        let reads_as = |text: &str| {
            let text = text.trim().trim_start_matches('!').to_lowercase();
            let address = text.strip_suffix('>').and_then(|t| t.split_once('<'));
            text == value
                || text.strip_prefix("root/") == Some(value.as_str())
                || address.is_some_and(|(_, address)| address.trim() == value)
        };
        self.0
            .iter()
            .find(|(text, _)| reads_as(text))
            .map(|(_, position)| *position)
    }
}
