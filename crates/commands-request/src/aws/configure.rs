//! `hallpass aws configure`: profiles of the AWS CLI for what one holds now.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use hallpass_api::Grant;
use hallpass_client::api_args::ApiArgs;
use hallpass_client::aws_portal::AccessPortal;
use hallpass_client::client::block_on;
use hallpass_client::credentials::{private_folder, write_private};
use hallpass_client::held::{live_grants, me_and_portal};
use hallpass_client::tables::Viewpoint;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Table};
use serde::Serialize;

use super::profiles::{Split, Unsafe};

const FIELDS: &[&str] = &["profile", "account", "permission_set", "ends_at"];

/// Write a profile of the AWS CLI for each role you hold now
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write a profile of the AWS CLI for each role you hold now\n\nThey stand between \
                  two lines of their own in ~/.aws/config (or $AWS_CONFIG_FILE); the rest of the \
                  file stays as it is, and what stood there before is kept beside it. Run it again \
                  to bring them up to date: those of access that has ended go.",
    after_help = "Examples:
  hallpass aws configure && aws s3 ls --profile payments-prod-ReadOnly
  hallpass aws configure --dry-run
  hallpass aws configure --credential-process"
)]
pub(crate) struct Args {
    /// Print what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Let this program give the credentials, for tools that know no `sso_session`
    #[arg(long)]
    credential_process: bool,
    #[command(flatten)]
    api: ApiArgs,
}

/// A profile that is written.
#[derive(Serialize)]
struct Profile {
    #[serde(rename = "profile")]
    name: String,
    account: String,
    account_name: Option<String>,
    permission_set: String,
    ends_at: hallpass_model::Timestamp,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let client = args.api.client()?;
    let (grants, portal) = block_on(async {
        let (me, portal) = me_and_portal(&client).await?;
        Ok((live_grants(&client, &me).await?, portal))
    })?;
    let path = file()?;
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::unreadable(path.display(), &error)),
    };
    let split =
        Split::of(&text, portal.session()).map_err(|why| cannot_change(&path, &portal, &why))?;
    let profiles = profiles(&grants, &split.taken());
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
        let written = hallpass_wording::lists::count(profiles.len(), "profile");
        output::say(&format!("Wrote {written} to {}.", path.display()));
    }
    output::list(args.api.format(), &profiles, FIELDS, || table(&profiles))?;
    Ok(Exit::Ok)
}

/// The AWS CLI's configuration file; behind a link, the file itself.
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
        .help("put the missing line back, or remove what is left of them"),
        Unsafe::SessionTaken => Failure::refused(format!(
            "`{name}` has a section `[sso-session {session}]` that is not of this program"
        ))
        .help("remove it, or give it another name; profiles that use it need that name too"),
    }
}

/// One for each role that is held now; what is held twice has one, for the later end.
fn profiles(grants: &[Grant], taken: &BTreeSet<String>) -> Vec<Profile> {
    let mut profiles: Vec<Profile> = Vec::new();
    for grant in grants.iter().filter(|grant| grant.state == "active") {
        let (Some(account), Some(set)) = (&grant.account, &grant.permission_set) else {
            continue;
        };
        let known = profiles
            .iter_mut()
            .find(|one| one.account == *account && one.permission_set == *set);
        if let Some(known) = known {
            known.ends_at = known.ends_at.max(grant.ends_at);
            continue;
        }
        let shown = grant.account_name.as_ref().unwrap_or(account);
        let (named, by_id) = (name(&[shown, set]), name(&[shown, account, set]));
        let is_free = |name: &String| {
            !taken.contains(&format!("profile {name}"))
                && profiles.iter().all(|one| one.name != *name)
        };
        let Some(name) = [named.clone(), by_id].into_iter().find(is_free) else {
            output::say(&format!("note: a profile `{named}` is there already"));
            continue;
        };
        profiles.push(Profile {
            name,
            account: account.clone(),
            account_name: grant.account_name.clone(),
            permission_set: set.clone(),
            ends_at: grant.ends_at,
        });
    }
    profiles.sort_by(|one, other| one.name.cmp(&other.name));
    profiles
}

/// A name for a section, of letters that need no quotes.
fn name(parts: &[&String]) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let parts: Vec<String> = parts
        .iter()
        .map(|part| part.replace(|c| !fits(c), "-"))
        .collect();
    parts.join("-")
}

/// How this program is called for credentials.
fn process(args: &Args) -> Result<String, Failure> {
    let program = env::current_exe()
        .map_err(|error| Failure::failed(format!("cannot tell where this program is: {error}")))?;
    let server = args.api.address()?;
    Ok(format!(
        "\"{}\" aws credentials --server {}",
        program.display(),
        server.as_str().trim_end_matches('/')
    ))
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
                    "credential_process = {process} --account {account} --permission-set {set}\n"
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

/// Writes the file; what stood there is kept as `config.before-hallpass`.
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
                .unwrap_or_else(|| one.account.clone()),
            one.permission_set.clone(),
            view.time(one.ends_at),
        ]);
    }
    table
}
