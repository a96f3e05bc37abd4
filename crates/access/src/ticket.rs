//! Tickets, as other services say.

use async_trait::async_trait;
use hallpass_rules::Ticket;

/// Why a service did not answer: a sentence without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TicketFault(pub String);

#[async_trait]
pub trait TicketSource: Send + Sync {
    /// Asks now; changes nothing. `text` is what the requester wrote, `None` the answer that there
    /// is no such ticket, which includes texts that cannot be a key of this service.
    ///
    /// # Errors
    /// The service did not answer, or not in its documented form.
    async fn ticket(&self, text: &str) -> Result<Option<Ticket>, TicketFault>;

    /// Adds a comment, unless one with this marker is there already: so it may be called again
    /// after an unknown outcome. Does nothing if there is no such ticket.
    ///
    /// # Errors
    /// As [`TicketSource::ticket`].
    async fn comment(&self, text: &str, comment: &TicketComment) -> Result<(), TicketFault>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketComment {
    /// Letters, digits, `_` and `-`; part of the written comment.
    pub marker: String,
    pub words: String,
}
