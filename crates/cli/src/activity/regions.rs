//! Regions of the instance without any delivery of a trail: the table lacks users who sign in only
//! there (`access.md` §22, R-1).

use std::collections::BTreeSet;
use std::path::Path;

use hallpass_activity::trail_regions;
use hallpass_app::log_files::SourceFiles;
use hallpass_app::reports::instance_regions::instance_regions;
use hallpass_base::AccountId;
use hallpass_terminal::output;

use super::ledger::SourceLedger;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum SeenRegions {
    NoTrail,
    Unknown,
    Unlisted(String),
    Missing(Vec<String>),
}

impl SeenRegions {
    pub(super) fn of(
        folder: &Path,
        sources: &[SourceFiles],
        accounts: &[AccountId],
        ledger: &SourceLedger,
    ) -> Self {
        let found = sources.iter().flat_map(|it| &it.found);
        let mut seen: BTreeSet<String> = found
            .filter_map(|it| region_of(&it.path).map(str::to_owned))
            .collect();
        if seen.is_empty() {
            return Self::NoTrail;
        }
        let Some(regions) = instance_regions(folder) else {
            return Self::Unknown;
        };
        seen.extend(ledger.paths().filter_map(region_of).map(str::to_owned));
        if regions.is_subset(&seen) {
            return Self::Missing(Vec::new());
        }
        // a Region that is unselected or had no recent events is not missing in the trail
        let accounts = accounts.iter().cloned().collect();
        let is_trail = |it: &&SourceFiles| it.found.iter().any(|it| region_of(&it.path).is_some());
        for source in sources.iter().filter(is_trail) {
            match trail_regions(&source.files, &accounts) {
                Ok(delivered) => seen.extend(delivered),
                Err(error) => return Self::Unlisted(error.to_string()),
            }
        }
        Self::Missing(regions.difference(&seen).cloned().collect())
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown | Self::Unlisted(_))
    }

    pub(super) fn tell(&self) {
        match self {
            Self::NoTrail => {}
            Self::Unknown => output::say(
                "whether the log lacks a Region in which people sign in is not known: no snapshot of the folder has the Regions of \
                 the instance; `hallpass sync` reads them",
            ),
            Self::Unlisted(why) => output::say(&format!(
                "whether the log lacks a Region in which people sign in is not known: its folders could not be listed: {why}"
            )),
            Self::Missing(regions) => {
                for region in regions {
                    output::say(&format!(
                        "the log has nothing of {region}, a Region of the instance: who signs in there alone is in no row; \
                         make it a trail of all Regions"
                    ));
                }
            }
        }
    }
}

/// The Region in a trail's path: `…/CloudTrail/REGION/YYYY/MM/DD/NAME`.
fn region_of(path: &str) -> Option<&str> {
    let mut folders = path.rsplit('/').skip(4);
    let region = folders.next()?;
    (folders.next()? == "CloudTrail").then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_of_a_file_is_that_of_its_place() {
        for (path, expected) in [
            (
                "s3://b/AWSLogs/o-abcdefghij/111111111111/CloudTrail/eu-west-1/2026/11/02/a.json.gz",
                Some("eu-west-1"),
            ),
            (
                "/logs/CloudTrail/AWSLogs/111111111111/CloudTrail/us-east-1/2026/11/02/a.json",
                Some("us-east-1"),
            ),
            (
                "AWSLogs/111111111111/CloudTrail-Digest/us-east-1/2026/11/02/a.json.gz",
                None,
            ),
            ("/saved/pages.json", None),
            ("pages.json", None),
        ] {
            assert_eq!(region_of(path), expected, "{path}");
        }
    }
}
