//! One read at a time per user for listings and searches, and one costly computation, so that a
//! user with many tabs delays no one else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as State, PoisonError, Weak};
use std::time::Duration;

use hallpass_base::Email;
use hallpass_rules::CancelFlag;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::Access;
use crate::{Actor, ReadError};

/// An API call takes 30 seconds at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// A user's turn to read, until dropped. Held for one store call, never while waiting for another
/// turn.
#[derive(Debug)]
pub struct ReadTurn {
    _held: OwnedMutexGuard<()>,
}

/// A user's turn for costly work, until all clones are dropped. The holder may wait for read turns.
#[derive(Clone, Debug)]
pub struct WorkTurn {
    _held: Arc<ReadTurn>,
}

impl WorkTurn {
    /// Runs work on a separate thread and keeps the turn until it ends. A blocking thread cannot be
    /// aborted: when the future is dropped, a flag tells `work` to stop.
    ///
    /// # Errors
    /// If the work panicked, or the process stops.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&CancelFlag) -> T + Send + 'static,
    ) -> Result<T, ReadError> {
        let cancel = CancelFlag::default();
        let _guard = cancel.cancel_on_drop();
        let turn = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&cancel);
            drop(turn);
            done
        });
        done.await.map_err(|error| ReadError(error.to_string()))
    }
}

#[derive(Default)]
pub(super) struct Turns {
    people: State<HashMap<Email, Weak<Mutex<()>>>>,
}

impl Turns {
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
        // Idle entries only use memory.
        people.retain(|_, line| line.strong_count() > 0);
        let line = Arc::default();
        people.insert(person.clone(), Arc::downgrade(&line));
        line
    }
}

impl Access {
    /// Grants turns in order of calls. For one store call.
    pub async fn turn(&self, actor: &Actor) -> ReadTurn {
        self.read_turns.of(&actor.email).await
    }

    /// `None` if the running work does not end soon.
    pub async fn work_turn(&self, actor: &Actor) -> Option<WorkTurn> {
        let turn = self.work_turns.of(&actor.email);
        let turn = tokio::time::timeout(PATIENCE, turn).await.ok()?;
        Some(WorkTurn {
            _held: Arc::new(turn),
        })
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
    async fn work_stops_when_nobody_waits_for_it_and_keeps_its_turn_until_then() {
        let turns = Turns::default();
        let turn = WorkTurn {
            _held: Arc::new(turns.of(&email("ana")).await),
        };
        assert_eq!(turn.run(CancelFlag::is_cancelled).await, Ok(false));
        let (at_work, is_at_work) = tokio::sync::oneshot::channel();
        let (ended, ends) = tokio::sync::oneshot::channel();
        let work = turn.run(move |cancel| {
            at_work.send(()).unwrap();
            while !cancel.is_cancelled() {
                std::thread::yield_now();
            }
            ended.send(()).unwrap();
        });
        {
            let mut work = Box::pin(work);
            tokio::select! {
                _ = &mut work => unreachable!("it was not cancelled"),
                sent = is_at_work => sent.unwrap(),
            }
            assert!(turns.line(&email("ana")).try_lock().is_err());
        }
        // Its call is over, with everything that it holds.
        drop(turn);
        let next = turns.of(&email("ana")).await;
        assert_eq!(ends.await, Ok(()));
        drop(next);
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
