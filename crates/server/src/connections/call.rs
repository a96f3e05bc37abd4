use tokio::time::Instant;

use super::Handle;
use super::progress::{CallId, ConnectionProgress};

#[derive(Clone)]
pub(super) struct CallHandle {
    connection: Handle,
    id: CallId,
}

impl CallHandle {
    pub(super) fn body_waits(&self) {
        self.change(ConnectionProgress::body_waits);
    }

    pub(super) fn body_ends(&self) {
        self.change(|one, id, _| one.body_ends(id));
    }

    fn change(&self, change: impl FnOnce(&mut ConnectionProgress, CallId, Instant)) {
        self.connection.change(|one, at| change(one, self.id, at));
    }
}

pub(super) struct Call(CallHandle);

impl Call {
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
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.change(ConnectionProgress::call_ends);
    }
}
