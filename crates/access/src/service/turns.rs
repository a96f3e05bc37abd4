//! Turns: what somebody lists or searches is read by one call at a time, so that whoever has twenty
//! tabs open waits for themselves and nobody else does. So is work that takes a processor for long.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as State, PoisonError, Weak};
use std::time::Duration;

use hallpass_base::Email;
use hallpass_rules::CancelFlag;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::Access;
use crate::{Actor, ReadError};

/// How long a call waits for its actor's work that is under way: a call of the API takes 30 seconds at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// Somebody's turn to read; the next reading of theirs begins when it is dropped. Held for one call
/// of the store, never while another turn is waited for.
#[derive(Debug)]
pub struct ReadTurn {
    _held: OwnedMutexGuard<()>,
}

/// Somebody's turn at costly work; their next begins when all clones are dropped. Read turns may be waited for meanwhile.
#[derive(Clone, Debug)]
pub struct WorkTurn {
    _held: Arc<ReadTurn>,
}

impl WorkTurn {
    /// Does work on a thread that serves no others. The work keeps the turn until it ends. A blocking thread cannot be
    /// aborted: when the future is dropped, because its call ended or timed out, `work` finds the flag set.
    ///
    /// # Errors
    /// When the work panicked, or the process stops.
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

    /// The actor's turn at costly work; `None` when that which is under way does not end soon.
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
                _ = &mut work => unreachable!("nobody cancelled it"),
                sent = is_at_work => sent.unwrap(),
            }
            assert!(turns.line(&email("ana")).try_lock().is_err());
        }
        // its call is over, and so is all that the call holds
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
