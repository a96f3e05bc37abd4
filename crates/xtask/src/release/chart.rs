//! Packs the Helm chart as Helm does: a compressed folder of its name (Helm documentation,
//! "Charts", "The chart file structure").

use std::fs;
use std::path::Path;

use super::archive::{Files, Packed, tar_gz};
use super::source::Source;

const FOLDER: &str = "deploy/helm/hallpass";
const NAME: &str = "hallpass";

pub(super) fn chart(root: &Path, source: &Source) -> Result<(String, Vec<u8>), String> {
    let mut files = Files::new();
    read(&root.join(FOLDER), "", &mut files)?;
    let about = files
        .get("Chart.yaml")
        .ok_or("the chart has no Chart.yaml")?;
    for key in ["version", "appVersion"] {
        let line = format!("{key}: {}", source.version);
        if !String::from_utf8_lossy(&about.bytes)
            .lines()
            .any(|it| it == line)
        {
            return Err(format!(
                "`{FOLDER}/Chart.yaml` does not say `{line}`, as the workspace does"
            ));
        }
    }
    let bytes = tar_gz(&files, NAME, source.at).map_err(|error| error.to_string())?;
    Ok((format!("{NAME}-{}.tgz", source.version), bytes))
}

fn read(folder: &Path, below: &str, to: &mut Files) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("cannot read `{}`: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type().map_err(unreadable)?.is_dir() {
            read(&entry.path(), &format!("{name}/"), to)?;
        } else {
            let bytes = fs::read(entry.path()).map_err(unreadable)?;
            to.insert(name, Packed::text(bytes));
        }
    }
    Ok(())
}
