//! `[store]`: where the server keeps everything.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

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
    pub seen_folder: Option<PathBuf>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: "sqlite:hallpass.db".into(),
            seen_folder: None,
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
                    .map(|it| StoreAddress::Postgres(Box::new(it.within(&self.folder))))
                    .map_err(|error| {
                        Failure::bad_input(format!("{named} is no address: {error}"))
                            .help(error.help())
                    })
            }
            _ => Err(Failure::bad_input(format!("{named} names no store"))
                .help("write \"sqlite:hallpass.db\" or \"postgres://USER@HOST/DATABASE\"")),
        }
    }

    /// Where this node keeps what it has seen of the audit log: in the folder that the configuration names, else
    /// in that which systemd gives the service (`StateDirectory=`), else beside the configuration. Its port
    /// tells nodes of one machine apart.
    pub fn seen_log(&self) -> PathBuf {
        self.seen_log_within(std::env::var_os("STATE_DIRECTORY").as_deref())
    }

    fn seen_log_within(&self, state: Option<&OsStr>) -> PathBuf {
        let listen = &self.config.server.listen;
        let port = listen.rsplit_once(':').map_or("", |(_, port)| port);
        let name = format!("hallpass-{port}.seen.json");
        // several are separated by colons, and the first is the service's own
        let state = state.and_then(OsStr::to_str);
        let state = state.and_then(|it| it.split(':').next());
        match (&self.config.store.seen_folder, state) {
            (Some(folder), _) => self.path(folder).join(name),
            (None, Some(folder)) if !folder.is_empty() => Path::new(folder).join(name),
            (None, Some(_) | None) => self.path(name),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_kept_where_the_service_may_write() {
        let told = "[store]\nseen_folder = \"/data\"\n";
        let beside = "[store]\nseen_folder = \"data\"\n";
        for (text, state, wanted) in [
            ("", None, "/etc/hp/hallpass-8080.seen.json"),
            ("", Some(""), "/etc/hp/hallpass-8080.seen.json"),
            (
                "",
                Some("/var/lib/hp"),
                "/var/lib/hp/hallpass-8080.seen.json",
            ),
            ("", Some("/a:/b"), "/a/hallpass-8080.seen.json"),
            (told, Some("/var/lib/hp"), "/data/hallpass-8080.seen.json"),
            (beside, None, "/etc/hp/data/hallpass-8080.seen.json"),
        ] {
            let text = format!("{text}[server]\nlisten = \"0.0.0.0:8080\"\n");
            let loaded = Loaded {
                config: crate::parse(&text, "x").unwrap(),
                folder: PathBuf::from("/etc/hp"),
            };
            let found = loaded.seen_log_within(state.map(OsStr::new));
            assert_eq!(found, Path::new(wanted), "{text} {state:?}");
        }
    }
}
