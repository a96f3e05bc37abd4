//! Verdicts per person at an instant (`inventory.md` H-5, H-8, H-11 to H-14).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{TimeSpan, Timestamp, UserId};
use serde::Serialize;

use super::facts::{NewestEvent, SubjectFacts};
use super::fold::{PciFold, SubjectCount};
use super::identity::EventSubject;
use super::ignored::IgnoredEvent;
use super::names::{NameIndex, NameMatch};
use super::people::{PciPerson, PeopleList, PersonStatus, SignInPlace};

/// The definition of activity (`inventory.md` H-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityPolicy {
    AnyUse,
    SignIn,
}

impl ActivityPolicy {
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnyUse => "any-use",
            Self::SignIn => "sign-in",
        }
    }
}

/// In days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgeLimits {
    pub warn_days: u32,
    pub over_days: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PciLimits {
    pub password: AgeLimits,
    pub activity: AgeLimits,
}

/// The source of password dates for external sign-in (`inventory.md` H-5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// None: such people have no password here.
    Directory,
    /// Okta's date of the last password change.
    Okta(BTreeMap<UserId, Timestamp>),
}

/// Whether the log covers all Regions with sign-ins (`access.md` §22, R-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInRegions {
    All,
    /// A Region is missing or the set is unknown: an unlogged person may sign in there.
    NotAll,
}

#[derive(Clone, Debug)]
pub struct PciQuestion {
    pub people: PeopleList,
    pub policy: ActivityPolicy,
    pub limits: PciLimits,
    /// Start of the gapless log.
    pub coverage_from: Option<Timestamp>,
    /// Until when an unreadable file may hold events.
    pub unread_until: Option<Timestamp>,
    pub regions: SignInRegions,
    pub passwords: PasswordSource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgeVerdict {
    Ok,
    Warn,
    Over,
    /// The log does not reach back far enough.
    Unknown,
    Disabled,
    /// Hallpass cannot judge it.
    NotApplicable,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgeBasis {
    Event(String),
    Created,
    Enabled,
    Okta,
}

/// One person in a report; member names are those of `inventory.md` §7.3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PciRow {
    pub user_name: String,
    pub user_id: UserId,
    /// `ok`, `warn`, `expired`, `unknown`, `disabled` or `n/a`.
    pub password_state: &'static str,
    /// An upper limit, in whole days.
    pub password_age_days: Option<i64>,
    /// The starting event of the age.
    pub password_basis: Option<&'static str>,
    pub password_since: Option<Timestamp>,
    /// `ok`, `inactive_warn`, `inactive`, `unknown` or `disabled`.
    pub activity_state: &'static str,
    pub inactive_days: Option<i64>,
    /// The starting event of the age.
    pub activity_basis: Option<String>,
    pub last_activity: Option<Timestamp>,
    pub failed_verifications: usize,
    #[serde(skip)]
    pub activity_since: Option<Timestamp>,
    /// Regardless of the activity policy.
    #[serde(skip)]
    pub last_sign_in: Option<Timestamp>,
    /// The last retrieval of credentials or a token.
    #[serde(skip)]
    pub last_use: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PciAlertKind {
    Inactive,
    InactiveWarn,
    PasswordExpired,
    PasswordWarn,
}

impl PciAlertKind {
    /// In report order.
    pub const ALL: [Self; 4] = [
        Self::Inactive,
        Self::InactiveWarn,
        Self::PasswordExpired,
        Self::PasswordWarn,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::InactiveWarn => "inactive_warn",
            Self::PasswordExpired => "password_expired",
            Self::PasswordWarn => "password_warn",
        }
    }
}

/// An alert, identified by kind, person and start (`inventory.md` H-14).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PciAlert {
    pub kind: PciAlertKind,
    pub user_name: String,
    #[serde(skip)]
    pub user_id: UserId,
    #[serde(skip)]
    pub since: Timestamp,
    #[serde(skip)]
    pub days: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PciReport {
    pub activity_policy: &'static str,
    pub events_read: u64,
    pub events_unique: u64,
    pub duplicates: u64,
    /// Events without effect, by reason.
    pub ignored: BTreeMap<&'static str, u64>,
    pub users: Vec<PciRow>,
    /// People over a limit.
    pub alerts: Vec<PciAlert>,
    /// People matched by a name without its domain (`inventory.md` H-2).
    pub weak_matches: Vec<UserId>,
}

pub fn judge(fold: &PciFold, question: &PciQuestion) -> PciReport {
    let found = Attributed::new(fold, &question.people.people);
    let rows = question.people.people.iter().map(|person| {
        let facts = found.facts.get(&person.user_id);
        row(person, facts, fold.as_of(), question)
    });
    let mut users: Vec<PciRow> = rows.collect();
    users.sort_by(|a, b| (&a.user_name, &a.user_id).cmp(&(&b.user_name, &b.user_id)));
    let mut alerts: Vec<PciAlert> = users.iter().flat_map(alerts).collect();
    alerts.sort();
    let mut ignored = fold.ignored.clone();
    for (why, count) in found.ignored(question.policy) {
        *ignored.entry(why).or_default() += count;
    }
    let ignored = ignored.into_iter().filter(|(_, count)| *count > 0);
    PciReport {
        activity_policy: question.policy.name(),
        events_read: fold.read,
        events_unique: fold.read - fold.duplicates,
        duplicates: fold.duplicates,
        ignored: ignored.map(|(why, count)| (why.name(), count)).collect(),
        users,
        alerts,
        weak_matches: found.weak.into_iter().collect(),
    }
}

/// Facts per person, merged from all their names.
struct Attributed {
    facts: BTreeMap<UserId, SubjectFacts>,
    weak: BTreeSet<UserId>,
    known: SubjectCount,
    unknown: u64,
    unattributable: u64,
}

impl Attributed {
    fn new(fold: &PciFold, people: &[PciPerson]) -> Self {
        let names = NameIndex::new(people);
        let made = people.iter().map(|it| (&it.user_id, it.created_at));
        let made: BTreeMap<&UserId, Option<Timestamp>> = made.collect();
        let whose = |subject: &EventSubject| match subject {
            EventSubject::User(id) => made.get_key_value(id).map(|it| (*it.0, NameMatch::Strong)),
            EventSubject::Name(name) => names.find(name),
        };
        let mut found = Self {
            facts: BTreeMap::new(),
            weak: BTreeSet::new(),
            known: SubjectCount::default(),
            unknown: 0,
            unattributable: 0,
        };
        for (subject, facts) in &fold.facts {
            if let Some((id, sure)) = whose(subject) {
                let mut facts = facts.clone();
                // The name may have had another owner before.
                if matches!(subject, EventSubject::Name(_))
                    && let Some(at) = made.get(id).copied().flatten()
                {
                    facts = facts.since(at);
                }
                if facts.is_nothing() {
                    continue;
                }
                found.facts.entry(id.clone()).or_default().join(facts);
                if sure == NameMatch::Weak {
                    found.weak.insert(id.clone());
                }
            }
        }
        for (subject, count) in &fold.counts {
            match (whose(subject), subject) {
                (Some(_), _) => {
                    found.known.uses += count.uses;
                    found.known.not_activity += count.not_activity;
                }
                (None, EventSubject::User(_)) => found.unknown += count.all,
                (None, EventSubject::Name(_)) => found.unattributable += count.all,
            }
        }
        found
    }

    fn ignored(&self, policy: ActivityPolicy) -> [(IgnoredEvent, u64); 4] {
        let uses = match policy {
            ActivityPolicy::AnyUse => 0,
            ActivityPolicy::SignIn => self.known.uses,
        };
        [
            (IgnoredEvent::NotActivity, self.known.not_activity),
            (IgnoredEvent::Unattributable, self.unattributable),
            (IgnoredEvent::UnknownUser, self.unknown),
            (IgnoredEvent::UseNotCounted, uses),
        ]
    }
}

struct JudgedAge {
    verdict: AgeVerdict,
    days: Option<i64>,
    basis: Option<AgeBasis>,
    since: Option<Timestamp>,
}

impl JudgedAge {
    const fn none(verdict: AgeVerdict) -> Self {
        Self {
            verdict,
            days: None,
            basis: None,
            since: None,
        }
    }
}

fn row(
    person: &PciPerson,
    facts: Option<&SubjectFacts>,
    as_of: Timestamp,
    question: &PciQuestion,
) -> PciRow {
    let nothing = SubjectFacts::default();
    let facts = facts.unwrap_or(&nothing);
    let password = password(person, facts, as_of, question);
    let last = match question.policy {
        ActivityPolicy::AnyUse => facts.sign_in.as_ref().max(facts.used.as_ref()),
        ActivityPolicy::SignIn => facts.sign_in.as_ref(),
    };
    let activity = match person.status {
        PersonStatus::Disabled => JudgedAge::none(AgeVerdict::Disabled),
        PersonStatus::Enabled => {
            let coverage_from = match question.regions {
                SignInRegions::All => question.coverage_from,
                SignInRegions::NotAll => None,
            };
            let basis = basis(person, facts, last);
            judged(
                basis,
                question.limits.activity,
                coverage_from,
                question.unread_until,
                as_of,
                person,
            )
        }
    };
    let last_activity = match activity.verdict {
        AgeVerdict::Disabled => None,
        _ => last.map(|it| it.at),
    };
    PciRow {
        user_name: person.user_name.clone(),
        user_id: person.user_id.clone(),
        password_state: password_state(password.verdict),
        password_age_days: password.days,
        password_basis: password.basis.as_ref().map(|it| match it {
            AgeBasis::Event(_) => "event",
            AgeBasis::Created => "created",
            AgeBasis::Enabled => "enabled",
            AgeBasis::Okta => "okta",
        }),
        password_since: password.since,
        activity_state: activity_state(activity.verdict),
        inactive_days: activity.days,
        activity_basis: activity.basis.map(|it| match it {
            AgeBasis::Event(name) => name,
            AgeBasis::Created => "created".to_owned(),
            AgeBasis::Enabled => "enabled".to_owned(),
            AgeBasis::Okta => "okta".to_owned(),
        }),
        last_activity,
        failed_verifications: facts.failed.len(),
        activity_since: activity.since,
        last_sign_in: facts.sign_in.as_ref().map(|it| it.at),
        last_use: facts.used.as_ref().map(|it| it.at),
    }
}

const fn password_state(verdict: AgeVerdict) -> &'static str {
    match verdict {
        AgeVerdict::Ok => "ok",
        AgeVerdict::Warn => "warn",
        AgeVerdict::Over => "expired",
        AgeVerdict::Unknown => "unknown",
        AgeVerdict::Disabled => "disabled",
        AgeVerdict::NotApplicable => "n/a",
    }
}

const fn activity_state(verdict: AgeVerdict) -> &'static str {
    match verdict {
        AgeVerdict::Warn => "inactive_warn",
        AgeVerdict::Over => "inactive",
        AgeVerdict::Ok | AgeVerdict::Unknown | AgeVerdict::Disabled | AgeVerdict::NotApplicable => {
            password_state(verdict)
        }
    }
}

fn password(
    person: &PciPerson,
    facts: &SubjectFacts,
    as_of: Timestamp,
    question: &PciQuestion,
) -> JudgedAge {
    let limits = question.limits.password;
    match (person.status, person.sign_in, &question.passwords) {
        (PersonStatus::Disabled, _, _) => JudgedAge::none(AgeVerdict::Disabled),
        (_, SignInPlace::Provider, PasswordSource::Directory) => {
            JudgedAge::none(AgeVerdict::NotApplicable)
        }
        (_, SignInPlace::Provider, PasswordSource::Okta(changed)) => {
            match changed.get(&person.user_id) {
                // Okta knows every change, regardless of the log.
                Some(at) => aged(*at, AgeBasis::Okta, limits, as_of),
                None => JudgedAge::none(AgeVerdict::NotApplicable),
            }
        }
        (PersonStatus::Enabled, SignInPlace::Directory, _) => {
            let basis = basis(person, facts, facts.password.as_ref());
            let (from, unread_until) = (question.coverage_from, question.unread_until);
            judged(basis, limits, from, unread_until, as_of, person)
        }
    }
}

/// The last event or reactivation, else the creation.
fn basis(
    person: &PciPerson,
    facts: &SubjectFacts,
    last: Option<&NewestEvent>,
) -> Option<(Timestamp, AgeBasis)> {
    let event = last.map(|it| (it.at, AgeBasis::Event(it.name.clone())));
    let enabled = facts.enabled.as_ref().map(|it| (it.at, AgeBasis::Enabled));
    let created = person.created_at.or(facts.created.as_ref().map(|it| it.at));
    match (event, enabled) {
        (Some(event), Some(enabled)) if enabled.0 > event.0 => Some(enabled),
        (Some(event), _) => Some(event),
        (None, Some(enabled)) => Some(enabled),
        (None, None) => created.map(|at| (at, AgeBasis::Created)),
    }
}

/// Judges an age with an incomplete log: inactivity is only known for times that were read.
fn judged(
    basis: Option<(Timestamp, AgeBasis)>,
    limits: AgeLimits,
    coverage_from: Option<Timestamp>,
    unread_until: Option<Timestamp>,
    as_of: Timestamp,
    person: &PciPerson,
) -> JudgedAge {
    let Some((since, basis)) = basis else {
        return JudgedAge::none(AgeVerdict::Unknown);
    };
    // A newer event may be in an unreadable file.
    let is_last = unread_until.is_none_or(|until| until <= since);
    let is_event = matches!(basis, AgeBasis::Event(_)) && is_last;
    let found = aged(since, basis, limits, as_of);
    let needed = TimeSpan::hours(24 * u64::from(limits.over_days)).before(as_of);
    let is_covered = coverage_from.is_some_and(|from| {
        // A person created later is covered from the first day.
        from <= needed || person.created_at.is_some_and(|made| from <= made)
    });
    if is_event || is_covered || found.verdict == AgeVerdict::Ok {
        found
    } else {
        JudgedAge::none(AgeVerdict::Unknown)
    }
}

fn aged(since: Timestamp, basis: AgeBasis, limits: AgeLimits, as_of: Timestamp) -> JudgedAge {
    let days = as_of.duration_since(since).as_secs().max(0) / 86_400;
    let verdict = if days >= i64::from(limits.over_days) {
        AgeVerdict::Over
    } else if days >= i64::from(limits.warn_days) {
        AgeVerdict::Warn
    } else {
        AgeVerdict::Ok
    };
    JudgedAge {
        verdict,
        days: Some(days),
        basis: Some(basis),
        since: Some(since),
    }
}

fn alerts(row: &PciRow) -> Vec<PciAlert> {
    let password = match row.password_state {
        "warn" => Some(PciAlertKind::PasswordWarn),
        "expired" => Some(PciAlertKind::PasswordExpired),
        _ => None,
    };
    let activity = match row.activity_state {
        "inactive_warn" => Some(PciAlertKind::InactiveWarn),
        "inactive" => Some(PciAlertKind::Inactive),
        _ => None,
    };
    let alert = |kind: Option<PciAlertKind>, since: Option<Timestamp>, days: Option<i64>| {
        Some(PciAlert {
            kind: kind?,
            user_name: row.user_name.clone(),
            user_id: row.user_id.clone(),
            since: since?,
            days: days?,
        })
    };
    let found = [
        alert(password, row.password_since, row.password_age_days),
        alert(activity, row.activity_since, row.inactive_days),
    ];
    found.into_iter().flatten().collect()
}
