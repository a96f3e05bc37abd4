//! PostgreSQL specifics.
//!
//! The async client is used synchronously: statements run on blocking threads, as SQLite's do, and
//! a separate thread serves the socket.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::postgres::PostgresAddress;
use futures_util::TryStreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Row};

use super::dialect;
use super::error::{DatabaseError, Failure, ServerTrouble, trouble_of};
use super::value::{Bound, Value};
use super::{ConstraintRefusal, Owner, TransactionMode};

type BoxedError = Box<dyn std::error::Error + Sync + Send>;

/// Default statement timeout; afterwards the session is dropped.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// With less time left, no wait begins.
const PATIENCE_LEAST: Duration = Duration::from_millis(100);
/// How long a stalled or disconnected process may hold the writers' lock.
const IDLE_MAX: Duration = Duration::from_secs(3);
/// Session settings: the server detects dead connections too, and commits survive a power loss,
/// whatever the role's or database's defaults.
const SESSION: &str = "SET tcp_user_timeout = '5s';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

#[derive(Debug)]
pub(crate) struct Server {
    address: PostgresAddress,
    runtime: Option<Runtime>,
    complaint: Mutex<Option<(Instant, String)>>,
}

/// Lifetime of an error: a process without writes would keep it forever.
const COMPLAINT_MAX: Duration = Duration::from_mins(1);

impl Server {
    /// Makes a server without contacting it.
    pub(crate) fn at(address: PostgresAddress) -> Result<Self, DatabaseError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("postgresql")
            .enable_all()
            .build()
            .map_err(|error| Failure::Step(error.to_string()))?;
        Ok(Self {
            address,
            runtime: Some(runtime),
            complaint: Mutex::default(),
        })
    }

    /// Returns the last error since a write: a full disk, a foreign lock.
    pub(crate) fn complaint(&self) -> Option<String> {
        let complaint = self.complaint.lock();
        let complaint = complaint.unwrap_or_else(PoisonError::into_inner).clone();
        let recent = complaint.filter(|(at, _)| at.elapsed() < COMPLAINT_MAX);
        recent.map(|(_, words)| words)
    }

    fn note(&self, complaint: Option<String>) {
        let noted = complaint.map(|words| (Instant::now(), words));
        *self
            .complaint
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = noted;
    }

    fn wait<T>(&self, patience: Duration, work: impl Future<Output = T>) -> Result<T, Failure> {
        let Some(runtime) = &self.runtime else {
            return Err(Failure::Stopped);
        };
        runtime.block_on(async {
            let said = tokio::time::timeout(patience, work).await;
            said.map_err(|_| Failure::Silent(patience))
        })
    }

    fn connect(&self) -> Result<Client, Failure> {
        let Some(runtime) = &self.runtime else {
            return Err(Failure::Stopped);
        };
        // it has a separate limit
        let (client, line) = runtime.block_on(self.address.connect())?;
        drop(runtime.spawn(line));
        self.wait(PATIENCE, client.batch_execute(SESSION))??;
        Ok(client)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // dropping the store must not block
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[derive(Debug)]
pub(crate) struct Prepared {
    statement: tokio_postgres::Statement,
    names: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Connection {
    server: Arc<Server>,
    client: Client,
    patience: Duration,
    /// After a timeout, the server's next message is not the next statement's answer.
    is_given_up: Cell<bool>,
    waited_in_vain: bool,
    prepared: RefCell<HashMap<String, Arc<Prepared>>>,
}

impl Connection {
    pub(super) fn open(server: &Arc<Server>, patience: Duration) -> Result<Self, DatabaseError> {
        Ok(Self {
            client: server.connect()?,
            server: Arc::clone(server),
            patience,
            is_given_up: Cell::new(false),
            waited_in_vain: false,
            prepared: RefCell::default(),
        })
    }

    pub(super) fn be_patient_for(&mut self, patience: Duration) {
        self.patience = patience;
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let said = self.server.wait(self.patience, work);
        if let Err(failure) = &said {
            self.is_given_up.set(true);
            self.server.note(Some(failure.to_string()));
        }
        said
    }

    /// Stores fixable server errors for Health.
    fn heard<T>(&self, said: Result<T, tokio_postgres::Error>) -> Result<T, Failure> {
        said.map_err(|error| {
            let trouble = error.code().map(trouble_of);
            let failure = Failure::from(error);
            if trouble.is_some_and(|trouble| trouble != ServerTrouble::Other) {
                self.server.note(Some(failure.to_string()));
            }
            failure
        })
    }

    fn is_over(&self) -> bool {
        self.is_given_up.get() || self.client.is_closed()
    }

    fn run(&self, sql: &str) -> Result<(), Failure> {
        self.heard(self.wait(self.client.batch_execute(sql))?)
    }

    pub(super) fn owner(&self) -> Result<Owner, DatabaseError> {
        let sql = "SELECT count(*), count(*) FILTER (WHERE tablename = 'schema_migrations')
                   FROM pg_tables WHERE schemaname = current_schema()";
        let row = self.wait(self.client.query_one(sql, &[]))?;
        let row = row.map_err(Failure::from)?;
        let (tables, ours) = (value(&row, 0)?, value(&row, 1)?);
        Ok(match (tables, ours) {
            (Value::Integer(0), _) => Owner::Nobody,
            (_, Value::Integer(0)) => Owner::Another,
            _ => Owner::Us,
        })
    }

    /// Begins for a caller queued since `asked`. After a timeout, the queue time counts: otherwise
    /// the tenth in line would wait ten times as long.
    pub(super) fn begin(
        &mut self,
        mode: TransactionMode,
        asked: Instant,
    ) -> Result<Transaction<'_>, DatabaseError> {
        let patience = match self.patience.saturating_sub(asked.elapsed()) {
            _ if !self.waited_in_vain => self.patience,
            left if left < PATIENCE_LEAST => return Err(Failure::Silent(self.patience).into()),
            left => left,
        };
        let begin = match mode {
            TransactionMode::Read => bounded(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                self.patience,
            ),
            TransactionMode::Row => bounded(
                "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
                self.patience,
            ),
            TransactionMode::Write => self.begin_to_write(patience),
        };
        let ready = if self.is_over() {
            None
        } else {
            match self.run(&begin) {
                // a timed-out caller would wait as long again
                Err(waited) if is_of_waiting(&waited) => {
                    self.waited_in_vain = true;
                    return Err(waited.into());
                }
                other => other.ok(),
            }
        };
        self.waited_in_vain = false;
        if ready.is_none() {
            // the server was restarted or replaced: nothing is lost, because nothing had begun. For
            // any other cause, a new session reports it too
            self.client = self.server.connect()?;
            self.is_given_up.set(false);
            self.prepared.get_mut().clear();
            self.run(&begin)?;
        }
        Ok(Transaction {
            connection: self,
            mode,
            state: Cell::new(State::Whole),
        })
    }
}

impl Connection {
    /// Takes the schema's lock: later statements see all earlier commits. It ends with the
    /// transaction, which ends with a silent process.
    fn begin_to_write(&self, patience: Duration) -> String {
        let idle = if self.patience > PATIENCE {
            self.patience
        } else {
            IDLE_MAX
        };
        format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
             SET LOCAL idle_in_transaction_session_timeout = {};
             SET LOCAL statement_timeout = {};
             SELECT pg_advisory_xact_lock(1751215212, hashtext(current_schema()));
             SET LOCAL statement_timeout = {}",
            idle.as_millis(),
            patience.as_millis(),
            self.patience.as_millis()
        )
    }
}

/// Delay of the server's statement timeout after the session's.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(1);

/// Sets server-side timeouts shortly after the client's: a server waiting for a lock checks no
/// connection and would keep abandoned sessions.
fn bounded(begin: &str, patience: Duration) -> String {
    let most = (patience + GIVEN_UP_AFTER).as_millis();
    format!("{begin}; SET LOCAL statement_timeout = {most}")
}

fn is_of_waiting(failure: &Failure) -> bool {
    matches!(failure, Failure::Silent(_)) || failure.is_trouble(ServerTrouble::Waited)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    /// A statement failed: the server ignores the rest and would roll back on commit.
    Failed,
    Over,
}

#[derive(Debug)]
pub(crate) struct Transaction<'c> {
    connection: &'c Connection,
    mode: TransactionMode,
    state: Cell<State>,
}

impl Transaction<'_> {
    fn told<T>(
        &self,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, DatabaseError> {
        let said = self.connection.wait(work);
        let said = said.and_then(|said| self.connection.heard(said));
        if said.is_err() {
            self.state.set(State::Failed);
        }
        Ok(said?)
    }

    pub(super) fn prepare(&self, sql: &str) -> Result<Statement<'_>, DatabaseError> {
        let known = self.connection.prepared.borrow().get(sql).map(Arc::clone);
        Ok(Statement {
            transaction: self,
            prepared: known.map_or_else(|| self.prepare_anew(sql), Ok)?,
        })
    }

    fn prepare_anew(&self, sql: &str) -> Result<Arc<Prepared>, DatabaseError> {
        let dialect::Translated { text, names } = dialect::statement(sql);
        let statement = self.told(self.connection.client.prepare(&text))?;
        let prepared = Arc::new(Prepared { statement, names });
        let mut all = self.connection.prepared.borrow_mut();
        all.insert(sql.to_owned(), Arc::clone(&prepared));
        Ok(prepared)
    }

    pub(super) fn execute_batch(&self, sql: &str) -> Result<(), DatabaseError> {
        let script = dialect::script(sql);
        self.told(self.connection.client.batch_execute(&script))
    }

    pub(super) fn own(&self) -> Result<(), DatabaseError> {
        let known = "SELECT 1 FROM pg_proc WHERE proname = 'random_hex'
                     AND pronamespace = current_schema()::regnamespace";
        let known = self.told(self.connection.client.query_opt(known, &[]))?;
        match known {
            Some(_) => Ok(()),
            None => self.told(self.connection.client.batch_execute(dialect::FUNCTIONS)),
        }
    }

    pub(super) fn commit(self) -> Result<(), DatabaseError> {
        if self.state.get() == State::Failed {
            return Err(Failure::TakenBack.into());
        }
        self.state.set(State::Over);
        self.connection.run("COMMIT")?;
        if self.mode == TransactionMode::Write {
            self.connection.server.note(None);
        }
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.state.get() != State::Over && !self.connection.is_over() {
            drop(self.connection.run("ROLLBACK"));
        }
    }
}

#[derive(Debug)]
pub(crate) struct Statement<'t> {
    transaction: &'t Transaction<'t>,
    prepared: Arc<Prepared>,
}

impl Statement<'_> {
    pub(super) fn execute(&self, bound: Bound<'_>) -> Result<usize, DatabaseError> {
        let values = self.in_order(bound)?;
        let client = &self.transaction.connection.client;
        let changed = client.execute_raw(&self.prepared.statement, values);
        Ok(usize::try_from(self.transaction.told(changed)?).unwrap_or(usize::MAX))
    }

    pub(super) fn query(&self, bound: Bound<'_>) -> Result<Rows, DatabaseError> {
        let values = self.in_order(bound)?;
        let client = &self.transaction.connection.client;
        let found = async {
            let rows = client.query_raw(&self.prepared.statement, values).await?;
            rows.try_collect::<Vec<Row>>().await
        };
        Ok(Rows {
            rest: self.transaction.told(found)?.into_iter(),
            current: None,
        })
    }

    fn in_order<'v>(&self, bound: Bound<'v>) -> Result<Vec<Value<'v>>, DatabaseError> {
        let named = match bound {
            Bound::InOrder(values) => return Ok(values.to_vec()),
            Bound::Named(named) => named,
        };
        let find = |name: &String| {
            let found = named.iter().find(|(it, _)| it == name);
            let missing = || Failure::Parameter(name.clone());
            found.map(|(_, value)| *value).ok_or_else(missing)
        };
        let values = self.prepared.names.iter().map(find);
        Ok(values.collect::<Result<_, _>>()?)
    }
}

#[derive(Debug)]
pub(crate) struct Rows {
    rest: std::vec::IntoIter<Row>,
    current: Option<Row>,
}

impl Rows {
    pub(super) fn next(&mut self) -> Option<&Row> {
        self.current = self.rest.next();
        self.current.as_ref()
    }
}

pub(super) fn value(row: &Row, column: usize) -> Result<Value<'_>, DatabaseError> {
    Ok(row.try_get(column).map_err(Failure::from)?)
}

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, BoxedError> {
        match *self {
            Value::Null => Ok(IsNull::Yes),
            Value::Integer(number) => match *kind {
                Type::INT8 => number.to_sql(kind, out),
                Type::INT4 => i32::try_from(number)?.to_sql(kind, out),
                Type::BOOL => (number != 0).to_sql(kind, out),
                _ => Err(format!("a number for a parameter of type `{kind}`").into()),
            },
            // PostgreSQL cannot store this character; searches replace it too
            Value::Text(text) if text.contains('\0') => {
                text.replace('\0', "\u{fffd}").to_sql(kind, out)
            }
            Value::Text(text) if <&str as ToSql>::accepts(kind) => text.to_sql(kind, out),
            Value::Blob(bytes) if *kind == Type::BYTEA => bytes.to_sql(kind, out),
            Value::Text(_) => Err(format!("a text for a parameter of type `{kind}`").into()),
            Value::Blob(_) => Err(format!("bytes for a parameter of type `{kind}`").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'r> FromSql<'r> for Value<'r> {
    fn from_sql(kind: &Type, raw: &'r [u8]) -> Result<Self, BoxedError> {
        match *kind {
            Type::INT8 => i64::from_sql(kind, raw).map(Value::Integer),
            Type::INT4 => i32::from_sql(kind, raw).map(|it| Value::Integer(it.into())),
            Type::BOOL => bool::from_sql(kind, raw).map(|it| Value::Integer(it.into())),
            Type::BYTEA => <&[u8]>::from_sql(kind, raw).map(Value::Blob),
            _ => <&str>::from_sql(kind, raw).map(Value::Text),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, BoxedError> {
        Ok(Value::Null)
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::INT4 | Type::BOOL | Type::BYTEA)
            || <&str as FromSql<'_>>::accepts(kind)
    }
}

pub(super) fn refusal(error: &tokio_postgres::Error) -> Option<ConstraintRefusal> {
    let code = error.code()?;
    if *code == SqlState::UNIQUE_VIOLATION || *code == SqlState::EXCLUSION_VIOLATION {
        Some(ConstraintRefusal::Twin)
    } else if *code == SqlState::RAISE_EXCEPTION {
        Some(ConstraintRefusal::Trigger)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_reads_ends_at_the_server_soon_after_it_is_given_up_here() {
        assert_eq!(
            bounded("BEGIN READ ONLY", PATIENCE),
            "BEGIN READ ONLY; SET LOCAL statement_timeout = 9000"
        );
    }
}
