//! What commands on the server's own machine begin with: the configuration, the store, AWS, a runtime to wait
//! in, and how they hear that they are to stop.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hallpass_assignments::CenterFault;
use hallpass_aws::{
    Aws, AwsClientSettings as AwsSettings, ConnectError, ConnectedOrganization, InstanceSource,
    OwnAccountRole, PermissionSetUse,
};
use hallpass_clock::ProcessClock;
use hallpass_config::{self, Loaded, Secrets};
use hallpass_host::machine_name;
use hallpass_host::server_store::{ServerStore, StoreAddress};
use hallpass_model::{AccountId, GroupId, IdSource};
use hallpass_store::OpenError;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::OutputArgs;

use crate::{clock, kept_instance, postgres_password};

/// How the configuration is named.
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

/// By which configuration a command reads, and how it prints what it found.
#[derive(Clone, Debug, clap::Args)]
pub struct ReadingArgs {
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// The form.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl ConfigArgs {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.config
    }

    /// Reads it.
    pub fn load(&self) -> Result<Loaded, Failure> {
        hallpass_config::load(&self.config)
    }

    /// Reads it for what needs no secret of the server's: references to them stay references.
    pub fn load_without_secrets(&self) -> Result<Loaded, Failure> {
        hallpass_config::load_with(&self.config, Secrets::Left)
    }

    /// Reads it as a server does that was started with `--listen`: whatever goes by its address, goes by that one.
    pub fn load_listening(
        &self,
        listen: Option<&str>,
        secrets: Secrets,
    ) -> Result<Loaded, Failure> {
        let mut loaded = hallpass_config::load_with(&self.config, secrets)?;
        if let Some(listen) = listen {
            listen.clone_into(&mut loaded.config.server.listen);
        }
        Ok(loaded)
    }

    /// Reads it with its secrets; where one is not there, without them, and why.
    ///
    /// # Errors
    /// Where it cannot be used without them either.
    pub fn load_as_far_as_it_goes(
        &self,
        listen: Option<&str>,
    ) -> Result<(Loaded, Option<Failure>), Failure> {
        match self.load_listening(listen, Secrets::Read) {
            Ok(loaded) => Ok((loaded, None)),
            Err(missing) => Ok((self.load_listening(listen, Secrets::Left)?, Some(missing))),
        }
    }

    /// That there is none, and where it was looked for: everything is as by default then.
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

    /// Whether the configured store may be there, or may be made: without a configuration nothing is, for no
    /// server would look there.
    ///
    /// # Errors
    /// Exit 2 when there is neither a store nor a configuration; and when nobody can tell whether there is a store.
    pub fn ensure_meant(&self, store: &StoreAddress) -> Result<(), Failure> {
        match self.missing() {
            Some(words) if !store.may_be_there()? => Err(Failure::bad_input(words).help(NAME_IT)),
            Some(_) | None => Ok(()),
        }
    }

    /// Where the configured store is, which must be there: whoever looks at what was stored, or acts on it, must not
    /// make an empty one and say that there is nothing.
    ///
    /// # Errors
    /// Exit 2 where it is not there, or there is no configuration either; and when nobody can tell.
    pub fn existing_store(&self) -> Result<StoreAddress, Failure> {
        let address = self.load_without_secrets()?.store()?;
        self.ensure_meant(&address)?;
        ensure_there(&address)?;
        Ok(address)
    }
}

/// Whether a store is there that somebody has named.
///
/// # Errors
/// Exit 2 where it is not; and when nobody can tell.
pub fn ensure_there(address: &StoreAddress) -> Result<(), Failure> {
    if address.may_be_there()? {
        Ok(())
    } else {
        Err(no_store(address))
    }
}

/// Says where a store was looked for, also where it is named by a relative path.
fn no_store(address: &StoreAddress) -> Failure {
    let shown = match address {
        StoreAddress::File(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
        StoreAddress::Postgres(_) => PathBuf::from(address.to_string()),
    };
    Failure::bad_input(format!("there is no database `{}`", shown.display())).help(
        "`store.url` in the configuration (`--config FILE` or the variable `HALLPASS_CONFIG`) names it; `hallpass serve` or `hallpass server store migrate` makes it",
    )
}

/// The same for what then acts at AWS: nothing is begun while the database lacks records that a node has seen.
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

/// The groups of the memberships that are held in a store. It is not made: none are held in a missing one.
///
/// # Errors
/// When one that is there cannot be read, or nobody can tell whether there is one.
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

/// What a store gave, or why it gave nothing.
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

/// Connects to AWS as the configuration says. What AWS says of the time goes to the clock.
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

/// How long the server waits for an AWS that does not answer before it gives up: access that is due
/// to end waits for it.
const AWS_PATIENCE: Duration = Duration::from_mins(2);

/// How often AWS is asked for the instance while it has not said which it is.
const ASK_AGAIN: Duration = Duration::from_secs(15);

/// Connects to AWS, again and again while it throttles, fails or cannot be reached. What is wrong
/// with the configuration is said at once. Where the home Region alone gives no answer, the server goes on with the
/// instance that `store` has of before ([`belied`]).
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

/// What is wrong with an instance that has no permission sets, and what helps.
pub const NO_PERMISSION_SETS: (&str, &str) = (
    "permission sets are switched off in this instance of IAM Identity Center: nothing can be granted in it",
    "enable permission sets for the instance, or name another in `identity.instance_arn`",
);

/// What is wrong with calls of an additional Region of the instance, and what helps.
pub fn not_the_home_region(own: &str, home: &str) -> (String, &'static str) {
    let words = format!(
        "this server calls IAM Identity Center in {own}, and its home Region is {home}: assignments can be listed and changed there alone"
    );
    (words, "set `aws.region` to the home Region")
}

/// Refuses an instance in which nothing can be granted, before anything is promised. One that cannot be read is gone on with: a role
/// may have been given its rights before they were read.
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

/// Resolves where a server goes on with the instance of before, and AWS answers that it must not: with what a start would have ended
/// with. Never otherwise.
pub async fn belied(aws: &Aws) -> Failure {
    if aws.instance_source() == InstanceSource::Before {
        loop {
            tokio::time::sleep(ASK_AGAIN).await;
            match aws.confirm_instance().await {
                Ok(()) => {
                    if let Err(failure) = check_instance(aws).await {
                        return failure;
                    }
                    tracing::info!("AWS says that the instance of before is ours");
                    break;
                }
                Err(error @ ConnectError::AnotherInstance { .. }) => {
                    tracing::error!(%error, "this server stops: it went on with an instance that AWS did not tell of");
                    return no_aws(&error);
                }
                Err(error) if is_passing(&error) => {
                    tracing::debug!(%error, "AWS does not say which instance is ours");
                }
                // a service that comes back may refuse, or have nothing to list, for a moment: a start would end with that
                // again and again, and nothing of what is due would be done
                Err(error) => {
                    tracing::warn!(%error, "AWS does not say which instance is ours; it is asked again");
                }
            }
        }
    }
    std::future::pending().await
}

/// Whether waiting may help.
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
    let mut failure = Failure::failed(format!("cannot use AWS: {error}"));
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        failure = failure.detail(inner.to_string());
        source = inner.source();
    }
    failure.help(error.help())
}

/// Where AWS is and as whom, as the configuration says.
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

/// The management account, as far as AWS says it.
pub fn management_account(about: &ConnectedOrganization) -> Option<AccountId> {
    let account = about.management_account.as_deref();
    account.and_then(|account| account.parse().ok())
}

/// The account we cannot change: the management account, for a delegated administrator.
pub fn out_of_reach(about: &ConnectedOrganization) -> Option<AccountId> {
    management_account(about).filter(|_| about.place == OwnAccountRole::DelegatedAdministrator)
}

/// Resolves when the process is asked to stop. From the call on the process is not ended by being asked, also
/// while nobody waits for this yet.
pub fn asked_to_stop() -> impl Future<Output = ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let asked = [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| {
            // listened to here, not when it is first waited for
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

/// From the call on the process is not ended by SIGHUP, also while nobody waits for one yet.
pub fn hangup_is_heard() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // whoever cannot listen is ended as before; what is heard before somebody waits is of no matter
        drop(signal(SignalKind::hangup()));
    }
}

/// Resolves when whoever started this process is gone, or wants it to end.
pub async fn starter_is_gone() {
    let (gone, told) = tokio::sync::oneshot::channel::<()>();
    // a thread of its own: the runtime would wait for one of its own that reads
    std::thread::spawn(move || {
        let mut nothing = [0; 64];
        while !matches!(std::io::stdin().read(&mut nothing), Ok(0) | Err(_)) {}
        drop(gone);
    });
    // an error says that the sender is dropped, which is the news
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
        // long enough for a signal that nobody listens to
        tokio::time::sleep(Duration::from_millis(200)).await;
        asked.await;
    }

    #[tokio::test]
    async fn who_is_hung_up_before_waiting_for_it_is_not_ended() {
        hangup_is_heard();
        let own = std::process::id().to_string();
        let sent = Command::new("kill").args(["-HUP", &own]).status().unwrap();
        assert!(sent.success());
        // long enough for a signal that nobody listens to
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
