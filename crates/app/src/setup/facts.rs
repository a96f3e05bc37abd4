//! `--facts`: the organization that rules are held against and names are looked up in, from a file or from AWS as
//! it is now.

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

/// The word that stands for AWS itself.
const LIVE: &str = "live";
/// How often is told for how long the organization is being read.
const TOLD_EVERY: Duration = Duration::from_secs(1);
/// What helps where AWS tells nothing of the organization.
const HELP: &str = "set `AWS_REGION` to the home Region of IAM Identity Center, or name the server's configuration in `HALLPASS_CONFIG`, \
                    with credentials that may read IAM Identity Center and AWS Organizations; a file of that name is `./live`";

/// What `--facts` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactsSource {
    /// The organization as it is now, read with the credentials of the environment.
    Live,
    /// An organization file.
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

/// An organization that was read.
#[derive(Debug)]
pub struct OrganizationFacts {
    /// Accounts, permission sets, people and groups.
    pub directory: Directory,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    Live(Box<ConnectedOrganization>),
    File(PathBuf),
}

/// Ids of the organization itself, as far as they are known.
#[derive(Debug, Default)]
pub struct KnownIds {
    /// The organization, `o-…`.
    pub organization: Option<String>,
    /// The identity store, `d-…`.
    pub identity_store: Option<String>,
}

impl FactsSource {
    /// Reads the organization; what only matters where rules name it as far as `needed` says, of which an import, which
    /// decides nothing, needs none. `region`: where AWS is asked, unless the configuration or, in the end, the environment
    /// says it.
    ///
    /// # Errors
    /// Exit 2 when the file or the configuration cannot be used, exit 1 when AWS cannot be read.
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
    /// Refuses a file in which a row of a list has no id of its own: the simulator would make one, which is no fact
    /// about AWS. AWS itself has them all.
    ///
    /// # Errors
    /// Exit 2, naming the row and `why` its id is needed.
    pub fn ensure_stated(&self, pointer: &str, member: &str, why: &str) -> Result<(), Failure> {
        match &self.origin {
            Origin::Live(_) => Ok(()),
            Origin::File(path) => StatedIds::read(path)?.ensure_all(pointer, member, why),
        }
    }

    /// The ids of the organization itself.
    ///
    /// # Errors
    /// Exit 2 when the file cannot be read.
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

/// How AWS is reached: as the configuration says that `HALLPASS_CONFIG` names, else as the environment does. A
/// `hallpass.toml` that happens to be in the folder is not meant.
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

/// The groups whose members hold roles, by the configuration that `HALLPASS_CONFIG` names; none where it names none.
///
/// # Errors
/// Exit 2 when the configuration cannot be used.
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

/// Waits, and tells on stderr for how long already: a large organization takes minutes.
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

/// Whose organization it was: credentials of another one would make every name look unknown.
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
