use std::collections::BTreeSet;

use crate::api_args::ApiArgs;
use crate::client::{Client, block_on};
use crate::ids::{GrantRef, account_id};
use crate::tables::{self, Viewpoint};
use hallpass_api::{
    Entitlement, EntitlementsHeld, EntitlementsRevoked, Grant, Revoke, RevokeMany, Revoked,
    RevokedOne,
};
use hallpass_channels::wording::{lists, states};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Table};
use hallpass_terminal::prompt::{Consent, YesArgs, confirm};
use hallpass_terminal::words;

/// States with current or coming access, in order: a grant that advances between two listings is
/// still seen.
const LIVE: [&str; 3] = ["scheduled", "granting", "active"];
/// Grants listed before the confirmation.
const LISTED_MAX: usize = 10_000;
const FIELDS: &[&str] = &["id", "state", "error"];

/// Revoke one grant now, or all access of a user
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Revoke one grant now, or all access of a user\n\nShows what will end and asks \
                  before it does it. Without a terminal it needs `--yes`. With `--user`, the person's own \
                  entitlements of account access manager end too; those of groups stay, and are named.",
    after_help = "Examples:
  hallpass revoke grn_01934a5b6c7d7e8f90123456789abcde --reason 'no longer needed'
  hallpass revoke --user eve@acme.example --reason 'laptop stolen' --yes
  hallpass revoke --user eve@acme.example --account payments-prod --reason 'wrong account'
  hallpass revoke --user eve@acme.example --reason 'laptop stolen' --end-sessions
  hallpass revoke --all --reason 'incident 4711'"
)]
pub struct Args {
    /// The grant, or its request
    #[arg(
        value_name = "GRANT",
        required_unless_present_any = ["user", "account", "all"],
        conflicts_with_all = ["user", "account", "all"]
    )]
    id: Option<GrantRef>,
    /// All access of this user (e-mail)
    #[arg(long, value_name = "E-MAIL")]
    user: Option<String>,
    /// Only in this account: its id, or its name
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// All access of the user; without `--user`, all access of all users
    #[arg(long, conflicts_with = "account")]
    all: bool,
    /// Why; this is recorded and sent to the holders
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Also end their current sessions, regardless of the server's configuration
    #[arg(long)]
    end_sessions: bool,
    #[command(flatten)]
    yes: YesArgs,
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run(args: &Args) -> Outcome {
    let client = args.api.client()?;
    block_on(async {
        match &args.id {
            Some(id) => one(args, &client, id).await,
            None => many(args, &client).await,
        }
    })
}

async fn one(args: &Args, client: &Client, id: &GrantRef) -> Outcome {
    let id = id.resolve(client).await?;
    if args.yes.consent() == Consent::Ask {
        let grant: Grant = client.get(&["grants", &id], &[]).await?;
        let view = Viewpoint::here();
        let question = format!(
            "{}, {}. {}.\nRevoke it now?",
            output::plain(&grant.user),
            output::plain(&tables::held(&grant)),
            words::ends(grant.ends_at, view.now, &view.zone)
        );
        confirm(&question, Consent::Ask)?;
    }
    let body = Revoke {
        reason: args.reason.clone(),
        end_sessions: args.end_sessions,
    };
    let grant: Grant = client.post(&["grants", &id, "revoke"], &body).await?;
    args.api.print_grant(&grant)?;
    Ok(Exit::Ok)
}

struct RevokeScope {
    user: Option<String>,
    account: Option<String>,
}

impl RevokeScope {
    fn words(&self) -> String {
        let who = self.user.as_deref().unwrap_or("all users");
        match &self.account {
            Some(account) => format!("{who} in {account}"),
            None => who.to_owned(),
        }
    }
}

async fn many(args: &Args, client: &Client) -> Outcome {
    let account = match &args.account {
        Some(account) => Some(account_id(client, account).await?.to_string()),
        None => None,
    };
    let scope = RevokeScope {
        user: args.user.clone(),
        account,
    };
    if args.yes.consent() == Consent::Ask {
        let grants = live(&scope, client).await?;
        let entitlements = own_entitlements(&scope, client).await;
        if grants.is_empty() && entitlements.is_empty() {
            output::say(&format!("Nothing to revoke of {}.", scope.words()));
            return Ok(Exit::Ok);
        }
        if !grants.is_empty() {
            let plan = tables::grants(&grants, &Viewpoint::here());
            output::say(plan.text(output::width()).trim_end());
        }
        for it in &entitlements {
            output::say(&format!("Entitlement: {}", output::plain(&it.says)));
        }
        let (counted, whose) = (counted(grants.len(), entitlements.len()), scope.words());
        confirm(&format!("Revoke {counted} of {whose} now?"), Consent::Ask)?;
    }
    let (items, entitlements) = end_all(&scope, args, client).await?;
    output::list(args.api.format(), &items, FIELDS, || table(&items))?;
    let left = say_entitlements(entitlements.as_ref());
    let ended = entitlements.map_or(0, |it| it.ended.len());
    let failed = items.iter().filter(|one| one.error.is_some()).count();
    if failed > 0 || left > 0 {
        let all = lists::count(items.len(), "grant");
        let words = match (failed, left) {
            (failed, 0) => format!("{failed} of {all} could not be revoked"),
            (0, _) => "entitlements could not all be ended".to_owned(),
            (failed, _) => format!(
                "{failed} of {all} could not be revoked, and entitlements could not all be ended"
            ),
        };
        return Err(
            Failure::failed(words).help("run it again; what is ending already is left alone")
        );
    }
    output::say(&format!(
        "Revoked {} of {}.",
        counted(items.len(), ended),
        scope.words()
    ));
    Ok(Exit::Ok)
}

fn counted(grants: usize, entitlements: usize) -> String {
    let grants = lists::count(grants, "grant");
    match entitlements {
        0 => grants,
        many => format!("{grants} and {}", lists::count(many, "entitlement")),
    }
}

/// Returns the user's own entitlements of account access manager in scope. A failed read does not
/// block other revocations.
async fn own_entitlements(scope: &RevokeScope, client: &Client) -> Vec<Entitlement> {
    let Some(user) = &scope.user else {
        return Vec::new();
    };
    let query = [("user", user.clone())];
    let held: Result<EntitlementsHeld, Failure> = client.get(&["entitlements"], &query).await;
    let own = match held {
        Ok(held) => held.own,
        Err(failure) => {
            let why = failure.words();
            output::say(&format!("note: entitlements could not be read: {why}"));
            Vec::new()
        }
    };
    let account = scope.account.as_ref();
    let is_meant = |it: &Entitlement| account.is_none_or(|account| *account == it.account);
    own.into_iter().filter(is_meant).collect()
}

fn say_entitlements(done: Option<&EntitlementsRevoked>) -> usize {
    let Some(done) = done else {
        return 0;
    };
    for it in &done.ended {
        output::say(&format!("Entitlement ended: {}", output::plain(&it.says)));
    }
    for it in &done.failed {
        let why = it.error.as_deref().unwrap_or_default();
        output::say(&format!(
            "Entitlement not ended: {}: {}",
            output::plain(&it.says),
            output::plain(why)
        ));
    }
    for it in &done.by_group {
        output::say(&format!(
            "Stays, given by a group: {}",
            output::plain(&it.says)
        ));
    }
    if let Some(error) = &done.error {
        output::say(&format!(
            "Entitlements of account access manager could not be read: {}",
            output::plain(error)
        ));
    }
    done.failed.len() + usize::from(done.error.is_some())
}

/// Ends all grants in one call, then the rest one by one: some became active meanwhile, or exceed
/// the server's limit.
async fn end_all(
    scope: &RevokeScope,
    args: &Args,
    client: &Client,
) -> Result<(Vec<RevokedOne>, Option<EntitlementsRevoked>), Failure> {
    let body = RevokeMany {
        user: scope.user.clone(),
        account: scope.account.clone(),
        reason: args.reason.clone(),
        end_sessions: args.end_sessions,
    };
    let done: Revoked = client.post(&["revocations"], &body).await?;
    let (mut items, entitlements) = (done.items, done.entitlements);
    let seen: BTreeSet<String> = items.iter().map(|one| one.id.clone()).collect();
    let one = Revoke {
        reason: args.reason.clone(),
        end_sessions: args.end_sessions,
    };
    for grant in live(scope, client).await? {
        if seen.contains(&grant.id) {
            continue;
        }
        let path = ["grants", &grant.id, "revoke"];
        let ended: Result<Grant, Failure> = client.post(&path, &one).await;
        let (state, error) = match ended {
            Ok(grant) => (Some(grant.state), None),
            Err(failure) => (None, Some(failure.words())),
        };
        items.push(RevokedOne {
            id: grant.id,
            state,
            error,
        });
    }
    Ok((items, entitlements))
}

async fn live(scope: &RevokeScope, client: &Client) -> Result<Vec<Grant>, Failure> {
    let mut seen = BTreeSet::new();
    let mut grants: Vec<Grant> = Vec::new();
    for state in LIVE {
        let mut query = vec![("state", state.to_owned())];
        query.extend(scope.user.clone().map(|user| ("user", user)));
        query.extend(scope.account.clone().map(|account| ("account", account)));
        let found = client
            .list::<Grant>(&["grants"], &query, LISTED_MAX)
            .await?;
        if found.has_more {
            output::say(&format!(
                "note: only the first {LISTED_MAX} {state} grants are listed; run it again for more"
            ));
        }
        let mut new = |grant: &Grant| seen.insert(grant.id.clone());
        grants.extend(found.items.into_iter().filter(&mut new));
    }
    Ok(grants)
}

fn table(items: &[RevokedOne]) -> Table {
    let mut table = Table::new(&["=ID", "STATE", "ERROR"]);
    for item in items {
        let state = item
            .state
            .map_or("Not revoked", |it| states::word(it.name()));
        table.row([
            item.id.clone(),
            state.to_owned(),
            item.error.clone().unwrap_or_default(),
        ]);
    }
    table
}
