//! Locks in force, as Access and Health name them.

use std::fmt::Write as _;

use hallpass_access::{Lock, Role};

use super::health_parts::HealthPart;
use super::people::{self, count_of};
use super::presenter::Presenter;
use super::shell::Viewer;
use super::words::{Badge, plain};
use crate::{App, problem::ProblemResponse};

const NAMED: usize = 10;

/// Permission for locks and pages of people, checked before any lookup.
pub(super) fn sees(viewer: &Viewer) -> bool {
    viewer.actor.reads_all() || viewer.actor.is(Role::Operator)
}

pub(crate) async fn locked(
    app: &App,
    viewer: &Viewer,
) -> Result<Vec<(String, String)>, ProblemResponse> {
    if !sees(viewer) {
        return Ok(Vec::new());
    }
    let view = Presenter::new(app, viewer);
    let mut locks = app.access.locks(&viewer.actor).await?;
    locks.sort_by(|a, b| (a.since, &a.person.user).cmp(&(b.since, &b.person.user)));
    let link = |lock: &Lock| {
        let words = format!(
            "{}, since {}",
            plain(&lock.person.name),
            view.words(lock.since)
        );
        (words, people::person_address(&lock.person.user))
    };
    Ok(locks.iter().map(link).collect())
}

pub(crate) async fn part(app: &App, viewer: &Viewer) -> Option<HealthPart> {
    let locked = locked(app, viewer).await.ok()?;
    (!locked.is_empty()).then(|| HealthPart {
        name: "Locks".to_owned(),
        badge: Badge {
            word: "In force",
            look: "pending",
        },
        now: locked_words(&locked),
        todo: "See Access: who locked them, and why; unlock them when it is over.",
        rank: 2,
    })
}

fn locked_words(locked: &[(String, String)]) -> String {
    let names: Vec<&str> = locked
        .iter()
        .take(NAMED)
        .map(|(words, _)| words.as_str())
        .collect();
    let mut words = format!(
        "{}: {}",
        count_of(locked.len(), "person is locked", "people are locked"),
        names.join("; ")
    );
    if locked.len() > NAMED {
        let _ = write!(words, "; and {} more", locked.len() - NAMED);
    }
    words.push('.');
    words
}
