//! What chores in the demo's organization take: rules for findings, and a configuration with which commands beside the
//! server work.

use std::net::SocketAddr;
use std::path::Path;

use hallpass_app::config::Loaded;
use hallpass_aws_sim::organization::{Account, OrganizationFile};
use hallpass_store::{Existing, write_private};
use hallpass_terminal::exit::Failure;

use super::aws::Aws;
use super::governed::QUEUE;
use super::{Folder, STORE};

/// The external id of the role for remediations.
pub const EXTERNAL_ID: &str = "example-remediation";
/// The configuration for commands.
const CONFIG: &str = "demo.toml";
/// Profiles of the AWS CLI.
const PROFILES: &str = "aws.config";
/// The rules in force.
const RULES: (&str, &str) = (
    "remediation.yaml",
    include_str!("../../../../demo/remediation.yaml"),
);
/// The account whose buckets are public, and that the AWS CLI has a profile for.
pub const SHOP: &str = "payments-prod";
/// The role of accounts that the organization made.
pub const ACCESS_ROLE: &str = "OrganizationAccountAccessRole";

/// Accounts of an organization whose Security Hub is set up one by one.
const STORY_ACCOUNTS_MAX: usize = 100;

/// Writes the files that commands work with, and reads the configuration as they do.
///
/// # Errors
/// A file cannot be written, or the rules were changed and cannot be read.
pub fn write_files(folder: &Folder, sim: &Aws, server: SocketAddr) -> Result<Loaded, Failure> {
    write(
        &folder.path(CONFIG),
        &configuration(sim, server),
        Existing::Replaced,
    )?;
    write(&folder.path(PROFILES), &profiles(sim), Existing::Replaced)?;
    // somebody may have changed them, between two runs over one folder
    write(&folder.path(RULES.0), RULES.1, Existing::Kept)?;
    hallpass_app::config::load(&folder.path(CONFIG))
}

fn write(path: &Path, text: &str, existing: Existing) -> Result<(), Failure> {
    match write_private(path, text.as_bytes(), existing) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Failure::unwritable(path.display(), &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn configuration(sim: &Aws, server: SocketAddr) -> String {
    format!(
        "# written by `hallpass demo` whenever it starts, for commands beside it\n[server]\nlisten = \"{server}\"\npublic_url \
         = \"http://{server}\"\n[store]\nurl = \"sqlite:{STORE}\"\n[aws]\nregion = \"{region}\"\nendpoint_url = \
         \"http://{aws}\"\n[events]\nqueue = \"http://{aws}/{account}/{QUEUE}\"\n[remediation]\nrules = \
         \"{rules}\"\nexternal_id = \"{EXTERNAL_ID}\"\n",
        region = sim.facts.region,
        aws = sim.address,
        account = sim.facts.organization.organization.management_account,
        rules = RULES.0,
    )
}

/// The ids of the demo's accounts, by name.
pub fn account<'a>(organization: &'a OrganizationFile, name: &str) -> Option<&'a str> {
    let found = organization.accounts.iter().find(|it| it.name == name);
    found.map(|it| it.id.as_str())
}

/// Whether an account is in use.
pub fn is_active(account: &Account) -> bool {
    account.state.as_deref().is_none_or(|it| it == "ACTIVE")
}

/// Whether the demo tells of its accounts: whose buckets are public, what was found. One that is there to be large has accounts
/// of the same names, and setting up thousands of them would take longer than anybody looks.
pub fn has_story(organization: &OrganizationFile) -> bool {
    organization.accounts.len() <= STORY_ACCOUNTS_MAX && account(organization, SHOP).is_some()
}

/// A profile of the AWS CLI for each account, by its name.
fn profiles(sim: &Aws) -> String {
    let organization = &sim.facts.organization;
    let management = &organization.organization.management_account;
    let accounts = organization.accounts.iter();
    let others = accounts.filter(|it| it.id != *management && is_active(it));
    let profile = |(name, account): (&str, &str)| {
        format!(
            "[profile {name}]\nrole_arn = arn:aws:iam::{account}:role/{ACCESS_ROLE}\ncredential_source = \
             Environment\nregion = {region}\n",
            region = sim.facts.region,
        )
    };
    let all = others.map(|it| profile((&it.name, &it.id)));
    all.collect()
}

/// What to try, in the demo's words.
pub fn how_to_try(folder: &Folder, program: &str, sim: &Aws) -> String {
    // also from another folder
    let place = |name: &str| {
        let path = folder.path(name);
        std::path::absolute(&path).unwrap_or(path)
    };
    let variables = format!(
        "  export HALLPASS_CONFIG={config} AWS_CONFIG_FILE={profiles}",
        config = place(CONFIG).display(),
        profiles = place(PROFILES).display(),
    );
    let tries = if has_story(&sim.facts.organization) {
        format!(
            "
  aws --profile {SHOP} securityhub batch-import-findings --findings file://demo/finding.json && sleep 5
  {program} org remediate list
  {program} org vend demo/accounts.csv"
        )
    } else {
        format!("\n  {program} org remediate list")
    };
    format!(
        "Do chores of the organization, with the variables above and these; docs/tutorials/organization-chores.md has them all:\n{variables}{tries}"
    )
}
