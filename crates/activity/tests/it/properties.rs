//! Order, repetition and splitting of records do not matter.

use hallpass_activity::{PciFold, PciRules, PciState};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::stage::{
    ANA, STORE, add, ana, as_of, at, empty_fold, log_of, record, request, shuffled,
};

const EVENTS: [&str; 11] = [
    "sso-directory:UpdatePassword",
    "sso:Authenticate",
    "signin:UserAuthentication",
    "sso:Federate",
    "sso:CreateToken",
    "signin:CredentialChallenge",
    "signin:CredentialVerification",
    "identitystore:CreateUser",
    "identitystore:DeleteUser",
    "sso-directory:DisableUser",
    "sso-directory:EnableUser",
];

prop_compose! {
    fn records()(
        seeds in prop::collection::vec((0..EVENTS.len(), 0..3_usize, 0..100_i64, any::<bool>()), 0..20)
    ) -> Vec<Value> {
        let start = at("2025-06-01T00:00:00Z");
        seeds.into_iter().enumerate().map(|(number, (event, whose, days, failed))| {
            let time = start + jiff::SignedDuration::from_hours(days * 24);
            let changes = match whose {
                0 => request(ANA, &json!({"userName": "ana"})),
                1 => json!({"userIdentity": {"userName": "Ana"}, "additionalEventData": {"LoginTo": "https://a.awsapps.com"}}),
                _ => json!({}),
            };
            let mut made = record(number.try_into().unwrap(), &time.to_string(), EVENTS[event], &changes);
            if failed {
                made["serviceEventDetails"] = json!({"CredentialVerification": "Failure", "UserAuthentication": "Success"});
            }
            made
        }).collect()
    }
}

fn state(fold: &PciFold) -> PciState {
    let list = ana("2024-09-01T00:00:00Z", &json!({}));
    PciState::after(fold, Some(&list), None).unwrap()
}

proptest! {
    #[test]
    fn any_order_split_and_repetition_gives_the_same_state(
        (records, order) in records().prop_flat_map(|all| {
            let order = prop::collection::vec(any::<prop::sample::Index>(), 0..30);
            (Just(all), order)
        }),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut whole = empty_fold();
        add(&mut whole, &log_of(&records));
        let shuffled = shuffled(&records, &order);
        let (first, second) = shuffled.split_at(cut.index(shuffled.len() + 1));
        let mut before = empty_fold();
        add(&mut before, &log_of(first));
        let kept = PciState::read(&state(&before).text().unwrap()).unwrap();
        let mut after = PciFold::resume(PciRules::of_store(STORE), as_of(), kept).unwrap();
        add(&mut after, &log_of(second));
        prop_assert_eq!(state(&after), state(&whole));
    }
}
