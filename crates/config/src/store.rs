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
        // it may have a password: it is never repeated
        match self.config.store.url.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(StoreAddress::File(self.path(path))),
            Some(("postgres" | "postgresql", _)) => {
                let parsed = PostgresAddress::parse(&self.config.store.url);
                parsed
                    .map(|it| StoreAddress::Postgres(Box::new(it)))
                    .map_err(|error| {
                        Failure::bad_input(format!("`store.url` is no address: {error}"))
                            .help(error.help())
                    })
            }
            _ => Err(Failure::bad_input("`store.url` names no store").help(
                "write `url = \"sqlite:hallpass.db\"` or `url = \"postgres://USER@HOST/DATABASE\"`",
            )),
        }
    }

    /// The file of the server's own key: beside a store in a file, else beside the configuration.
    pub fn own_key(&self) -> Result<PathBuf, Failure> {
        Ok(match self.store()? {
            StoreAddress::File(path) => keys::place(&path),
            StoreAddress::Postgres(_) => self.path("hallpass.key"),
        })
    }
}
