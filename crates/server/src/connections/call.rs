//! One call over a connection, for its parts.

use tokio::time::Instant;

use super::Handle;
use super::progress::{CallId, ConnectionProgress, TooSlow};

/// Names a call under way to its parts. Of no effect once it is over.
#[derive(Clone)]
pub(super) struct CallHandle {
    connection: Handle,
    id: CallId,
}

impl CallHandle {
    pub(super) fn connection(&self) -> &Handle {
        &self.connection
    }

    /// It waits for more of its body.
    pub(super) fn body_waits(&self) {
        self.change(ConnectionProgress::body_waits);
    }

    /// Its body is whole, or nobody wants it any more.
    pub(super) fn body_ends(&self) {
        self.change(|one, id, _| one.body_ends(id));
    }

    /// Its peer has to take what there is of its answer before it gets more.
    pub(super) fn answer_waits(&self) {
        self.change(ConnectionProgress::answer_waits);
    }

    /// Its peer did.
    pub(super) fn answer_goes_on(&self) {
        self.change(|one, id, _| one.answer_goes_on(id));
    }

    fn change(&self, change: impl FnOnce(&mut ConnectionProgress, CallId, Instant)) {
        self.connection.change(|one, at| change(one, self.id, at));
    }
}

/// A call under way, until it is dropped.
pub(super) struct Call(CallHandle);

impl Call {
    /// A header is whole.
    pub(super) fn begin(connection: &Handle) -> Self {
        let id = connection.connections.next_call();
        connection.change(|one, _| one.call_begins(id));
        Self(CallHandle {
            connection: connection.clone(),
            id,
        })
    }

    pub(super) fn handle(&self) -> CallHandle {
        self.0.clone()
    }

    /// When its peer has taken too long over it, and with what.
    pub(super) fn deadline(&self) -> Option<(Instant, TooSlow)> {
        let CallHandle { connection, id } = &self.0;
        let times = &connection.connections.0.times;
        connection.read(|one| one.call_deadline(*id, times))?
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.change(ConnectionProgress::call_ends);
    }
}
