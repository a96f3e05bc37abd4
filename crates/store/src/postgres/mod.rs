//! The way to a PostgreSQL database: its address in the form of the ecosystem, TLS with a certificate that is
//! checked, passwords from files, and limits of waiting. What is said over it, others know.

mod address;
mod made_password;
mod password;
mod tls;

pub use address::{ConnectError, PostgresAddress, UnusableAddress};
pub use made_password::{Account, PasswordMaker};
pub use tls::RootsError;
