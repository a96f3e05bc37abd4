//! What pages and the API both say of passwords and activity of people: who may see it, and who is meant by a search.

use std::cmp::Reverse;

use hallpass_access::Role;
use hallpass_access::identity::Actor;
use hallpass_activity::{KeptPci, KeptPerson};
use serde::Deserialize;

use crate::{App, problem::ProblemResponse};

/// Which people are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PeopleOf {
    /// Everybody.
    #[default]
    All,
    /// Over a limit.
    Due,
    /// Warned.
    Soon,
    /// Not known for lack of log.
    Unknown,
    /// Disabled.
    Disabled,
}

impl PeopleOf {
    /// Each with its name in addresses and its word.
    pub(crate) const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::All, "all", "Everybody"),
        (Self::Due, "due", "Over a limit"),
        (Self::Soon, "soon", "Soon over a limit"),
        (Self::Unknown, "unknown", "Unknown"),
        (Self::Disabled, "disabled", "Disabled"),
    ];

    pub(crate) fn takes(self, person: &KeptPerson) -> bool {
        let has = |state: &str| person.password_state == state || person.activity_state == state;
        match self {
            Self::All => true,
            Self::Due => person.urgency() == 3,
            Self::Soon => has("warn") || has("inactive_warn"),
            Self::Unknown => has("unknown"),
            Self::Disabled => has("disabled"),
        }
    }
}

/// The column that people are in the order of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PeopleOrder {
    /// Who is over a limit first, then for how long.
    #[default]
    Urgent,
    /// By name.
    Name,
    /// The oldest password first.
    Password,
    /// Who was away longest first.
    Activity,
    /// The most failed verifications first.
    Failed,
}

/// Whether somebody may see it: whoever sees alerts, which name the same people.
pub(crate) fn may_see(actor: &Actor) -> bool {
    actor.reads_all() || actor.is(Role::Operator)
}

/// The people whose name or id has every word of `q`.
pub(crate) fn found<'a>(
    people: &'a [KeptPerson],
    of: PeopleOf,
    q: &str,
) -> impl Iterator<Item = &'a KeptPerson> {
    let words: Vec<String> = q.split_whitespace().map(str::to_lowercase).collect();
    people.iter().filter(move |person| {
        let name = format!("{} {}", person.user_name, person.user_id).to_lowercase();
        of.takes(person) && words.iter().all(|word| name.contains(word))
    })
}

/// Puts people in an order; equals are by name.
pub(crate) fn sort(people: &mut [&KeptPerson], order: PeopleOrder) {
    let days = |it: Option<i64>| Reverse(it.unwrap_or(-1));
    people.sort_by_cached_key(|it| {
        let longest = it.password_age_days.max(it.inactive_days);
        let name = it.user_name.to_lowercase();
        match order {
            PeopleOrder::Urgent => (Reverse(i64::from(it.urgency())), days(longest), name),
            PeopleOrder::Name => (Reverse(0), Reverse(0), name),
            PeopleOrder::Password => (days(it.password_age_days), Reverse(0), name),
            PeopleOrder::Activity => (days(it.inactive_days), Reverse(0), name),
            PeopleOrder::Failed => {
                let failed = i64::try_from(it.failed_verifications).unwrap_or(i64::MAX);
                (Reverse(failed), Reverse(0), name)
            }
        }
    });
}

/// What is known of runs; `None` where none are configured.
///
/// # Errors
/// The store does not answer.
pub(crate) async fn kept(app: &App) -> Result<Option<KeptPci>, ProblemResponse> {
    let Some(store) = &app.pci else {
        return Ok(None);
    };
    let kept = store.kept_pci().await;
    kept.map(Some)
        .map_err(|fault| ProblemResponse::unavailable(&fault))
}
