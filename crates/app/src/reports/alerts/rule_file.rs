use std::path::{Path, PathBuf};

use hallpass_alerts::AlertRule;
use hallpass_rules::SOURCE_BYTES_MAX;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::text_file::read_text;

#[derive(Clone, Debug)]
pub struct RuleFileOfAlerts {
    /// Key of the rule states: the file name without folder.
    pub name: String,
    pub rules: Vec<AlertRule>,
}

impl RuleFileOfAlerts {
    /// Reads the file. `channels` limits `notify`; `None` allows any.
    ///
    /// # Errors
    /// Exit 2 with all problems.
    pub fn read(path: &Path, channels: Option<&[String]>) -> Result<Self, Failure> {
        let text = read_text(path, SOURCE_BYTES_MAX as u64)?;
        let shown = path.display().to_string();
        let rules = hallpass_alerts::read(&shown, &text).map_err(|findings| {
            let message = format!("`{shown}` cannot be used");
            let lines = findings.iter().flat_map(|it| {
                it.to_string()
                    .lines()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            });
            lines.fold(Failure::bad_input(message), Failure::detail)
        })?;
        for rule in &rules {
            let unknown = |name: &&String| channels.is_some_and(|known| !known.contains(name));
            if let Some(name) = rule.notify.iter().find(unknown) {
                let message = format!(
                    "{shown}: rule `{}` notifies `{name}`, which is no channel here",
                    rule.id
                );
                let known = channels.unwrap_or_default().join("`, `");
                return Err(Failure::bad_input(message).help(format!("there are: `{known}`")));
            }
        }
        let name = path.file_name().map(PathBuf::from).unwrap_or_default();
        Ok(Self {
            name: name.display().to_string(),
            rules,
        })
    }
}
