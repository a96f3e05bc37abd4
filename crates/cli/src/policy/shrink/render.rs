//! Prints the smaller policy for people: kept permissions with reasons, removals, removed risks,
//! and the proof.

use std::fmt::Write as _;

use hallpass_activity::{
    GivenUpService, KeptReason, ReplayVerdict, ReplayedCalls, ShrinkProof, Shrunk,
};
use hallpass_base::Timestamp;
use hallpass_channels::wording::lists::{count, number};
use hallpass_iam::size::{self, AttachmentPoint};
use hallpass_terminal::output::{self, Table, width};
use serde_json::Value;

use super::log_age::LogAge;

/// Limit of named services; the rest are counted.
const LOST_MAX: usize = 15;
/// Limit of named statement parts and calls; the rest are counted.
const NAMED_MAX: usize = 10;

pub(super) fn text(set: &str, shrunk: &Shrunk, age: Option<&LogAge>) -> String {
    let mut text = String::new();
    heading(&mut text, set, shrunk);
    if let Some(ended) = age.and_then(LogAge::ended) {
        line(&mut text, &format!("Note: {ended}."));
    }
    let stays: Vec<&GivenUpService> = shrunk.services.iter().filter(|it| it.after > 0).collect();
    if !stays.is_empty() {
        text.push_str(&services(&stays));
    }
    reasons(&mut text, shrunk);
    given_up(&mut text, shrunk);
    risks(&mut text, shrunk);
    if let Some(policy) = &shrunk.policy {
        let length =
            |it: &Value| size::measure(&it.to_string(), AttachmentPoint::PermissionSet, None);
        let (old, new) = (length(&shrunk.old), length(policy));
        text.push('\n');
        line(
            &mut text,
            &format!(
                "It has {} of the {} characters of an inline policy; the old ones together have {}.",
                number(new.used as u64),
                number(new.limit as u64),
                number(old.used as u64)
            ),
        );
    }
    text
}

fn line(text: &mut String, line: &str) {
    text.push_str(&output::plain(line));
    text.push('\n');
}

fn heading(text: &mut String, set: &str, shrunk: &Shrunk) {
    let total =
        |of: fn(&GivenUpService) -> usize| shrunk.services.iter().map(of).sum::<usize>() as u64;
    let stays = shrunk.services.iter().filter(|it| it.after > 0).count();
    line(
        text,
        &format!(
            "{set}: {} of {} services stay, {} of {} actions",
            stays,
            shrunk.services.len(),
            number(total(|it| it.after)),
            number(total(|it| it.before))
        ),
    );
    let levels = shrunk.levels.iter().filter(|it| it.before > 0);
    let levels = levels.map(|it| format!("{} {} of {}", it.access.as_str(), it.after, it.before));
    let levels: Vec<String> = levels.collect();
    if !levels.is_empty() {
        line(text, &format!("By access level: {}", levels.join(", ")));
    }
}

fn services(stays: &[&GivenUpService]) -> String {
    let mut table = Table::new(&["SERVICE", "=BEFORE", "=AFTER", "GIVEN UP"]);
    for it in stays {
        table.row([
            it.service.to_owned(),
            it.before.to_string(),
            it.after.to_string(),
            it.words.join("; "),
        ]);
    }
    format!("\n{}", table.text(width()))
}

fn reasons(text: &mut String, shrunk: &Shrunk) {
    text.push_str("\nWhy each statement stays\n");
    if shrunk.policy.is_none() {
        text.push_str("  nothing that is allowed was used\n");
    }
    for statement in &shrunk.statements {
        match &statement.because {
            KeptReason::Used(parts) => {
                for part in parts.iter().take(NAMED_MAX) {
                    let people = match part.people {
                        1 => "1 person".to_owned(),
                        people => format!("{people} people"),
                    };
                    line(
                        text,
                        &format!(
                            "  {}: {}, used by {people}, last {}",
                            statement.sid,
                            part.what,
                            day(part.last)
                        ),
                    );
                }
                more(text, parts.len(), "more that was used");
            }
            KeptReason::NotVisible(reasons) => {
                for (why, actions) in reasons {
                    let actions = count(*actions, "action");
                    line(
                        text,
                        &format!(
                            "  {}: not visible, {actions}: {}",
                            statement.sid,
                            why.words()
                        ),
                    );
                }
            }
            KeptReason::Denies => line(text, &format!("  {}: it denies", statement.sid)),
        }
    }
}

fn more(text: &mut String, all: usize, what: &str) {
    if let Some(left) = all.checked_sub(NAMED_MAX).filter(|it| *it > 0) {
        line(text, &format!("  and {left} {what}"));
    }
}

fn given_up(text: &mut String, shrunk: &Shrunk) {
    let mut lost: Vec<&GivenUpService> =
        shrunk.services.iter().filter(|it| it.after == 0).collect();
    lost.sort_by_key(|it| std::cmp::Reverse((it.writes, it.before)));
    if lost.is_empty() && shrunk.given_up_unseen == 0 {
        return;
    }
    text.push_str("\nServices that are given up\n");
    for it in lost.iter().take(LOST_MAX) {
        line(
            text,
            &format!(
                "  {} ({} actions, {} change something)",
                it.words.join("; "),
                it.before,
                it.writes
            ),
        );
    }
    if lost.len() > LOST_MAX {
        line(
            text,
            &format!("  and {} more services", lost.len() - LOST_MAX),
        );
    }
    if shrunk.given_up_unseen > 0 {
        let actions = count(shrunk.given_up_unseen, "action");
        line(
            text,
            &format!(
                "  No log shows whether {actions} of these were used; they are dropped as requested"
            ),
        );
    }
}

fn risks(text: &mut String, shrunk: &Shrunk) {
    let Some(risks) = &shrunk.risks else {
        text.push_str("\nThe risks are not compared: a policy is too long to be put in words\n");
        return;
    };
    if risks.is_empty() {
        return;
    }
    text.push_str("\nRisks that go or shrink\n");
    for it in risks {
        let how = match it.after {
            0 => "gone".to_owned(),
            after => format!("{after} of {} actions left", it.before),
        };
        line(text, &format!("  {} ({how}): {}", it.kind.title(), it.why));
    }
}

pub(super) fn proof(proof: &ShrinkProof) {
    let people = match proof.people {
        1 => "1 person".to_owned(),
        people => format!("{people} people"),
    };
    let mut said = format!(
        "{} successful events of {people} replayed: {} would break",
        number(proof.succeeded),
        number(proof.events(ReplayVerdict::WouldBreak))
    );
    let others = [
        (ReplayVerdict::NotJudged, "could not be judged"),
        (
            ReplayVerdict::NotAllowedBefore,
            "were not allowed by the old policies",
        ),
    ];
    for (verdict, words) in others {
        let events = proof.events(verdict);
        if events > 0 {
            let _ = write!(said, ", {} {words}", number(events));
        }
    }
    output::say(&said);
    if proof.failed > 0 {
        output::say(&format!(
            "{} more events failed for other reasons and were replayed, too",
            number(proof.failed)
        ));
    }
    if proof.refused > 0 {
        output::say(&format!(
            "{} events were refused: no use of a right",
            number(proof.refused)
        ));
    }
    let bad: Vec<&ReplayedCalls> = proof
        .calls
        .iter()
        .filter(|it| !it.verdict.is_well())
        .collect();
    for it in bad.iter().take(NAMED_MAX) {
        let why = match (it.verdict, it.why) {
            (ReplayVerdict::WouldBreak, None) => "the new policy does not allow it",
            (_, why) => why.unwrap_or_default(),
        };
        output::say(&format!(
            "  {}:{}, {} events: {why}",
            output::plain(&it.service),
            output::plain(&it.event),
            number(it.events)
        ));
    }
    if bad.len() > NAMED_MAX {
        output::say(&format!(
            "  and {} more names of events",
            bad.len() - NAMED_MAX
        ));
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
