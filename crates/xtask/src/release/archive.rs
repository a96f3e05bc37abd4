//! Reproducible archives: sorted, one owner, one instant, no machine names.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    /// Permissions, such as `0o755`.
    pub(super) mode: u32,
    pub(super) bytes: Vec<u8>,
}

impl Packed {
    pub(super) fn text(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            mode: 0o644,
            bytes: bytes.into(),
        }
    }

    pub(super) fn program(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            mode: 0o755,
            bytes: bytes.into(),
        }
    }
}

/// Files by path, without a leading `/`.
pub(super) type Files = BTreeMap<String, Packed>;

#[derive(Clone, Debug)]
pub(super) struct ArchiveMember {
    /// Without a leading `/`; a folder's ends in one.
    pub(super) path: String,
    file: Packed,
    owner: u32,
}

impl ArchiveMember {
    pub(super) fn root(path: String, file: Packed) -> Self {
        Self {
            path,
            file,
            owner: 0,
        }
    }

    pub(super) fn folder(path: &str, mode: u32, owner: u32) -> Self {
        let bytes = Vec::new();
        Self {
            path: format!("{path}/"),
            file: Packed { mode, bytes },
            owner,
        }
    }
}

/// Makes a tar of entries in order, each after its folders; `at` is every entry's time, in seconds
/// since 1970.
pub(super) fn tar(entries: Vec<ArchiveMember>, at: u64) -> Result<Vec<u8>, io::Error> {
    let mut archive = Builder::new(Vec::new());
    let mut made = std::collections::BTreeSet::new();
    for entry in entries {
        let above = entry.path.trim_end_matches('/');
        for (end, _) in above.match_indices('/') {
            // dpkg requires each folder's entry before its content
            let folder = above.get(..=end).unwrap_or_default();
            if made.insert(folder.to_owned()) {
                append(
                    &mut archive,
                    &ArchiveMember::folder(folder.trim_end_matches('/'), 0o755, 0),
                    at,
                )?;
            }
        }
        if !entry.path.ends_with('/') || made.insert(entry.path.clone()) {
            append(&mut archive, &entry, at)?;
        }
    }
    archive.into_inner()
}

pub(super) fn tar_gz(files: &Files, prefix: &str, at: u64) -> Result<Vec<u8>, io::Error> {
    let entry = |(path, file): (&String, &Packed)| {
        ArchiveMember::root(format!("{prefix}/{path}"), file.clone())
    };
    gz(&tar(files.iter().map(entry).collect(), at)?)
}

fn append(archive: &mut Builder<Vec<u8>>, entry: &ArchiveMember, at: u64) -> Result<(), io::Error> {
    let mut header = Header::new_gnu();
    header.set_entry_type(if entry.path.ends_with('/') {
        EntryType::Directory
    } else {
        EntryType::Regular
    });
    header.set_mode(entry.file.mode);
    header.set_mtime(at);
    header.set_size(entry.file.bytes.len() as u64);
    header.set_uid(entry.owner.into());
    header.set_gid(entry.owner.into());
    let name = if entry.owner == 0 { "root" } else { "" };
    header.set_username(name)?;
    header.set_groupname(name)?;
    archive.append_data(&mut header, &entry.path, entry.file.bytes.as_slice())
}

/// Compresses without name and time.
pub(super) fn gz(bytes: &[u8]) -> Result<Vec<u8>, io::Error> {
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::new(6));
    packed.write_all(bytes)?;
    packed.finish()
}

/// Makes an `ar` archive, the format of Debian packages (`deb(5)`).
pub(super) fn ar(members: &[(&str, &[u8])], at: u64) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        let head = format!(
            "{name:<16}{at:<12}0     0     100644  {:<10}`\n",
            bytes.len()
        );
        archive.extend(head.as_bytes());
        archive.extend(*bytes);
        if bytes.len() % 2 == 1 {
            archive.push(b'\n');
        }
    }
    archive
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn files() -> Files {
        let long = format!("share/{}/page.1", "x".repeat(120));
        Files::from([
            ("bin/hallpass".to_owned(), Packed::program("program")),
            ("README.md".to_owned(), Packed::text("text")),
            (long, Packed::text("")),
        ])
    }

    #[test]
    fn the_same_files_are_the_same_bytes_and_come_out_as_they_went_in() {
        let packed = tar_gz(&files(), "hallpass-1", 1_700_000_000).unwrap();
        assert_eq!(
            packed,
            tar_gz(&files(), "hallpass-1", 1_700_000_000).unwrap()
        );
        assert_ne!(
            packed,
            tar_gz(&files(), "hallpass-1", 1_700_000_001).unwrap()
        );
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_slice()));
        let mut found = Files::new();
        let mut folders = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_str().unwrap().to_owned();
            let header = entry.header();
            assert_eq!(
                (header.uid().unwrap(), header.gid().unwrap()),
                (0, 0),
                "{path}"
            );
            assert_eq!(header.mtime().unwrap(), 1_700_000_000, "{path}");
            if header.entry_type() == EntryType::Directory {
                folders.push(path);
                continue;
            }
            let mode = header.mode().unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            let below = path.strip_prefix("hallpass-1/").unwrap().to_owned();
            found.insert(below, Packed { mode, bytes });
        }
        assert_eq!(found, files());
        assert_eq!(folders.first().map(String::as_str), Some("hallpass-1/"));
        assert_eq!(folders.len(), 4, "{folders:?}");
    }

    #[test]
    fn members_of_an_ar_begin_at_even_places() {
        let archive = ar(
            &[("debian-binary", b"2.0\n"), ("odd", b"abc"), ("last", b"z")],
            0,
        );
        let text = String::from_utf8(archive).unwrap();
        assert!(text.starts_with(
            "!<arch>\ndebian-binary   0           0     0     100644  4         `\n2.0\nodd "
        ));
        let last = text.find("last").unwrap();
        assert_eq!(last % 2, 0);
    }
}
