//! `tables`: lists the tables and their columns.

use hallpass_inventory::{META, TABLES, nearest};
use serde_json::json;

use crate::failure::{QueryExit, QueryFailure, QueryOutcome};
use crate::output::{OutputArgs, Sheet};

/// List the tables that can be queried, or the columns of one
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass query tables
  hallpass query tables aws_iam_users")]
pub(crate) struct Args {
    /// Show the columns of this table
    name: Option<String>,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> QueryOutcome {
    let all = || META.iter().chain(TABLES.iter()).copied();
    let Some(name) = &args.name else {
        let mut sheet = Sheet::new(&["table", "about", "key", "from"]);
        for table in all() {
            let key = table.key.join(", ");
            sheet.rows.push(vec![
                json!(table.name),
                json!(table.about),
                json!(key),
                json!(table.from.to_string()),
            ]);
        }
        args.output.sheet(&sheet)?;
        return Ok(QueryExit::Ok);
    };
    let Some(table) = all().find(|it| it.name == name) else {
        let names: Vec<&str> = all().map(|it| it.name).collect();
        let near = nearest(name, names, 3).join("`, `");
        let failure = QueryFailure::bad_input(format!("there is no table `{name}`"));
        return Err(failure.help(format!("nearest: `{near}`")));
    };
    let mut sheet = Sheet::new(&["column", "type", "nullable", "key", "about"]);
    for column in table.columns {
        sheet.rows.push(vec![
            json!(column.name),
            json!(column.kind.name()),
            json!(column.nullable),
            json!(table.key.contains(&column.name)),
            json!(column.about),
        ]);
    }
    args.output.sheet(&sheet)?;
    Ok(QueryExit::Ok)
}
