//! A statement that the companion answers: rows as JSON.

use std::path::Path;

use hallpass_host::companion;
use hallpass_terminal::exit::{Exit, Failure};
use serde::de::DeserializeOwned;

/// Rows of a statement over the folder of snapshots, whose parameters are values.
///
/// # Errors
/// The companion's own, which it has told.
pub(super) fn rows<T: DeserializeOwned>(
    folder: &Path,
    sql: &str,
    parameters: &[(String, String)],
) -> Result<Vec<T>, Failure> {
    let mut command = companion::command()?;
    command.arg("query").arg("--folder").arg(folder);
    command.args(["--output", "jsonl", "--allow-partial"]);
    for (name, value) in parameters {
        command.arg("--param").arg(format!("{name}={value}"));
    }
    command
        .arg("--")
        .arg(sql)
        .stderr(std::process::Stdio::piped());
    let answered = command.output();
    let answered = answered
        .map_err(|error| companion::unrunnable(Path::new(command.get_program()), &error))?;
    if !answered.status.success() {
        let said = String::from_utf8_lossy(&answered.stderr);
        let said = said.trim().trim_start_matches("error: ").to_owned();
        let exit = match answered.status.code() {
            Some(2) => Exit::BadInput,
            _ => Exit::Failed,
        };
        return Err(Failure::new(exit, said));
    }
    let lines = answered
        .stdout
        .split(|it| *it == b'\n')
        .filter(|it| !it.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).map_err(Failure::bug))
        .collect()
}
