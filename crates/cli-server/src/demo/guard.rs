//! Runs `hallpass server guard` over the demo's store.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use hallpass_app::guard_files::journals::Journals;
use hallpass_base::TimeSpan;
use hallpass_store::{Existing, write_private};
use hallpass_terminal::exit::Failure;

use super::aws::Aws;
use super::child::{Child, ChildSaid};
use super::{Folder, STORE};

/// Short enough to watch, longer than the demo's AWS needs.
pub const BOUND: TimeSpan = TimeSpan::seconds(15);
const JOURNAL: &str = "guard";
const NAME: &str = "demo";

/// Dropping it ends the guard.
pub struct DemoGuard {
    pub journals: Arc<Journals>,
    _process: Child,
}

pub fn start(folder: &Folder, aws: &Aws) -> Result<DemoGuard, Failure> {
    let config = folder.path("guard.toml");
    let unwritable = |path: &PathBuf, error: &std::io::Error| {
        Failure::unwritable(path.display().to_string(), error)
    };
    write_private(&config, configuration(aws).as_bytes(), Existing::Replaced)
        .map_err(|error| unwritable(&config, &error))?;
    let journal = folder.path(JOURNAL);
    hallpass_store::make_private_folder(&journal).map_err(|error| unwritable(&journal, &error))?;
    let log = folder.path("guard.log");
    write_private(&log, b"", Existing::Replaced).map_err(|error| unwritable(&log, &error))?;
    let said = File::options().append(true).open(&log);
    let said = said.map_err(|error| unwritable(&log, &error))?;
    let arguments = vec![
        "guard".into(),
        "--stop-with-stdin".into(),
        "--config".into(),
        config.into_os_string(),
    ];
    let process = Child::start(arguments, environment(aws), ChildSaid::Kept(said))?;
    Ok(DemoGuard {
        journals: Arc::new(Journals::new(journal)),
        _process: process,
    })
}

pub fn journal(folder: &Folder) -> PathBuf {
    folder.path(JOURNAL).join(format!("{NAME}.jsonl"))
}

fn configuration(aws: &Aws) -> String {
    format!(
        "[store]\nurl = \"sqlite:{STORE}\"\n[aws]\nregion = \"{region}\"\nendpoint_url = \
         \"http://{address}\"\n[guard]\nname = \"{NAME}\"\njournal = \"{JOURNAL}\"\nbound = \
         \"{BOUND}\"\n",
        region = aws.facts.region,
        address = aws.address,
    )
}

fn environment(aws: &Aws) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", aws.facts.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", aws.facts.secret_access_key.clone()),
        ("AWS_SESSION_TOKEN", String::new()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
}

pub fn how_to_watch(folder: &Folder, aws: SocketAddr) -> String {
    format!(
        "See an end come without the server: request `--for 30s`, then stop the server (Ctrl-Z here, or `kill -STOP {server}`).
Half a minute and {BOUND} later its guard has removed the access; `fg` (or `kill -CONT {server}`) continues.
  curl -s 'http://{aws}/_sim/calls?operation=DeleteAccountAssignment' && tail -n 2 {journal}",
        server = std::process::id(),
        journal = journal(folder).display(),
    )
}
