//! The activity table (`inventory.md` §7.4): rows of actor, action, place and day, with counts,
//! first and last time. Adding records or files repeatedly, in any order or in parts, changes
//! nothing: rows keep the fingerprints of their events.

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
pub use standing_use::{LastUses, StandingUse, StandingWindow, standing_use};
