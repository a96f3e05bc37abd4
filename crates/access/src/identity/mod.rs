//! Who somebody is. One person is one user id of the directory (promise P12): an address finds them at a
//! door, and a token, a session or a sign-in at a provider is somebody's by that id.
//!
//! ```text
//!   address ──► Identity::actor ──┐
//!   token, session ──► Owner ──► Identity::owner ──► Actor, with today's roles
//! ```
//!
//! What is kept of tokens, sessions and sign-ins goes through two ports, [`TokenStore`] and
//! [`SessionStore`]; whoever fills them writes the record that belongs to a step in the same transaction.
//!
//! Knows people, roles and secrets' hashes. Never knows requests, grants, HTTP or SQL.

mod actor;
mod handovers;
mod people_entry;
mod records;
mod roles;
mod sessions;
mod sign_in;
mod tokens;

pub use actor::{Actor, Authentication, Role};
pub use handovers::{HANDOVERS_MAX, Handed, HandoverFault, HandoverStore, OwnHandovers};
pub use people_entry::{BadPeopleEntry, check_people_entry};
pub use records::IdentityRecord;
pub use roles::{Identity, Owner, is_named, people_of, users_of};
pub use sessions::{Browsing, SessionFault, SessionStore, SignedIn, WebSession, WhichSessions};
pub use sign_in::{Bound, FoundIn, Identifier, SignInClaim};
pub use tokens::{
    NewToken, OwnToken, TokenFacts, TokenFault, TokenScope, TokenSource, TokenStore, hash_secret,
};
