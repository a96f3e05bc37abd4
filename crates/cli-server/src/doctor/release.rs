//! Checks that the running program belongs to a signed release.

use std::fs;
use std::path::{Path, PathBuf};

use hallpass_app::host::program::{sha256, sum_of};
use hallpass_audit::read_public_key_file;
use serde::Deserialize;

use super::DoctorReport;

const SUMS: &str = "SHA256SUMS";
const SIGNATURE: &str = "SHA256SUMS.sig";
const PROVENANCE: &str = ".intoto.json";
const PROGRAM: &str = "hallpass";

#[derive(Debug, clap::Args)]
pub(super) struct ReleaseArgs {
    /// Check this program against a release: the folder with its SHA256SUMS and provenance
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["iam_policy", "cutover"])]
    release: Option<PathBuf>,
    /// The public key of the release signature, in PEM
    #[arg(long, value_name = "FILE", requires = "release")]
    release_key: Option<PathBuf>,
}

/// A provenance: an in-toto Statement v1 with the predicate of SLSA 1.0.
#[derive(Deserialize)]
struct Provenance {
    subject: Vec<ReleasedFile>,
}

#[derive(Deserialize)]
struct ReleasedFile {
    name: String,
    digest: FileDigest,
}

#[derive(Deserialize)]
struct FileDigest {
    sha256: String,
}

type Doubt = (String, &'static str);

pub(super) fn check(args: &ReleaseArgs, report: &mut DoctorReport) {
    const CHECK: &str = "release";
    let Some(folder) = &args.release else { return };
    let Ok(own) = sha256() else { return };
    let found = found_in(folder, args.release_key.as_deref(), &own);
    match found {
        Ok((file, Some(key))) => {
            let said = format!("`{file}` names this program; the sums are signed by key {key}");
            report.add(CHECK, Ok(said));
        }
        Ok((file, None)) => report.warn(
            CHECK,
            format!("`{file}` names this program; its signature was not checked"),
            "give --release-key, or verify SHA256SUMS with cosign: \
             docs/contributing/releases.md",
        ),
        Err(doubt) => report.add(CHECK, Err(doubt)),
    }
}

/// Returns the provenance with this checksum, and the signing key if one is provided.
fn found_in(
    folder: &Path,
    key: Option<&Path>,
    own: &str,
) -> Result<(String, Option<String>), Doubt> {
    let sums = read(folder, SUMS)?;
    let key = key.map(|key| signer(key, folder, &sums)).transpose()?;
    let text = String::from_utf8_lossy(&sums);
    let listed = text.lines().filter_map(|line| line.split_once("  "));
    // each platform has one; only ours must exist
    let mut looked = 0;
    for (sum, name) in listed.filter(|(_, name)| name.ends_with(PROVENANCE)) {
        if name.contains('/') || !folder.join(name).exists() {
            continue;
        }
        let bytes = read(folder, name)?;
        if sum_of(&bytes) != sum {
            return Err((
                format!("`{name}` is not the file that {SUMS} names"),
                "download the release again, and do not start the program of this one",
            ));
        }
        let statement: Provenance = serde_json::from_slice(&bytes).map_err(|error| {
            let why = format!("`{name}` is no provenance: {error}");
            (why, "download the release again")
        })?;
        let names_it = |it: &ReleasedFile| it.name == PROGRAM && it.digest.sha256 == own;
        if statement.subject.iter().any(names_it) {
            return Ok((name.to_owned(), key));
        }
        looked += 1;
    }
    if looked == 0 {
        let why = format!("no provenance (`*{PROVENANCE}`) that {SUMS} names is in this folder");
        return Err((why, "download the one of this platform beside it"));
    }
    Err((
        format!("no program of this release has the SHA-256 of the one that runs ({own})"),
        "install the program of a release that verifies, or look who replaced it",
    ))
}

fn signer(key: &Path, folder: &Path, sums: &[u8]) -> Result<String, Doubt> {
    const REMEDY: &str = "give the public key of the release's author";
    let text = fs::read_to_string(key)
        .map_err(|error| (format!("{} cannot be read: {error}", key.display()), REMEDY))?;
    let public = read_public_key_file(&text)
        .map_err(|fault| (format!("{}: {fault}", key.display()), REMEDY))?;
    let signature = read(folder, SIGNATURE)?;
    match public.check_bytes(sums, &signature) {
        Ok(()) => Ok(public.id()),
        Err(_) => Err((
            format!("{SUMS} is not signed by this key"),
            "do not start its program; download it from the source of the key",
        )),
    }
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, Doubt> {
    let path = folder.join(name);
    fs::read(&path).map_err(|error| {
        (
            format!("{} cannot be read: {error}", path.display()),
            "download SHA256SUMS, its signature and the provenance of this version to one folder",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "aa11";

    fn provenance(name: &str, sum: &str) -> String {
        format!(
            r#"{{"_type": "https://in-toto.io/Statement/v1",
                "subject": [{{"name": "{name}", "digest": {{"sha256": "{sum}"}}}}]}}"#
        )
    }

    fn said(files: &[(&str, Option<String>)], spoil: Option<&str>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let sum = |text: &Option<String>| sum_of(text.as_deref().unwrap_or_default().as_bytes());
        let sums = files.iter();
        let sums = sums.map(|(name, text)| format!("{}  {name}\n", sum(text)));
        fs::write(folder.path().join(SUMS), sums.collect::<String>()).unwrap();
        for (name, text) in files {
            if let Some(text) = text {
                let more = if spoil == Some(*name) { " " } else { "" };
                fs::write(folder.path().join(name), format!("{text}{more}")).unwrap();
            }
        }
        match found_in(folder.path(), None, OWN) {
            Ok((file, _)) => format!("found in {file}"),
            Err((why, _)) => why,
        }
    }

    #[test]
    fn only_a_provenance_that_the_sums_name_counts() {
        let own = || Some(provenance(PROGRAM, OWN));
        let other = || Some(provenance(PROGRAM, "bb22"));
        let (arm, intel) = ("h-arm.intoto.json", "h-intel.intoto.json");
        for (files, spoil, wanted) in [
            (vec![(intel, own())], None, "found in h-intel.intoto.json"),
            (
                vec![(arm, None), (intel, own())],
                None,
                "found in h-intel.intoto.json",
            ),
            (
                vec![(arm, other()), (intel, own())],
                None,
                "found in h-intel.intoto.json",
            ),
            (
                vec![(intel, other())],
                None,
                "no program of this release has the SHA-256",
            ),
            (
                vec![(intel, Some(provenance("hallpass-query", OWN)))],
                None,
                "no program of this release has the SHA-256",
            ),
            (
                vec![(intel, own())],
                Some(intel),
                "is not the file that SHA256SUMS names",
            ),
            (
                vec![(intel, Some("{}".to_owned()))],
                None,
                "is no provenance",
            ),
            (vec![(arm, None)], None, "no provenance (`*.intoto.json`)"),
            (
                vec![("h.tar.gz", own())],
                None,
                "no provenance (`*.intoto.json`)",
            ),
        ] {
            let found = said(&files, spoil);
            assert!(found.contains(wanted), "{files:?}: {found}");
        }
    }

    #[test]
    fn a_folder_without_sums_and_a_file_that_is_no_key_are_said() {
        let folder = tempfile::tempdir().unwrap();
        let (why, _) = found_in(folder.path(), None, OWN).unwrap_err();
        assert!(why.contains("SHA256SUMS cannot be read"), "{why}");
        fs::write(folder.path().join(SUMS), "").unwrap();
        let (why, _) = found_in(folder.path(), Some(&folder.path().join(SUMS)), OWN).unwrap_err();
        assert!(why.contains("not a file of a public key"), "{why}");
    }
}
