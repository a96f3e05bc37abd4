//! `[store]`: database address and key files.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::host::keys;
use crate::host::server_store::StoreAddress;
use hallpass_store::postgres::PostgresAddress;
use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use crate::config::Loaded;
use crate::config::indirect::resolve;

const KEY: &str = "hallpass.key";

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
    pub fn store(&self) -> Result<StoreAddress, Failure> {
        // still a reference if secrets were not resolved
        let url = resolve(&self.config.store.url, &self.folder)?;
        self.store_at(&url, "`store.url`")
    }

    /// Relative files start at the configuration; `named` is for messages.
    pub fn store_at(&self, url: &str, named: &str) -> Result<StoreAddress, Failure> {
        // may have a password: never print it
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

    /// This node's seen audit log; the port separates nodes of one machine.
    pub fn seen_log(&self) -> PathBuf {
        self.seen_log_within(state_folder().as_deref())
    }

    fn seen_log_within(&self, state: Option<&OsStr>) -> PathBuf {
        let listen = &self.config.server.listen;
        let port = listen.rsplit_once(':').map_or("", |(_, port)| port);
        self.node_folder_within(state)
            .join(format!("hallpass-{port}.seen.json"))
    }

    pub fn seen_folder(&self) -> Option<PathBuf> {
        let named = self.config.store.seen_folder.as_ref();
        named.map(|folder| self.path(folder))
    }

    /// The configured folder, else systemd's (`StateDirectory=`), else the configuration's.
    fn node_folder_within(&self, state: Option<&OsStr>) -> PathBuf {
        // colon-separated; the service's folder is first
        let state = state.and_then(OsStr::to_str);
        let state = state.and_then(|it| it.split(':').next());
        match (self.seen_folder(), state) {
            (Some(folder), _) => folder,
            (None, Some(folder)) if !folder.is_empty() => PathBuf::from(folder),
            (None, Some(_) | None) => self.folder.clone(),
        }
    }

    pub fn own_key(&self) -> Result<PathBuf, Failure> {
        Ok(self.key_of(&self.store()?))
    }

    /// The key file of this store's server: next to a store file. With PostgreSQL, an existing key
    /// next to the configuration, else in the node's folder, since root often owns the
    /// configuration's. Ignores systemd's folder: manual commands do not see it and would use
    /// another key.
    pub fn key_of(&self, store: &StoreAddress) -> PathBuf {
        match store {
            StoreAddress::File(path) => keys::place(path),
            StoreAddress::Postgres(_) => self.shared_key(),
        }
    }

    fn shared_key(&self) -> PathBuf {
        let beside = self.path(KEY);
        match self.seen_folder() {
            Some(folder) if !beside.exists() => folder.join(KEY),
            Some(_) | None => beside,
        }
    }
}

fn state_folder() -> Option<OsString> {
    std::env::var_os("STATE_DIRECTORY")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

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
                config: crate::config::parse(&text, "x").unwrap(),
                folder: PathBuf::from("/etc/hp"),
            };
            let found = loaded.seen_log_within(state.map(OsStr::new));
            assert_eq!(found, Path::new(wanted), "{text} {state:?}");
        }
    }

    #[test]
    fn a_key_over_postgresql_is_where_it_was_put_or_in_the_folder_that_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let text = "[store]\nurl = \"postgres://u@localhost/x\"\n";
        let loaded = |more: &str| Loaded {
            config: crate::config::parse(&format!("{text}{more}"), "x").unwrap(),
            folder: folder.path().to_owned(),
        };
        let (unsaid, named) = (loaded(""), loaded("seen_folder = \"/data\"\n"));
        let beside = folder.path().join("hallpass.key");
        assert_eq!(unsaid.shared_key(), beside);
        assert_eq!(named.shared_key(), Path::new("/data/hallpass.key"));
        std::fs::write(&beside, "put there").unwrap();
        for of in [&unsaid, &named] {
            assert_eq!(of.shared_key(), beside);
        }
        let stored = named.store().unwrap();
        assert_eq!(named.key_of(&stored), beside);
        let file = StoreAddress::File("/data/hp.db".into());
        assert_eq!(named.key_of(&file), Path::new("/data/hp.db.key"));
    }
}
