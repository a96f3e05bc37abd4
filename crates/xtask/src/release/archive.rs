//! Archives whose bytes follow from what is in them and from one instant: sorted, of one owner, without names of a machine.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    /// Permissions, such as `0o755`.
    pub(super) mode: u32,
    pub(super) bytes: Vec<u8>,
}

impl Packed {
    /// Something to read.
    pub(super) fn text(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            mode: 0o644,
            bytes: bytes.into(),
        }
    }

    /// Something to run.
    pub(super) fn program(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            mode: 0o755,
            bytes: bytes.into(),
        }
    }
}

/// Files by path, without a leading `/`.
pub(super) type Files = BTreeMap<String, Packed>;

/// A tar of the files below `prefix`, compressed; `at` is the time of every entry, in seconds since 1970.
pub(super) fn tar_gz(files: &Files, prefix: &str, at: u64) -> Result<Vec<u8>, io::Error> {
    let mut archive = Builder::new(Vec::new());
    let mut made = std::collections::BTreeSet::new();
    for (path, file) in files {
        let path = format!("{prefix}/{path}");
        for (end, _) in path.match_indices('/') {
            // every folder has an entry before what is in it, as dpkg wants it
            let folder = path.get(..=end).unwrap_or_default();
            if made.insert(folder.to_owned()) {
                append(&mut archive, folder, EntryType::Directory, 0o755, at, &[])?;
            }
        }
        append(
            &mut archive,
            &path,
            EntryType::Regular,
            file.mode,
            at,
            &file.bytes,
        )?;
    }
    gz(&archive.into_inner()?)
}

fn append(
    archive: &mut Builder<Vec<u8>>,
    path: &str,
    kind: EntryType,
    mode: u32,
    at: u64,
    bytes: &[u8],
) -> Result<(), io::Error> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(at);
    header.set_size(bytes.len() as u64);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    archive.append_data(&mut header, path, bytes)
}

/// Bytes compressed, without a name and a time of their own.
pub(super) fn gz(bytes: &[u8]) -> Result<Vec<u8>, io::Error> {
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::new(6));
    packed.write_all(bytes)?;
    packed.finish()
}

/// An `ar` archive, as Debian packages are (`deb(5)`).
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
