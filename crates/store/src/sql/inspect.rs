//! Reads what is held in a database without making, laying out or owning one.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::postgres::PostgresAddress;
use hallpass_base::{GroupId, HoldKey, Target};
use serde::Deserialize;

use super::opening::{interrupted, refuse_linked};
use super::{OpenError, Source, SqlStore, schema};
use crate::database::{Connection, DatabaseError, Failure, Owner, Server, TransactionMode};

/// The part of an assignment that is read here.
#[derive(Deserialize)]
struct HeldRow {
    key: HoldKey,
}

impl SqlStore {
    /// The groups of the memberships that are held, or about to be given or ended, in the file at `path`; none in an
    /// empty one. A file that is not there would be made. Blocks.
    ///
    /// # Errors
    /// When it cannot be read, or is of another program or schema.
    pub fn groups_held(path: impl AsRef<Path>) -> Result<BTreeSet<GroupId>, OpenError> {
        let path = path.as_ref();
        refuse_linked(path)?;
        let (source, name) = (Source::File(path.to_owned()), path.display().to_string());
        let connection = source.reading().map_err(source.unusable(&name))?;
        groups_of(&source, connection, &name)
    }

    /// The same for a PostgreSQL database.
    ///
    /// # Errors
    /// As [`SqlStore::groups_held`], and when the server cannot be reached.
    pub async fn groups_held_postgres(
        address: PostgresAddress,
    ) -> Result<BTreeSet<GroupId>, OpenError> {
        let name = address.to_string();
        let looked = tokio::task::spawn_blocking(move || {
            let name = address.to_string();
            let server = Server::at(address).map_err(|source| OpenError::Unreachable {
                store: name.clone(),
                source,
            })?;
            let source = Source::Postgres(Arc::new(server));
            let connection = source.reading().map_err(source.unusable(&name))?;
            groups_of(&source, connection, &name)
        });
        looked
            .await
            .unwrap_or_else(|error| Err(interrupted(name, &error)))
    }
}

fn groups_of(
    source: &Source,
    mut connection: Connection,
    name: &str,
) -> Result<BTreeSet<GroupId>, OpenError> {
    let unusable = source.unusable(name);
    match schema::refuse_foreign(&connection, name, &unusable)? {
        Owner::Nobody | Owner::Another => Ok(BTreeSet::new()),
        Owner::Us => {
            schema::check(&mut connection, name, &unusable)?;
            groups(&mut connection).map_err(unusable)
        }
    }
}

fn groups(connection: &mut Connection) -> Result<BTreeSet<GroupId>, DatabaseError> {
    let transaction = connection.begin(TransactionMode::Read)?;
    let bodies = transaction
        .prepare("SELECT body FROM assignments WHERE kind = 'group'")?
        .query_map((), |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    let mut groups = BTreeSet::new();
    for body in bodies {
        let held: HeldRow = serde_json::from_str(&body)
            .map_err(|error| Failure::Step(format!("stored assignment: {error}")))?;
        if let Target::Group { group } = held.key.target {
            groups.insert(group);
        }
    }
    transaction.commit()?;
    Ok(groups)
}
