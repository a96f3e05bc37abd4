//! Turns: what somebody lists or searches is read by one call at a time, so that whoever has twenty
//! tabs open waits for themselves and nobody else does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as State, PoisonError, Weak};

use hallpass_model::Email;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::Access;
use crate::Actor;

/// Somebody's turn to read; the next reading of theirs begins when it is dropped. Held for one call
/// of the store, never while another turn is waited for.
#[derive(Debug)]
pub struct ReadTurn {
    _held: OwnedMutexGuard<()>,
}

/// Who reads or waits.
#[derive(Default)]
pub(super) struct Turns {
    people: State<HashMap<Email, Weak<Mutex<()>>>>,
}

impl Turns {
    /// Waits for what this person reads already.
    async fn of(&self, person: &Email) -> ReadTurn {
        let line = self.line(person);
        ReadTurn {
            _held: line.lock_owned().await,
        }
    }

    fn line(&self, person: &Email) -> Arc<Mutex<()>> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = people.get(person).and_then(Weak::upgrade) {
            return line;
        }
        // whoever reads and waits no more only takes up room
        people.retain(|_, line| line.strong_count() > 0);
        let line = Arc::default();
        people.insert(person.clone(), Arc::downgrade(&line));
        line
    }
}

impl Access {
    /// The actor's turn to list or search, in the order in which turns are asked for. For one call of
    /// a store.
    pub async fn turn(&self, actor: &Actor) -> ReadTurn {
        self.read_turns.of(&actor.email).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn email(name: &str) -> Email {
        Email::new(&format!("{name}@corp.example")).unwrap()
    }

    async fn is_free(turns: &Turns, name: &str) -> bool {
        let waits = Duration::from_millis(1);
        tokio::time::timeout(waits, turns.of(&email(name)))
            .await
            .is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn one_person_reads_once_at_a_time_and_holds_up_nobody_else() {
        let turns = Turns::default();
        let first = turns.of(&email("ana")).await;
        assert!(!is_free(&turns, "ana").await);
        assert!(is_free(&turns, "bo").await);
        drop(first);
        assert!(is_free(&turns, "ana").await);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waited_longer_is_first() {
        let (turns, order) = (Arc::new(Turns::default()), Arc::new(State::new(Vec::new())));
        let first = turns.of(&email("ana")).await;
        let tabs: Vec<_> = (0..20)
            .map(|tab| {
                let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
                tokio::spawn(async move {
                    let _turn = turns.of(&email("ana")).await;
                    order.lock().unwrap().push(tab);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(first);
        for tab in tabs {
            tab.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn people_who_read_no_more_are_forgotten() {
        let turns = Turns::default();
        for n in 0..100 {
            drop(turns.of(&email(&format!("person{n}"))).await);
        }
        assert_eq!(turns.people.lock().unwrap().len(), 1);
    }
}
