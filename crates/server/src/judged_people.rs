use std::cmp::Reverse;

use hallpass_access::identity::Actor;
use hallpass_access::{Directory, Role};
use hallpass_activity::{KeptPci, KeptPerson};
use hallpass_base::fold;
use serde::Deserialize;

use crate::{App, problem::ProblemResponse};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PeopleOf {
    #[default]
    All,
    Due,
    Soon,
    Unknown,
    Disabled,
}

impl PeopleOf {
    pub(crate) const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::All, "all", "All"),
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PeopleOrder {
    #[default]
    Urgent,
    Name,
    Password,
    Activity,
    Failed,
}

pub(crate) fn may_see(actor: &Actor) -> bool {
    actor.reads_all() || actor.is(Role::Operator)
}

pub(crate) fn found<'a>(
    people: &'a [KeptPerson],
    of: PeopleOf,
    q: &str,
    directory: &Directory,
) -> impl Iterator<Item = &'a KeptPerson> {
    let words: Vec<String> = q.split_whitespace().map(fold::folded).collect();
    people.iter().filter(move |person| {
        let texts = [
            person.user_name.as_str(),
            person.user_id.as_str(),
            name(person, directory),
        ];
        let text = fold::folded(&texts.join(" "));
        of.takes(person) && words.iter().all(|word| text.contains(word))
    })
}

/// Today's name, as pages show it.
pub(crate) fn name<'a>(person: &'a KeptPerson, directory: &'a Directory) -> &'a str {
    let known = directory.person(&person.user_id);
    let name = known.map(|it| it.display_name.as_str());
    name.filter(|name| !name.is_empty())
        .unwrap_or(&person.user_name)
}

pub(crate) fn sort(people: &mut [&KeptPerson], order: PeopleOrder, directory: &Directory) {
    let days = |it: Option<i64>| Reverse(it.unwrap_or(-1));
    people.sort_by_cached_key(|it| {
        let longest = it.password_age_days.max(it.inactive_days);
        let name = fold::folded(name(it, directory));
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

pub(crate) async fn kept(app: &App) -> Result<Option<KeptPci>, ProblemResponse> {
    let Some(store) = &app.pci else {
        return Ok(None);
    };
    let kept = store.kept_pci().await;
    kept.map(Some)
        .map_err(|fault| ProblemResponse::unavailable(&fault))
}
