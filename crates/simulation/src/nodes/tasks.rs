//! Tasks of one process: polled in a drawn order, and not while the process is paused.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use fastrand::Rng;
use tokio::time::{Sleep, sleep_until};

use crate::hazard::Hazard;

pub(super) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A term's loops. Emptying it aborts them like tasks.
#[derive(Clone, Default)]
pub(super) struct Tasks(Arc<Mutex<Vec<Option<Task>>>>);

impl Tasks {
    fn list(&self) -> MutexGuard<'_, Vec<Option<Task>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn fill(&self, tasks: Vec<Task>) {
        *self.list() = tasks.into_iter().map(Some).collect();
    }

    pub(super) fn clear(&self) {
        let dropped = std::mem::take(&mut *self.list());
        drop(dropped);
    }

    pub(super) async fn join(&self) {
        poll_fn(|_| {
            let is_done = self.list().iter().all(Option::is_none);
            if is_done {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn len(&self) -> usize {
        self.list().len()
    }

    fn poll(&self, nth: usize, cx: &mut Context<'_>) -> bool {
        let taken = self.list().get_mut(nth).and_then(Option::take);
        let Some(mut task) = taken else { return false };
        let is_done = task.as_mut().poll(cx).is_ready();
        if !is_done && let Some(place) = self.list().get_mut(nth) {
            *place = Some(task);
        }
        is_done
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProcessEnd {
    Stopped,
    Killed,
}

pub(super) struct Running {
    pub(super) hazard: Arc<Hazard>,
    pub(super) main: Task,
    pub(super) beside: Tasks,
    pub(super) term: Tasks,
    pub(super) rng: Rng,
    pub(super) timer: Option<Pin<Box<Sleep>>>,
}

impl Running {
    /// Returns whether the process is paused; it is polled again when it resumes.
    fn rests(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(until) = self.hazard.paused_until() else {
            if self.timer.take().is_some() {
                self.hazard.wake();
            }
            return false;
        };
        let mut timer = Box::pin(sleep_until(until));
        let is_over = timer.as_mut().poll(cx).is_ready();
        self.timer = Some(timer);
        if is_over {
            cx.waker().wake_by_ref();
        }
        true
    }
}

impl Future for Running {
    type Output = ProcessEnd;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ProcessEnd> {
        let it = &mut *self;
        if it.hazard.is_killed() {
            return Poll::Ready(ProcessEnd::Killed);
        }
        if it.rests(cx) {
            return Poll::Pending;
        }
        let (beside, loops) = (it.beside.len(), it.term.len());
        let mut order: Vec<usize> = (0..1 + beside + loops).collect();
        it.rng.shuffle(&mut order);
        for nth in order {
            let is_done = match nth {
                0 => {
                    if it.main.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(ProcessEnd::Stopped);
                    }
                    it.term.len() != loops
                }
                nth if nth <= beside => it.beside.poll(nth - 1, cx),
                nth => it.term.poll(nth - 1 - beside, cx),
            };
            if it.hazard.is_killed() {
                return Poll::Ready(ProcessEnd::Killed);
            }
            if is_done {
                // waiting tasks check again, and new work begins
                cx.waker().wake_by_ref();
            }
        }
        if it.rests(cx) {
            return Poll::Pending;
        }
        Poll::Pending
    }
}
