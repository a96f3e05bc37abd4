//! The activity table (`inventory.md` §7.4): every record becomes part of a row that says who did what, where and on
//! which day, how often, and when first and last. Adding a record or a file twice, in any order or in parts, changes
//! nothing: a row keeps the fingerprints of its events, and joining rows joins these.

mod principal;
mod record;

mod row;
mod rows;

mod fold;
mod reading;

mod lines;
mod manifest;
mod merge;
mod sessions;

mod grant_use;
mod notable;
mod standing_use;

pub(crate) use fold::row_of;
pub use fold::{ActivityFold, UncountedEvent};
pub use grant_use::{AccountActivity, GrantCall, GrantUse, GrantUseState, GrantWindow, grant_use};
pub use lines::{LineError, piece_line, read_line, write_line, write_lines};
pub use manifest::{AccountSpan, ActivityDay, ActivityManifest, ManifestError};
pub use merge::{MergedPiece, PIECE_EVENTS, RowPiece, UnorderedPart, merge_rows};
pub use notable::NotableKind;
pub use principal::{ActivityPrincipal, PrincipalKind};
pub use reading::{ActivityLog, read_activity};
pub(crate) use record::{ActivityIdentity, ActivityRecord};
pub use row::{ActivityFacts, ActivityKey, ActivityTotals, SAMPLES_MAX, SampleSet};
pub use rows::ActivityRows;
pub use sessions::{
    AccountReach, SessionAccount, SessionCall, SessionDayError, SessionDayHead, SessionDayMaking,
    SessionOfDay, account_in, session_day,
};
pub use standing_use::{StandingUse, StandingWindow, standing_use};
