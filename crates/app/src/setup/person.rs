//! Finds the enabled user of an address: from the stored directory, or from AWS if missing or old.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::config::Loaded;
use crate::host::random_ids::RandomIds;
use crate::host::server_store::ServerStore;
use hallpass_access::DirectorySource;
use hallpass_access::identity::Owner;
use hallpass_aws::Inventory;
use hallpass_base::{Email, Timestamp};
use hallpass_rules::Directory;
use hallpass_rules::directory::{NotOnePerson, Snapshot};
use hallpass_terminal::exit::Failure;

use crate::setup::opening::connect;
use crate::setup::sources::cached_snapshot;

/// Returns the user with this address.
///
/// # Errors
/// Exit 1 for none, several or a disabled user, or if unknown.
pub async fn owner_of(
    loaded: &Loaded,
    store: &ServerStore,
    email: &Email,
    now: Timestamp,
) -> Result<Owner, Failure> {
    let known = cached_snapshot(store).await;
    let max_age = loaded.config.inventory.max_age.0;
    let is_fresh = |snapshot: &Snapshot| {
        let taken = snapshot.taken_at;
        taken.is_some_and(|taken| max_age.covers(taken, now))
    };
    if let Some(snapshot) = known.as_ref().filter(|it| is_fresh(it))
        && let Ok(owner) = find(&Directory::new(snapshot.clone()), email)
    {
        return Ok(owner);
    }
    let unknown = |words: String| {
        Failure::failed(format!("who `{email}` is cannot be known: {words}")).help(
            "a token belongs to a user of the directory; `hallpass server doctor` says what AWS lacks",
        )
    };
    let clock = Arc::new(hallpass_base::clock::ProcessClock::new(
        hallpass_base::clock::SystemClock,
        None,
    ));
    let aws = connect(loaded, &clock, Arc::new(RandomIds)).await;
    let aws = Arc::new(aws.map_err(|failure| unknown(failure.words()))?);
    let inventory = Inventory::new(aws, Arc::new(BTreeSet::new));
    let known = known.map(Directory::new);
    if let Some(owner) = known.as_ref().and_then(|known| find(known, email).ok()) {
        let snapshot = known.map(Snapshot::from).unwrap_or_default();
        let inventory = inventory.from_cached(snapshot);
        let read = inventory.refresh_person(&owner.user).await;
        let read = read.map_err(|fault| unknown(fault.to_string()))?;
        return find(&read, email);
    }
    let read = inventory.refresh().await;
    let read = read.map_err(|fault| unknown(fault.to_string()))?;
    find(&read, email)
}

/// Exit 1 unless exactly one enabled user has the address.
pub fn find(directory: &Directory, email: &Email) -> Result<Owner, Failure> {
    let refused = |why: &str| {
        Failure::failed(format!("`{email}` {why}"))
            .help("name a person by an address that is unique in IAM Identity Center")
    };
    match directory.person_by_email(email) {
        Ok(person) if person.enabled => Ok(Owner {
            user: person.user_id.clone(),
            email: email.clone(),
            secondary_domain: false,
        }),
        Ok(_) => Err(refused("is disabled in the directory")),
        Err(NotOnePerson::None) => Err(refused("is no user's address in the directory")),
        Err(NotOnePerson::Ambiguous) => Err(refused("is the address of several users")),
    }
}
