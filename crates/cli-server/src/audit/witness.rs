//! `hallpass audit witness`: follows an export remotely, and countersigns heads that continue its
//! history (`access.md` V-2).

use std::fs::{self, File, TryLockError};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hallpass_app::host::keys::{Absent, key_at};
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::status_http::{self, Face};
use hallpass_app::setup::heads::open_source;
use hallpass_app::setup::opening::{ConfigArgs, asked_to_stop};
use hallpass_audit::{
    Alarm, AlarmKind, Concluded, ExportLocation, ExportSource, ExportTarget, KnownKeys, LookError,
    PublishedHead, ReadExportError, Signer, SinkErrorKind, Statement, TrustedKeys, WitnessMemory,
    WitnessName, WitnessWatch, look,
};
use hallpass_base::TimeSpan;
use hallpass_base::clock::now;
use hallpass_store::{Existing, FolderTarget, make_private_folder, write_private};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;
use tokio::net::TcpListener;
use tokio::sync::watch as flag;

use super::places;
use super::witness_face::WitnessFace;

const MEMORY: &str = "memory.json";
const KEY: &str = "witness.key";
const HELP: &str = "keep the export and this folder as they are; docs/how-to/witness.md says what each alarm means";

/// Follow an export remotely and countersign its heads
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Follow an export from elsewhere and countersign its heads\n\nTo be run on another \
                  machine, under another role and with its own key: no operator of the \
                  server can change unseen what it has countersigned. Reads the export's root (a folder or \
                  s3://bucket/prefix), verifies each record and each head by the keys in --keys, and \
                  writes witness/NAME/SEQ.json below --state. A log that does not continue the \
                  seen one is an alarm: exit 1, named fork, rollback, silence, changed, missing, reordered or forged. With \
                  --listen it continues to show the alarm until it is stopped.",
    after_help = "Examples:
  hallpass audit witness s3://acme-audit/hallpass --name security --keys keys.txt
  hallpass audit witness /mnt/audit --name security --keys keys.txt --once
  hallpass audit witness s3://acme-audit/hallpass --name security --keys keys.txt \\
    --publish s3://acme-witness/hallpass"
)]
pub(crate) struct Args {
    /// The export's root: a folder, or `s3://bucket/prefix`
    #[arg(value_name = "EXPORT")]
    export: String,
    /// This witness's name in key lists
    #[arg(long, value_name = "NAME")]
    name: WitnessName,
    /// Public keys of trusted heads (`hallpass audit key --heads`)
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// Folder for state, statements and the key
    #[arg(long, value_name = "DIR", default_value = "hallpass-witness")]
    state: PathBuf,
    /// Ed25519 key file instead of one created in --state
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Also publish statements there: a folder, or `s3://bucket/prefix`
    #[arg(long, value_name = "PLACE")]
    publish: Option<String>,
    /// Prefix of the exported records, as `audit.export.prefix`
    #[arg(long, value_name = "PREFIX", default_value = "logs")]
    prefix: String,
    /// Poll interval
    #[arg(long, value_name = "SPAN", default_value = "1m")]
    every: TimeSpan,
    /// Poll once, for cron
    #[arg(long)]
    once: bool,
    /// Serve `/healthz` and `/metrics` there, also after an alarm until stopped
    #[arg(
        long,
        value_name = "ADDRESS",
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:9092",
        conflicts_with = "once"
    )]
    listen: Option<SocketAddr>,
    /// Forget the seen history, for a restored log; earlier statements are moved to a backup
    #[arg(long)]
    begin_again: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let keys = places::trusted(&args.keys)?;
    make_state(&args.state)?;
    let _only = only_witness(&args.state)?;
    if args.begin_again {
        ensure_unsaid(args)?;
        put_aside(args)?;
    }
    let key = args.key.clone().unwrap_or_else(|| args.state.join(KEY));
    let absent = match args.key {
        Some(_) => Absent::Missed,
        None => Absent::Made,
    };
    let signer = key_at(&key, absent)?;
    let kept = read_memory(&args.state)?;
    runtime()?.block_on(async {
        let witness = Witness::open(args, keys, signer).await?;
        witness.follow(kept).await
    })
}

fn make_state(state: &Path) -> Result<(), Failure> {
    // becomes private with its first file; here only a folder
    let probe = state.join("lock");
    if probe.exists() {
        return Ok(());
    }
    write_private(&probe, b"", Existing::Replaced)
        .map_err(|error| Failure::unwritable(state.display(), &error))
}

/// Locks the state while the value lives.
fn only_witness(state: &Path) -> Result<File, Failure> {
    let path = state.join("lock");
    let file = File::options()
        .write(true)
        .open(&path)
        .map_err(|error| Failure::unwritable(path.display(), &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = format!("another witness works in `{}`", state.display());
            Err(Failure::new(Exit::Held, message).help("give this one another `--state`"))
        }
        Err(TryLockError::Error(error)) => Err(Failure::unwritable(path.display(), &error)),
    }
}

/// Ensures that no published statement exists: it cannot be changed.
fn ensure_unsaid(args: &Args) -> Result<(), Failure> {
    let Some(place) = &args.publish else {
        return Ok(());
    };
    let means = places::means_for([place.as_str()], &args.config)?;
    let said = runtime()?.block_on(async {
        let source = open_source(&places::typed(place)?, &means).await?;
        let said = source.list(&format!("witness/{}/", args.name), None).await;
        said.map_err(|error| places::failed(&ReadExportError::Unreadable(error)))
    })?;
    if said.is_empty() {
        return Ok(());
    }
    let name = &args.name;
    let message = format!("`{place}` has statements of witness `{name}` about the earlier log");
    Err(Failure::bad_input(message).help(
        "begin again under a new `--name`, with a line for it in key lists; earlier statements stay beside it",
    ))
}

fn put_aside(args: &Args) -> Result<(), Failure> {
    let aside = args
        .state
        .join(format!("before-{}", now().strftime("%Y%m%dT%H%M%SZ")));
    let failed = |error: io::Error| Failure::unwritable(aside.display(), &error);
    let said = Path::new("witness").join(args.name.as_str());
    for part in [Path::new(MEMORY), &said] {
        let (from, to) = (args.state.join(part), aside.join(part));
        if !from.exists() {
            continue;
        }
        if let Some(above) = to.parent() {
            make_private_folder(above).map_err(failed)?;
        }
        fs::rename(&from, &to).map_err(failed)?;
    }
    if aside.exists() {
        output::say(&format!(
            "What was seen before is kept in `{}`.",
            aside.display()
        ));
    }
    Ok(())
}

fn read_memory(state: &Path) -> Result<Option<WitnessMemory>, Failure> {
    let path = state.join(MEMORY);
    match fs::read_to_string(&path) {
        Ok(text) => WitnessMemory::parse(&text).map(Some).map_err(|error| {
            // an automatic restart would forget the seen history
            Failure::failed(format!("`{}` cannot be read: {error}", path.display())).help(HELP)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::unreadable(path.display(), &error)),
    }
}

struct Witness<'a> {
    args: &'a Args,
    keys: TrustedKeys,
    signer: Signer,
    source: Arc<dyn ExportSource>,
    /// Statements in the state folder.
    said: FolderTarget,
    publish: Option<Arc<dyn ExportTarget>>,
    /// State for monitoring.
    face: Arc<WitnessFace>,
}

impl<'a> Witness<'a> {
    async fn open(args: &'a Args, keys: TrustedKeys, signer: Signer) -> Result<Self, Failure> {
        let typed = [Some(&args.export), args.publish.as_ref()];
        let typed = typed.into_iter().flatten().map(String::as_str);
        let means = places::means_for(typed, &args.config)?;
        let publish = match &args.publish {
            Some(place) => Some(places::target(place, &means).await?),
            None => None,
        };
        Ok(Self {
            args,
            keys,
            signer,
            source: places::source(&args.export, &means).await?,
            said: FolderTarget::new(&args.state),
            publish,
            face: Arc::default(),
        })
    }

    async fn follow(&self, kept: Option<WitnessMemory>) -> Outcome {
        let name = &self.args.name;
        output::say(&format!("witness {name} {}", self.signer.public()));
        let is_first = kept.is_none();
        let mut kept = kept.unwrap_or_else(|| WitnessMemory::first_look(now()));
        if let Some(head) = &kept.head {
            output::say(&format!(
                "Continues after record {} of {}, for records seen since {}.",
                head.seq,
                self.source.name(),
                kept.began_at
            ));
        }
        let (mut watch, mut known) = (WitnessWatch::new(kept.clone()), KnownKeys::default());
        let mut has_vouched = !is_first;
        let stop = asked_to_stop();
        tokio::pin!(stop);
        let (_listening, ended) = flag::channel(false);
        if let Some(address) = self.args.listen {
            let listener = TcpListener::bind(address)
                .await
                .map_err(|error| Failure::cannot_listen(address, &error))?;
            let face = Arc::clone(&self.face) as Arc<dyn Face>;
            tokio::spawn(status_http::serve(listener, face, ended));
        }
        self.face.seen(&kept);
        loop {
            match self.look(&mut watch, &mut known).await {
                Ok(()) => {
                    kept = watch.memory().clone();
                    self.face.seen(&kept);
                    if let Some(first) = kept.first.filter(|_| !has_vouched) {
                        has_vouched = true;
                        output::say(&vouches(first, &kept, &self.source.name()));
                    }
                }
                Err(Stopped::For(failure)) => return Err(failure),
                Err(Stopped::Alarm(alarm)) => return Err(self.alarmed(&alarm, stop).await),
                Err(Stopped::Unread(why)) => {
                    self.face.unread(&why);
                    if let Some(alarm) = kept.blind(now()) {
                        return Err(self.alarmed(&alarm, stop).await.detail(why));
                    }
                    if self.args.once {
                        return Err(Failure::failed(why));
                    }
                    output::say(&format!("warning: {why}; it is tried again"));
                    // discard a partial poll
                    (watch, known) = (WitnessWatch::new(kept.clone()), KnownKeys::default());
                }
            }
            if self.args.once {
                return Ok(Exit::Ok);
            }
            tokio::select! {
                () = &mut stop => return Ok(Exit::Ok),
                () = tokio::time::sleep(pause(self.args.every)) => {}
            }
        }
    }

    async fn alarmed(&self, alarm: &Alarm, stop: impl Future<Output = ()>) -> Failure {
        self.face.alarmed(alarm);
        if self.args.listen.is_some() {
            output::say(&format!("alarm: {alarm}; {HELP}"));
            stop.await;
        }
        cry(alarm)
    }

    /// Polls once; writes all results to disk before reporting.
    async fn look(&self, watch: &mut WitnessWatch, known: &mut KnownKeys) -> Result<(), Stopped> {
        let place = ExportLocation {
            source: self.source.as_ref(),
            prefix: &self.args.prefix,
        };
        let concluded = look(place, watch, known, &self.keys, now()).await;
        let Concluded { countersign, alarm } = concluded.map_err(|error| match error {
            LookError::Alarm(alarm) => Stopped::Alarm(alarm),
            LookError::Unread(_) => Stopped::Unread(error.to_string()),
        })?;
        // CRASH: statements first: a statement without state is found again; state without a
        // statement would lose it
        for head in &countersign {
            self.say(head)?;
        }
        self.remember(watch.memory())?;
        let published = self.publish(watch.memory().published).await;
        let was = watch.memory().published;
        watch.published(published.0);
        if watch.memory().published != was {
            self.remember(watch.memory())?;
        }
        if let Some(alarm) = alarm {
            return Err(Stopped::Alarm(alarm));
        }
        published.1
    }

    fn say(&self, head: &PublishedHead) -> Result<(), Stopped> {
        let name = &self.args.name;
        let bug = |error: hallpass_audit::RecordError| Stopped::For(Failure::bug(error));
        let said = Statement::sign(head, now(), name, &self.signer).map_err(bug)?;
        let bytes = said.bytes().map_err(bug)?;
        let path = self.args.state.join(said.key());
        match write_private(&path, &bytes, Existing::Kept) {
            Ok(()) => {
                let (seq, at) = (head.seq(), head.at());
                output::say(&format!("Countersigned record {seq}, published at {at}."));
                self.face.countersigned();
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => ensure_same(&path, head),
            Err(error) => Err(Stopped::For(Failure::unwritable(path.display(), &error))),
        }
    }

    fn remember(&self, memory: &WitnessMemory) -> Result<(), Stopped> {
        let path = self.args.state.join(MEMORY);
        let text = memory
            .text()
            .map_err(|error| Stopped::For(Failure::bug(error)))?;
        write_private(&path, text.as_bytes(), Existing::Replaced)
            .map_err(|error| Stopped::For(Failure::unwritable(path.display(), &error)))
    }

    async fn publish(&self, published: u64) -> (u64, Result<(), Stopped>) {
        let Some(target) = &self.publish else {
            return (published, Ok(()));
        };
        let mut done = published;
        let prefix = format!("witness/{}/", self.args.name);
        let unread = |error| Stopped::Unread(format!("cannot read the statements: {error}"));
        let keys = match self.said.list(&prefix, None).await {
            Ok(keys) => keys,
            Err(error) => return (done, Err(unread(error))),
        };
        let number = |key: &String| -> Option<u64> {
            key.strip_prefix(&prefix)?
                .strip_suffix(".json")?
                .parse()
                .ok()
        };
        let mut waiting: Vec<(u64, &String)> = keys
            .iter()
            .filter_map(|key| Some((number(key)?, key)))
            .filter(|(seq, _)| *seq > published)
            .collect();
        waiting.sort_unstable();
        for (seq, key) in waiting {
            let bytes = match self.said.get(key).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => continue,
                Err(error) => return (done, Err(unread(error))),
            };
            if let Err(error) = target.put(key, &bytes).await {
                return (done, Err(unpublished(&error)));
            }
            done = seq;
        }
        (done, Ok(()))
    }
}

enum Stopped {
    /// The witness needs attention.
    For(Failure),
    /// The log needs attention.
    Alarm(Alarm),
    /// Unreachable; retried.
    Unread(String),
}

fn cry(alarm: &Alarm) -> Failure {
    Failure::failed(format!("alarm: {alarm}"))
        .code(alarm.kind.name())
        .help(HELP)
}

fn unpublished(error: &hallpass_audit::SinkError) -> Stopped {
    let why = format!("cannot publish the statements: {error}");
    match error.kind {
        SinkErrorKind::Unavailable => Stopped::Unread(why),
        SinkErrorKind::Refused => {
            Stopped::For(Failure::failed(why).help("check `--publish` and the rights there"))
        }
        SinkErrorKind::Taken => {
            let help = "another writer uses this name: each witness has its own";
            Stopped::For(Failure::failed(why).help(help))
        }
    }
}

/// Checks that an earlier statement on this record has the same history.
fn ensure_same(path: &Path, head: &PublishedHead) -> Result<(), Stopped> {
    let said = fs::read(path)
        .ok()
        .and_then(|bytes| Statement::parse(&bytes).ok());
    if said.is_some_and(|said| said.head().hash() == head.hash()) {
        return Ok(());
    }
    Err(Stopped::Alarm(Alarm {
        kind: AlarmKind::Fork,
        seq: head.seq(),
        detail: format!("`{}` shows that another history was seen", path.display()),
    }))
}

fn vouches(first: u64, memory: &WitnessMemory, export: &str) -> String {
    let until = memory.head.as_ref().map_or_else(
        || "no head is published yet".to_owned(),
        |head| format!("the newest head is of record {}", head.seq),
    );
    let since = memory.began_at;
    format!(
        "First look at {export}: it begins at record {first}, and {until}. This witness vouches for it as \
         it was at {since}; it cannot detect earlier changes."
    )
}

fn pause(every: TimeSpan) -> Duration {
    Duration::from_secs(every.as_seconds().max(1))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn who_begins_again_takes_a_name_that_has_said_nothing_there() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, publish: bool| {
            let mut line = vec![
                "x",
                "export",
                "--name",
                name,
                "--keys",
                "k",
                "--begin-again",
            ];
            let place = folder.path().to_str().unwrap();
            if publish {
                line.extend(["--publish", place]);
            }
            ensure_unsaid(&Line::try_parse_from(line).unwrap().args)
        };
        assert!(of("security", true).is_ok(), "no statements yet");
        let said = folder.path().join("witness/security");
        fs::create_dir_all(&said).unwrap();
        fs::write(said.join("12.json"), "{}").unwrap();
        let refused = of("security", true).err().unwrap().words();
        assert!(
            refused.contains("statements of witness `security`"),
            "{refused}"
        );
        assert!(of("security-2", true).is_ok());
        assert!(of("security", false).is_ok(), "the place is its own");
    }
}
