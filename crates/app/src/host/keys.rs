//! Secret key files: the server's, created at the first start next to its store, and witnesses'.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use hallpass_audit::{PublicKey, Signer, key_file, read_key_file};
use hallpass_store::{Existing, write_private_file};
use hallpass_terminal::exit::Failure;

use crate::host::ownership::{
    folder_of, give_copy, give_to_folder_owner, make_folder, open_original,
};

/// Header of server keys; other files are in `openssl` format.
const FORM: &str = "hallpass-signing-key/1 ";

const KEY_FILE_MAX: u64 = 64 * 1024;

/// Handling of a missing key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    Made,
    Missed,
    /// Missing after the log was exported: others know its signatures and would reject another
    /// key's as forged.
    Lost,
}

pub fn place(store: &Path) -> PathBuf {
    let mut path = store.as_os_str().to_owned();
    path.push(".key");
    PathBuf::from(path)
}

/// `None` if no key exists.
pub fn public(path: &Path) -> Result<Option<PublicKey>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    key_at(path, Absent::Missed).map(|signer| Some(*signer.public()))
}

/// Loads or creates a key. A new one is readable only by the folder's owner, and never overwrites.
pub fn key_at(path: &Path, absent: Absent) -> Result<Signer, Failure> {
    let shown = path.display();
    match fs::read_to_string(path) {
        Ok(text) => read(&text).ok_or_else(|| no_key(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && absent == Absent::Made => {
            make(path)?;
            key_at(path, Absent::Missed)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && absent == Absent::Lost => {
            Err(lost(path))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let help = "`openssl genpkey -algorithm ed25519` makes one";
            Err(Failure::failed(format!("there is no key `{shown}`")).help(help))
        }
        Err(error) => Err(Failure::unreadable(shown, &error)),
    }
}

fn no_key(path: &Path) -> Failure {
    Failure::failed(format!("`{}` is not a signing key", path.display()))
        .help("restore it from a backup; give a new key to all systems that trust the old one")
}

fn lost(path: &Path) -> Failure {
    let shown = path.display();
    Failure::failed(format!(
        "the signing key `{shown}` is missing, and this log was exported before"
    ))
    .help(
        "restore it from another node, from the previous database host, or from your secret store, \
         and restart the server; if there never was one, or it is lost, `hallpass audit key --new` creates one \
         (docs/operations/recover.md)",
    )
}

/// Parses PKCS#8 in PEM, or the seed in hexadecimal.
fn read(text: &str) -> Option<Signer> {
    let Some(digits) = text.trim_end().strip_prefix(FORM) else {
        return read_key_file(text).ok();
    };
    let seed: [u8; 32] = hex::decode(digits).ok()?.try_into().ok()?;
    Signer::from_seed(&seed).ok()
}

fn make(path: &Path) -> Result<(), Failure> {
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::failed(format!("the system gives no randomness: {error}")))?;
    match write(path, key_file(&seed).as_bytes()) {
        Ok(made) => {
            // the creator can read it; `doctor` reports if the server cannot
            drop(give_to_folder_owner(&made, path));
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Failure::unwritable(path.display(), &error).help(
            "run this as the server's user; over PostgreSQL name a folder that it may write to in `store.seen_folder`",
        )),
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<File> {
    make_folder(folder_of(path))?;
    write_private_file(path, bytes, Existing::Kept)
}

fn original(path: &Path) -> Result<Option<KeyOriginal>, Failure> {
    let Some(file) = open_original(path)? else {
        return Ok(None);
    };
    let mut text = String::new();
    let read = (&file).take(KEY_FILE_MAX).read_to_string(&mut text);
    read.map_err(|error| Failure::unreadable(path.display(), &error))?;
    Ok(Some(KeyOriginal { file, text }))
}

#[derive(Debug)]
pub struct KeyOriginal {
    file: File,
    text: String,
}

impl KeyOriginal {
    /// Reads a key; `None` if missing. Opens it once: content and owner are from one file, even if
    /// renamed meanwhile.
    ///
    /// # Errors
    /// An unreadable or invalid key, or a link that another user controls, for root.
    pub fn read(path: &Path) -> Result<Option<Self>, Failure> {
        match original(path)? {
            Some(found) if read(&found.text).is_some() => Ok(Some(found)),
            Some(_) => Err(no_key(path)),
            None => Ok(None),
        }
    }

    pub fn is_in(&self, path: &Path) -> Result<bool, Failure> {
        Ok(original(path)?.is_some_and(|it| it.text == self.text))
    }

    /// Copies the key without overwriting. The target folder's owner gets access only if they can
    /// read the original.
    pub fn copy_to(&self, path: &Path) -> io::Result<()> {
        let made = write(path, self.text.as_bytes())?;
        // the creator can read it; `doctor` reports if the server cannot
        drop(give_copy(&made, path, &self.file));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let key = place(&folder.path().join("deep/hallpass.db"));
        assert_eq!(public(&key).unwrap(), None);
        assert!(key_at(&key, Absent::Missed).is_err());
        let lost = key_at(&key, Absent::Lost).err().unwrap().words();
        assert!(lost.contains("this log was exported before"), "{lost}");
        assert!(!key.exists(), "another one is never made in its place");
        let made = *key_at(&key, Absent::Made).unwrap().public();
        for absent in [Absent::Made, Absent::Missed, Absent::Lost] {
            let again = key_at(&key, absent).unwrap();
            assert_eq!(*again.public(), made, "{absent:?}");
        }
        assert_eq!(public(&key).unwrap(), Some(made));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let permissions = fs::metadata(&key).unwrap().permissions();
            assert_eq!(permissions.mode() & 0o777, 0o600);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt as _, chown};
            let theirs = folder.path().join("theirs");
            fs::create_dir(&theirs).unwrap();
            // only root can create it for another user
            if chown(&theirs, Some(1), Some(1)).is_ok() {
                // a new folder is also theirs: root's would make the key unreachable
                key_at(&theirs.join("node/hallpass.key"), Absent::Made).unwrap();
                for made in ["node", "node/hallpass.key"] {
                    let made = fs::metadata(theirs.join(made)).unwrap();
                    assert_eq!((made.uid(), made.gid()), (1, 1));
                }
            }
        }
        fs::write(&key, "something else").unwrap();
        assert!(
            key_at(&key, Absent::Made).is_err(),
            "a broken key is never replaced automatically"
        );
        assert_eq!(fs::read_to_string(&key).unwrap(), "something else");
    }

    #[test]
    fn keys_of_both_forms_are_read() {
        let seed = [7; 32];
        let of_a_server = format!("{FORM}{}\n", hex::encode(seed));
        let keys = [of_a_server, key_file(&seed)].map(|text| *read(&text).unwrap().public());
        assert_eq!(keys[0], keys[1]);
        for bad in [
            String::new(),
            format!("{FORM}00"),
            format!("{FORM}{}zz", hex::encode(seed)),
        ] {
            assert!(read(&bad).is_none(), "{bad}");
        }
    }
}
