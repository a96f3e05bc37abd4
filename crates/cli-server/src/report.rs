//! `hallpass server report`: what a support case needs, in one archive, without a secret.
//!
//! Nothing is searched for secrets and taken out: what is put in is of kinds that have none. Of the
//! configuration it is numbers, switches, durations and words of short lists ([`hallpass_app::config::redacted`]).

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::{Compression, GzBuilder};
use hallpass_app::config::Loaded;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::server_store::StoreAddress;
use hallpass_app::setup::opening::{ConfigArgs, open_store};
use hallpass_base::Timestamp;
use hallpass_store::{LeaderRow as _, make_private_file};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs, Table};
use serde::Serialize;
use serde_json::{Value, json};

use crate::doctor;

const FIELDS: &[&str] = &["file", "bytes", "about"];
const LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Collect support data into one archive, without secrets
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Collect what a support case needs into one archive, without secrets\n\nThe archive (tar, gzip) has release and system, the \
                  configuration's numbers, switches and durations, the store's schema and row counts, who leads, \
                  the findings of `server doctor`, the health and metrics of a running server, and the end of its log if \
                  you name one.\n\nAddresses of people and names of accounts may be in it: look before you send it. A file that is there is \
                  never written over.",
    after_help = "Examples:
  hallpass server report hallpass-report.tar.gz
  journalctl -u hallpass -n 5000 -o cat > hallpass.log
  hallpass server report hallpass-report.tar.gz --log hallpass.log"
)]
pub(crate) struct Args {
    /// The archive to create
    to: PathBuf,
    /// The server's log; includes its last 4 MiB
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

struct ReportFile {
    name: &'static str,
    about: &'static str,
    bytes: Vec<u8>,
}

/// An index line.
#[derive(Debug, Serialize)]
struct ReportIndex {
    file: &'static str,
    bytes: usize,
    about: &'static str,
}

pub(crate) fn run(args: &Args) -> Outcome {
    if args.to.exists() {
        return Err(exists(&args.to));
    }
    let (loaded, missing) = args.config.load_as_far_as_it_goes(None)?;
    let log = args.log.as_deref().map(end_of).transpose()?;
    let now = hallpass_base::clock::now();
    let mut files = vec![about(now), configuration(args.config.path())];
    files.extend(runtime()?.block_on(looked_at(&loaded, missing.as_ref())));
    files.extend(log.map(|bytes| ReportFile {
        name: "log.txt",
        about: "the end of the server's log",
        bytes,
    }));
    let index: Vec<ReportIndex> = files.iter().map(ReportFile::index).collect();
    files.insert(0, json_file("index.json", "this list", &json!(index)));
    write(&args.to, &files, now)?;
    let table = || {
        let mut table = Table::new(&["file", "bytes", "about"]);
        for line in &index {
            table.row([
                line.file.to_owned(),
                line.bytes.to_string(),
                line.about.to_owned(),
            ]);
        }
        table
    };
    output::list(args.output.format(), &index, FIELDS, table)?;
    output::say(&format!(
        "`{}` is made; addresses of people and names of accounts may be in it",
        args.to.display()
    ));
    Ok(Exit::Ok)
}

impl ReportFile {
    fn index(&self) -> ReportIndex {
        ReportIndex {
            file: self.name,
            bytes: self.bytes.len(),
            about: self.about,
        }
    }
}

fn json_file(name: &'static str, about: &'static str, value: &Value) -> ReportFile {
    let mut bytes = format!("{value:#}").into_bytes();
    bytes.push(b'\n');
    ReportFile { name, about, bytes }
}

fn about(now: Timestamp) -> ReportFile {
    let value = json!({
        "release": env!("CARGO_PKG_VERSION"),
        "system": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "is_debug_build": cfg!(debug_assertions),
        "made_at": now,
    });
    json_file("about.json", "release, build and system", &value)
}

fn configuration(path: &Path) -> ReportFile {
    let lines = match std::fs::read_to_string(path) {
        Ok(text) => hallpass_app::config::shown(&text).unwrap_or_else(|why| format!("{why}\n")),
        Err(error) => format!("not read: {error}\n"),
    };
    ReportFile {
        name: "configuration.txt",
        about: "each key that is set; values of numbers, switches, durations and words of short lists",
        bytes: lines.into_bytes(),
    }
}

async fn looked_at(loaded: &Loaded, missing: Option<&Failure>) -> Vec<ReportFile> {
    let store = store(loaded).await;
    let store = store.unwrap_or_else(|failure| json!({ "error": failure.words() }));
    let doctor = match doctor::findings(loaded, missing).await {
        Ok(lines) => json!(lines),
        Err(failure) => json!({ "error": failure.words() }),
    };
    vec![
        json_file(
            "store.json",
            "engine, schema, rows of each table, end of the audit log, who leads",
            &store,
        ),
        json_file("doctor.json", "what `server doctor` finds", &doctor),
        ReportFile {
            name: "readyz.json",
            about: "what the server says of its parts",
            bytes: answer(loaded, "/readyz").await,
        },
        ReportFile {
            name: "metrics.txt",
            about: "the server's metrics",
            bytes: answer(loaded, "/metrics").await,
        },
    ]
}

async fn store(loaded: &Loaded) -> Result<Value, Failure> {
    let address = loaded.store()?;
    if !address.may_be_there()? {
        return Ok(json!({ "error": "there is no database" }));
    }
    let engine = match &address {
        StoreAddress::File(_) => "sqlite",
        StoreAddress::Postgres(_) => "postgresql",
    };
    let store = open_store(address).await?;
    let unread = |error: hallpass_access::ReadError| Failure::failed(error.to_string());
    let schema = store.schema_version().await.map_err(unread)?;
    let rows = store.row_counts().await.map_err(unread)?;
    let rows: serde_json::Map<String, Value> = rows
        .into_iter()
        .map(|(table, count)| (table, json!(count)))
        .collect();
    let head = hallpass_audit::AuditStore::head(&store).await;
    let head = head.map_err(|error| Failure::failed(error.to_string()))?;
    let leader = store.leadership().await.map_err(unread)?;
    let leader = leader.look().await.map_err(unread)?;
    Ok(json!({
        "engine": engine,
        "schema_version": schema,
        "rows": rows,
        "audit_head": head.map(|head| json!({ "seq": head.seq, "hash": head.hash, "time": head.time })),
        "leader": leader.map(|it| json!({ "epoch": it.epoch, "node": it.node.name, "is_over": it.is_over })),
    }))
}

async fn answer(loaded: &Loaded, path: &str) -> Vec<u8> {
    let server = &loaded.config.server;
    let base = if server.tls.certificate.is_some() {
        server.public_url.trim_end_matches('/').to_owned()
    } else {
        format!("http://{}", server.listen)
    };
    let asked = async {
        let client = reqwest::Client::builder().timeout(ANSWER_MAX).build()?;
        let answer = client.get(format!("{base}{path}")).send().await?;
        answer.bytes().await
    };
    match asked.await {
        Ok(bytes) => bytes.to_vec(),
        // without the address, which may be sensitive
        Err(error) => format!("no answer: {}\n", error.without_url()).into_bytes(),
    }
}

/// Returns the last complete lines.
fn end_of(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = || {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        let skipped = length.saturating_sub(LOG_BYTES_MAX);
        file.seek(SeekFrom::Start(skipped))?;
        let mut bytes = Vec::new();
        file.take(LOG_BYTES_MAX).read_to_end(&mut bytes)?;
        if skipped > 0 {
            let first = bytes.iter().position(|it| *it == b'\n');
            bytes.drain(..first.map_or(0, |at| at + 1));
        }
        Ok(bytes)
    };
    read().map_err(|error: std::io::Error| Failure::unreadable(path.display(), &error))
}

/// Writes the archive, readable only by its owner; never overwrites.
fn write(to: &Path, files: &[ReportFile], now: Timestamp) -> Result<(), Failure> {
    let written = || {
        let mut archive = tar::Builder::new(Vec::new());
        for file in files {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o600);
            header.set_mtime(u64::try_from(now.as_second()).unwrap_or(0));
            header.set_size(file.bytes.len() as u64);
            let name = format!("hallpass-report/{}", file.name);
            archive.append_data(&mut header, name, file.bytes.as_slice())?;
        }
        let mut packed = GzBuilder::new().write(Vec::new(), Compression::new(6));
        packed.write_all(&archive.into_inner()?)?;
        make_private_file(to)?.write_all(&packed.finish()?)
    };
    written().map_err(|error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(to),
        _ => Failure::unwritable(to.display(), &error),
    })
}

fn exists(to: &Path) -> Failure {
    Failure::refused(format!("`{}` exists", to.display())).help("name a new file")
}
