//! The key that a server signs with: a file beside its store, made at the first start.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use hallpass_audit::{PublicKey, Signer};

use crate::exit::Failure;

/// What the file begins with.
const FORM: &str = "hallpass-signing-key/1 ";

/// Where the key of a store is.
pub(crate) fn place(store: &Path) -> PathBuf {
    let mut path = store.as_os_str().to_owned();
    path.push(".key");
    PathBuf::from(path)
}

/// The key of a store, made when there is none yet.
///
/// # Errors
/// When the file cannot be read or made, or is not a key.
pub(crate) fn load_or_make(store: &Path) -> Result<Signer, Failure> {
    let path = place(store);
    if !path.exists() {
        make(&path)?;
    }
    load(&path)
}

/// The public half of the key of a store; `None` when no key was made yet.
///
/// # Errors
/// When the file cannot be read, or is not a key.
pub(crate) fn public(store: &Path) -> Result<Option<PublicKey>, Failure> {
    let path = place(store);
    if !path.exists() {
        return Ok(None);
    }
    load(&path).map(|signer| Some(*signer.public()))
}

fn load(path: &Path) -> Result<Signer, Failure> {
    let text =
        fs::read_to_string(path).map_err(|error| Failure::unreadable(path.display(), &error))?;
    let not_a_key = || {
        Failure::failed(format!("`{}` is not a signing key", path.display())).help(
            "restore it from a backup; or remove it, start the server, and give guards the new public key",
        )
    };
    let digits = text.trim_end().strip_prefix(FORM).ok_or_else(not_a_key)?;
    let seed: [u8; 32] = hex::decode(digits)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(not_a_key)?;
    Signer::from_seed(&seed).map_err(|_| not_a_key())
}

/// Readable by its owner alone, and never over one that is there.
fn make(path: &Path) -> Result<(), Failure> {
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::failed(format!("the system gives no randomness: {error}")))?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(format!("{FORM}{}\n", hex::encode(seed)).as_bytes())?;
        file.sync_all()
    });
    match written {
        Ok(()) => Ok(()),
        // another process made it meanwhile
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Failure::unwritable(path.display(), &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("hallpass.db");
        assert_eq!(public(&store).unwrap(), None);
        let made = *load_or_make(&store).unwrap().public();
        assert_eq!(*load_or_make(&store).unwrap().public(), made);
        assert_eq!(public(&store).unwrap(), Some(made));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let permissions = fs::metadata(place(&store)).unwrap().permissions();
            assert_eq!(permissions.mode() & 0o777, 0o600);
        }
        fs::write(place(&store), "something else").unwrap();
        assert!(
            load_or_make(&store).is_err(),
            "a broken key is never replaced by itself"
        );
    }
}
