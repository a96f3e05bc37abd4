//! The people of an identity store, as `ListUsers` has them now.

use hallpass_activity::PeopleList;
use hallpass_org::{ReadCalls, ReadPlace};
use hallpass_terminal::exit::Failure;
use serde_json::{Map, Value, json};

/// Users of a page (IAM Identity Center Identity Store API, "`ListUsers`").
const PAGE_USERS: u32 = 100;

/// Everybody, or nothing: half a list would make the others look as if they were gone.
///
/// # Errors
/// AWS does not answer, or the store has nobody.
pub async fn listed_people(
    calls: &dyn ReadCalls,
    region: &str,
    store: &str,
) -> Result<PeopleList, Failure> {
    let place = ReadPlace {
        region: Some(region.to_owned()),
        ..ReadPlace::default()
    };
    let mut users: Vec<Value> = Vec::new();
    let mut token = Some(Map::new());
    while let Some(more) = token.take() {
        let mut input = json!({"IdentityStoreId": store, "MaxResults": PAGE_USERS});
        if let Some(members) = input.as_object_mut() {
            members.extend(more);
        }
        let answered = calls.call(&place, ("identitystore", "ListUsers"), &input);
        let (page, next) = answered.await.map_err(|failed| {
            let (code, message) = (failed.code, failed.message);
            Failure::failed(format!("people cannot be listed: {code}: {message}"))
                .help("it takes `identitystore:ListUsers`")
        })?;
        let listed = page.get("Users").and_then(Value::as_array);
        users.extend(listed.into_iter().flatten().cloned());
        token = next;
    }
    let text = json!({"Users": users}).to_string();
    PeopleList::read(&text)
        .map_err(|error| Failure::failed(format!("the people of `{store}`: {error}")))
}
