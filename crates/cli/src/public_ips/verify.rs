use std::collections::BTreeSet;

use hallpass_base::AccountId;
use hallpass_inventory::addresses::{
    AddressVerification, FoundAddress, LiveAddress, differences, elastic_addresses,
    interface_addresses,
};
use hallpass_terminal::exit::Failure;
use serde_json::{Value, json};

use super::everywhere::{Everywhere, EverywhereAnswers};

pub(super) async fn look(
    everywhere: &Everywhere,
    addresses: &[FoundAddress],
) -> Result<AddressVerification, Failure> {
    let filter = json!([{"Name": "addresses.association.public-ip", "Values": ["*"]}]);
    // an account may hide resources managed by AWS services; their interfaces still have addresses
    let input = json!({ "Filters": filter, "IncludeManagedResources": true });
    let interfaces = everywhere
        .ask("ec2", "DescribeNetworkInterfaces", input)
        .await?;
    let elastic = everywhere
        .ask("ec2", "DescribeAddresses", json!({}))
        .await?;
    let mut live = BTreeSet::new();
    let mut add = |answers: &EverywhereAnswers, read: fn(&Value) -> Vec<std::net::IpAddr>| {
        for ((account, region), pages) in &answers.pages {
            live.extend(pages.iter().flat_map(read).map(|ip| LiveAddress {
                ip,
                account: account.clone(),
                region: region.clone(),
            }));
        }
    };
    add(&interfaces, interface_addresses);
    add(&elastic, elastic_addresses);
    let of = |answers: &EverywhereAnswers| -> BTreeSet<(AccountId, String)> {
        answers.pages.keys().cloned().collect()
    };
    let asked: BTreeSet<_> = of(&interfaces)
        .intersection(&of(&elastic))
        .cloned()
        .collect();
    // an incomplete place would produce false differences
    live.retain(|it| asked.contains(&(it.account.clone(), it.region.clone())));
    let failed = interfaces.uncovered().chain(elastic.uncovered());
    let mut unverified: Vec<_> = failed.collect();
    unverified.sort();
    unverified.dedup();
    Ok(AddressVerification {
        differences: differences(addresses, &live, &asked),
        unverified,
    })
}
