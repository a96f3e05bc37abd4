use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use hallpass_activity::{FileLook, LogEntry, LogFiles};

pub struct DiskLogs {
    root: PathBuf,
}

impl DiskLogs {
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }
}

pub(crate) fn look_of(about: &fs::Metadata) -> FileLook {
    let modified = about.modified().ok();
    let since = modified.and_then(|it| it.duration_since(UNIX_EPOCH).ok());
    FileLook {
        bytes: about.len(),
        modified_ns: since
            .and_then(|it| u64::try_from(it.as_nanos()).ok())
            .unwrap_or_default(),
    }
}

impl LogFiles for DiskLogs {
    fn entries(&self, folder: &str) -> io::Result<Vec<LogEntry>> {
        let entries = fs::read_dir(self.root.join(folder))?.map(|entry| {
            let entry = entry?;
            // follows links: a trail may be elsewhere; errors are reported on open
            let about = fs::metadata(entry.path());
            let unseen = FileLook {
                bytes: 0,
                modified_ns: 0,
            };
            let look = match about {
                Ok(about) if about.is_dir() => None,
                Ok(about) => Some(look_of(&about)),
                Err(_) => Some(unseen),
            };
            let name = entry.file_name().to_string_lossy().into_owned();
            Ok(LogEntry { name, look })
        });
        entries.collect()
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(self.root.join(path))?))
    }
}
