//! `hallpass request --denied`: from a denial to the smallest permission set that would have allowed the call.

use std::collections::BTreeMap;
use std::io::{self, Read as _};

use hallpass_api::{Named, Offer, PermissionSet};
use hallpass_client::client::Client;
use hallpass_client::target_args::TargetArgs;
use hallpass_host::denial_details::denial_details;
use hallpass_iam::denial::{
    Denial, Fit, Judgement, OfferedPolicy, OfferedSet, is_authorization_id, judge, smallest_first,
};
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output::{self, Format, plain};
use hallpass_terminal::prompt::{Consent, confirm_act};
use serde::Serialize;

/// The longest text that is read, in bytes.
const TEXT_BYTES_MAX: u64 = 64 * 1024;
/// Offers of one account that are looked at: its permission sets.
const OFFERS_MAX: usize = 1000;
/// Services that are named, of those in which a set allows more; the others are counted.
const SERVICES_SHOWN: usize = 8;
/// Columns of CSV.
const FIELDS: &[&str] = &["account", "permission_set", "other_actions"];

/// `--denied`, and what becomes of the choice.
#[derive(Debug, clap::Args)]
pub struct DeniedArgs {
    /// AWS's access denied message (`-`: from standard input), or its authorization id: ask for the smallest permission set that
    /// allows the call
    #[arg(
        long,
        value_name = "TEXT|ID",
        conflicts_with_all = ["accounts", "permission_sets", "groups"]
    )]
    denied: Option<String>,
    /// Say which permission set it is, and ask for nothing
    #[arg(long, requires = "denied")]
    dry_run: bool,
    /// Ask for it without asking you first
    #[arg(long, short = 'y', requires = "denied")]
    yes: bool,
}

impl DeniedArgs {
    /// The denial, where one was given.
    pub fn text(&self) -> Option<&str> {
        self.denied.as_deref()
    }

    /// What to ask for, once it was confirmed; `None` after a dry run.
    ///
    /// # Errors
    /// Exit 2 when the text is no denial, 4 when no permission set helps, and when it was not confirmed.
    pub async fn target(
        &self,
        client: &Client,
        text: &str,
        format: Format,
    ) -> Result<Option<TargetArgs>, Failure> {
        let denial = read(text).await?;
        let choice = choose(client, denial).await?;
        if self.dry_run {
            let lines = || choice.lines().join("\n") + "\n";
            output::one(format, &choice, FIELDS, lines)?;
            return Ok(None);
        }
        for line in choice.lines() {
            output::say(&line);
        }
        let (set, account) = (&choice.permission_set, &choice.account);
        let question = format!("Ask for {} in {}?", plain(set), plain(&account.name));
        confirm_act("this asks for access", &question, Consent::from(self.yes))?;
        Ok(Some(TargetArgs {
            account: Some(account.id.clone()),
            permission_set: Some(set.clone()),
            group: None,
        }))
    }
}

/// The permission set that is proposed, and what else there is.
#[derive(Debug, Serialize)]
struct FittingSet {
    denial: Denial,
    account: Named,
    permission_set: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    says: Option<String>,
    /// Known actions that it allows beside, on some resource.
    other_actions: usize,
    /// The same by access level and by service.
    other_levels: BTreeMap<&'static str, usize>,
    other_services: BTreeMap<&'static str, usize>,
    /// Condition keys that decide; none where the call is allowed in any case.
    conditions: Vec<String>,
    /// Larger sets that allow it, too.
    alternatives: Vec<Alternative>,
    not_judged: Vec<NotJudged>,
}

#[derive(Debug, Serialize)]
struct Alternative {
    permission_set: String,
    other_actions: usize,
    conditions: Vec<String>,
}

/// A set of which it is not known whether it allows the call.
#[derive(Debug, Serialize)]
struct NotJudged {
    permission_set: String,
    why: String,
}

impl FittingSet {
    fn new(
        denial: Denial,
        account: Named,
        (permission_set, fit): (String, Fit),
        offers: &[Offer],
    ) -> Self {
        let (mut other_levels, mut other_services) = (BTreeMap::new(), BTreeMap::new());
        for action in &fit.others {
            *other_levels.entry(action.access.as_str()).or_insert(0) += 1;
            *other_services.entry(action.service).or_insert(0) += 1;
        }
        let mut offers = offers.iter();
        let offer = offers.find(|it| it.permission_set.as_ref() == Some(&permission_set));
        Self {
            denial,
            account,
            says: offer.and_then(|it| it.says.clone()),
            permission_set,
            other_actions: fit.others.len(),
            other_levels,
            other_services,
            conditions: fit.conditions.into_iter().collect(),
            alternatives: Vec::new(),
            not_judged: Vec::new(),
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            said(&self.denial),
            format!(
                "smallest permission set that allows it in {} ({}): {}",
                self.account.name, self.account.id, self.permission_set
            ),
        ];
        lines.extend(self.says.clone().map(|it| format!("  {it}")));
        if !self.conditions.is_empty() {
            lines.push(format!(
                "  only where these hold: {}",
                self.conditions.join(", ")
            ));
        }
        lines.push(self.beside());
        if !self.alternatives.is_empty() {
            let all = self.alternatives.iter();
            let all = all.map(|it| format!("{} ({} others)", it.permission_set, it.other_actions));
            let all: Vec<String> = all.collect();
            lines.push(format!("  larger ones: {}", all.join(", ")));
        }
        lines.extend(self.not_judged.iter().map(NotJudged::line));
        lines.push(
            "  not looked at: policies of the organization and of the resource, which may deny it all the same"
                .to_owned(),
        );
        lines.iter().map(|it| plain(it)).collect()
    }

    /// What it allows beside, in a line.
    fn beside(&self) -> String {
        if self.other_actions == 0 {
            return "  it allows nothing else".to_owned();
        }
        let levels = self.other_levels.iter();
        let levels: Vec<String> = levels.map(|(level, n)| format!("{n} {level}")).collect();
        let mut services: Vec<_> = self.other_services.iter().collect();
        services.sort_by_key(|(name, n)| (std::cmp::Reverse(**n), **name));
        let more = services.len().saturating_sub(SERVICES_SHOWN);
        let shown = services.iter().take(SERVICES_SHOWN);
        let mut shown: Vec<String> = shown.map(|(name, n)| format!("{name} {n}")).collect();
        if more > 0 {
            shown.push(format!("{more} more services"));
        }
        format!(
            "  it would also allow {} other actions ({}): {}",
            self.other_actions,
            levels.join(", "),
            shown.join(", ")
        )
    }
}

impl NotJudged {
    fn line(&self) -> String {
        format!("  not judged: {}: {}", self.permission_set, self.why)
    }
}

/// What was denied to whom, in a line.
fn said(denial: &Denial) -> String {
    let on = denial.resource.as_ref();
    let on = on.map_or_else(String::new, |it| format!(" on {it}"));
    let why = denial.reason;
    let why = why.map_or_else(String::new, |it| format!(": {it}"));
    format!("denied: {}{on}{why}", denial.action)
}

/// The denial that a text or an id tells of.
async fn read(text: &str) -> Result<Denial, Failure> {
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
        return Denial::read(text).map_err(bad);
    }
    let details = denial_details(text, None).await?;
    details.denial().ok_or_else(|| {
        Failure::failed(format!("AWS does not say what `{text}` denied to whom"))
            .help("`hallpass policy why --authorization-id ID` shows what it says; give the whole message instead")
    })
}

/// The smallest permission set that the caller may ask for and that allows the call.
async fn choose(client: &Client, denial: Denial) -> Result<FittingSet, Failure> {
    if let Some(why) = denial.beyond_permission_sets() {
        return Err(
            Failure::refused(format!("no permission set helps: {}", said(&denial)))
                .code("beyond-permission-sets")
                .help(why),
        );
    }
    let account = denial.account().map(str::to_owned).ok_or_else(|| {
        Failure::bad_input("the denial names no account")
            .at("--denied")
            .help("`hallpass catalog` lists what you may ask for")
    })?;
    let query = [("account", account.clone())];
    let offers = client.list::<Offer>(&["catalog"], &query, OFFERS_MAX).await;
    let offers = match offers {
        Err(failure) if failure.has_code() == Some("bad-parameter") => Vec::new(),
        other => other?.items,
    };
    let named = offers.iter().find_map(|it| it.account.clone());
    let Some(named) = named else {
        return Err(nothing_fits(&denial, &account, &[]));
    };
    let (mut judged, mut not_judged) = (Vec::new(), Vec::new());
    for name in offers.iter().filter_map(|it| it.permission_set.clone()) {
        match judgement(client, &name, &denial, &account).await? {
            Judgement::Unknown(why) => not_judged.push(NotJudged {
                permission_set: name,
                why,
            }),
            known => judged.push((name, known)),
        }
    }
    let mut fitting = smallest_first(judged).into_iter();
    let Some(first) = fitting.next() else {
        return Err(nothing_fits(&denial, &named.name, &not_judged));
    };
    let mut choice = FittingSet::new(denial, named, first, &offers);
    choice.not_judged = not_judged;
    choice.alternatives = fitting
        .map(|(permission_set, fit)| Alternative {
            permission_set,
            other_actions: fit.others.len(),
            conditions: fit.conditions.into_iter().collect(),
        })
        .collect();
    Ok(choice)
}

/// What one set comes to. One that the server cannot read is not judged; one that was denied the call is not asked for again.
async fn judgement(
    client: &Client,
    name: &str,
    denial: &Denial,
    account: &str,
) -> Result<Judgement, Failure> {
    if denial.permission_set() == Some(name) && denial.principal_account() == Some(account) {
        return Ok(Judgement::Refuses);
    }
    let path = ["permission-sets", name];
    let found = client.get::<PermissionSet>(&path, &[]);
    let found = match found.await {
        Err(failure) if failure.is_unreachable() || failure.exit() == Exit::BadInput => {
            return Err(failure);
        }
        Err(failure) => return Ok(Judgement::Unknown(failure.words())),
        Ok(found) => found,
    };
    let policies = found.policies.into_iter().map(|it| OfferedPolicy {
        name: it.name,
        arn: it.place,
        is_boundary: it.is_boundary,
        text: it.document,
    });
    let set = OfferedSet {
        name: found.name,
        policies: policies.collect(),
    };
    Ok(judge(&set, denial, account))
}

fn nothing_fits(denial: &Denial, account: &str, not_judged: &[NotJudged]) -> Failure {
    let failure = Failure::refused(format!(
        "no permission set that you may ask for in `{account}` is known to allow it: {}",
        said(denial)
    ));
    not_judged
        .iter()
        .fold(failure, |failure, it| failure.detail(it.line()))
        .code("no-fitting-set")
        .help(
            "`hallpass catalog` lists what you may ask for; whoever keeps the rules may offer more",
        )
}
