//! Refuses unknown names with the nearest match: Regions, and names in standards files.

use std::collections::BTreeSet;
use std::path::Path;

use hallpass_aws_model::wire::catalog;
use hallpass_org::standards::UnknownName;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::nearest::nearest;
use hallpass_terminal::output;

/// # Errors
/// Exit 2 for an unknown Region, with the nearest match. `line` is that of a file.
pub fn check_region(line: Option<u64>, region: &str) -> Result<(), Failure> {
    if catalog().has_region(region) {
        return Ok(());
    }
    let name = output::plain(region);
    let line = line.map(|it| format!("line {it}: ")).unwrap_or_default();
    let failure = Failure::bad_input(format!("{line}`{name}` is no Region of AWS"));
    let meant = catalog().nearest_regions(region);
    Err(match meant.first() {
        Some(meant) => failure.help(format!("did you mean `{meant}`?")),
        None => failure.help("Regions are named as `eu-west-1`"),
    })
}

pub fn check_regions(place: &str, named: &[String]) -> Result<(), Failure> {
    for region in named {
        check_region(None, region).map_err(|failure| failure.at(place))?;
    }
    Ok(())
}

pub fn unknown(names: &[UnknownName], file: Option<&Path>) -> Failure {
    let mut all = names.iter();
    let first = all.next().map(ToString::to_string).unwrap_or_default();
    let mut failure = Failure::bad_input(output::plain(&first));
    for more in all {
        failure = failure.detail(output::plain(&more.to_string()));
    }
    let meant: BTreeSet<String> = names
        .iter()
        .filter_map(|it| nearest(&it.name, &it.known))
        .map(|it| format!("`{it}`"))
        .collect();
    if !meant.is_empty() {
        let meant: Vec<String> = meant.into_iter().collect();
        failure = failure.help(format!("did you mean {}?", meant.join(", ")));
    }
    match file {
        Some(path) if names.iter().any(|it| it.line.is_some()) => failure.within(path),
        Some(_) | None => failure,
    }
}
