//! `[store]`: where the server keeps everything.

use std::path::PathBuf;

use hallpass_host::keys;
use hallpass_host::server_store::StoreAddress;
use hallpass_postgres::PostgresAddress;
use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use crate::Loaded;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    pub url: String,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: "sqlite:hallpass.db".into(),
        }
    }
}

impl Loaded {
    /// Where the store is.
    pub fn store(&self) -> Result<StoreAddress, Failure> {
        self.store_at(&self.config.store.url, "`store.url`")
    }

    /// Where the store of an address is, a file beside the configuration; `named` is what people know the
    /// address by.
    pub fn store_at(&self, url: &str, named: &str) -> Result<StoreAddress, Failure> {
        // it may have a password: it is never repeated
        match url.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(StoreAddress::File(self.path(path))),
            Some(("postgres" | "postgresql", _)) => {
                let parsed = PostgresAddress::parse(url);
                parsed
                    .map(|it| StoreAddress::Postgres(Box::new(it)))
                    .map_err(|error| {
                        Failure::bad_input(format!("{named} is no address: {error}"))
                            .help(error.help())
                    })
            }
            _ => Err(Failure::bad_input(format!("{named} names no store"))
                .help("write \"sqlite:hallpass.db\" or \"postgres://USER@HOST/DATABASE\"")),
        }
    }

    /// The file of the server's own key: beside a store in a file, else beside the configuration.
    pub fn own_key(&self) -> Result<PathBuf, Failure> {
        Ok(self.key_of(&self.store()?))
    }

    /// The file of the key that a server with this store has.
    pub fn key_of(&self, store: &StoreAddress) -> PathBuf {
        match store {
            StoreAddress::File(path) => keys::place(path),
            StoreAddress::Postgres(_) => self.path("hallpass.key"),
        }
    }
}
