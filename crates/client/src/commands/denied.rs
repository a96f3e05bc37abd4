use std::io::{self, Read as _};
use std::pin::Pin;

use crate::client::Client;
use crate::tables::Viewpoint;
use crate::target_args::TargetArgs;
use hallpass_api::{
    DenialMessage, DenialOfAction, EndedAccess, FittingSets, LargerSet, SetNotJudged,
};
use hallpass_channels::wording::grants;
use hallpass_iam::denial::{Denial, DenialDetails, DeniedAction, is_authorization_id};
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output::{self, Format, plain};
use hallpass_terminal::prompt::{Consent, confirm_act};

/// Reads the details of a denial from AWS by its authorization id, with the caller's credentials.
///
/// The composing binary passes it in, so that this crate needs no AWS client.
pub type ReadDenialDetails =
    fn(String) -> Pin<Box<dyn Future<Output = Result<DenialDetails, Failure>>>>;

const TEXT_BYTES_MAX: u64 = 64 * 1024;
/// Limit of named services with more actions; the rest are counted.
const SERVICES_SHOWN: usize = 8;
const FIELDS: &[&str] = &["account", "permission_set", "other_actions"];

/// Options of `--denied`.
#[derive(Debug, clap::Args)]
pub struct DeniedArgs {
    /// AWS's access denied message (`-`: from standard input), or its authorization id: request the
    /// smallest permission set that allows the call
    #[arg(
        long,
        value_name = "TEXT|ID",
        conflicts_with_all = ["accounts", "permission_sets", "groups"]
    )]
    denied: Option<String>,
    /// Print the permission set, and request nothing
    #[arg(long, requires = "denied")]
    dry_run: bool,
    /// Request it without confirmation
    #[arg(long, short = 'y', requires = "denied")]
    yes: bool,
}

impl DeniedArgs {
    pub fn text(&self) -> Option<&str> {
        self.denied.as_deref()
    }

    /// Returns the confirmed target; `None` after a dry run.
    ///
    /// # Errors
    /// Exit 2 if the text is not a denial, 4 if no permission set helps or without confirmation.
    pub async fn target(
        &self,
        client: &Client,
        text: &str,
        format: Format,
        details: ReadDenialDetails,
    ) -> Result<Option<TargetArgs>, Failure> {
        let denied = read(text, details).await?;
        let choice = choose(client, &denied).await?;
        if self.dry_run {
            let lines = || lines(&denied, &choice).join("\n") + "\n";
            output::one(format, &choice, FIELDS, lines)?;
            return Ok(None);
        }
        for line in lines(&denied, &choice) {
            output::say(&line);
        }
        let (set, account) = (&choice.permission_set, &choice.account);
        let question = format!("Request {} in {}?", plain(set), plain(&account.name));
        confirm_act("this requests access", &question, Consent::from(self.yes))?;
        Ok(Some(TargetArgs {
            account: Some(account.id.clone()),
            permission_set: Some(set.clone()),
            group: None,
        }))
    }
}

fn lines(denied: &[DeniedAction], found: &FittingSets) -> Vec<String> {
    let mut lines: Vec<String> = denied.iter().map(|it| said(&it.denial)).collect();
    lines.extend(found.ended.as_ref().map(|it| ended(it, found)));
    let what = if found.ended_at().is_some() {
        "permission set that you held"
    } else {
        "smallest permission set that allows it"
    };
    lines.push(format!(
        "{what} in {} ({}): {}",
        found.account.name, found.account.id, found.permission_set
    ));
    lines.extend(found.says.clone().map(|it| format!("  {it}")));
    if !found.conditions.is_empty() {
        lines.push(format!(
            "  only where these hold: {}",
            found.conditions.join(", ")
        ));
    }
    if found.is_judged() {
        lines.push(beside(found));
    }
    if !found.alternatives.is_empty() {
        let all: Vec<String> = found.alternatives.iter().map(larger).collect();
        let what = match found.ended_at() {
            Some(_) => "others",
            None => "larger ones",
        };
        lines.push(format!("  {what}: {}", all.join(", ")));
    }
    lines.extend(found.not_judged.iter().map(not_judged));
    lines.push(
            "  not checked: policies of the organization and of the resource, which may deny it all the same"
                .to_owned(),
        );
    lines.iter().map(|it| plain(it)).collect()
}

fn ended(of: &EndedAccess, found: &FittingSets) -> String {
    let at = Viewpoint::here().time(of.at);
    let (set, account) = (&of.permission_set, &found.account.name);
    if found.ended_at().is_some() {
        grants::ended_so_denied(set, account, &at)
    } else {
        grants::ended_besides(set, account, &at)
    }
}

fn larger(set: &LargerSet) -> String {
    let conditions = if set.conditions.is_empty() {
        String::new()
    } else {
        format!(", only where these hold: {}", set.conditions.join(", "))
    };
    let (name, others) = (&set.permission_set, set.other_actions);
    format!("{name} ({others} others{conditions})")
}

fn beside(found: &FittingSets) -> String {
    if found.other_actions == 0 {
        return "  it allows nothing else".to_owned();
    }
    let levels = found.other_levels.iter();
    let levels: Vec<String> = levels.map(|(level, n)| format!("{n} {level}")).collect();
    let mut services: Vec<(&String, &usize)> = found.other_services.iter().collect();
    services.sort_by_key(|it| (std::cmp::Reverse(*it.1), it.0));
    let more = services.len().saturating_sub(SERVICES_SHOWN);
    let shown = services.iter().take(SERVICES_SHOWN);
    let mut shown: Vec<String> = shown.map(|(name, n)| format!("{name} {n}")).collect();
    if more > 0 {
        shown.push(format!("{more} more services"));
    }
    format!(
        "  it would also allow {} other actions ({}): {}",
        found.other_actions,
        levels.join(", "),
        shown.join(", ")
    )
}

fn not_judged(set: &SetNotJudged) -> String {
    format!("  not judged: {}: {}", set.permission_set, set.why)
}

fn said(denial: &Denial) -> String {
    let on = denial.resource.as_ref();
    let on = on.map_or_else(String::new, |it| format!(" on {it}"));
    let why = denial.reason;
    let why = why.map_or_else(String::new, |it| format!(": {it}"));
    format!("denied: {}{on}{why}", denial.action)
}

async fn read(text: &str, details: ReadDenialDetails) -> Result<Vec<DeniedAction>, Failure> {
    let mut from_input = String::new();
    let text = if text == "-" {
        let mut input = io::stdin().take(TEXT_BYTES_MAX);
        let read = input.read_to_string(&mut from_input);
        read.map_err(|error| Failure::unreadable("standard input", &error))?;
        from_input.as_str()
    } else {
        text
    };
    let text = text.trim();
    if !is_authorization_id(text) {
        let bad = |error: hallpass_iam::denial::UnreadableDenial| {
            Failure::bad_input(error.to_string())
                .at("--denied")
                .help(error.help())
        };
        let denial = Denial::read(text).map_err(bad)?;
        return Ok(vec![DeniedAction::new(denial, [])]);
    }
    let denied = details(text.to_owned()).await?.denied();
    if denied.is_empty() {
        let what = format!("AWS does not show the denied call and caller of `{text}`");
        return Err(Failure::failed(what)
            .help("`hallpass policy why --authorization-id ID` shows what it says; give the whole message instead"));
    }
    Ok(denied)
}

fn message(denied: &[DeniedAction], first: &DeniedAction) -> DenialMessage {
    // context of the request and of each action
    let mut context = first.keys();
    context.retain(|key, values| {
        let values = &*values;
        denied.iter().all(|it| it.keys().get(key) == Some(values))
    });
    let one = |it: &DeniedAction| {
        let mut own = it.keys();
        own.retain(|key, _| !context.contains_key(key));
        DenialOfAction {
            message: it.denial.message(),
            context: own,
        }
    };
    let actions = match denied {
        [_] => Vec::new(),
        several => several.iter().map(one).collect(),
    };
    let message = first.denial.message();
    if actions.is_empty()
        && let Ok(denial) = Denial::read(&message)
    {
        // omit fields that the server parses: earlier releases refuse them
        let found = DeniedAction::new(denial, []).keys();
        context.retain(|key, values| found.get(key) != Some(values));
    }
    DenialMessage {
        message,
        context,
        actions,
    }
}

async fn choose(client: &Client, denied: &[DeniedAction]) -> Result<FittingSets, Failure> {
    let Some(first) = denied.first() else {
        return Err(Failure::failed("nothing was denied (this is a bug)"));
    };
    for denial in denied.iter().map(|it| &it.denial) {
        // the server knows if the caller's access ended
        let why = denial
            .beyond_permission_sets()
            .filter(|_| !denial.may_be_of_an_end());
        if let Some(why) = why {
            return Err(
                Failure::refused(format!("no permission set helps: {}", said(denial)))
                    .code("beyond-permission-sets")
                    .help(why),
            );
        }
    }
    let found = client.post(&["denials"], &message(denied, first)).await;
    let mut found: FittingSets = found.map_err(|failure: Failure| match failure.has_code() {
        Some("no-denial") => failure.exits(Exit::BadInput).at("--denied"),
        Some("beyond-permission-sets" | "no-fitting-set") => failure.exits(Exit::Refused),
        Some(_) | None => failure,
    })?;
    // the console's page address was not sent
    found.denial.region.clone_from(&first.denial.region);
    Ok(found)
}
