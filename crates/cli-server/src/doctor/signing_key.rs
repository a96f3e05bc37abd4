//! Checks that the server can read its key (root can read any), and that a missing key may be
//! created there.

use std::fs::File;
use std::path::Path;

use hallpass_app::config::Loaded;
use hallpass_app::host::ownership::{is_closed_to_owner_of, is_of_root_alone, is_root};
use hallpass_app::host::server_store::StoreAddress;

use super::DoctorReport;

const CHECK: &str = "signing key";

/// Warns if the store's owner or node may be unable to read the key.
pub(super) fn check(loaded: &Loaded, report: &mut DoctorReport) {
    let Ok(store) = loaded.store() else { return };
    let key = loaded.key_of(&store);
    let folder = match (store, loaded.seen_folder()) {
        (StoreAddress::File(path), _) => path.parent().map(Path::to_path_buf).unwrap_or_default(),
        (StoreAddress::Postgres(_), Some(folder)) => folder,
        (StoreAddress::Postgres(_), None) => {
            if !key.exists() || is_of_root_alone(&key) {
                let words = format!(
                    "`store.seen_folder` names no folder, so the key is `{}`, where the server may not make or read one",
                    key.display()
                );
                let remedy = "name a folder that the server may write to; each node has the same key in its own";
                report.warn(CHECK, words, remedy);
            }
            return;
        }
    };
    // a reader is the server's user, or equivalent by group
    if !is_root() && File::open(&key).is_ok() {
        return;
    }
    if is_closed_to_owner_of(&folder, &key) {
        let words = format!(
            "the owner of `{}` may not be able to read the key `{}`: heads and the file of ends would not be signed",
            folder.display(),
            key.display()
        );
        let remedy = "unless a group or a list of the file system lets them: give it to the user that the server runs as (`chown`), \
                      and restart the server";
        report.warn(CHECK, words, remedy);
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    #[test]
    fn a_key_that_root_alone_can_read_is_told_also_for_root() {
        let folder = tempfile::tempdir().unwrap();
        let loaded = Loaded {
            config: hallpass_app::config::parse("[store]\nurl = \"sqlite:hp.db\"\n", "x").unwrap(),
            folder: folder.path().to_owned(),
        };
        let told = || {
            let mut report = DoctorReport::default();
            check(&loaded, &mut report);
            report.lines.pop().map(|line| (line.result, line.detail))
        };
        assert_eq!(told(), None, "the server makes it");
        let key = folder.path().join("hp.db.key");
        std::fs::write(&key, "a key").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(told(), None);
        if chown(folder.path(), Some(1), Some(1)).is_ok() {
            let (result, detail) = told().unwrap();
            assert!(detail.contains("hp.db.key"), "{detail}");
            assert_eq!(result, "warning", "a list of the file system may let them");
            chown(&key, Some(1), Some(1)).unwrap();
            assert_eq!(told(), None);
        }
    }

    #[test]
    fn over_postgresql_a_folder_has_to_be_named_unless_the_key_was_put_beside_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let told = |more: &str| {
            let text = format!("[store]\nurl = \"postgres://u@localhost/x\"\n{more}");
            let loaded = Loaded {
                config: hallpass_app::config::parse(&text, "x").unwrap(),
                folder: folder.path().to_owned(),
            };
            let mut report = DoctorReport::default();
            check(&loaded, &mut report);
            report.lines.pop().map(|line| line.detail)
        };
        assert!(told("").is_some_and(|it| it.contains("`store.seen_folder`")));
        assert_eq!(told("seen_folder = \"node\"\n"), None);
        let key = folder.path().join("hallpass.key");
        std::fs::write(&key, "a key").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(told(""), None);
    }
}
