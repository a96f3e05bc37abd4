//! Parses a statement: exactly one, and read-only (`inventory.md` U-5). Refuses all other engine
//! features before the engine sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, Query, Select, SetExpr, Statement, TableFactor, Value,
    Visit as _, VisitMut, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Location;

use super::place;
use super::rewrite::{self, folded};
use crate::failure::{QueryFailure, lower_first};

#[derive(Clone, Debug)]
pub(crate) struct ReadStatement {
    pub(crate) sql: String,
    pub(crate) statement: Statement,
    pub(crate) is_explained: bool,
    pub(crate) tables: BTreeMap<String, Option<Location>>,
    names: BTreeMap<String, Location>,
}

impl ReadStatement {
    /// Parses a statement; `$name` is replaced by a parameter value.
    ///
    /// # Errors
    /// Invalid SQL, a statement that does not only read, or a parameter without a value.
    pub(crate) fn parse(
        sql: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Self, QueryFailure> {
        let parsed = Parser::parse_sql(&PostgreSqlDialect {}, sql);
        let statements = parsed.map_err(|error| of_parser(sql, &error))?;
        let read_only = |what: &str| {
            let message = format!("only one statement that reads is taken, and this is {what}");
            QueryFailure::bad_input(message)
                .code("E_SQL_READONLY")
                .help("a statement begins with SELECT, WITH, VALUES or EXPLAIN")
        };
        let mut statements = statements.into_iter();
        let (mut statement, is_explained) = match (statements.next(), statements.next()) {
            (None, _) => return Err(read_only("none")),
            (Some(statement @ Statement::Query(_)), None) => (statement, false),
            (Some(statement @ Statement::Explain { .. }), None) => match explained(statement) {
                Some(query) => (query, true),
                None => return Err(read_only("EXPLAIN of something else, or with options")),
            },
            (Some(_), None) => return Err(read_only("another")),
            (Some(_), Some(_)) => return Err(read_only("several")),
        };
        let mut found = Found::default();
        if statement.visit(&mut found).is_break() {
            return Err(read_only("one that writes or locks"));
        }
        let mut values = ParameterValues { parameters };
        if let ControlFlow::Break(name) = VisitMut::visit(&mut statement, &mut values) {
            let message = format!("the parameter `{name}` has no value");
            let help = format!("give it one: `--param {name}=…`");
            return Err(QueryFailure::bad_input(message)
                .code("E_SQL_PARAMETER")
                .help(help));
        }
        rewrite::to_engine(&mut statement);
        let Found { tables, names, .. } = found;
        Ok(Self {
            sql: sql.to_owned(),
            statement,
            is_explained,
            tables,
            names,
        })
    }

    pub(crate) fn place_of(&self, column: &str) -> Option<Location> {
        self.names.get(column).copied()
    }

    pub(crate) fn failure(
        &self,
        code: &'static str,
        message: impl Into<String>,
        at: Option<Location>,
    ) -> QueryFailure {
        let lines = at.map_or_else(Vec::new, |at| place::pointed(&self.sql, at));
        QueryFailure::bad_input(message).code(code).lines(lines)
    }
}

/// Returns the query of a plain `EXPLAIN`. Refuses `ANALYZE`, which runs the query, and other
/// output forms.
fn explained(statement: Statement) -> Option<Statement> {
    match statement {
        Statement::Explain {
            analyze: false,
            query_plan: false,
            estimate: false,
            format: None,
            options: None,
            statement,
            ..
        } if matches!(*statement, Statement::Query(_)) => Some(*statement),
        _ => None,
    }
}

fn of_parser(sql: &str, error: &ParserError) -> QueryFailure {
    let (message, at) = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
            place::split_place(text)
        }
        ParserError::RecursionLimitExceeded => ("it is nested too deeply".to_owned(), None),
    };
    let message = lower_first(&message);
    let lines = at.map_or_else(Vec::new, |at| place::pointed(sql, at));
    QueryFailure::bad_input(message)
        .code("E_SQL_SYNTAX")
        .lines(lines)
}

/// Collects the names in a statement. Stops where it would do more than read.
#[derive(Default)]
struct Found {
    tables: BTreeMap<String, Option<Location>>,
    scopes: Vec<WithScope>,
    names: BTreeMap<String, Location>,
}

/// `WITH` names visible to a query: those of the outer queries, and its own earlier ones.
#[derive(Default)]
struct WithScope {
    around: BTreeSet<String>,
    own: Vec<String>,
    is_recursive: bool,
    read: usize,
}

impl WithScope {
    fn seen(&self) -> impl Iterator<Item = &String> {
        // a recursive query sees itself
        let own = self.read + usize::from(self.is_recursive);
        self.around.iter().chain(self.own.iter().take(own))
    }
}

impl Found {
    fn add_table(&mut self, name: &ObjectName) {
        let parts = name.0.iter().filter_map(ObjectNamePart::as_ident);
        let parts: Vec<String> = parts.clone().map(folded).collect();
        let first = name.0.first().and_then(ObjectNamePart::as_ident);
        // the engine stores unqualified tables in `public`
        let written = match parts.as_slice() {
            [schema, name] if schema == "public" => name.clone(),
            parts => parts.join("."),
        };
        let sees = |it: &WithScope| it.seen().any(|seen| *seen == written);
        if parts.len() == 1 && self.scopes.last().is_some_and(sees) {
            return;
        }
        let at = first.and_then(|it| place::start(it.span));
        self.tables.entry(written).or_insert(at);
    }

    fn add_name(&mut self, name: &Ident) {
        if let Some(at) = place::start(name.span) {
            self.names.entry(folded(name)).or_insert(at);
        }
    }
}

impl Visitor for Found {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let own = query.with.iter().flat_map(|it| &it.cte_tables);
        let around = self.scopes.last().into_iter().flat_map(WithScope::seen);
        let around: BTreeSet<String> = around.cloned().collect();
        self.scopes.push(WithScope {
            around,
            own: own.map(|it| folded(&it.alias.name)).collect(),
            is_recursive: query.with.as_ref().is_some_and(|it| it.recursive),
            read: 0,
        });
        if query.locks.is_empty() && reads(&query.body) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        let _ = self.scopes.pop();
        if let Some(around) = self.scopes.last_mut() {
            around.read = around.own.len().min(around.read + 1);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        match select.into {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(()),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table {
            name, args: None, ..
        } = factor
        {
            self.add_table(name);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => self.add_name(name),
            Expr::CompoundIdentifier(names) => {
                names
                    .last()
                    .map(|name| self.add_name(name))
                    .unwrap_or_default();
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn reads(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => true,
        SetExpr::SetOperation { left, right, .. } => reads(left) && reads(right),
        _ => false,
    }
}

/// Replaces `$name` by parameter values, as values and never as SQL.
struct ParameterValues<'a> {
    parameters: &'a BTreeMap<String, String>,
}

impl VisitorMut for ParameterValues<'_> {
    type Break = String;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<String> {
        if let Expr::Value(value) = expr
            && let Value::Placeholder(name) = &value.value
        {
            let name = name.trim_start_matches('$');
            let Some(given) = self.parameters.get(name) else {
                return ControlFlow::Break(name.to_owned());
            };
            value.value = Value::SingleQuotedString(given.clone());
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_query_hides_a_table_only_where_it_is_seen() {
        for (sql, expected) in [
            ("WITH t AS (SELECT 1) SELECT * FROM t", ""),
            ("WITH t AS (SELECT * FROM t) SELECT * FROM t", "t"),
            (
                "WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT * FROM t) SELECT * FROM t",
                "",
            ),
            (
                "WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM a, b",
                "b",
            ),
            (
                "WITH a AS (SELECT 1) SELECT * FROM (WITH b AS (SELECT * FROM a) SELECT * FROM b) x",
                "",
            ),
            (
                "SELECT * FROM (WITH b AS (SELECT 1) SELECT * FROM b) x, b",
                "b",
            ),
            ("WITH t AS (SELECT 1) SELECT * FROM public.t", "t"),
            (
                "WITH a AS (SELECT (SELECT 1), (SELECT x FROM b)), b AS (SELECT 1) SELECT * FROM b",
                "b",
            ),
        ] {
            let read = ReadStatement::parse(sql, &BTreeMap::new()).expect(sql);
            let tables: Vec<&str> = read.tables.keys().map(String::as_str).collect();
            assert_eq!(tables.join(" "), expected, "{sql}");
        }
    }
}
