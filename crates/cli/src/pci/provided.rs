//! Matches people to their identity provider. A person to suspend must exist there under the same
//! name.

use std::sync::Arc;

use hallpass_app::chores::plans::PlanContext;
use hallpass_app::config::Loaded;
use hallpass_app::directories::okta;
use hallpass_org::ReadPlace;
use hallpass_org::pci::{
    PeopleProvider, ProvidedPerson, ProviderPeople, ProviderPerson, StalePerson,
};
use hallpass_terminal::exit::Failure;
use serde_json::{Value, json};

pub(super) fn open(
    loaded: &Loaded,
    provider: PeopleProvider,
) -> Result<Arc<dyn ProviderPeople>, Failure> {
    let (found, help): (Option<Arc<dyn ProviderPeople>>, _) = match provider {
        PeopleProvider::Okta => (
            okta::suspending()?.map(|it| Arc::new(it) as Arc<dyn ProviderPeople>),
            "set `HALLPASS_OKTA_URL`, and `HALLPASS_OKTA_TOKEN` or `HALLPASS_OKTA_CLIENT_ID`",
        ),
        PeopleProvider::Scim => (
            loaded
                .pci_scim()?
                .map(|it| Arc::new(it) as Arc<dyn ProviderPeople>),
            "set `pci.scim_endpoint` and `pci.scim_token`: the console of IAM Identity Center has both, Settings, Automatic provisioning",
        ),
    };
    found.ok_or_else(|| {
        let name = provider.name();
        Failure::bad_input(format!("`--by {name}`: it is not set up")).help(help)
    })
}

/// Splits people into those found at the provider, with their ids there, and the rest.
///
/// # Errors
/// On any failed read; no one is suspended then.
pub(super) async fn split(
    context: &PlanContext,
    provider: PeopleProvider,
    port: &dyn ProviderPeople,
    people: Vec<StalePerson>,
) -> Result<(Vec<ProvidedPerson>, Vec<StalePerson>), Failure> {
    let (mut there, mut others) = (Vec::new(), Vec::new());
    for person in people {
        let ids = match provider {
            // the endpoint uses the ids of the identity store
            PeopleProvider::Scim => vec![person.user_id.to_string()],
            PeopleProvider::Okta => external_ids(context, &person).await?,
        };
        match found(port, &ids, &person.user_name).await? {
            Some(it) => there.push(ProvidedPerson { person, id: it.id }),
            None => others.push(person),
        }
    }
    Ok((there, others))
}

/// Finds the person with one of these ids; the name must match.
async fn found(
    port: &dyn ProviderPeople,
    ids: &[String],
    name: &str,
) -> Result<Option<ProviderPerson>, Failure> {
    for id in ids {
        let person = port.person(id).await;
        let person = person.map_err(|fault| {
            let base = port.base();
            Failure::failed(format!("`{base}` does not say who `{name}` is: {fault}"))
        })?;
        // INVARIANT: an id or a name alone never suspends a person: ids get copied, and names
        // reused
        if let Some(person) = person.filter(|it| it.is_called(name)) {
            return Ok(Some(person));
        }
    }
    Ok(None)
}

/// Returns ids from an outside provider (Identity Store API, "`ExternalId`"); empty if the identity
/// store is the person's source.
async fn external_ids(context: &PlanContext, person: &StalePerson) -> Result<Vec<String>, Failure> {
    let store = &context.aws.about().identity_store_id;
    let input = json!({ "IdentityStoreId": store, "UserId": person.user_id });
    let place = ReadPlace::default();
    let answered = context
        .calls
        .call(&place, ("identitystore", "DescribeUser"), &input);
    let (answer, _) = answered.await.map_err(|it| {
        let (name, code, message) = (&person.user_name, it.code, it.message);
        Failure::failed(format!(
            "cannot read where `{name}` comes from: {code}: {message}"
        ))
    })?;
    let listed = answer.get("ExternalIds").and_then(Value::as_array);
    let ids = listed.into_iter().flatten().filter_map(|it| it.get("Id"));
    let ids = ids.filter_map(Value::as_str).filter(|it| is_id(it));
    Ok(ids.map(str::to_owned).collect())
}

fn is_id(text: &str) -> bool {
    let is_of_id = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(is_of_id)
}
