//! `--facts`: the organization used to check rules and names, from a file or from AWS now.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Loaded, Secrets};
use crate::host::facts::{StatedIds, read_directory};
use crate::host::random_ids::RandomIds;
use crate::host::runtime::runtime;
use hallpass_access::DirectorySource as _;
use hallpass_aws::{ConnectedOrganization, Inventory, TagPace, UntoldTags};
use hallpass_base::clock::{ProcessClock, SystemClock};
use hallpass_rules::{Directory, NamedFacts, RoleGroup};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::say;

use crate::setup::opening::connect;
use crate::setup::progress::ProgressLine;

const LIVE: &str = "live";
const TOLD_EVERY: Duration = Duration::from_secs(1);
const HELP: &str = "set `AWS_REGION` to the home Region of IAM Identity Center, or name the server's configuration in `HALLPASS_CONFIG`, \
                    with credentials that may read IAM Identity Center and AWS Organizations; a file of that name is `./live`";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactsSource {
    /// Read from AWS with the environment's credentials.
    Live,
    File(PathBuf),
}

impl From<OsString> for FactsSource {
    fn from(given: OsString) -> Self {
        if given == LIVE {
            Self::Live
        } else {
            Self::File(given.into())
        }
    }
}

#[derive(Debug)]
pub struct OrganizationFacts {
    pub directory: Directory,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    Live(Box<ConnectedOrganization>),
    File(PathBuf),
}

#[derive(Debug, Default)]
pub struct KnownIds {
    pub organization: Option<String>,
    pub identity_store: Option<String>,
}

impl FactsSource {
    /// Reads the organization, with optional facts as in `needed`; an import needs none. `region`
    /// is the AWS Region, unless configuration or environment set it.
    ///
    /// # Errors
    /// Exit 2 for an unusable file or configuration, exit 1 if AWS cannot be read.
    pub fn read(
        &self,
        needed: NamedFacts,
        region: Option<&String>,
    ) -> Result<OrganizationFacts, Failure> {
        match self {
            Self::File(path) => Ok(OrganizationFacts {
                directory: read_directory(path)?,
                origin: Origin::File(path.clone()),
            }),
            Self::Live => {
                let loaded = configuration(region)?;
                runtime()?.block_on(read_live(&loaded, needed))
            }
        }
    }
}

impl OrganizationFacts {
    /// Refuses a file with rows without id: the simulator would invent one. AWS always has ids.
    ///
    /// # Errors
    /// Exit 2, with the row and `why` its id is needed.
    pub fn ensure_stated(&self, pointer: &str, member: &str, why: &str) -> Result<(), Failure> {
        match &self.origin {
            Origin::Live(_) => Ok(()),
            Origin::File(path) => StatedIds::read(path)?.ensure_all(pointer, member, why),
        }
    }

    pub fn ids(&self) -> Result<KnownIds, Failure> {
        Ok(match &self.origin {
            Origin::Live(about) => KnownIds {
                organization: about.organization_id.clone(),
                identity_store: Some(about.identity_store_id.clone()),
            },
            Origin::File(path) => {
                let stated = StatedIds::read(path)?;
                KnownIds {
                    organization: stated.id("/organization/id"),
                    identity_store: stated.id("/identity_center/identity_store_id"),
                }
            }
        })
    }
}

/// Uses the configuration named by `HALLPASS_CONFIG`, else the environment. Ignores a
/// `hallpass.toml` in the current folder.
fn configuration(region: Option<&String>) -> Result<Loaded, Failure> {
    let named = std::env::var_os("HALLPASS_CONFIG").filter(|it| !it.is_empty());
    let mut loaded = match named {
        Some(path) => crate::config::load(Path::new(&path))?,
        None => Loaded {
            config: crate::config::parse("", "the environment")?,
            folder: PathBuf::new(),
        },
    };
    let aws = &mut loaded.config.aws;
    let given = region.filter(|it| !it.is_empty()).cloned();
    aws.region = aws.region.take().or(given);
    Ok(loaded)
}

/// Returns the groups with roles from the configuration in `HALLPASS_CONFIG`, if set.
pub fn groups_with_roles() -> Result<Vec<RoleGroup>, Failure> {
    let named = std::env::var_os("HALLPASS_CONFIG").filter(|it| !it.is_empty());
    let Some(path) = named else {
        return Ok(Vec::new());
    };
    let loaded = crate::config::load_with(Path::new(&path), Secrets::Left)?;
    Ok(loaded.identity("", "").groups_with_roles())
}

async fn read_live(loaded: &Loaded, needed: NamedFacts) -> Result<OrganizationFacts, Failure> {
    let clock = Arc::new(ProcessClock::new(SystemClock, None));
    let aws = connect(loaded, &clock, Arc::new(RandomIds)).await;
    let aws = Arc::new(aws.map_err(|failure| failure.at("--facts").help(HELP))?);
    let about = aws.about().clone();
    let NamedFacts {
        groups,
        attributes,
        account_tags,
    } = needed;
    let inventory = Inventory::new(aws, Arc::new(move || groups.clone()))
        .with_attributes(Arc::new(move || attributes.clone()))
        .with_account_tags(Arc::new(move || account_tags), TagPace::Whole);
    let read = with_progress(inventory.refresh()).await;
    let directory = read.map_err(|fault| {
        let message = format!("the organization cannot be read: {fault}");
        Failure::failed(message).at("--facts").help(HELP)
    })?;
    if let Some(UntoldTags { account, fault, .. }) = inventory.untold_tags() {
        let message = format!("the tags of account {account} cannot be read: {fault}");
        return Err(Failure::failed(message).at("--facts").help(HELP));
    }
    drop(inventory);
    say(&found(&about, &directory));
    Ok(OrganizationFacts {
        directory: Arc::unwrap_or_clone(directory),
        origin: Origin::Live(Box::new(about)),
    })
}

/// Prints the elapsed time on stderr: a large organization takes minutes.
async fn with_progress<T>(reading: impl Future<Output = T>) -> T {
    let mut line = ProgressLine::new("");
    let mut turns = tokio::time::interval(TOLD_EVERY);
    let mut reading = std::pin::pin!(reading);
    loop {
        tokio::select! {
            read = &mut reading => {
                line.end();
                return read;
            }
            _ = turns.tick() => {
                let seconds = line.elapsed().as_secs();
                line.say(format!("reading the organization: {seconds} s"));
            }
        }
    }
}

/// Names the organization: with wrong credentials every name would look unknown.
fn found(about: &ConnectedOrganization, directory: &Directory) -> String {
    format!(
        "read {} in {}: accounts: {}, permission sets: {}, groups: {}, users: {}",
        about.instance_arn,
        about.region,
        directory.accounts().len(),
        directory.permission_sets().len(),
        directory.groups().len(),
        directory.people().len(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_aws_and_everything_else_a_file() {
        let of = |text: &str| FactsSource::from(OsString::from(text));
        assert_eq!(of("live"), FactsSource::Live);
        for file in [
            "./live",
            "live.json",
            "Live",
            "live/",
            "organization.json",
            "",
        ] {
            assert_eq!(of(file), FactsSource::File(PathBuf::from(file)), "{file}");
        }
    }
}
