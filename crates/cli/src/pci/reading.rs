//! Runs a pci command. Saves the state only if no file was skipped.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hallpass_activity::{PciFold, PciRules, PciState, PeopleList};
use hallpass_app::config::Loaded;
use hallpass_app::host::home_region::home_region;
use hallpass_app::log_files::log_source::LogSource;
use hallpass_app::log_files::{Fingerprints, LogPlace};
use hallpass_app::reports::live_center;
use hallpass_app::reports::pci::{self, OtherRegions, PciReading, RanReport, Telling};
use hallpass_base::Timestamp;
use hallpass_store::{Existing, write_private};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;
use hallpass_terminal::text_file::read_text;

use super::args::ReadArgs;
use super::people::{password_source, read_people};

const STATE_BYTES_MAX: u64 = 1 << 30;

/// # Errors
/// Exit 2 for invalid arguments; exit 1 for an unreadable folder or an unsaved state.
pub(super) fn read_now(args: &ReadArgs, loaded: &Loaded) -> Result<RanReport, Failure> {
    read(
        args,
        loaded,
        hallpass_base::clock::now(),
        (Fingerprints::None, RegionsOf::Source),
    )
}

pub(super) fn read_to_act(
    args: &ReadArgs,
    loaded: &Loaded,
    regions: OtherRegions,
) -> Result<RanReport, Failure> {
    read(
        args,
        loaded,
        hallpass_base::clock::now(),
        (Fingerprints::None, RegionsOf::Instance(regions)),
    )
}

pub(super) enum RegionsOf {
    Source,
    Instance(OtherRegions),
}

pub(super) fn read(
    args: &ReadArgs,
    loaded: &Loaded,
    now: Timestamp,
    (fingerprints, regions): (Fingerprints, RegionsOf),
) -> Result<RanReport, Failure> {
    let limits = args.limits()?;
    check_digests(args)?;
    let as_of = args.as_of.unwrap_or(now);
    for file in &args.events {
        check_file(file)?;
    }
    let earlier = match &args.state {
        Some(path) => read_state(path)?,
        None => None,
    };
    let (listed, additional_regions) = listed(args, earlier.is_some(), regions)?;
    let store = match (&listed, &earlier) {
        (Some(list), _) => list.identity_store_id.clone(),
        (None, Some(state)) => state.identity_store_id.clone(),
        (None, None) => {
            let failure = Failure::bad_input("no users are known: `--users` is missing");
            return Err(failure.help(
                "save `aws identitystore list-users`; a state stored with it has them, too",
            ));
        }
    };
    let lookup_regions = match args.source {
        Some(LogSource::Lookup) => lookup_regions(args)?,
        Some(LogSource::Place(_)) | None => BTreeSet::new(),
    };
    let fold = fold(args, loaded.pci_rules(store), as_of, earlier)?;
    let reading = PciReading {
        source: args.source.clone(),
        events: args.events.clone(),
        accounts: args.accounts.clone(),
        regions: args.regions.clone(),
        additional_regions,
        lookup_regions,
        days: args.days,
        coverage_from: args.coverage_from,
        policy: args.policy(),
        limits,
        fingerprints,
        telling: Telling::Terminal,
        client: None,
        digests: args.digests.clone(),
    };
    let mut ran = pci::read(&reading, fold, listed.as_ref(), now, |people| {
        password_source(args.password_from.as_deref(), people)
    })?;
    if let Some(path) = &args.state {
        let is_whole = ran.is_whole();
        keep(path, ran.state.take(), is_whole)?;
    }
    Ok(ran)
}

/// Returns the people from the named file or Identity Center, and the additional Regions if the log
/// comes from AWS.
fn listed(
    args: &ReadArgs,
    is_known: bool,
    regions: RegionsOf,
) -> Result<(Option<PeopleList>, OtherRegions), Failure> {
    let is_at_aws = matches!(
        args.source,
        Some(LogSource::Lookup | LogSource::Place(LogPlace::Bucket(_)))
    );
    let (people, told) = match &args.users {
        Some(path) => (Some(read_people(path)?), None),
        None if is_known || !is_at_aws => (None, None),
        None => {
            let answer = live_center::people(args.regions.first())?;
            let people = PeopleList::read(&answer.users.to_string())
                .map_err(|error| Failure::failed(format!("IAM Identity Center: {error}")))?;
            (Some(people), Some(answer.additional_regions))
        }
    };
    let others = match (regions, told) {
        (RegionsOf::Instance(others), _) => others,
        (RegionsOf::Source, Some(told)) => told.map_or(OtherRegions::Unknown, OtherRegions::Listed),
        (RegionsOf::Source, None) if is_at_aws => asked(args),
        (RegionsOf::Source, None) => OtherRegions::NotAsked,
    };
    tell_others(args, &others);
    Ok((people, others))
}

/// Returns the instance's additional Regions. A failure is not fatal: the user may lack this
/// permission.
fn asked(args: &ReadArgs) -> OtherRegions {
    let why = match live_center::additional_regions(args.regions.first()) {
        Ok(Some(listed)) => return OtherRegions::Listed(listed),
        Ok(None) => "it takes `sso:ListRegions`".to_owned(),
        Err(failure) => failure.words(),
    };
    if args.users.is_none() || args.regions.is_empty() {
        output::say(&why);
        return OtherRegions::Unknown;
    }
    output::say(&format!(
        "the Regions of the instance are taken to be those of `--regions`, as it does not say: {why}"
    ));
    OtherRegions::NotAsked
}

fn tell_others(args: &ReadArgs, others: &OtherRegions) {
    let OtherRegions::Listed(listed) = others else {
        return;
    };
    let others = listed.iter().filter(|it| !args.regions.contains(it));
    let others: Vec<&str> = others.map(String::as_str).collect();
    let is_lookup = args.source == Some(LogSource::Lookup);
    if !others.is_empty() && (is_lookup || !args.regions.is_empty()) {
        let named = others.join(", ");
        output::say(&format!(
            "also read: {named}, where people of the instance sign in as well"
        ));
    }
}

/// Only trail files have digests.
fn check_digests(args: &ReadArgs) -> Result<(), Failure> {
    if args.digests.is_asked() && !matches!(args.source, Some(LogSource::Place(_))) {
        let failure = Failure::bad_input("`--verify-digests` is about the files of a trail");
        return Err(failure.help("give `--source s3://BUCKET` or `--source dir:PATH`"));
    }
    Ok(())
}

fn lookup_regions(args: &ReadArgs) -> Result<BTreeSet<String>, Failure> {
    let given = match args.regions.as_slice() {
        [] => vec![std::env::var("AWS_REGION").ok().filter(|it| !it.is_empty())],
        named => named.iter().cloned().map(Some).collect(),
    };
    let regions = given.iter().map(|it| home_region(it.as_ref()));
    regions.collect()
}

/// Reports a missing file as a usage error, not as a broken log.
fn check_file(path: &Path) -> Result<(), Failure> {
    let about = fs::metadata(path).map_err(|error| Failure::unreadable(path.display(), &error))?;
    if about.is_dir() {
        let failure = Failure::bad_input(format!("`{}` is a folder", path.display()));
        return Err(failure.help(format!("`--source dir:{}` reads it", path.display())));
    }
    if path.to_str().is_none() {
        let message = format!("the name of `{}` is not UTF-8", path.display());
        return Err(Failure::bad_input(message));
    }
    Ok(())
}

fn read_state(path: &Path) -> Result<Option<PciState>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    let text = read_text(path, STATE_BYTES_MAX)?;
    let state = PciState::read(&text);
    state
        .map(Some)
        .map_err(|error| unfit(path, &error.to_string()))
}

fn unfit(path: &Path, why: &str) -> Failure {
    let failure = Failure::bad_input(format!("`{}`: {why}", path.display()));
    failure.help("take another file for `--state`, or none, to read the whole log again")
}

fn fold(
    args: &ReadArgs,
    rules: PciRules,
    as_of: Timestamp,
    earlier: Option<PciState>,
) -> Result<PciFold, Failure> {
    let Some(state) = earlier else {
        return Ok(PciFold::new(rules, as_of));
    };
    let path = args.state.clone().unwrap_or_default();
    PciFold::resume(rules, as_of, state).map_err(|error| unfit(&path, &error.to_string()))
}

fn keep(path: &Path, state: Option<PciState>, is_whole: bool) -> Result<(), Failure> {
    if !is_whole {
        // the next run must read these days again
        output::say("the state stays as it was: files were skipped or are not as delivered");
        return Ok(());
    }
    let Some(state) = state else {
        return Ok(());
    };
    let text = state.text().map_err(Failure::bug)?;
    // CRASH: before this line the old state remains, and the next run reads the same again
    let written = write_private(path, text.as_bytes(), Existing::Replaced);
    written.map_err(|error| Failure::unwritable(path.display(), &error))
}
