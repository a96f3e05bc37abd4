//! Alert rows about enforced standards.

use hallpass_enforcement::standards_visits::{ChangeAuthor, ChangedThing, StandardsChange};
use hallpass_org::standards::{AccountDifference, LeftAlone, StandardsNews};
use hallpass_plans::hash;
use serde_json::{Value, json};

const NAMED_MAX: usize = 10;

pub fn rows(news: &StandardsNews) -> Vec<Value> {
    match news {
        StandardsNews::Stuck { visit, why } => {
            let account = &visit.account;
            vec![json!({
                "what": format!("{account} {}", visit.asked_at), "account": account,
                "subject": format!("account {account} does not follow the file of standards"), "reason": why,
            })]
        }
        StandardsNews::Unusable { hash, why } => vec![json!({
            "what": format!("unusable {hash}"),
            "subject": "the file of standards names unknown items and changes nothing", "reason": why,
        })],
        StandardsNews::Differs { accounts, why, at } => {
            let day = at.strftime("%Y-%m-%d").to_string();
            let all = accounts.iter().map(|it| differs(it, *why, &day));
            all.collect()
        }
        StandardsNews::PutBack {
            account,
            plan,
            changes,
        } => {
            let all: Vec<String> = changes.iter().map(put_back).collect();
            vec![json!({
                "what": format!("put back by {plan}"), "account": account,
                "subject": format!("account {account} was put back to the file of standards by plan {plan}"),
                "reason": all.join("; "),
            })]
        }
    }
}

/// Yesterday's differences are not repeated; a day at its limit is reported daily.
fn differs(difference: &AccountDifference, why: LeftAlone, day: &str) -> Value {
    let account = &difference.account;
    let which = hash(&format!("{why:?} {:?}", difference.changes));
    let day = match why {
        LeftAlone::DayFull { .. } | LeftAlone::TooMany { .. } => day,
        LeftAlone::Notify
        | LeftAlone::NotApplied
        | LeftAlone::NotNew
        | LeftAlone::TurnedOn
        | LeftAlone::Policies => "",
    };
    let changes = &difference.changes;
    let mut named: Vec<String> = changes.iter().take(NAMED_MAX).map(wanted).collect();
    if let Some(more) = changes.len().checked_sub(NAMED_MAX).filter(|it| *it > 0) {
        named.push(format!("{more} more"));
    }
    named.push(reason(why));
    json!({
        "what": format!("differs {account} {day} {which}"), "account": account,
        "subject": format!("account {account} differs from the file of standards, and is left"),
        "reason": named.join("; "),
    })
}

fn reason(why: LeftAlone) -> String {
    let help = "`hallpass org standards apply` changes it";
    match why {
        LeftAlone::Notify => format!("`standards.mode` is `notify`; {help}"),
        LeftAlone::NotApplied => {
            "this file is not applied yet; `hallpass org standards apply --apply` does".to_owned()
        }
        LeftAlone::NotNew => format!("it joined before the file was applied; {help}"),
        LeftAlone::DayFull { most } => {
            format!("{most} accounts were changed today (`standards.accounts_a_day`); {help}")
        }
        LeftAlone::TooMany { left } => format!(
            "more accounts differ than the {left} that may still be changed today (`standards.accounts_a_day`), so that none \
             is; {help}"
        ),
        LeftAlone::TurnedOn => "a person turned it on, and only a person turns it off".to_owned(),
        LeftAlone::Policies => {
            "policies of the administrator configure it, and only a person changes those".to_owned()
        }
    }
}

fn thing(change: &StandardsChange) -> String {
    let region = &change.region;
    match &change.what {
        ChangedThing::Hub => format!("Security Hub in {region}"),
        ChangedThing::Standard(name) => format!("{name} in {region}"),
        ChangedThing::Control {
            standard, control, ..
        } => format!("{control} of {standard} in {region}"),
    }
}

fn wanted(change: &StandardsChange) -> String {
    let is = if change.wanted_on { "off" } else { "on" };
    format!("{} is {is}", thing(change))
}

fn put_back(change: &StandardsChange) -> String {
    let now = if change.wanted_on { "on" } else { "off" };
    let reason = match &change.what {
        ChangedThing::Control {
            reason: Some(reason),
            ..
        } => format!(" with the reason \"{reason}\""),
        ChangedThing::Control { reason: None, .. }
        | ChangedThing::Hub
        | ChangedThing::Standard(_) => String::new(),
    };
    let by = match &change.author {
        ChangeAuthor::Known { who, at, event } => {
            format!("changed by {who} at {at} ({event}){reason}")
        }
        ChangeAuthor::NotInLog | ChangeAuthor::NotAsked => {
            format!("changed by unknown: CloudTrail has no such change{reason}")
        }
        ChangeAuthor::Unread(why) => {
            format!("changed by unknown: CloudTrail cannot be read: {why}{reason}")
        }
    };
    format!("{} is {now} again, {by}", thing(change))
}
