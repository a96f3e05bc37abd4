//! The remediation rules in force, reloaded when the file changes.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use hallpass_findings::remediation::RuleFile;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::text_file::read_text;

pub(crate) const FILE_BYTES_MAX: u64 = 1 << 20;

#[derive(Debug)]
pub struct RuleSource {
    path: PathBuf,
    held: RwLock<(String, Arc<RuleFile>)>,
}

/// Reads a rule file; exit 2 for an unusable one.
pub fn read_rules(path: &std::path::Path) -> Result<(String, RuleFile), Failure> {
    let text = read_text(path, FILE_BYTES_MAX)?;
    let file = RuleFile::read(&text).map_err(|error| Failure::bad_input(error).within(path))?;
    Ok((text, file))
}

impl RuleSource {
    pub fn open(path: PathBuf) -> Result<Self, Failure> {
        let (text, file) = read_rules(&path)?;
        Ok(Self {
            path,
            held: RwLock::new((text, Arc::new(file))),
        })
    }

    pub fn rules(&self) -> Arc<RuleFile> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&held.1)
    }

    /// Reloads the file; returns whether the rules changed. An unusable file keeps the earlier
    /// ones.
    ///
    /// # Errors
    /// As [`read_rules`].
    pub fn read_again(&self) -> Result<bool, Failure> {
        let (text, file) = read_rules(&self.path)?;
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.0 == text {
            return Ok(false);
        }
        *held = (text, Arc::new(file));
        Ok(true)
    }
}
