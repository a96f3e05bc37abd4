//! `hallpass sync --explain`: shows the assignment strategy and the cost of each (`inventory.md`
//! W-8).

use std::io;

use hallpass_app::host::runtime::runtime;
use hallpass_inventory::collect::{EnumerationPlan, SliceStore, explain};
use hallpass_inventory::{Slice, SliceKey, TableRow};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Table};
use serde::Serialize;

use super::Args;

/// Discards rows: only sizes matter.
struct Unkept;

impl SliceStore for Unkept {
    fn has(&self, _: &SliceKey) -> bool {
        false
    }

    fn expect(&self, _: usize) {}

    fn keep(&self, _: Slice, _: Vec<TableRow>) -> io::Result<()> {
        Ok(())
    }

    fn note(&self, words: String) {
        output::say(&format!("note: {}", output::plain(&words)));
    }
}

#[derive(Debug, Serialize)]
struct PlanCost {
    plan: &'static str,
    chosen: bool,
    calls: usize,
    seconds: usize,
    finds_orphans: bool,
}

const FIELDS: &[&str] = &["plan", "chosen", "calls", "seconds", "finds_orphans"];

pub(super) fn run(args: &Args, home: String) -> Outcome {
    let role = args.role.to_assume("hallpass-explain".to_owned());
    let (sizes, calls) = runtime()?.block_on(async {
        let calls = super::calls_of(args, home, role).await;
        let calls = calls.map_err(|error| Failure::failed(error.to_string()))?;
        let sizes = explain(&calls, &Unkept).await.map_err(|failure| {
            let message = format!(
                "{}: {}: {}",
                failure.operation, failure.code, failure.message
            );
            Failure::failed(output::plain(&message))
        })?;
        Ok::<_, Failure>((sizes, calls.counts().0))
    })?;
    let chosen = sizes.chosen(args.plan);
    let costs = EnumerationPlan::ALL.map(|plan| PlanCost {
        plan: plan.name(),
        chosen: plan == chosen,
        calls: sizes.calls(plan),
        seconds: sizes.seconds(plan),
        finds_orphans: plan.finds_orphans(),
    });
    output::list(args.output.format(), &costs, FIELDS, || {
        let mut table = Table::new(&["PLAN", "CALLS", "SECONDS", "FINDS ORPHANS", "CHOSEN"]);
        let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
        for cost in &costs {
            table.row([
                cost.plan.to_owned(),
                cost.calls.to_string(),
                cost.seconds.to_string(),
                yes(cost.finds_orphans),
                yes(cost.chosen),
            ]);
        }
        table
    })?;
    output::say(&format!(
        "{} accounts, {} permission sets in {} pairs, {} people, {} groups; {calls} calls so far, \
         further pages come on top",
        sizes.accounts, sizes.permission_sets, sizes.pairs, sizes.users, sizes.groups
    ));
    Ok(Exit::Ok)
}
