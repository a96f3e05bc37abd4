//! Resolves identities. One person is one user id of the directory (promise P12): an address is
//! resolved at sign-in, and tokens, sessions and provider sign-ins belong to that id.
//!
//! ```text
//!   address ──► Identity::actor ──┐
//!   token, session ──► Owner ──► Identity::owner ──► Actor, with today's roles
//! ```
//!
//! Tokens, sessions and sign-ins are stored through two ports, [`TokenStore`] and [`SessionStore`];
//! implementations write the audit record of a step in the same transaction.
//!
//! Knows people, roles and hashes of secrets. Never knows requests, grants, HTTP or SQL.

mod actor;
mod first_sign_in;
mod handovers;
mod people_entry;
mod records;
mod roles;
mod sessions;
mod sign_in;
mod tokens;

pub use actor::{Actor, Authentication, Role};
pub use first_sign_in::{FIRST_SIGN_IN, FIRST_SIGN_IN_LASTS, FirstSignIn, first_sign_in_url};
pub use handovers::{HANDOVERS_MAX, Handed, HandoverFault, HandoverStore, OwnHandovers};
pub use people_entry::{BadPeopleEntry, check_people_entry};
pub use records::IdentityRecord;
pub use roles::{Identity, Owner, is_named, people_of, users_of};
pub use sessions::{Browsing, SessionFault, SessionStore, SignedIn, WebSession, WhichSessions};
pub use sign_in::{Bound, FoundIn, Identifier, SignInClaim};
pub use tokens::{
    NewToken, OwnToken, TokenFacts, TokenFault, TokenScope, TokenSource, TokenStore, hash_secret,
};
