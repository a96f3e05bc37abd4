use std::fmt;

use hallpass_base::with_causes;
use hallpass_store::postgres::ConnectError;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::failure::QueryFailure;

pub(crate) struct PostgresAddress(hallpass_store::postgres::PostgresAddress);

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

impl PostgresAddress {
    /// Parses an address; `password` applies if the address has none. Error messages never contain
    /// the address.
    pub(crate) fn parse(text: &str, password: Option<&str>) -> Result<Self, QueryFailure> {
        let parsed = hallpass_store::postgres::PostgresAddress::parse(text).map_err(|it| {
            QueryFailure::bad_input(format!("`--to` is no address: {it}")).help(it.help())
        })?;
        Ok(Self(match password {
            Some(password) if !parsed.has_password() => parsed.with_password(password),
            _ => parsed,
        }))
    }

    pub(crate) async fn connect(&self) -> Result<Client, QueryFailure> {
        let (client, line) = match self.0.connect().await {
            Ok(connected) => connected,
            Err(ConnectError::Refused(error)) => return Err(self.failure("connecting", &error)),
            Err(ConnectError::Roots(error)) => {
                let failure = QueryFailure::failed(error.to_string());
                return Err(failure.help("name them with `sslrootcert=FILE` in the address"));
            }
            Err(error @ (ConnectError::Silent(_) | ConnectError::Password(_))) => {
                let failure = QueryFailure::failed(format!("connecting: {self}: {error}"));
                return Err(failure.help("check address and network"));
            }
        };
        // connection errors surface at the next use
        tokio::spawn(line);
        Ok(client)
    }

    pub(crate) fn failure(&self, doing: &str, error: &tokio_postgres::Error) -> QueryFailure {
        let Some(answer) = error.as_db_error() else {
            let failure = QueryFailure::failed(format!("{doing}: {self}: {}", with_causes(error)));
            return failure.help(
                "check address and network; `sslrootcert=FILE` names who signed its certificate, `sslmode=disable` goes without TLS",
            );
        };
        let message = format!("{doing}: {self}: {}", answer.message());
        let details = [answer.detail(), answer.hint()];
        let details = details.into_iter().flatten().map(str::to_owned);
        let failure = QueryFailure::failed(message).lines(details);
        match help(answer.code()) {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

fn help(code: &SqlState) -> Option<&'static str> {
    if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
    {
        Some("check user and password; PGPASSWORD may have the password")
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        Some("make the database, or name another one")
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        Some(
            "the user has to own the schema and its tables: `CREATE SCHEMA hallpass AUTHORIZATION …`",
        )
    } else if *code == SqlState::LOCK_NOT_AVAILABLE {
        Some("something reads these tables for long: try again, nothing was changed")
    } else if *code == SqlState::DEPENDENT_OBJECTS_STILL_EXIST {
        Some(
            "the snapshot has not collected that table: export one that has, or drop its dependents",
        )
    } else {
        None
    }
}
