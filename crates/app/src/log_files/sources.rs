use std::fs;
use std::path::{Path, PathBuf};

use hallpass_activity::{LogFile, LogScope, folders};
use hallpass_terminal::exit::Failure;

use super::disk::look_of;
use super::{DiskLogs, FingerprintedLogs, Fingerprints, LogPlace};

pub struct SourceFiles {
    pub place: LogPlace,
    pub files: FingerprintedLogs,
    pub found: Vec<LogFile>,
}

/// # Errors
/// Exit 2 if there are no files; exit 1 if a bucket cannot be listed.
pub fn files_of(
    sources: &[LogPlace],
    scope: &LogScope,
    fingerprints: Fingerprints,
) -> Result<Vec<SourceFiles>, Failure> {
    let mut all = Vec::new();
    for source in sources {
        let place = match source {
            LogPlace::Folder(path) => {
                let whole = fs::canonicalize(path)
                    .map_err(|error| Failure::unreadable(path.display(), &error))?;
                if !whole.is_dir() {
                    all.push(one_file(&whole, fingerprints)?);
                    continue;
                }
                LogPlace::Folder(whole)
            }
            LogPlace::Bucket(_) => source.clone(),
        };
        let files = FingerprintedLogs::new(place.open()?, fingerprints);
        let mut found = Vec::new();
        let listed = folders(&files, scope, &mut |day| {
            found.extend(day.logs(&files)?);
            Ok(())
        });
        listed.map_err(|error| source.unlisted(&error))?;
        if found.is_empty() {
            let message = format!("no logs lie in `{source}`");
            return Err(Failure::bad_input(message).help(
                "it is where `AWSLogs/` is, with ACCOUNT/CloudTrail/REGION/YYYY/MM/DD below; check the requested accounts, Regions and days, too",
            ));
        }
        all.push(SourceFiles {
            place,
            files,
            found,
        });
    }
    Ok(all)
}

fn one_file(path: &Path, fingerprints: Fingerprints) -> Result<SourceFiles, Failure> {
    let about = fs::metadata(path).map_err(|error| Failure::unreadable(path.display(), &error))?;
    let Some(name) = path.to_str() else {
        let message = format!("the name of `{}` is not UTF-8", path.display());
        return Err(Failure::bad_input(message));
    };
    let disk = Box::new(DiskLogs::new(PathBuf::new()));
    Ok(SourceFiles {
        place: LogPlace::Folder(PathBuf::new()),
        files: FingerprintedLogs::new(disk, fingerprints),
        found: vec![LogFile {
            path: name.to_owned(),
            look: look_of(&about),
        }],
    })
}
