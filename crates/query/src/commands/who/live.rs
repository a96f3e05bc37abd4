//! `who --live`: reads AWS now, using `hallpass sync` into a temporary snapshot.

use std::env;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::QueryFailure;
use crate::folder::SnapshotsAt;

/// Options of a live read.
#[derive(Debug, clap::Args)]
pub(super) struct LiveArgs {
    /// Read AWS now, and store nothing
    #[arg(long, conflicts_with_all = ["data", "folder", "snapshot"])]
    pub(super) live: bool,

    /// With --live, how to find assignments: auto, nested, provisioned or principal; auto is the
    /// cheapest where --user, --account or --permission-set narrow it, else one that finds orphans
    #[arg(long, value_name = "PLAN", requires = "live")]
    plan: Option<String>,

    /// With --live, the Region of Identity Center
    #[arg(long, value_name = "REGION", requires = "live")]
    home_region: Option<String>,

    /// With --live, the configuration whose store has the temporary grants
    #[arg(long, value_name = "FILE", requires = "live")]
    config: Option<PathBuf>,
}

/// A temporary snapshot, deleted on drop.
pub(super) struct LiveSnapshot {
    folder: PathBuf,
}

impl LiveSnapshot {
    pub(super) fn snapshots(&self) -> SnapshotsAt {
        SnapshotsAt::Folder(self.folder())
    }

    fn folder(&self) -> PathBuf {
        self.folder.join("snapshots")
    }
}

impl Drop for LiveSnapshot {
    fn drop(&mut self) {
        // a leftover folder is harmless
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl LiveArgs {
    /// Reads only the tables that `who` needs. A partial read yields a snapshot marked partial.
    pub(super) fn collect(&self, is_narrowed: bool) -> Result<LiveSnapshot, QueryFailure> {
        let own = env::current_exe().map_err(QueryFailure::bug)?;
        let hallpass = own.with_file_name("hallpass");
        let random = getrandom::u64().map_err(QueryFailure::bug)?;
        let live = LiveSnapshot {
            folder: env::temp_dir().join(format!("hallpass-who-{random:016x}")),
        };
        DirBuilder::new()
            .mode(0o700)
            .create(&live.folder)
            .map_err(|it| QueryFailure::unwritable(live.folder.display(), it))?;
        let plan = match self.plan.as_deref() {
            None | Some("auto") if is_narrowed => "cheapest",
            None => "auto",
            Some(plan) => plan,
        };
        let mut sync = Command::new(&hallpass);
        sync.args(["sync", "--only", "organizations,identity-center"])
            .args(["--without-regions", "--plan", plan, "--output", "json"])
            .arg("--folder")
            .arg(live.folder())
            .arg("--runs")
            .arg(live.folder.join("runs"));
        if let Some(region) = &self.home_region {
            sync.args(["--home-region", region]);
        }
        if let Some(config) = &self.config {
            sync.arg("--config").arg(config);
        }
        let ended = sync.stdout(Stdio::null()).status();
        let ended = ended.map_err(|it| unrunnable(&hallpass, &it))?;
        // exit 1 may leave a snapshot marked partial
        if matches!(ended.code(), Some(0 | 1)) && live.folder().exists() {
            return Ok(live);
        }
        Err(QueryFailure::failed("AWS could not be read"))
    }
}

fn unrunnable(hallpass: &Path, error: &std::io::Error) -> QueryFailure {
    QueryFailure::failed(format!("cannot run `{}`: {error}", hallpass.display()))
}
