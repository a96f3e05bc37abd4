//! Whether the server can read its own key, also where root asks, who can read any.

use std::path::Path;

use hallpass_config::Loaded;
use hallpass_host::ownership::is_closed_to_owner_of;
use hallpass_host::server_store::StoreAddress;

use super::DoctorReport;

/// Says of a key that whoever has the store's files, or the node's, cannot read.
pub(super) fn check(loaded: &Loaded, report: &mut DoctorReport) {
    // told by the check of the store
    let Ok(store) = loaded.store() else { return };
    let key = loaded.key_of(&store);
    let folder = match store {
        StoreAddress::File(path) => path.parent().map(Path::to_path_buf).unwrap_or_default(),
        StoreAddress::Postgres(_) => loaded.node_folder(),
    };
    if is_closed_to_owner_of(&folder, &key) {
        let words = format!(
            "whom `{}` belongs to cannot read the key `{}`: heads and the file of ends would not be signed",
            folder.display(),
            key.display()
        );
        let remedy =
            "give it to the user that the server runs as (`chown`), and restart the server";
        report.add("signing key", Err((words, remedy)));
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    #[test]
    fn a_key_that_root_alone_can_read_is_a_problem_also_for_root() {
        let folder = tempfile::tempdir().unwrap();
        let loaded = Loaded {
            config: hallpass_config::parse("[store]\nurl = \"sqlite:hp.db\"\n", "x").unwrap(),
            folder: folder.path().to_owned(),
        };
        let told = || {
            let mut report = DoctorReport::default();
            check(&loaded, &mut report);
            report.lines.pop().map(|line| line.detail)
        };
        assert_eq!(told(), None, "the server makes it");
        let key = folder.path().join("hp.db.key");
        std::fs::write(&key, "a key").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(told(), None);
        // only root gives anything away
        if chown(folder.path(), Some(1), Some(1)).is_ok() {
            assert!(told().is_some_and(|it| it.contains("hp.db.key")));
            chown(&key, Some(1), Some(1)).unwrap();
            assert_eq!(told(), None);
        }
    }
}
