use std::path::{Path, PathBuf};
use std::{env, fs, io};

use crate::api_args::ApiArgs;
use crate::aws_portal::AccessPortal;
use crate::client::block_on;
use crate::credentials::{private_folder, write_private};
use crate::held::{HeldRole, held_roles, me_and_portal};
use crate::tables::Viewpoint;
use hallpass_base::{AccountId, PermissionSetName, Timestamp};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Table};
use serde::Serialize;

use super::profiles::{Split, Unsafe};

const FIELDS: &[&str] = &["profile", "account", "permission_set", "ends_at"];

/// Write a profile of the AWS CLI for each role you hold now
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write a profile of the AWS CLI for each role you hold now\n\nThey are written between two marker \
        lines in ~/.aws/config (or $AWS_CONFIG_FILE); the rest of the \
                  file stays as it is, and what stood there before is kept beside it. Run it again \
                  to bring them up to date: those of access that has ended go. A name that was \
                  written once stays that of its account and permission set; another account of \
                  the same name gets its id in the name of its profile.",
    after_help = "Examples:
  hallpass aws configure && aws s3 ls --profile payments-prod-ReadOnly
  hallpass aws configure --dry-run
  hallpass aws configure --credential-process"
)]
pub(crate) struct Args {
    /// Print the profiles, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Get credentials from this program, for tools that do not support `sso_session`
    #[arg(long)]
    credential_process: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Serialize)]
struct Profile {
    #[serde(rename = "profile")]
    name: String,
    account: AccountId,
    account_name: Option<String>,
    permission_set: PermissionSetName,
    ends_at: Timestamp,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let client = args.api.client()?;
    let (roles, portal) = block_on(async {
        let (me, portal) = me_and_portal(&client).await?;
        Ok((held_roles(&client, &me).await?, portal))
    })?;
    let path = file()?;
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::unreadable(path.display(), &error)),
    };
    let mut split =
        Split::of(&text, portal.session()).map_err(|why| cannot_change(&path, &portal, &why))?;
    let profiles = profiles(roles, &mut split);
    let process = if args.credential_process {
        Some(process(args)?)
    } else {
        None
    };
    let sections = sections(&profiles, &portal, process.as_deref());
    if args.dry_run {
        output::print(&split.part(&sections))?;
        return Ok(Exit::Ok);
    }
    let changed = split.with(&sections);
    if changed == text {
        output::say(&format!("{} is as it should be.", path.display()));
    } else {
        write(&path, &text, &changed)?;
        let written = hallpass_channels::wording::lists::count(profiles.len(), "profile");
        output::say(&format!("Wrote {written} to {}.", path.display()));
    }
    output::list(args.api.format(), &profiles, FIELDS, || table(&profiles))?;
    Ok(Exit::Ok)
}

fn file() -> Result<PathBuf, Failure> {
    let named = env::var_os("AWS_CONFIG_FILE").filter(|it| !it.is_empty());
    let home = env::var_os("HOME").map(PathBuf::from);
    let path = named
        .map(PathBuf::from)
        .or_else(|| home.map(|home| home.join(".aws").join("config")))
        .ok_or_else(|| {
            Failure::bad_input("it is not known where the AWS configuration is: `HOME` is not set")
                .help("name the file in `AWS_CONFIG_FILE`")
        })?;
    Ok(fs::canonicalize(&path).unwrap_or(path))
}

fn cannot_change(path: &Path, portal: &AccessPortal, why: &Unsafe) -> Failure {
    let session = portal.session();
    let name = path.display();
    match why {
        Unsafe::Unfinished => Failure::refused(format!(
            "`{name}` has one of the lines `# BEGIN {session}` and `# END {session}` without the other"
        ))
        .help("restore the missing line, or remove the other"),
        Unsafe::SessionTaken => Failure::refused(format!(
            "`{name}` has a section `[sso-session {session}]` that is not of this program"
        ))
        .help("remove it, or give it another name; profiles that use it need that name too"),
    }
}

fn profiles(mut roles: Vec<HeldRole>, split: &mut Split<'_>) -> Vec<Profile> {
    // new names must not depend on grant order
    roles.sort_by(|one, other| {
        let role = |it: &HeldRole| (it.account.clone(), it.permission_set.clone());
        role(one).cmp(&role(other))
    });
    let mut profiles: Vec<Profile> = Vec::new();
    for role in roles {
        let HeldRole {
            account,
            permission_set: set,
            grant: Some(grant),
        } = role
        else {
            continue;
        };
        if let Some(last) = profiles.last_mut()
            && last.account == account
            && last.permission_set == set
        {
            last.ends_at = last.ends_at.max(grant.ends_at);
            continue;
        }
        let shown = grant.account_name.as_deref().unwrap_or(account.as_str());
        profiles.push(Profile {
            name: split.name(shown, &account, &set),
            account,
            account_name: grant.account_name,
            permission_set: set,
            ends_at: grant.ends_at,
        });
    }
    profiles.sort_by(|one, other| one.name.cmp(&other.name));
    profiles
}

/// Command line for credentials.
fn process(args: &Args) -> Result<String, Failure> {
    let program = env::current_exe()
        .map_err(|error| Failure::failed(format!("cannot tell where this program is: {error}")))?;
    let server = args.api.address()?;
    Ok(format!(
        "{} aws credentials --server {}",
        word(&program.display().to_string())?,
        word(server.as_str().trim_end_matches('/'))?
    ))
}

/// Quotes a word of a `credential_process`. Refuses shell characters, since some SDKs pass the line
/// to a shell.
fn word(text: &str) -> Result<String, Failure> {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:~+@%,=[] ".contains(c);
    let is_path = |c: char| cfg!(windows) && c == '\\';
    if text.chars().all(|c| is_plain(c) || is_path(c)) {
        return Ok(format!("\"{text}\""));
    }
    Err(Failure::refused(format!(
        "`{}` has characters that a shell takes for its own, and cannot stand in a profile",
        output::plain(text)
    ))
    .help("leave `--credential-process` out, or install the program in another folder"))
}

fn sections(profiles: &[Profile], portal: &AccessPortal, process: Option<&str>) -> Vec<String> {
    let session = portal.session();
    let endpoint = portal.endpoint_url();
    let endpoint = endpoint.map_or_else(String::new, |url| format!("endpoint_url = {url}\n"));
    let region = portal.region();
    let mut sections: Vec<String> = profiles
        .iter()
        .map(|one| {
            let Profile {
                name,
                account,
                permission_set: set,
                ..
            } = one;
            let how = match process {
                Some(process) => format!(
                    "credential_process = {process} --account {account} --permission-set={set}\n"
                ),
                None => format!(
                    "sso_session = {session}\nsso_account_id = {account}\nsso_role_name = {set}\n"
                ),
            };
            format!("[profile {name}]\n{how}region = {region}\n{endpoint}")
        })
        .collect();
    if !sections.is_empty() && process.is_none() {
        sections.push(format!(
            "[sso-session {session}]\nsso_start_url = {}\nsso_region = {region}\n\
             sso_registration_scopes = sso:account:access\n",
            portal.start_url()
        ));
    }
    sections
}

/// Writes the file; backs up the old one as `config.before-hallpass`.
fn write(path: &Path, before: &str, text: &str) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::unwritable(path.display(), &error);
    if let Some(folder) = path.parent() {
        private_folder(folder).map_err(failed)?;
    }
    if !before.is_empty() {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".before-hallpass");
        write_private(Path::new(&beside), before).map_err(failed)?;
    }
    write_private(path, text).map_err(failed)
}

fn table(profiles: &[Profile]) -> Table {
    let view = Viewpoint::here();
    let mut table = Table::new(&["=PROFILE", "ACCOUNT", "PERMISSION SET", "=ENDS"]);
    for one in profiles {
        table.row([
            one.name.clone(),
            one.account_name
                .clone()
                .unwrap_or_else(|| one.account.to_string()),
            one.permission_set.to_string(),
            view.time(one.ends_at),
        ]);
    }
    table
}
