use hallpass_activity::PeopleList;
use hallpass_org::{ReadCalls, ReadPlace};
use hallpass_terminal::exit::Failure;
use serde_json::{Map, Value, json};

/// Page size (IAM Identity Center Identity Store API, "`ListUsers`").
const PAGE_USERS: u32 = 100;

/// Returns all users or an error: a partial list would make users look deleted. An empty store is
/// an error.
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
