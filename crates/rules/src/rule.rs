//! One rule as it was read: who may ask for what, who must review it, and within which limits.

use std::{collections::BTreeSet, fmt, sync::Arc};

use hallpass_base::{AccountId, Email, Glob, GroupId, TimeSpan, UserId, fold::folded};
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::{arming::EndArming, attributes::AttributeMatch, diagnostic::Position, hours::Hours};

/// The name of a rule in audit records and explanations. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(Arc<str>);

impl RuleId {
    pub(crate) fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The name as text.
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

/// A group as a rule names it. The sso-elevator form knows ids only; native rules also names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum GroupRef {
    /// By id, compared exactly.
    Id(GroupId),
    /// By display name, compared without case: folded ([`GroupRef::named`]).
    Name(String),
}

impl GroupRef {
    /// The group of this display name, as somebody wrote it.
    pub fn named(name: &str) -> Self {
        Self::known(name.trim())
    }

    /// The same as AWS has it: a space at its end is part of a name there.
    pub fn known(name: &str) -> Self {
        Self::Name(folded(name))
    }
}

impl fmt::Display for GroupRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => fmt::Display::fmt(id, f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Accounts as one key of a rule selects them; the entries of a key add up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Selector {
    /// Every account.
    Every,
    /// One account.
    Account(AccountId),
    /// Accounts by name (native only).
    AccountName(Glob),
    /// The subtree of an organizational unit by id.
    Ou(String),
    /// The subtree of an organizational unit by path, without the root's name; empty is the root.
    OuPath(String),
    /// The accounts directly in an organizational unit by id, not those below it (native only).
    Children(String),
    /// The same by path, without the root's name; empty is the root.
    ChildrenPath(String),
}

/// Accounts by tag: the key must be there with one of the values (native only).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TagMatch {
    pub(crate) key: String,
    pub(crate) values: BTreeSet<Glob>,
}

/// Permission sets a rule selects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SetMatch {
    /// Every permission set.
    Every,
    /// One, by exact name.
    Name(String),
    /// Several, by glob (native only).
    Glob(Glob),
}

impl SetMatch {
    /// Whether it selects this permission set.
    pub(crate) fn matches(&self, name: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Name(known) => known == name,
            Self::Glob(glob) => glob.matches(name),
        }
    }
}

/// What a rule leaves out of what it selects (native only): `!` entries and `except_` keys. An
/// exclusion wins, wherever it stands; it says nothing about other rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Exclusions {
    /// Accounts, and accounts below organizational units.
    pub(crate) places: BTreeSet<Selector>,
    /// Accounts by tag, each by itself.
    pub(crate) tags: BTreeSet<TagMatch>,
    /// Permission sets.
    pub(crate) sets: BTreeSet<SetMatch>,
}

impl Exclusions {
    /// Whether any account is left out.
    pub(crate) fn of_accounts(&self) -> bool {
        !self.places.is_empty() || !self.tags.is_empty()
    }

    /// Whether everything that this leaves out, `other` leaves out too, as far as it is written
    /// alike.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.places.is_subset(&other.places) && self.tags.is_subset(&other.tags)
    }
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Targets {
    /// Permission sets in accounts. An account must be in every list that is given.
    Accounts {
        accounts: Option<BTreeSet<Selector>>,
        ous: Option<BTreeSet<Selector>>,
        tags: BTreeSet<TagMatch>,
        sets: BTreeSet<SetMatch>,
        except: Exclusions,
    },
    /// Membership of groups.
    Groups(BTreeSet<GroupRef>),
}

impl Targets {
    /// Whether it depends on tags of accounts.
    pub(crate) fn names_tags(&self) -> bool {
        match self {
            Self::Accounts { tags, except, .. } => !tags.is_empty() || !except.tags.is_empty(),
            Self::Groups(_) => false,
        }
    }

    /// Whether it names a group just so.
    pub(crate) fn names_group(&self, group: &GroupRef) -> bool {
        match self {
            Self::Groups(groups) => groups.contains(group),
            Self::Accounts { .. } => false,
        }
    }
}

/// One of several reviews that must all happen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StageRule {
    pub(crate) name: String,
    pub(crate) people: BTreeSet<Email>,
    pub(crate) groups: BTreeSet<GroupRef>,
    /// Whether the requester's manager is one of them.
    pub(crate) manager: bool,
    pub(crate) quorum: u32,
}

/// A regular expression a reason or ticket must match. Equal when written alike.
#[derive(Clone)]
pub struct TextPattern(Regex);

/// Sizes up to which an expression is compiled, in bytes, the smallest that suffices.
const REGEX_SIZES: [usize; 4] = [1 << 14, 1 << 16, 1 << 18, 1 << 20];

/// How much memory the compiled expressions of a file may still take, in bytes. What does not compile is charged, too: it
/// takes as long.
#[derive(Debug)]
pub(crate) struct RegexBudget(usize);

impl Default for RegexBudget {
    fn default() -> Self {
        Self(1 << 24)
    }
}

/// The longest expression, in characters.
const PATTERN_CHARACTERS_MAX: usize = 1_000;

/// Why an expression cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PatternRefused {
    /// It is none, or too large by itself.
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

    /// The expression as written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the expression is found in `text`.
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

/// Who may ask through a rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Requesters {
    /// Everyone.
    Everyone,
    /// These people and the members of these groups; nobody when there are none of either.
    Only {
        users: BTreeSet<Email>,
        /// Users by id, whatever their addresses are (native only).
        user_ids: BTreeSet<UserId>,
        groups: BTreeSet<GroupRef>,
    },
}

impl Requesters {
    /// Whether nobody may ask.
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

/// People whom a rule leaves out of those who may ask by it, or approve by it (native only). This wins
/// over whatever else the rule says of them; it says nothing about other rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct PeopleLeftOut {
    /// By address: whoever has it, be they several.
    pub(crate) emails: BTreeSet<Email>,
    pub(crate) user_ids: BTreeSet<UserId>,
    /// The members of these groups.
    pub(crate) groups: BTreeSet<GroupRef>,
}

impl PeopleLeftOut {
    /// Whether nobody is left out.
    pub(crate) fn is_nobody(&self) -> bool {
        self.emails.is_empty() && self.user_ids.is_empty() && self.groups.is_empty()
    }
}

/// For whom the denials of a rule, its `false` flags, count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Denials {
    /// For everybody, so that restricting a rule never loosens the rules as a whole: native rules.
    Always,
    /// For those whom the rule lets ask: the sso-elevator form, where a statement that leaves
    /// somebody out says nothing at all about them.
    OfRequesters,
}

/// Everything a rule says. Two rules that say the same count once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Terms {
    /// The name the file gives; rules with different names are different rules.
    pub(crate) given_id: Option<String>,
    pub(crate) targets: Targets,
    pub(crate) approvers: BTreeSet<Email>,
    pub(crate) approver_groups: BTreeSet<GroupRef>,
    /// Whether the requester's manager may approve (native only).
    pub(crate) manager_approves: bool,
    pub(crate) stages: Vec<StageRule>,
    pub(crate) requesters: Requesters,
    /// What whoever asks must have, beside being one of the requesters (native only).
    pub(crate) requester_attributes: BTreeSet<AttributeMatch>,
    /// Who may never ask by this rule, whatever else it says (native only).
    pub(crate) except_requesters: PeopleLeftOut,
    /// Who may never approve by this rule, whatever else it says (native only).
    pub(crate) except_approvers: PeopleLeftOut,
    /// Whether the rule lets anybody ask. One that does not adds approvers, limits and denials to
    /// what other rules let people ask for.
    pub(crate) permits_requests: bool,
    pub(crate) denials: Denials,
    pub(crate) allow_self_approval: Option<bool>,
    pub(crate) approval_is_not_required: Option<bool>,
    pub(crate) notify: Option<BTreeSet<Email>>,
    pub(crate) max_duration: Option<TimeSpan>,
    /// Whether, of the rules that say so and apply, the longest `max_duration` counts instead of the
    /// smallest.
    pub(crate) prefer_longest_duration: bool,
    pub(crate) min_approvals: u32,
    pub(crate) slack_channel: Option<String>,
    pub(crate) break_glass: Option<BTreeSet<Email>>,
    pub(crate) reason_pattern: Option<TextPattern>,
    pub(crate) ticket_pattern: Option<TextPattern>,
    /// What a reason must be like, in the rule's own words.
    pub(crate) reason_hint: Option<String>,
    pub(crate) ticket_hint: Option<String>,
    pub(crate) hours: Option<Hours>,
    /// When approvals may be given (native only).
    pub(crate) approval_hours: Option<Hours>,
    /// How far ahead a start may be (native only).
    pub(crate) max_lead_time: Option<TimeSpan>,
    /// Whether a request that waits is shortened to `max_duration` when it is approved, should the
    /// limit have become smaller since.
    pub(crate) shorten_to_max_duration: Option<bool>,
    /// How long ago whoever approves or breaks the glass may have signed in.
    pub(crate) fresh_sign_in: Option<TimeSpan>,
    /// In which ways they may have, as the provider calls them (`acr`); empty = any.
    pub(crate) sign_in_acr: BTreeSet<String>,
    /// Whether AWS is to enforce ends of what the rule covers; `None` leaves it to the settings.
    pub(crate) armed_ends: Option<EndArming>,
    /// What whoever asks and whoever approves has to read and confirm (native only).
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
            notify: None,
            max_duration: None,
            prefer_longest_duration: false,
            min_approvals: 1,
            slack_channel: None,
            break_glass: None,
            reason_pattern: None,
            ticket_pattern: None,
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

    /// People listed by name as those who may ask.
    pub(crate) fn requesting_people(&self) -> impl Iterator<Item = &Email> {
        match &self.requesters {
            Requesters::Everyone => None,
            Requesters::Only { users, .. } => Some(users),
        }
        .into_iter()
        .flatten()
    }

    /// Users listed by id as those who may ask.
    pub(crate) fn requesting_users(&self) -> impl Iterator<Item = &UserId> {
        match &self.requesters {
            Requesters::Everyone => None,
            Requesters::Only { user_ids, .. } => Some(user_ids),
        }
        .into_iter()
        .flatten()
    }

    /// Groups whose members may ask.
    pub(crate) fn requesting_groups(&self) -> impl Iterator<Item = &GroupRef> {
        match &self.requesters {
            Requesters::Everyone => None,
            Requesters::Only { groups, .. } => Some(groups),
        }
        .into_iter()
        .flatten()
    }

    /// Whether there is anything beyond targets, requesters, approvers and flags. Every field is named, so that none that is
    /// added is forgotten.
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
            fresh_sign_in,
            sign_in_acr,
            armed_ends,
            approval_hours,
            max_lead_time,
            warning,
            // targets, requesters, approvers and flags, and words that go with what is above
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
            || fresh_sign_in.is_some()
            || !sign_in_acr.is_empty()
            || armed_ends.is_some()
            || approval_hours.is_some()
            || max_lead_time.is_some()
            || warning.is_some()
    }

    /// Whether there is nothing but a warning to what other rules let people ask for: everything that does not say whom it
    /// is for is as in a rule that says nothing.
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

    /// Whether the requester's manager may approve, in a stage or not.
    pub(crate) fn asks_manager(&self) -> bool {
        self.manager_approves || self.stages.iter().any(|stage| stage.manager)
    }

    /// People listed by name as approvers, in stages or not.
    pub(crate) fn listed_people(&self) -> impl Iterator<Item = &Email> {
        self.approvers
            .iter()
            .chain(self.stages.iter().flat_map(|stage| &stage.people))
    }

    /// Groups whose members count as approvers, in stages or not.
    pub(crate) fn listed_groups(&self) -> impl Iterator<Item = &GroupRef> {
        self.approver_groups
            .iter()
            .chain(self.stages.iter().flat_map(|stage| &stage.groups))
    }
}

/// A rule with its name and place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) id: RuleId,
    pub(crate) list: &'static str,
    pub(crate) index: usize,
    pub(crate) position: Position,
    pub(crate) terms: Terms,
    pub(crate) written: Written,
}

/// The texts in a rule with their places, so that a finding about one of them can point at it.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Written(Vec<(String, Position)>);

/// Nothing: what the rule made of the texts is shown with it.
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Written")
    }
}

impl Written {
    pub(crate) fn note(&mut self, text: &str, position: Position) {
        self.0.push((text.to_owned(), position));
    }

    /// Where a value stands that was read from one of the texts: without case, blanks, `!`, the
    /// root's name before a path, or a name around an address.
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
