//! Tokens stored by `login`, one per server, in a file readable only by its owner.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use hallpass_terminal::exit::Failure;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;

#[derive(Debug, Clone)]
pub struct Credentials {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    servers: BTreeMap<String, CredentialEntry>,
    /// The server of the last login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct CredentialEntry {
    token: String,
    #[serde(default)]
    source: CredentialSource,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialSource {
    #[default]
    Given,
    Login,
}

impl Credentials {
    /// `$XDG_CONFIG_HOME/hallpass/credentials.json`, else below `~/.config`.
    ///
    /// # Errors
    /// When neither variable names a folder.
    pub fn of_this_person() -> Result<Self, Failure> {
        let folder = |name: &str| {
            env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        folder("XDG_CONFIG_HOME")
            .or_else(|| folder("HOME").map(|home| home.join(".config")))
            .map(|base| Self::at(base.join("hallpass").join("credentials.json")))
            .ok_or_else(|| {
                Failure::bad_input("there is no place to keep a token: `HOME` is not set")
                    .help("give the token in `HALLPASS_TOKEN` instead")
            })
    }

    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The stored token for `server`.
    ///
    /// # Errors
    /// When an existing file is unreadable.
    pub fn token(&self, server: &str) -> Result<Option<SecretString>, Failure> {
        Ok(self.entry(server)?.map(|(token, _)| token))
    }

    /// As [`Credentials::token`], with its source.
    pub fn entry(&self, server: &str) -> Result<Option<(SecretString, CredentialSource)>, Failure> {
        let mut servers = self.read()?.servers;
        let entry = servers.remove(server);
        Ok(entry.map(|entry| (entry.token.into(), entry.source)))
    }

    pub fn store(
        &self,
        server: &str,
        token: &SecretString,
        source: CredentialSource,
    ) -> Result<(), Failure> {
        let mut content = self.read()?;
        let entry = CredentialEntry {
            token: token.expose_secret().to_owned(),
            source,
        };
        content.servers.insert(server.to_owned(), entry);
        content.last = Some(server.to_owned());
        self.write(&content)
    }

    /// The server of the last login, unless that login was deleted.
    pub fn last_server(&self) -> Result<Option<String>, Failure> {
        Ok(self.read()?.last)
    }

    /// Deletes the token for `server`; returns whether there was one.
    pub fn forget(&self, server: &str) -> Result<bool, Failure> {
        let mut content = self.read()?;
        let known = content.servers.remove(server).is_some();
        if known {
            content.last = content.last.filter(|it| it != server);
            self.write(&content)?;
        }
        Ok(known)
    }

    fn read(&self) -> Result<Content, Failure> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Content {
                    version: VERSION,
                    servers: BTreeMap::new(),
                    last: None,
                });
            }
            Err(error) => return Err(Failure::unreadable(self.path.display(), &error)),
        };
        // a parse error's text could contain a token
        serde_json::from_slice(&bytes).map_err(|_| {
            let path = self.path.display();
            Failure::bad_input(format!("`{path}` is not a credentials file"))
                .help("remove it and run `hallpass login` again")
        })
    }

    fn write(&self, content: &Content) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::unwritable(self.path.display(), &error);
        let bytes = serde_json::to_vec_pretty(content).map_err(Failure::bug)?;
        if let Some(folder) = self.path.parent() {
            private_folder(folder).map_err(failed)?;
        }
        let text = String::from_utf8(bytes).map_err(Failure::bug)?;
        write_private(&self.path, &text).map_err(failed)
    }
}

/// Atomically writes a file that only its owner can read.
///
/// # Errors
/// On failure the old file remains.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let written = private_file(&beside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
        })
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(unix)]
pub fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

#[cfg(not(unix))]
pub fn private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
fn private_file(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_kept_per_server_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Credentials::at(folder.path().join("hallpass/credentials.json"));
        assert!(kept.token("http://a").unwrap().is_none());
        kept.store(
            "http://a",
            &"first".to_owned().into(),
            CredentialSource::Login,
        )
        .unwrap();
        kept.store(
            "http://b",
            &"second".to_owned().into(),
            CredentialSource::Given,
        )
        .unwrap();
        let token = kept.token("http://a").unwrap().unwrap();
        assert_eq!(token.expose_secret(), "first");
        let last = || kept.last_server().unwrap();
        assert_eq!(last().as_deref(), Some("http://b"));
        assert!(kept.forget("http://a").unwrap());
        assert!(!kept.forget("http://a").unwrap());
        assert!(kept.token("http://a").unwrap().is_none());
        assert!(kept.token("http://b").unwrap().is_some());
        assert_eq!(last().as_deref(), Some("http://b"), "another is forgotten");
        assert!(kept.forget("http://b").unwrap());
        assert_eq!(last(), None);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let kept = Credentials::at(folder.path().join("hallpass/credentials.json"));
        kept.store(
            "http://a",
            &"secret".to_owned().into(),
            CredentialSource::Given,
        )
        .unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(kept.path()), 0o600);
        assert_eq!(mode(&folder.path().join("hallpass")), 0o700);
    }

    #[test]
    fn a_broken_file_is_named_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        fs::write(&path, "{\"servers\": \"hunter2\"}").unwrap();
        let failure = Credentials::at(path).token("http://a").unwrap_err();
        assert!(!format!("{failure:?}").contains("hunter2"));
    }
}
