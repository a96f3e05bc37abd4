//! `hallpass access export`: writes the current state as files that plan no change.

use std::path::{Path, PathBuf};

use hallpass_access_files::{NotToml, export};
use hallpass_app::chores::access_look::{directory, seen};
use hallpass_app::chores::plans;
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::ConfigArgs;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

use super::written::write_all;

/// The main file in the folder; policies are separate files.
const YAML: &str = "access.yaml";
const TOML: &str = "access.toml";

/// Write the current state of Identity Center as files that plan no change
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write the current state of Identity Center as files that plan no \
                  change\n\nWithout --to one file is printed, with all policies in it. AWS's own \
                  permission sets (AWS*) and temporary access from Hallpass are left out; a \
                  comment counts them.",
    after_help = "Examples:
  hallpass access export > access.yaml
  hallpass access export --to access
  hallpass access export --toml --to access     # for `hallpass rules fmt`"
)]
pub(super) struct Args {
    /// A folder for the file and for long policies
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Write TOML (access.toml), which `hallpass rules fmt` formats; YAML otherwise
    #[arg(long)]
    toml: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    // without it temporary access would be exported as standing
    args.config.existing_store()?;
    let exported = runtime()?.block_on(async {
        let context = plans::open(&args.config.load()?).await?;
        let directory = directory(&context.access(), false).await?;
        let seen = seen(&context.access(), |_| true).await?;
        Ok::<_, Failure>(export(&seen, &directory, args.to.is_some()))
    })?;
    let (file, other, exported) = if args.toml {
        let said = |refused: NotToml| Failure::bad_input(refused.to_string());
        (TOML, YAML, exported.into_toml(TOML).map_err(said)?)
    } else {
        (YAML, TOML, exported)
    };
    match &args.to {
        None => output::print(&exported.text)?,
        Some(folder) => {
            let policies = exported.policies.iter();
            let policies = policies.map(|(path, text)| (path.as_str(), text.as_str()));
            write_all(folder, policies.chain([(file, &*exported.text)]))?;
            if let Some(note) = beside(folder, other) {
                output::say(&note);
            }
        }
    }
    Ok(Exit::Ok)
}

/// Warns of an earlier export in the other form: reading both would duplicate all entries.
fn beside(folder: &Path, other: &str) -> Option<String> {
    let path = folder.join(other);
    matches!(path.try_exists(), Ok(true)).then(|| {
        format!(
            "note: `{}` is there, too: remove one of the two, or name one alone in a plan",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_other_form_in_the_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(YAML), "version: 1\n").unwrap();
        let told = beside(folder.path(), YAML).unwrap();
        assert!(told.contains("access.yaml` is there, too"), "{told}");
        assert_eq!(beside(folder.path(), TOML), None);
        assert_eq!(beside(&folder.path().join("new"), YAML), None);
    }
}
