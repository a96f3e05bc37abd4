use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::host::query_binary;
use crate::host::snapshots_at::SnapshotsAt;
use hallpass_alerts::{AlertJob, AlertRuleId, RunAnswer};
use hallpass_terminal::exit::Failure;

const EVALUATION_MAX: Duration = Duration::from_mins(30);

struct RunningCompanion(Child);

impl Drop for RunningCompanion {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Evaluates rules over snapshots. Rules already evaluated over their newest usable snapshot have
/// no answer.
pub async fn evaluate(
    at: &SnapshotsAt,
    job: &AlertJob,
) -> Result<BTreeMap<AlertRuleId, RunAnswer>, Failure> {
    let mut command = query_binary::command()?;
    command.arg("evaluate").arg("--folder").arg(at.argument());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let started = command.spawn();
    let name = command.get_program().to_owned();
    let child = started.map_err(|error| query_binary::unrunnable(Path::new(&name), &error))?;
    let mut running = RunningCompanion(child);
    let broken = || Failure::bug("the companion has no pipes");
    let (Some(mut stdin), Some(mut stdout), Some(mut stderr)) = (
        running.0.stdin.take(),
        running.0.stdout.take(),
        running.0.stderr.take(),
    ) else {
        return Err(broken());
    };
    let text = serde_json::to_vec(job).map_err(Failure::bug)?;
    let talk = tokio::task::spawn_blocking(move || {
        let _ = stdin.write_all(&text);
        drop(stdin);
        let (mut said, mut errors) = (String::new(), String::new());
        let read = stdout
            .read_to_string(&mut said)
            .and_then(|_| stderr.read_to_string(&mut errors));
        read.map(|_| (said, errors))
    });
    let talked = tokio::time::timeout(EVALUATION_MAX, talk).await;
    let Ok(talked) = talked else {
        let message = "the queries of alerts took longer than 30 minutes";
        return Err(Failure::failed(message));
    };
    let failed = |error: &dyn std::fmt::Display| {
        Failure::failed(format!("cannot talk to `hallpass-query`: {error}"))
    };
    let (said, errors) = talked
        .map_err(Failure::bug)?
        .map_err(|error| failed(&error))?;
    let status = running.0.wait().map_err(|error| failed(&error))?;
    if !status.success() {
        let errors = errors.trim().trim_start_matches("error: ").to_owned();
        let mut lines = errors.lines().map(str::trim);
        let first = lines.next().unwrap_or("`hallpass-query` failed").to_owned();
        let failure = match status.code() {
            Some(2) => Failure::bad_input(first),
            _ => Failure::failed(first),
        };
        return Err(lines.fold(failure, |failure, line| failure.detail(line.to_owned())));
    }
    serde_json::from_str(&said).map_err(Failure::bug)
}
