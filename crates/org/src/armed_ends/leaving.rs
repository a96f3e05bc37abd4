//! Why an account is left before it rests.

use hallpass_plans::StoreFault;

use crate::ports::{OrganizationFault, refused_words};

/// Why an account was left.
pub(super) enum Left {
    /// AWS has not shown yet what was done.
    Unseen,
    /// It may go well later.
    Passing(String),
    /// AWS did not answer.
    Silent(String),
    /// Somebody has to do something.
    Refused(String),
    /// The policy is longer than AWS takes.
    TooLong(String),
    /// There is no such account any more.
    NoAccount(String),
    /// An end was moved before what is about to be written for it was stored: nothing was.
    Moved,
    /// The store does not answer.
    NotStored(StoreFault),
}

/// Repeated without harm: it was so already, or is not there any more.
pub(super) fn done(written: Result<(), OrganizationFault>) -> Result<(), Left> {
    match written {
        Ok(())
        | Err(OrganizationFault::AlreadyThere { .. } | OrganizationFault::NotThere { .. }) => {
            Ok(())
        }
        Err(fault) => Err(left(fault)),
    }
}

pub(super) fn left(fault: OrganizationFault) -> Left {
    let is_of_length = fault.is_of_length();
    match fault {
        // what we looked for went away under our eyes
        OrganizationFault::AlreadyThere { .. } | OrganizationFault::NotThere { .. } => Left::Unseen,
        OrganizationFault::Throttled { message, .. } | OrganizationFault::Conflict { message } => {
            Left::Passing(message)
        }
        OrganizationFault::Unreachable { message } => Left::Silent(message),
        OrganizationFault::Refused { code, message } => {
            let words = refused_words(&code, &message);
            if is_of_length {
                Left::TooLong(words)
            } else {
                Left::Refused(words)
            }
        }
    }
}
