use std::path::Path;

use hallpass_channels::wording::lists::count;
use hallpass_rules::{Diagnostic, RuleFile, Rules};
use hallpass_terminal::exit::Failure;

/// Reads and checks a rule file.
///
/// # Errors
/// Exit 2 with all errors.
pub fn read_rules(path: &Path) -> Result<Rules, Failure> {
    read_rules_and_text(path).map(|(rules, _)| rules)
}

pub fn read_rules_and_text(path: &Path) -> Result<(Rules, String), Failure> {
    let bytes = std::fs::read(path).map_err(|error| unread_rules(path, &error))?;
    rules_and_text(path, &bytes)
}

pub fn unread_rules(path: &Path, error: &std::io::Error) -> Failure {
    Failure::unreadable(path.display(), error).help(
        "`access.rules` in the configuration names the rule file; docs/reference/rules.md explains it",
    )
}

pub fn rules_and_text(path: &Path, bytes: &[u8]) -> Result<(Rules, String), Failure> {
    let shown = path.display().to_string();
    let loaded = RuleFile::from_bytes(shown.as_str(), bytes).and_then(|source| {
        let loaded = hallpass_rules::load(&source)?;
        Ok((loaded, source.text))
    });
    match loaded {
        Ok((loaded, text)) => {
            for warning in &loaded.warnings {
                // one line: a log in JSON would print `\n`
                let words = warning.to_string().replace("\n  help: ", "; ");
                tracing::warn!(file = shown, "{words}");
            }
            Ok((loaded.rules, text))
        }
        Err(errors) => {
            let mut failure =
                Failure::bad_input(format!("`{shown}` has {}", count(errors.len(), "error")));
            for error in &errors {
                failure = failure.detail(error.to_string());
            }
            Err(failure.help(format!(
                "`hallpass rules check {shown}` shows them with their lines"
            )))
        }
    }
}

pub fn owned_twice(file: &str, found: Vec<Diagnostic>) -> Failure {
    let words = format!("`{file}` has {}", count(found.len(), "error"));
    let failure = found
        .into_iter()
        .fold(Failure::bad_input(words), |failure, mut error| {
            file.clone_into(&mut error.file);
            failure.detail(error.to_string())
        });
    failure.help(
        "the members of a group follow attributes (`groups.sync`), or people request it: not both",
    )
}
