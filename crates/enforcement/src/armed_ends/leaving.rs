use hallpass_plans::StoreFault;

use crate::ports::{OrganizationFault, refused_words};

pub(super) enum Left {
    Unseen,
    Passing(String),
    Silent(String),
    Refused(String),
    TooLong(String),
    NoAccount(String),
    /// An end moved before the intent was stored; nothing was written.
    Moved,
    NotStored(StoreFault),
}

/// Treats already applied changes as success.
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
