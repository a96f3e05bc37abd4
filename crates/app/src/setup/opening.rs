//! Common setup of commands on the server's machine: configuration, store, AWS, runtime, and stop
//! signals.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Loaded, Secrets};
use crate::host::server_store::{ServerStore, StoreAddress};
use hallpass_assignments::CenterFault;
use hallpass_aws::{
    Aws, AwsClientSettings as AwsSettings, ConnectError, ConnectedOrganization, InstanceSource,
    OwnAccountRole, PermissionSetUse,
};
use hallpass_base::clock::ProcessClock;
use hallpass_base::{AccountId, GroupId, IdSource};
use hallpass_store::OpenError;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::machine_name;
use hallpass_terminal::output::OutputArgs;

use crate::setup::{clock, kept_instance, postgres_password};

pub const NAME_IT: &str = "name it: `--config FILE` or the variable `HALLPASS_CONFIG`";

/// `--config FILE`.
#[derive(Clone, Debug, clap::Args)]
pub struct ConfigArgs {
    /// Configuration file
    #[arg(
        long,
        value_name = "FILE",
        env = "HALLPASS_CONFIG",
        default_value = "hallpass.toml"
    )]
    config: PathBuf,
}

/// Configuration and output options.
#[derive(Clone, Debug, clap::Args)]
pub struct ReadingArgs {
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// The output format.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl ConfigArgs {
    pub fn path(&self) -> &Path {
        &self.config
    }

    pub fn load(&self) -> Result<Loaded, Failure> {
        crate::config::load(&self.config)
    }

    pub fn load_without_secrets(&self) -> Result<Loaded, Failure> {
        crate::config::load_with(&self.config, Secrets::Left)
    }

    /// Loads with the address of `--listen`.
    pub fn load_listening(
        &self,
        listen: Option<&str>,
        secrets: Secrets,
    ) -> Result<Loaded, Failure> {
        let mut loaded = crate::config::load_with(&self.config, secrets)?;
        if let Some(listen) = listen {
            listen.clone_into(&mut loaded.config.server.listen);
        }
        Ok(loaded)
    }

    /// Loads with secrets; if one is missing, without them, with the reason.
    ///
    /// # Errors
    /// Unusable even without secrets.
    pub fn load_as_far_as_it_goes(
        &self,
        listen: Option<&str>,
    ) -> Result<(Loaded, Option<Failure>), Failure> {
        match self.load_listening(listen, Secrets::Read) {
            Ok(loaded) => Ok((loaded, None)),
            Err(missing) => Ok((self.load_listening(listen, Secrets::Left)?, Some(missing))),
        }
    }

    /// Describes the missing configuration and the searched paths: defaults apply.
    pub fn missing(&self) -> Option<String> {
        if self.config.exists() {
            return None;
        }
        let folder = std::env::current_dir();
        let folder = folder.map_or_else(|_| ".".to_owned(), |it| it.display().to_string());
        let file = self.config.display();
        Some(format!(
            "there is no configuration file: `{file}` is not in `{folder}`"
        ))
    }

    /// Checks that the store exists or may be created: not without a configuration, because no
    /// server would find it.
    ///
    /// # Errors
    /// Exit 2 without store and configuration; also if unknown.
    pub fn ensure_meant(&self, store: &StoreAddress) -> Result<(), Failure> {
        match self.missing() {
            Some(words) if !store.may_be_there()? => Err(Failure::bad_input(words).help(NAME_IT)),
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the existing store: commands that read or act must not create an empty one.
    ///
    /// # Errors
    /// Exit 2 if missing, or if unknown.
    pub fn existing_store(&self) -> Result<StoreAddress, Failure> {
        let address = self.load_without_secrets()?.store()?;
        self.ensure_meant(&address)?;
        ensure_there(&address)?;
        Ok(address)
    }
}

/// Checks that a named store exists.
///
/// # Errors
/// Exit 2 if missing, or if unknown.
pub fn ensure_there(address: &StoreAddress) -> Result<(), Failure> {
    if address.may_be_there()? {
        Ok(())
    } else {
        Err(no_store(address))
    }
}

fn no_store(address: &StoreAddress) -> Failure {
    let shown = match address {
        StoreAddress::File(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
        StoreAddress::Postgres(_) => PathBuf::from(address.to_string()),
    };
    Failure::bad_input(format!("there is no database `{}`", shown.display())).help(
        "`store.url` in the configuration (`--config FILE` or the variable `HALLPASS_CONFIG`) names it; `hallpass serve` or `hallpass server store migrate` makes it",
    )
}

/// For commands that change AWS: refuses while the database lacks records that a node has seen.
pub async fn open_store_to_act(address: StoreAddress) -> Result<ServerStore, Failure> {
    Ok(open_store(address).await?.acting(&machine_name::host()))
}

/// Opens the store, and lays out an empty one.
pub async fn open_store(address: StoreAddress) -> Result<ServerStore, Failure> {
    let opened = match address {
        StoreAddress::File(path) => {
            tokio::task::spawn_blocking(move || ServerStore::open(path)).await
        }
        StoreAddress::Postgres(address) => {
            let address = postgres_password::completed(*address)?;
            Ok(ServerStore::open_postgres(address).await)
        }
    };
    looked_at(opened)
}

/// Groups of the active memberships in a store. Does not create the store; a missing one has none.
///
/// # Errors
/// When an existing store cannot be read, or its existence cannot be determined.
pub async fn groups_held(address: StoreAddress) -> Result<BTreeSet<GroupId>, Failure> {
    if !address.may_be_there()? {
        return Ok(BTreeSet::new());
    }
    let held = match address {
        StoreAddress::File(path) => {
            tokio::task::spawn_blocking(move || ServerStore::groups_held(path)).await
        }
        StoreAddress::Postgres(address) => {
            let address = postgres_password::completed(*address)?;
            Ok(ServerStore::groups_held_postgres(address).await)
        }
    };
    looked_at(held)
}

fn looked_at<T>(given: Result<Result<T, OpenError>, tokio::task::JoinError>) -> Result<T, Failure> {
    match given {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            let mut failure = Failure::failed(error.to_string());
            let mut source = std::error::Error::source(&error);
            while let Some(inner) = source {
                failure = failure.detail(inner.to_string());
                source = inner.source();
            }
            Err(failure.help(error.help()))
        }
        Err(error) => Err(Failure::bug(error)),
    }
}

/// Connects to AWS as configured. AWS response times set the clock.
pub async fn connect(
    loaded: &Loaded,
    clock: &Arc<ProcessClock>,
    ids: Arc<dyn IdSource>,
) -> Result<Aws, Failure> {
    let connected = try_connect(aws_settings(loaded), clock, ids).await;
    let aws = connected.map_err(|error| no_aws(&error))?;
    clock::settle(clock, &aws).await;
    Ok(aws)
}

async fn try_connect(
    settings: AwsSettings,
    clock: &Arc<ProcessClock>,
    ids: Arc<dyn IdSource>,
) -> Result<Aws, ConnectError> {
    let (time, dates) = (Arc::clone(clock), clock::listener(clock));
    hallpass_aws::connect(settings, time, ids, dates).await
}

/// How long the server waits for AWS before it gives up: due ends wait too.
const AWS_PATIENCE: Duration = Duration::from_mins(2);

const ASK_AGAIN: Duration = Duration::from_secs(15);

/// Connects to AWS with retries on throttling, failures and outages. Configuration errors fail
/// immediately. During an outage of the home Region alone, uses the instance in `store`
/// ([`belied`]).
pub async fn connect_patiently(
    loaded: &Loaded,
    store: &ServerStore,
    clock: &Arc<ProcessClock>,
    ids: &Arc<dyn IdSource>,
) -> Result<Aws, Failure> {
    let settings = AwsSettings {
        known_instance: kept_instance::kept(store).await,
        ..aws_settings(loaded)
    };
    let (mut waited, mut pause) = (Duration::ZERO, Duration::from_millis(500));
    loop {
        match try_connect(settings.clone(), clock, Arc::clone(ids)).await {
            Ok(aws) => {
                clock::settle(clock, &aws).await;
                if aws.instance_source() != InstanceSource::Before {
                    check_instance(&aws).await?;
                    let known = settings.known_instance.as_ref();
                    kept_instance::keep(store, &aws, known).await;
                }
                return Ok(aws);
            }
            Err(error) if waited < AWS_PATIENCE && is_passing(&error) => {
                tracing::warn!(error = %error, "AWS does not answer; it is asked again");
                tokio::time::sleep(pause).await;
                waited += pause;
                pause = (pause * 2).min(Duration::from_secs(10));
            }
            Err(error) => return Err(no_aws(&error)),
        }
    }
}

pub const NO_PERMISSION_SETS: (&str, &str) = (
    "permission sets are switched off in this instance of IAM Identity Center: nothing can be granted in it",
    "enable permission sets for the instance, or name another in `identity.instance_arn`",
);

pub fn not_the_home_region(own: &str, home: &str) -> (String, &'static str) {
    let words = format!(
        "this server calls IAM Identity Center in {own}, and its home Region is {home}: assignments can be listed and changed there alone"
    );
    (words, "set `aws.region` to the home Region")
}

/// Refuses an instance that cannot grant anything. Continues if unreadable: the role may get its
/// permissions later.
async fn check_instance(aws: &Aws) -> Result<(), Failure> {
    let regions = match aws.instance_regions().await {
        Ok(regions) => regions,
        Err(fault) => {
            tracing::warn!(%fault, "the Regions of the instance cannot be listed; by which people sign in is not known");
            Vec::new()
        }
    };
    let own = &aws.about().region;
    if let Some(home) = regions.iter().find(|it| it.is_home && it.name != *own) {
        let (words, help) = not_the_home_region(own, &home.name);
        return Err(Failure::failed(words).help(help));
    }
    match aws.instance().await.map(|it| it.permission_sets) {
        Ok(PermissionSetUse::Off) => {
            let (words, help) = NO_PERMISSION_SETS;
            Err(Failure::failed(words).help(help))
        }
        Ok(PermissionSetUse::On) => Ok(()),
        Err(fault) => {
            tracing::warn!(%fault, "the instance cannot be described; whether it has permission sets is not known");
            Ok(())
        }
    }
}

/// Resolves with the startup error if the server uses a stored instance and AWS later contradicts
/// it. Otherwise never.
pub async fn belied(aws: &Aws) -> Failure {
    if aws.instance_source() == InstanceSource::Before {
        loop {
            tokio::time::sleep(ASK_AGAIN).await;
            match aws.confirm_instance().await {
                Ok(()) => {
                    if let Err(failure) = check_instance(aws).await {
                        return failure;
                    }
                    tracing::info!("AWS confirms the stored instance");
                    break;
                }
                Err(error @ ConnectError::AnotherInstance { .. }) => {
                    tracing::error!(%error, "this server stops: it used an instance that AWS did not confirm");
                    return no_aws(&error);
                }
                Err(error) if is_passing(&error) => {
                    tracing::debug!(%error, "AWS does not confirm the instance");
                }
                // a recovering service may briefly refuse or list nothing: a restart loop would
                // delay all due work
                Err(error) => {
                    tracing::warn!(%error, "AWS does not confirm the instance; it is asked again");
                }
            }
        }
    }
    std::future::pending().await
}

fn is_passing(error: &ConnectError) -> bool {
    matches!(
        error,
        ConnectError::Call {
            fault: CenterFault::Throttled { .. }
                | CenterFault::KeyUnusable { .. }
                | CenterFault::NotSent
                | CenterFault::Unreachable { .. },
            ..
        }
    )
}

fn no_aws(error: &ConnectError) -> Failure {
    let (words, cause) = error.in_short();
    let failure = Failure::failed(format!("cannot use AWS: {words}")).code(error.code());
    let failure = failure.help(error.help());
    match cause {
        Some(cause) => failure.cause(cause),
        None => failure,
    }
}

pub fn aws_settings(loaded: &Loaded) -> AwsSettings {
    let aws = &loaded.config.aws;
    let identity = &loaded.config.identity;
    let from_environment = || {
        ["AWS_REGION", "AWS_DEFAULT_REGION"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok())
    };
    let region = aws
        .region
        .clone()
        .or_else(from_environment)
        .unwrap_or_else(|| "us-east-1".to_owned());
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    AwsSettings {
        endpoint_url: aws.endpoint_url.clone(),
        role_arn: aws.role_arn.clone(),
        external_id: aws.external_id.clone(),
        instance_arn: given(&identity.instance_arn),
        identity_store_id: given(&identity.store_id),
        ..AwsSettings::new(region)
    }
}

pub fn management_account(about: &ConnectedOrganization) -> Option<AccountId> {
    let account = about.management_account.as_deref();
    account.and_then(|account| account.parse().ok())
}

/// Returns the account that cannot be changed: the management account, for a delegated
/// administrator.
pub fn out_of_reach(about: &ConnectedOrganization) -> Option<AccountId> {
    management_account(about).filter(|_| about.place == OwnAccountRole::DelegatedAdministrator)
}

/// Resolves on a stop signal. Handles signals from the call on, even before it is awaited.
pub fn asked_to_stop() -> impl Future<Output = ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let asked = [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| {
            // registered here, not at the first poll
            let listening = signal(kind);
            Box::pin(async move {
                match listening {
                    Ok(mut listening) => {
                        listening.recv().await;
                    }
                    Err(_) => std::future::pending().await,
                }
            })
        });
        async move {
            futures_util::future::select_all(asked).await;
        }
    }
    #[cfg(not(unix))]
    {
        async {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

/// Handles SIGHUP from the call on, even before it is awaited.
pub fn hangup_is_heard() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // without a handler the default applies; early signals do not matter
        drop(signal(SignalKind::hangup()));
    }
}

/// Resolves when the parent process ends or closes the pipe.
pub async fn starter_is_gone() {
    let (gone, told) = tokio::sync::oneshot::channel::<()>();
    // a separate thread, because the runtime waits for its own blocking reads
    std::thread::spawn(move || {
        let mut nothing = [0; 64];
        while !matches!(std::io::stdin().read(&mut nothing), Ok(0) | Err(_)) {}
        drop(gone);
    });
    let _closed: Result<_, _> = told.await;
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn who_is_asked_to_stop_before_waiting_for_it_is_not_ended() {
        let asked = asked_to_stop();
        let own = std::process::id().to_string();
        let sent = Command::new("kill").args(["-TERM", &own]).status().unwrap();
        assert!(sent.success());
        tokio::time::sleep(Duration::from_millis(200)).await;
        asked.await;
    }

    #[tokio::test]
    async fn who_is_hung_up_before_waiting_for_it_is_not_ended() {
        hangup_is_heard();
        let own = std::process::id().to_string();
        let sent = Command::new("kill").args(["-HUP", &own]).status().unwrap();
        assert!(sent.success());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
