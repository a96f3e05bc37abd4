//! Inputs of the demo's chores: remediation rules, and a configuration for commands.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hallpass_app::config::Loaded;
use hallpass_aws_sim::organization::{Account, OrganizationFile};
use hallpass_store::{Existing, write_private};
use hallpass_terminal::exit::Failure;

use super::aws::Aws;
use super::governed::QUEUE;
use super::{Folder, STORE};

pub const EXTERNAL_ID: &str = "example-remediation";
const CONFIG: &str = "demo.toml";
const PROFILES: &str = "aws.config";
const ENVIRONMENT: &str = "env.sh";
const RULES: (&str, &str) = (
    "remediation.yaml",
    include_str!("../../../../demo/remediation.yaml"),
);
/// The account with public buckets and an AWS CLI profile.
pub const SHOP: &str = "payments-prod";
pub const ACCESS_ROLE: &str = "OrganizationAccountAccessRole";

/// Largest organization with per-account Security Hub setup.
const STORY_ACCOUNTS_MAX: usize = 100;

pub fn write_files(folder: &Folder, sim: &Aws, server: SocketAddr) -> Result<Loaded, Failure> {
    write(
        &folder.path(CONFIG),
        &configuration(sim, server),
        Existing::Replaced,
    )?;
    write(&folder.path(PROFILES), &profiles(sim), Existing::Replaced)?;
    let variables = environment(folder, sim, server);
    write(&folder.path(ENVIRONMENT), &variables, Existing::Replaced)?;
    // the user may have edited them between runs
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

/// The variables of the printed commands, for a shell to read.
fn environment(folder: &Folder, sim: &Aws, server: SocketAddr) -> String {
    let facts = &sim.facts;
    let file = |name: &str| place(folder, name).display().to_string();
    let variables = [
        ("HALLPASS_SERVER", format!("http://{server}")),
        ("HALLPASS_CONFIG", file(CONFIG)),
        ("AWS_CONFIG_FILE", file(PROFILES)),
        ("AWS_ENDPOINT_URL", format!("http://{}", sim.address)),
        ("AWS_DEFAULT_REGION", facts.region.clone()),
        ("AWS_ACCESS_KEY_ID", facts.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", facts.secret_access_key.clone()),
    ];
    let lines = variables
        .into_iter()
        .map(|(name, value)| format!("export {name}={}\n", quoted(&value)));
    // these would win over the keys
    let begin = "# written by `hallpass demo` whenever it starts\nunset AWS_PROFILE AWS_REGION AWS_SESSION_TOKEN\n";
    begin.to_owned() + &lines.collect::<String>()
}

/// As one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn place(folder: &Folder, name: &str) -> PathBuf {
    let path = folder.path(name);
    std::path::absolute(&path).unwrap_or(path)
}

/// The command that gives a shell the demo's variables.
pub fn how_to_read_variables(folder: &Folder) -> String {
    let path = place(folder, ENVIRONMENT).display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if path.chars().all(is_plain) {
        format!(". {path}")
    } else {
        format!(". {}", quoted(&path))
    }
}

pub fn account<'a>(organization: &'a OrganizationFile, name: &str) -> Option<&'a str> {
    let found = organization.accounts.iter().find(|it| it.name == name);
    found.map(|it| it.id.as_str())
}

pub fn is_active(account: &Account) -> bool {
    account.state.as_deref().is_none_or(|it| it == "ACTIVE")
}

/// Whether accounts get a story: public buckets, findings. In the large organization, setup of
/// thousands would take too long.
pub fn has_story(organization: &OrganizationFile) -> bool {
    organization.accounts.len() <= STORY_ACCOUNTS_MAX && account(organization, SHOP).is_some()
}

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

pub fn how_to_try(program: &str, sim: &Aws) -> String {
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
        "Do chores of the organization; docs/tutorials/organization-chores.md has them all:{tries}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_each_value_as_one_word() {
        for text in ["plain", "two words", "it's", "$HOME `id`", ""] {
            let line = format!("X={}; printf %s \"$X\"", quoted(text));
            let ran = std::process::Command::new("sh")
                .args(["-c", &line])
                .output();
            assert_eq!(String::from_utf8(ran.unwrap().stdout).unwrap(), text);
        }
    }
}
