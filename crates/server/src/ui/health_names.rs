//! Names of probed parts on Health, with affected functions and remedy.

pub(super) fn of_part(name: &'static str) -> (&'static str, &'static str, &'static str) {
    match name {
        "store" => (
            "Database",
            "Nothing can be requested or decided; AWS keeps its state, so ends are late.",
            "Free the disk or the lock it names, or restore: hallpass server store check.",
        ),
        "rows" => (
            "Stored rows",
            "Lists leave them out, and nothing is decided of what they are about.",
            "Find them: hallpass server store check; docs/operations/runbooks/store-broken.md.",
        ),
        "leader" => (
            "Leader",
            "Nothing begins and nothing ends; a guard ends what is overdue.",
            "Look at the nodes’ logs, and whether each reaches the database: docs/operations/two-nodes.md.",
        ),
        "schema" => (
            "Schema",
            "Requests and decisions on this node are not stored.",
            "Upgrade this node as the others: docs/operations/upgrade.md.",
        ),
        "log" => (
            "Audit log",
            "Nothing is requested, decided or given; ends continue.",
            "Find the records or accept the loss: docs/operations/runbooks/log-went-back.md.",
        ),
        "aws" => (
            "Identity Center",
            "Nothing is granted or decided until the directory is read; ends are tried again.",
            "Check the role and the network: hallpass server doctor.",
        ),
        "home_region" => (
            "Home Region",
            "What was approved waits, and ends are late.",
            "See the AWS Health Dashboard: docs/operations/runbooks/home-region-lost.md.",
        ),
        "instance_key" => (
            "Identity Center’s key",
            "What was approved waits, and ends are late.",
            "Enable the key, or allow its use: docs/operations/runbooks/identity-center-key.md.",
        ),
        "clock" => (
            "Clocks",
            "No access is given until they agree; ends continue.",
            "Set the server’s clock right, and keep it so: hallpass server doctor.",
        ),
        "people" => (
            "People",
            "People who left lose what they hold later than within a minute.",
            "Check the role and the network: hallpass server doctor.",
        ),
        "entitlements" => (
            "Account access manager",
            "A locked person may take a role of IAM that an entitlement gives them.",
            "Give the server the statements Entitlements: hallpass server doctor --iam-policy.",
        ),
        "reconciler" => (
            "Executor",
            "Grants begin and end late.",
            "Look at the server’s log; a restart continues where it stopped.",
        ),
        other => beside_access(other),
    }
}

fn beside_access(name: &'static str) -> (&'static str, &'static str, &'static str) {
    match name {
        "armed_policies" => (
            "Policies of enforced expiry",
            "No new end is enforced in the accounts that it names.",
            "Take out what Hallpass did not write: docs/operations/runbooks/foreign-statement.md.",
        ),
        "on_call" => (
            "On call",
            "Rules that name a list it names permit nothing by it; other rules decide.",
            "Check the token and the service: docs/how-to/on-call.md.",
        ),
        "group_sync" => (
            "Groups by attributes",
            "What it names stays as it is; everything else continues.",
            "See hallpass server group-sync: docs/operations/runbooks/group-sync.md.",
        ),
        "guard" => (
            "Guard",
            "Ends come from this server alone.",
            "Look at the guard’s own log: docs/operations/runbooks/guard-silent.md.",
        ),
        "ends_file" => (
            "File of ends",
            "A guard that names the server’s key keeps its known ends, and learns no new one.",
            "Put the key where this node can read it, and restart it: hallpass server doctor.",
        ),
        other => (other, "", "Look at the server’s log."),
    }
}
