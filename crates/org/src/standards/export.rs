//! Exports the current state as a file; applying it changes nothing (`organization.md` S-9).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::facts::{HubFacts, HubLook, HubState, StandardsFacts};
use super::file::ControlStatus;
use super::names::short_name;

const REASON_MAX: usize = 500;
const NO_REASON: &str = "not said";

type OffControl = (String, String, String);

struct ShownHub<'a> {
    account: &'a str,
    region: &'a str,
    facts: &'a HubFacts,
    standards: BTreeSet<&'a str>,
    off: BTreeSet<OffControl>,
}

fn shown<'a>(account: &'a str, region: &'a str, facts: &'a HubFacts) -> ShownHub<'a> {
    let on = facts.subscriptions.iter().filter(|it| it.is_on());
    let off = facts.associations.iter();
    let off = off.filter(|(_, it)| it.status == ControlStatus::Disabled);
    let off = off.map(|((standard, control), it)| {
        let reason = it.reason.as_deref().map_or("", str::trim);
        let reason: String = match reason {
            "" => NO_REASON.to_owned(),
            reason => reason.chars().take(REASON_MAX).collect(),
        };
        (control.clone(), reason, short_name(standard).to_owned())
    });
    ShownHub {
        account,
        region,
        facts,
        standards: on.map(|it| short_name(&it.standard)).collect(),
        off: off.collect(),
    }
}

impl ShownHub<'_> {
    fn offers(&self, short: &str) -> bool {
        self.facts.offered.iter().any(|it| short_name(it) == short)
    }

    fn has(&self, (control, _, short): &OffControl) -> bool {
        let of = self.facts.controls.iter();
        let mut of = of.filter(|(arn, _)| short_name(arn) == short);
        self.standards.contains(short.as_str()) && of.any(|(_, ids)| ids.contains(control))
    }
}

pub fn export(facts: &StandardsFacts) -> String {
    let hubs = facts
        .hubs
        .iter()
        .filter_map(|((account, region), look)| match look {
            HubLook::Seen(it) if it.state != HubState::Off => Some(shown(account, region, it)),
            HubLook::Seen(_) | HubLook::Skipped(_) | HubLook::Blocked(_) | HubLook::Unread(_) => {
                None
            }
        });
    let hubs: Vec<ShownHub<'_>> = hubs.collect();
    let all = |hub: fn(&ShownHub<'_>) -> Vec<String>| -> BTreeSet<String> {
        hubs.iter().flat_map(hub).collect()
    };
    let standards = all(|it| it.standards.iter().map(|it| (*it).to_owned()).collect());
    let everywhere = |short: &String| {
        let mut offering = hubs.iter().filter(|it| it.offers(short));
        offering.all(|it| it.standards.contains(short.as_str()))
    };
    let standards: BTreeSet<String> = standards.into_iter().filter(everywhere).collect();
    let off: BTreeSet<&OffControl> = hubs.iter().flat_map(|it| &it.off).collect();
    let everywhere = |it: &&OffControl| {
        let mut having = hubs.iter().filter(|hub| hub.has(it));
        having.all(|hub| hub.off.contains(*it))
    };
    let off: BTreeSet<&OffControl> = off.into_iter().filter(everywhere).collect();
    let mut text = String::from(
        "# Security Hub as it is: which standards and controls are on or off, and why\ndefaults:\n",
    );
    let names: Vec<&str> = standards.iter().map(String::as_str).collect();
    layer(&mut text, "  ", &names, &off);
    let mut overrides = String::new();
    for hub in &hubs {
        let own = hub.standards.iter().filter(|it| !standards.contains(**it));
        let own: Vec<&str> = own.copied().collect();
        let controls: BTreeSet<&OffControl> =
            hub.off.iter().filter(|it| !off.contains(it)).collect();
        if own.is_empty() && controls.is_empty() {
            continue;
        }
        let place = json!({ "account": hub.account, "region": hub.region });
        line(&mut overrides, format_args!("  - match: {place}"));
        layer(&mut overrides, "    ", &own, &controls);
    }
    if !overrides.is_empty() {
        text.push_str("overrides:\n");
        text.push_str(&overrides);
    }
    text
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    let _infallible = writeln!(text, "{words}");
}

fn layer(text: &mut String, indent: &str, standards: &[&str], off: &BTreeSet<&OffControl>) {
    line(
        text,
        format_args!("{indent}standards: {{enable: {}}}", json!(standards)),
    );
    let mut rows: BTreeMap<(&String, &String), Vec<&String>> = BTreeMap::new();
    for (control, reason, short) in off {
        rows.entry((control, reason)).or_default().push(short);
    }
    if rows.is_empty() {
        return;
    }
    line(text, format_args!("{indent}controls:"));
    for ((control, reason), standards) in rows {
        let row: Value = json!({
            "id": control, "status": "DISABLED", "reason": reason, "standards": standards,
        });
        line(text, format_args!("{indent}  - {row}"));
    }
}
