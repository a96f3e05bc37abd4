//! The suite on PostgreSQL: one server for all cases, with a database each.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hallpass_access::AccessStore as _;
use hallpass_store::postgres::PostgresAddress;
use hallpass_store::{LeaderRow as _, LogMemory, OpenError, SqlStore};
use hallpass_store_testing::conformance::Case;
use hallpass_store_testing::{a_draft, at};
use tempfile::TempDir;
use tokio_postgres::NoTls;

use crate::{
    Place, copies, credentials, events, glance, leader, pci, plans, remediations, standards_visits,
    tokens, unreadable, unreadable_access,
};

const WORKERS: usize = 4;
const PATIENCE: Duration = Duration::from_mins(1);
/// Users to run the server for root, which PostgreSQL refuses.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// A server that ends with its parent, even if killed.
struct Server {
    folder: TempDir,
    process: Child,
}

pub(crate) fn address(url: &str) -> PostgresAddress {
    PostgresAddress::parse(url).unwrap()
}

fn program(name: &str) -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&on_path).collect();
    let kept = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut kept: Vec<PathBuf> = kept.flatten().map(|version| version.path()).collect();
    kept.sort_by_key(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        std::cmp::Reverse(name.and_then(|name| name.parse::<u32>().ok()))
    });
    folders.extend(kept.into_iter().map(|version| version.join("bin")));
    let mut found = folders.into_iter().map(|folder| folder.join(name));
    found.find(|path| path.is_file())
}

fn somebody_else() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let known = std::fs::read_to_string("/etc/passwd").unwrap();
    let numbers = |name: &str| {
        let mut lines = known
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>());
        let line = lines.find(|words| words[0] == name)?;
        Some((line[2].parse().ok()?, line[3].parse().ok()?))
    };
    USERS.iter().find_map(|name| numbers(name))
}

fn command(program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    if let Some((user, group)) = somebody_else() {
        command.uid(user).gid(group);
    }
    command
}

/// Returns a memory folder with space for all databases: deleting a hundred thousand files from
/// disk takes minutes.
fn in_memory() -> Option<&'static str> {
    const FOLDER: &str = "/dev/shm";
    const KIBIBYTES_MIN: u64 = 2 * 1024 * 1024;
    let words = ["--output=avail", "--block-size=1K", FOLDER];
    let said = Command::new("df").args(words).output().ok()?;
    let room = String::from_utf8_lossy(&said.stdout);
    let free: u64 = room.lines().nth(1)?.trim().parse().ok()?;
    (free >= KIBIBYTES_MIN).then_some(FOLDER)
}

impl Server {
    /// `None` where PostgreSQL is not installed.
    fn start() -> Option<Self> {
        let (initdb, postgres) = (program("initdb")?, program("postgres")?);
        let folder = tempfile::Builder::new()
            .prefix("hallpass-pg-")
            .tempdir_in(in_memory().unwrap_or("/tmp"))
            .unwrap();
        if let Some((user, group)) = somebody_else() {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let made = command(initdb, folder.path())
            .args([
                "-D",
                "data",
                "-U",
                "hallpass",
                "--auth=trust",
                "--encoding=UTF8",
            ])
            .args(["--locale=C", "--no-sync"])
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        // a killed parent closes the pipe, and the shell stops the server
        let script = r#"log="$PWD/log"; "$0" "$@" 2>"$log" & read -r _; kill -INT $!; wait"#;
        let process = command("/bin/sh", folder.path())
            .args(["-c", script])
            .arg(postgres)
            .args(["-D", "data", "-c", "listen_addresses=", "-c"])
            .arg(format!(
                "unix_socket_directories={}",
                folder.path().display()
            ))
            .args([
                "-c",
                "fsync=off",
                "-c",
                "full_page_writes=off",
                "-c",
                "autovacuum=off",
            ])
            .args(["-c", "max_connections=60", "-c", "wal_level=minimal"])
            .args(["-c", "max_wal_senders=0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { folder, process };
        server.until_it_answers();
        Some(server)
    }

    fn until_it_answers(&self) {
        let begun = Instant::now();
        while let Err(error) = self.run("postgres", "SELECT 1") {
            let log = std::fs::read_to_string(self.folder.path().join("log"));
            assert!(begun.elapsed() < PATIENCE, "{error}: {log:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn url(&self, database: &str) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://hallpass@{folder}/{database}")
    }

    fn run(&self, database: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let url = self.url(database);
            let (client, socket) = tokio_postgres::connect(&url, NoTls).await?;
            let socket = tokio::spawn(socket);
            let done = client.batch_execute(sql).await;
            drop(client);
            drop(socket.await);
            done
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}

pub(crate) type PlaceCase = (&'static str, fn(Place) -> Pin<Box<dyn Future<Output = ()>>>);

type Run<'a> = (String, Box<dyn Fn(String) -> Work + Send + Sync + 'a>);
type Work = Pin<Box<dyn Future<Output = ()>>>;

fn everything(suite: Vec<Case>) -> Vec<Run<'static>> {
    let beside = [
        credentials::ANYWHERE,
        events::ANYWHERE,
        glance::ANYWHERE,
        leader::ANYWHERE,
        pci::ANYWHERE,
        plans::ANYWHERE,
        remediations::ANYWHERE,
        standards_visits::ANYWHERE,
        tokens::ANYWHERE,
        unreadable::ANYWHERE,
        unreadable_access::in_a_database::ANYWHERE,
        unreadable_access::of_health::ANYWHERE,
        ANYWHERE,
    ];
    let mut all: Vec<Run<'static>> = Vec::new();
    let copied_every = if std::env::var_os("HALLPASS_SOAK").is_some() {
        1
    } else {
        9
    };
    for (number, (name, case)) in suite.into_iter().enumerate() {
        let there_and_back = move |url: String| -> Work {
            Box::pin(async move {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("hallpass.db");
                case(Arc::new(SqlStore::open(&path).unwrap())).await;
                copies::there_and_back(&path, address(&url)).await;
            })
        };
        if number % copied_every == 0 {
            let copied = format!("copied_{}", name.replace("::", "_"));
            all.push((copied, Box::new(there_and_back)));
        }
        let run = move |url: String| -> Work {
            Box::pin(async move {
                case(Arc::new(
                    SqlStore::open_postgres(address(&url)).await.unwrap(),
                ))
                .await;
            })
        };
        all.push((name.replace("::", "_"), Box::new(run)));
    }
    for (name, case) in beside.concat() {
        let run = move |url: String| case(Place::Postgres(url));
        all.push((name.to_owned(), Box::new(run)));
    }
    all
}

fn all(suite: Vec<Case>) {
    let cases = everything(suite);
    let Some(server) = Server::start() else {
        skipped();
        return;
    };
    server.run("postgres", "CREATE DATABASE model").unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = server.url("model");
    drop(
        runtime
            .block_on(SqlStore::open_postgres(address(&url)))
            .unwrap(),
    );
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let count = cases.len();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if !passes(&server, case) {
                        failed.lock().unwrap().push(&case.0);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "{} of {count} failed: {failed:#?}",
        failed.len()
    );
}

fn passes(server: &Server, (name, case): &Run<'_>) -> bool {
    let database: String = name.chars().take(60).collect();
    let url = server.url(&database);
    let made = format!("CREATE DATABASE {database} TEMPLATE model");
    std::thread::scope(|scope| {
        let run = || {
            server.run("postgres", &made).unwrap();
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(case(url));
        };
        let named = std::thread::Builder::new().name(name.clone());
        named.spawn_scoped(scope, run).unwrap().join().is_ok()
    })
}

/// Distinguishes a restarted or replaced server from an unreachable one.
async fn a_session_that_is_gone_is_made_anew(place: Place) {
    let store = place.open().await;
    store.blob_put("a", b"1").await.unwrap();
    if let Place::Postgres(url) = &place {
        let (client, socket) = tokio_postgres::connect(url, NoTls).await.unwrap();
        let socket = tokio::spawn(socket);
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                      WHERE pid <> pg_backend_pid() AND datname = current_database()";
        client.batch_execute(others).await.unwrap();
        drop(client);
        drop(socket.await);
    }
    assert_eq!(store.blob_get("a").await.unwrap(), Some(b"1".to_vec()));
    store.blob_put("a", b"2").await.unwrap();
    assert_eq!(store.blob_get("a").await.unwrap(), Some(b"2".to_vec()));
}

/// PostgreSQL has no U+0000.
async fn a_text_with_any_letter_is_kept(place: Place) {
    let store = place.open().await;
    store
        .open_channel("a\0b'\"\\\u{1f511}", at(1))
        .await
        .unwrap();
    store.blob_put("x\0y", b"\0").await.unwrap();
    assert_eq!(store.blob_get("x\0y").await.unwrap(), Some(b"\0".to_vec()));
}

/// PostgreSQL's JSON functions fail for documents with U+0000: such a token name would block every
/// lock.
async fn a_member_is_found_beside_any_letter(place: Place) {
    let Place::Postgres(url) = &place else { return };
    drop(place.open().await);
    let (client, socket) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let socket = tokio::spawn(socket);
    for (body, path, found) in [
        (
            r#"{"a": "x\u0000y\u0000\u0000", "k": "v"}"#,
            "$.k",
            Some("v"),
        ),
        (
            r#"{"a": "x\u0000y\u0000\u0000z"}"#,
            "$.a",
            Some("x\u{fffd}y\u{fffd}\u{fffd}z"),
        ),
        (r#"{"a": "\\\u0000"}"#, "$.a", Some("\\\u{fffd}")),
        (r#"{"a": "\\u0000", "b": "\u0000"}"#, "$.a", Some(r"\u0000")),
        (r#"{"\u0000": {"b": null}}"#, "$.b", None),
    ] {
        let row = client
            .query_one(
                "SELECT json_valid($1), json_extract($1, $2)",
                &[&body, &path],
            )
            .await
            .unwrap();
        assert!(row.get::<_, bool>(0), "{body}");
        assert_eq!(row.get::<_, Option<&str>>(1), found, "{body} {path}");
    }
    drop(client);
    drop(socket.await);
}

async fn two_stores_of_one_database_write_in_turn(place: Place) {
    let stores = [place.open().await, place.open().await];
    let writes = (0..20_u64).map(|n| {
        let store = stores[usize::try_from(n % 2).unwrap()].clone();
        tokio::spawn(async move { store.append_record(a_draft(n)).await.unwrap() })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap();
    }
    let check = stores[0].check().await.unwrap();
    assert_eq!((check.records, check.problems), (20, Vec::new()));
}

async fn a_database_of_another_program_is_refused(place: Place) {
    let Place::Postgres(url) = &place else { return };
    let (client, socket) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let socket = tokio::spawn(socket);
    let theirs = "CREATE SCHEMA theirs; CREATE TABLE theirs.t (a int)";
    client.batch_execute(theirs).await.unwrap();
    drop(client);
    drop(socket.await);
    let url = format!("{url}?options=-csearch_path%3Dtheirs");
    let refused = SqlStore::open_postgres(address(&url)).await.unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused:?}");
}

/// A hanging server is an error after a timeout, and a late answer is not taken for the next
/// statement's.
async fn a_database_that_says_nothing_is_not_waited_for_in_vain(place: Place) {
    let Place::Postgres(url) = &place else { return };
    let store = place.open().await;
    store.blob_put("a", b"1").await.unwrap();
    let (client, socket) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let socket = tokio::spawn(socket);
    // blocks writers and their server sessions
    let hold = "BEGIN; SELECT pg_advisory_xact_lock(1751215212, hashtext(current_schema()))";
    client.batch_execute(hold).await.unwrap();
    let mut line: FuturesUnordered<_> = (0..4).map(|_| store.blob_put("a", b"2")).collect();
    let refused = line.next().await.unwrap().unwrap_err();
    assert!(!refused.to_string().contains("hallpass@"), "{refused}");
    assert_eq!(store.blob_get("a").await.unwrap(), Some(b"1".to_vec()));
    client.batch_execute("ROLLBACK").await.unwrap();
    // queued callers have waited as long: they get the error without a new wait
    while let Some(waited) = line.next().await {
        let refused = waited.unwrap_err().to_string();
        assert!(refused.contains("pg_stat_activity"), "{refused}");
    }
    store.blob_put("a", b"3").await.unwrap();
    assert_eq!(store.blob_get("a").await.unwrap(), Some(b"3".to_vec()));
    drop(client);
    drop(socket.await);
}

/// A later release migrates the database beside a node of this one: a write that waits for the migration is
/// refused, and so is every later one.
async fn a_later_release_takes_the_database_over_between_two_writes(place: Place) {
    let Place::Postgres(url) = &place else { return };
    let memory = Arc::new(LogMemory::of_process("a"));
    let earlier = place.open().await.heeding(&memory);
    earlier.blob_put("a", b"1").await.unwrap();
    let (client, socket) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let socket = tokio::spawn(socket);
    let migrated = "BEGIN; SELECT pg_advisory_xact_lock(1751215212, hashtext(current_schema()));
                    INSERT INTO schema_migrations VALUES (9001, 'later', 'x')";
    client.batch_execute(migrated).await.unwrap();
    let waiting = tokio::spawn({
        let earlier = earlier.clone();
        async move { earlier.blob_put("a", b"2").await }
    });
    // not `pg_stat_activity`, which is constant within a transaction
    let waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while client.query(waits, &[]).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    client.batch_execute("COMMIT").await.unwrap();
    drop(client);
    drop(socket.await);
    for refused in [
        waiting.await.unwrap().unwrap_err().to_string(),
        earlier
            .append_record(a_draft(1))
            .await
            .unwrap_err()
            .to_string(),
    ] {
        assert!(refused.contains("schema version 9001"), "{refused}");
    }
    let looked = earlier.look_at_log(&memory).await.unwrap();
    assert_eq!(looked.later_schema, Some(9001));
    assert_eq!(earlier.blob_get("a").await.unwrap(), Some(b"1".to_vec()));
    let anew = SqlStore::open_postgres(address(url)).await.unwrap_err();
    assert!(
        matches!(anew, OpenError::OtherVersion { found: 9001, .. }),
        "{anew:?}"
    );
}

/// Commits survive a power loss, whatever the role's or database's settings.
async fn what_is_committed_is_on_the_disk(place: Place) {
    let Place::Postgres(url) = &place else { return };
    drop(place.open().await);
    let (client, socket) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let socket = tokio::spawn(socket);
    client
        .batch_execute(
            "CREATE TABLE said (how text NOT NULL);
         CREATE FUNCTION how() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO said VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$;
         CREATE TRIGGER how AFTER INSERT ON blobs FOR EACH ROW EXECUTE FUNCTION how()",
        )
        .await
        .unwrap();
    for (usual, ours) in [("off", "on"), ("on", "on"), ("local", "local")] {
        client.batch_execute("DELETE FROM said").await.unwrap();
        let url = format!("{url}?options=-csynchronous_commit%3D{usual}");
        let store = SqlStore::open_postgres(address(&url)).await.unwrap();
        store.blob_put(usual, b"1").await.unwrap();
        let said = client.query("SELECT how FROM said", &[]).await.unwrap();
        let said: Vec<&str> = said.iter().map(|row| row.get(0)).collect();
        assert_eq!(said, [ours], "{usual}");
    }
    drop(client);
    drop(socket.await);
}

/// Claims and renewals work, however many writers wait.
async fn the_lead_waits_for_no_thread_of_those_who_write(place: Place) {
    let Place::Postgres(url) = &place else { return };
    let address = address(url);
    let looked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let store = SqlStore::open_postgres(address).await.unwrap();
            let lead = store.leadership().await.unwrap();
            let (end, ended) = std::sync::mpsc::channel::<()>();
            let waiting = tokio::task::spawn_blocking(move || ended.recv());
            let looked = tokio::time::timeout(Duration::from_secs(20), lead.look()).await;
            end.send(()).unwrap();
            waiting.await.unwrap().unwrap();
            looked.map(Result::unwrap)
        })
    });
    assert_eq!(looked.join().unwrap().unwrap(), None);
}

/// Fixable errors are reported until the next write.
async fn what_the_server_complains_of_is_known_until_something_is_written(place: Place) {
    let Place::Postgres(url) = &place else { return };
    let store = place.open().await;
    assert_eq!(store.complaint(), None);
    let (client, socket) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let socket = tokio::spawn(socket);
    client.batch_execute("CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$;
         CREATE TRIGGER no_room BEFORE INSERT ON blobs FOR EACH ROW EXECUTE FUNCTION no_room()").await.unwrap();
    let refused = store.blob_put("a", b"1").await.unwrap_err().to_string();
    assert!(refused.contains("make room"), "{refused}");
    assert_eq!(store.blob_get("a").await.unwrap(), None);
    assert!(store.complaint().unwrap().contains("make room"));
    client
        .batch_execute("DROP TRIGGER no_room ON blobs")
        .await
        .unwrap();
    store.blob_put("a", b"2").await.unwrap();
    assert_eq!(store.complaint(), None);
    drop(client);
    drop(socket.await);
}

/// The error contains neither address nor password.
async fn a_server_that_is_not_there_is_said_so(place: Place) {
    let Place::Postgres(url) = &place else { return };
    let (url, password) = (url.replace("hallpass@", "hallpass:secret@"), "secret");
    let nowhere = url.replace("%2Fhallpass-pg-", "%2Fnowhere-");
    for url in [nowhere, format!("{url}_none")] {
        let refused = SqlStore::open_postgres(address(&url)).await.unwrap_err();
        assert!(
            matches!(refused, OpenError::Unreachable { .. }),
            "{refused:?}"
        );
        let said = format!("{refused} {refused:?} {}", refused.help());
        assert!(!said.contains(password), "{said}");
    }
}

crate::anywhere!(
    a_later_release_takes_the_database_over_between_two_writes,
    what_the_server_complains_of_is_known_until_something_is_written,
    a_database_that_says_nothing_is_not_waited_for_in_vain,
    a_server_that_is_not_there_is_said_so,
    what_is_committed_is_on_the_disk,
    the_lead_waits_for_no_thread_of_those_who_write,
    a_session_that_is_gone_is_made_anew,
    a_member_is_found_beside_any_letter,
    a_text_with_any_letter_is_kept,
    two_stores_of_one_database_write_in_turn,
    a_database_of_another_program_is_refused,
);

/// A missing PostgreSQL is accepted, except where every test must run, as in `make test`.
#[expect(clippy::print_stderr, reason = "printed for the developer")]
fn skipped() {
    let told = "NOT TESTED: no PostgreSQL is installed (apt-get install postgresql)";
    assert!(std::env::var_os("HALLPASS_EVERY_TEST").is_none(), "{told}");
    eprintln!("{told}");
}

hallpass_store_testing::conformance!(all: every_case_passes, all);
