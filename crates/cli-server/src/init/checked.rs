//! Validates the written texts as the server does, before any file exists.

use std::path::Path;

use hallpass_access::identity::users_of;
use hallpass_app::config::{Loaded, Secrets};
use hallpass_base::Timestamp;
use hallpass_rules::{Directory, RuleFile, RuleTestOutcome, Rules};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::plain;

use super::answers::{Answers, SignIn};
use super::files::{CONFIGURATION, RULES};

pub(super) fn check(
    folder: &Path,
    configuration: &str,
    rules: &str,
    answers: &Answers,
    directory: &Directory,
    now: Timestamp,
) -> Result<Vec<String>, Failure> {
    let loaded = Loaded {
        config: hallpass_app::config::parse_with(configuration, CONFIGURATION, Secrets::Left)?,
        folder: folder.to_owned(),
    };
    loaded.sign_in()?;
    loaded.sessions()?;
    loaded.export()?;
    loaded.store()?;
    loaded.rules()?;
    let rules = read(rules)?;
    for test in rules.run_tests(Some(directory), now) {
        match test.outcome {
            RuleTestOutcome::Passed => {}
            RuleTestOutcome::Failed(why) => {
                let message = format!(
                    "the test `{}` of the rules fails: {}",
                    test.name,
                    why.join("; ")
                );
                return Err(Failure::bug(message));
            }
            RuleTestOutcome::NeedsDirectory(why) | RuleTestOutcome::NotJudged(why) => {
                return Err(Failure::bug(why));
            }
        }
    }
    let mut odd: Vec<String> = rules
        .check_with_roles(
            Some(directory),
            &loaded.identity("", "").groups_with_roles(),
        )
        .iter()
        .map(|it| plain(&it.to_string()))
        .collect();
    odd.extend(others(&loaded, answers, directory));
    Ok(odd)
}

fn read(text: &str) -> Result<Rules, Failure> {
    let read = RuleFile::from_bytes(RULES, text.as_bytes())
        .and_then(|source| hallpass_rules::load(&source));
    match read {
        Ok(loaded) => Ok(loaded.rules),
        Err(errors) => {
            let failure = Failure::bug("the rules that `init` would write are refused");
            Err(errors
                .iter()
                .fold(failure, |failure, error| failure.detail(error.to_string())))
        }
    }
}

/// Checks across both files.
fn others(loaded: &Loaded, answers: &Answers, directory: &Directory) -> Vec<String> {
    let mut odd = Vec::new();
    if users_of(&loaded.config.identity.admins, directory).is_empty() {
        let name = plain(&answers.administrators.name);
        odd.push(format!(
            "no enabled user is in the group `{name}`: Hallpass has no administrator yet"
        ));
    }
    let url = &answers.public_url;
    let is_here = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
        .iter()
        .any(|it| url.starts_with(it));
    if url.starts_with("http://") && !is_here {
        odd.push(format!(
            "`{}` is not https: sessions could be read on the way",
            plain(url)
        ));
    }
    odd.extend(of_sign_in(loaded, &answers.sign_in));
    odd
}

fn of_sign_in(loaded: &Loaded, sign_in: &SignIn) -> Option<String> {
    let SignIn::Oidc { client_secret, .. } = sign_in else {
        return Some(
            "no one can sign in on the web until `[oidc]` is set: docs/how-to/sign-in.md"
                .to_owned(),
        );
    };
    // a unit's secret exists while the unit runs
    let missing = hallpass_app::config::look_up(client_secret.as_ref()?, &loaded.folder).err()?;
    Some(format!(
        "the client secret is missing, and the server needs it to start: {}",
        plain(&missing.words())
    ))
}
