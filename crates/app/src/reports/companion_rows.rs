//! Runs a statement in the companion; rows as JSON.

use std::path::Path;

use crate::host::query_binary;
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output;
use serde::de::DeserializeOwned;

const PARTIAL: &str = "partial: ";

#[derive(Debug)]
pub(super) struct CompanionRows<T> {
    pub(super) rows: Vec<T>,
    pub(super) is_whole: bool,
}

pub(super) fn rows<T: DeserializeOwned>(
    folder: &Path,
    sql: &str,
    parameters: &[(String, String)],
) -> Result<CompanionRows<T>, Failure> {
    let mut command = query_binary::command()?;
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
        .map_err(|error| query_binary::unrunnable(Path::new(command.get_program()), &error))?;
    let said = String::from_utf8_lossy(&answered.stderr);
    if !answered.status.success() {
        let said = said.trim().trim_start_matches("error: ").to_owned();
        let exit = match answered.status.code() {
            Some(2) => Exit::BadInput,
            _ => Exit::Failed,
        };
        return Err(Failure::new(exit, said));
    }
    said.lines().for_each(output::say);
    let lines = answered
        .stdout
        .split(|it| *it == b'\n')
        .filter(|it| !it.is_empty());
    let rows = lines.map(|line| serde_json::from_slice(line).map_err(Failure::bug));
    Ok(CompanionRows {
        rows: rows.collect::<Result<_, _>>()?,
        is_whole: is_whole(&said),
    })
}

fn is_whole(said: &str) -> bool {
    !said.lines().any(|line| line.starts_with(PARTIAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_partial_is_told_by_the_companions_lines() {
        let partial = "partial: aws_iam_policies: AccessDenied in call for 111111111111 global\n";
        for (said, expected) in [
            ("", true),
            ("note: anything else\n", true),
            (partial, false),
            (&format!("note: anything else\n{partial}"), false),
        ] {
            assert_eq!(is_whole(said), expected, "{said}");
        }
    }
}
