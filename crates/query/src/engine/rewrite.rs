//! Rewrites PostgreSQL syntax that the engine does not know, and names columns as PostgreSQL does.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, ObjectNamePart, Select, SelectItem, Statement,
    VisitMut as _, VisitorMut,
};

pub(crate) fn to_engine(statement: &mut Statement) {
    let ControlFlow::Continue(()) = statement.visit(&mut Rewriter);
}

struct Rewriter;

impl VisitorMut for Rewriter {
    type Break = std::convert::Infallible;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        name_columns(&mut select.projection);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if let Some(written) = rewritten(expr) {
            *expr = written;
        }
        ControlFlow::Continue(())
    }
}

fn rewritten(expr: &Expr) -> Option<Expr> {
    match expr {
        // `x::jsonb` parses text as JSON
        Expr::Cast {
            expr,
            data_type: DataType::JSON | DataType::JSONB,
            ..
        } => Some(call("jsonb", (**expr).clone())),
        Expr::Function(function) => match last_name(&function.name)?.as_str() {
            "jsonb_agg" | "json_agg" => Some(aggregated(function.clone())),
            name @ ("jsonb_array_elements" | "jsonb_array_elements_text" | "jsonb_object_keys") => {
                let mut list = function.clone();
                list.name = ObjectName::from(vec![Ident::new(format!("{name}_list"))]);
                let each = call("unnest", Expr::Function(list));
                // elements are JSON, but the engine loses that when it unpacks a list
                let is_json = name == "jsonb_array_elements";
                Some(if is_json { call("jsonb", each) } else { each })
            }
            _ => None,
        },
        _ => None,
    }
}

/// `jsonb_agg(x)`: joins a list of JSON documents.
fn aggregated(mut function: Function) -> Expr {
    function.name = ObjectName::from(vec![Ident::new("array_agg")]);
    if let FunctionArguments::List(list) = &mut function.args {
        for argument in &mut list.args {
            if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                *expr = call("to_jsonb", expr.clone());
            }
        }
    }
    call("jsonb_of_list", Expr::Function(function))
}

fn call(name: &str, argument: Expr) -> Expr {
    let argument = FunctionArg::Unnamed(FunctionArgExpr::Expr(argument));
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![argument],
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn last_name(name: &ObjectName) -> Option<String> {
    let last = name.0.last().and_then(ObjectNamePart::as_ident)?;
    Some(last.value.to_lowercase())
}

/// Names unnamed columns: functions by their name as in PostgreSQL, the rest by their text.
/// Duplicates use their text, because the engine refuses duplicate names.
fn name_columns(items: &mut [SelectItem]) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for item in items.iter() {
        if let Some(name) = given_name(item) {
            *counts.entry(name).or_default() += 1;
        }
    }
    for item in items {
        let SelectItem::UnnamedExpr(expr) = item else {
            continue;
        };
        if matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
            continue;
        }
        let function = own_name(expr).filter(|name| counts.get(name) == Some(&1));
        let name = function.unwrap_or_else(|| expr.to_string());
        *item = SelectItem::ExprWithAlias {
            expr: expr.clone(),
            alias: Ident::with_quote('"', name),
        };
    }
}

fn given_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::UnnamedExpr(expr) => own_name(expr),
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        _ => None,
    }
}

fn own_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(folded(name)),
        Expr::CompoundIdentifier(names) => names.last().map(folded),
        Expr::Function(function) => last_name(&function.name),
        Expr::Cast { expr, .. } | Expr::Nested(expr) => own_name(expr),
        _ => None,
    }
}

pub(super) fn folded(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}
