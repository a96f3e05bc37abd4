use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hallpass_aws::{AwsClientSettings, OrganizationCalls};
use hallpass_base::AccountId;
use hallpass_base::clock::SystemClock;
use hallpass_inventory::addresses::{
    AddressKind, Aggregator, SelectError, UncoveredPlace, account_names, expected_places, queries,
    uncovered_by_aggregator,
};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;

use super::{Args, FoundSightings};

/// An aggregator lists its sources, but not the types that their recorders exclude.
const NO_TYPES: &str = "note: an aggregator does not report the recorded types of resources: where network \
     interfaces or Elastic IP addresses are left out, theirs are not found; without `--aggregator` that is \
     checked";

pub(super) async fn look(
    args: &Args,
    name: &str,
    home: &str,
    kinds: &BTreeSet<AddressKind>,
) -> Result<FoundSightings, Failure> {
    let role = args.walk.role.to_assume("hallpass".to_owned());
    let client = AwsClientSettings::new(home.to_owned());
    let (seed, clock) = (fastrand::u64(..), Arc::new(SystemClock));
    let calls =
        OrganizationCalls::new(client, role, args.walk.flight.concurrency, seed, clock).await;
    let calls = calls.map_err(Failure::failed)?;
    let aggregator = Aggregator::new(&calls, name, home);
    let aggregator = aggregator.map_err(|error| Failure::bad_input(error.to_string()))?;
    let mut found = FoundSightings::default();
    for query in queries(kinds) {
        let read = aggregator.select(&query).await.map_err(|it| failure(&it))?;
        found.sightings.extend(read.sightings);
        found.left_out += read.left_out;
    }
    let expected = expected_places(&calls).await;
    found.uncovered = expected.unknown;
    found.names = expected.names;
    match aggregator.sources().await {
        Ok(sources) => {
            let uncovered = uncovered_by_aggregator(&expected.places, &sources);
            found.uncovered.extend(uncovered);
        }
        Err(error) => found.uncovered.push(UncoveredPlace {
            account_id: None,
            region: None,
            reason: format!("what the aggregator covers could not be read: {error}"),
        }),
    }
    output::say(NO_TYPES);
    Ok(found)
}

pub(super) async fn names(args: &Args, home: &str) -> BTreeMap<AccountId, String> {
    let role = args.walk.role.to_assume("hallpass".to_owned());
    let client = AwsClientSettings::new(home.to_owned());
    let (seed, clock) = (fastrand::u64(..), Arc::new(SystemClock));
    match OrganizationCalls::new(client, role, 1, seed, clock).await {
        Ok(calls) => account_names(&calls).await.unwrap_or_default(),
        Err(_) => BTreeMap::new(),
    }
}

fn failure(error: &SelectError) -> Failure {
    match error {
        SelectError::NoAggregator { .. } => Failure::bad_input(error.to_string())
            .help("name one with `--aggregator`, and its Region with `--region`"),
        _ => Failure::failed(error.to_string()),
    }
}
