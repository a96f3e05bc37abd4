use std::collections::{BTreeMap, BTreeSet};

use hallpass_aws_model::facts;
use hallpass_base::AccountId;
use hallpass_inventory::addresses::{
    AddressKind, AddressQuery, QueryComparison, UncoveredPlace, queries, read_items, unrecorded,
};
use hallpass_terminal::exit::Failure;
use serde_json::{Value, json};

use super::FoundSightings;
use super::everywhere::{Everywhere, EverywhereAnswers};

/// Config's maximum page size.
const RESULTS_A_PAGE: u32 = facts::CONFIG_PAGE.value;

type Places = BTreeMap<(AccountId, String), UncoveredPlace>;

pub(super) async fn look(
    everywhere: &Everywhere,
    kinds: &BTreeSet<AddressKind>,
) -> Result<FoundSightings, Failure> {
    let mut found = FoundSightings::default();
    let mut uncovered = Places::new();
    recorded(everywhere, kinds, &mut found.uncovered, &mut uncovered).await?;
    for query in queries(kinds) {
        let answers = select(everywhere, &query).await?;
        for failed in answers.uncovered() {
            note(failed, &mut found.uncovered, &mut uncovered);
        }
        for ((account, region), pages) in &answers.pages {
            for page in pages {
                match read_items(&query, page) {
                    Ok(read) => {
                        found.sightings.extend(read.sightings);
                        found.left_out += read.left_out;
                    }
                    Err(error) => {
                        let place = at(account, region, error.to_string());
                        note(place, &mut found.uncovered, &mut uncovered);
                    }
                }
            }
        }
    }
    found.uncovered.extend(uncovered.into_values());
    found.uncovered.sort();
    found.uncovered.dedup_by(|one, other| {
        (&one.account_id, &one.region) == (&other.account_id, &other.region)
    });
    Ok(found)
}

fn at(account: &AccountId, region: &str, reason: String) -> UncoveredPlace {
    UncoveredPlace {
        account_id: Some(account.clone()),
        region: Some(region.to_owned()),
        reason,
    }
}

/// Keeps the first reason per Region; reasons about several Regions are separate.
fn note(place: UncoveredPlace, whole: &mut Vec<UncoveredPlace>, of_regions: &mut Places) {
    match (place.account_id.clone(), place.region.clone()) {
        (Some(account), Some(region)) => {
            of_regions.entry((account, region)).or_insert(place);
        }
        _ => whole.push(place),
    }
}

async fn select(
    everywhere: &Everywhere,
    query: &AddressQuery,
) -> Result<EverywhereAnswers, Failure> {
    let ask = async |comparison| {
        let expression = query.expression(comparison);
        let input = json!({"Expression": expression, "Limit": RESULTS_A_PAGE});
        everywhere
            .ask("config", "SelectResourceConfig", input)
            .await
    };
    let answers = ask(QueryComparison::Greater).await?;
    let mut codes = answers.failures.iter().map(|it| it.code.as_str());
    if codes.any(|it| it == "InvalidExpressionException") {
        return ask(QueryComparison::Between).await;
    }
    Ok(answers)
}

/// Finds Regions without a recorder for these types: their empty results prove nothing.
async fn recorded(
    everywhere: &Everywhere,
    kinds: &BTreeSet<AddressKind>,
    whole: &mut Vec<UncoveredPlace>,
    of_regions: &mut Places,
) -> Result<(), Failure> {
    let types: BTreeSet<&str> = kinds.iter().map(|it| it.resource_type()).collect();
    let recorders = everywhere
        .ask("config", "DescribeConfigurationRecorders", json!({}))
        .await?;
    let status = everywhere
        .ask("config", "DescribeConfigurationRecorderStatus", json!({}))
        .await?;
    for failed in recorders.uncovered().chain(status.uncovered()) {
        note(failed, whole, of_regions);
    }
    for ((account, region), pages) in &recorders.pages {
        let key = (account.clone(), region.clone());
        let first = |pages: &[Value]| pages.first().cloned().unwrap_or_default();
        let Some(switches) = status.pages.get(&key) else {
            continue;
        };
        if let Some(reason) = unrecorded(&first(pages), &first(switches), &types) {
            note(at(account, region, reason), whole, of_regions);
        }
    }
    Ok(())
}
