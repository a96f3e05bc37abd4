//! PostgreSQL connections: addresses in URL form, TLS with certificate checks, password files and
//! timeouts.

mod address;
mod made_password;
mod password;
mod tls;

pub use address::{ConnectError, PostgresAddress, UnusableAddress};
pub use made_password::{Account, PasswordMaker};
pub use tls::RootsError;
