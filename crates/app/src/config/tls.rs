//! The server's certificate for direct TLS.

use std::path::PathBuf;

use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use crate::config::Loaded;

/// The server's certificate; a proxy has another.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSection {
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

impl Loaded {
    pub fn tls(&self) -> Result<Option<(PathBuf, PathBuf)>, Failure> {
        let table = &self.config.server.tls;
        let (certificate, key) = match (&table.certificate, &table.key) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => (self.path(certificate), self.path(key)),
            (Some(_), None) | (None, Some(_)) => {
                let message = "`server.tls` has one file of two";
                let help = "`certificate` is the chain in PEM, `key` its private key";
                return Err(Failure::bad_input(message).help(help));
            }
        };
        if !self.config.server.public_url.starts_with("https://") {
            let message = "the server speaks TLS, and `server.public_url` is not of `https`";
            let help = "write how people reach it: \"https://hallpass.example.com\"";
            return Err(Failure::bad_input(message).help(help));
        }
        Ok(Some((certificate, key)))
    }
}
