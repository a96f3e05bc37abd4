//! The portal's access token in the AWS CLI's cache: `~/.aws/sso/cache/HASH.json`, with the hash of
//! the session's name, readable only by its owner.

use std::path::PathBuf;
use std::{env, fs, io};

use aws_lc_rs::digest;
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_terminal::exit::Failure;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::{AccessPortal, CallError};
use crate::credentials::{private_folder, write_private};

const MARGIN: TimeSpan = TimeSpan::seconds(60);

#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct KeptSecret(pub(super) SecretString);

impl Serialize for KeptSecret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.expose_secret())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SsoToken {
    pub(super) start_url: String,
    pub(super) region: String,
    pub(super) access_token: KeptSecret,
    pub(super) expires_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<KeptSecret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client_secret: Option<KeptSecret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) registration_expires_at: Option<Timestamp>,
}

impl AccessPortal {
    /// The stored token, renewed if expired; `None` when a sign-in is needed, also after a refused
    /// renewal.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub async fn kept_token(&self) -> Result<Option<SsoToken>, Failure> {
        let path = self.cache()?;
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::unreadable(path.display(), &error)),
        };
        let Ok(token) = serde_json::from_slice::<SsoToken>(&bytes) else {
            return Ok(None);
        };
        let same =
            |one: &str, other: &str| one.trim_end_matches('/') == other.trim_end_matches('/');
        if !same(&token.start_url, self.start_url()) || token.region != self.region() {
            return Ok(None);
        }
        if token.expires_at > MARGIN.after(hallpass_base::clock::now()) {
            return Ok(Some(token));
        }
        match self.renewed(&token).await {
            Ok(renewed) => Ok(Some(renewed)),
            Err(CallError::Refused(_)) => Ok(None),
            Err(CallError::Failed(failure)) => Err(failure),
        }
    }

    pub(super) fn keep(&self, token: &SsoToken) -> Result<(), Failure> {
        let path = self.cache()?;
        let failed = |error| Failure::unwritable(path.display(), &error);
        if let Some(folder) = path.parent() {
            private_folder(folder).map_err(failed)?;
        }
        let text = serde_json::to_string_pretty(token).map_err(Failure::bug)?;
        write_private(&path, &text).map_err(failed)
    }

    /// Deletes a worthless token.
    pub fn forget_token(&self) {
        if let Ok(path) = self.cache() {
            let _ = fs::remove_file(path);
        }
    }

    fn cache(&self) -> Result<PathBuf, Failure> {
        let home = env::var_os("HOME").map(PathBuf::from);
        let home = home.filter(|it| it.is_absolute()).ok_or_else(|| {
            Failure::bad_input("there is no place to keep the sign-in: `HOME` is not set")
        })?;
        // a file name in the AWS CLI's cache, not a protection
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.session().as_bytes());
        let name = format!("{}.json", hex::encode(hash));
        Ok(home.join(".aws").join("sso").join("cache").join(name))
    }
}
