//! Texts about a grant's use. Unlogged activity is never reported as none.

use hallpass_access::PastUse;
use hallpass_activity::{GrantCall, GrantUse, GrantUseState, NotableKind};
use hallpass_base::Timestamp;

use crate::wording::lists::{count, number};
use crate::wording::style::ChannelStyle;

/// Without any information.
pub const NO_LOGS: &str = "Not known: no logs say what this grant was used for.";

pub const fn notable(kind: NotableKind) -> &'static str {
    match kind {
        NotableKind::Logging => "stops or narrows what is logged",
        NotableKind::Credentials => "makes credentials that outlive the session",
        NotableKind::Exposure => "may open something to others",
        NotableKind::Identity => "changes who may do what",
        NotableKind::Keys => "changes a key",
        NotableKind::Organization => "changes the organization",
    }
}

pub fn grant_use(found: &GrantUse, style: &impl ChannelStyle) -> String {
    let Some(log) = found.log else {
        return "Not known: there is no log of this account.".to_owned();
    };
    let until = format!(
        "The log of this account reaches until {}.",
        style.instant(log.until)
    );
    let said = match found.state {
        GrantUseState::Used => return format!("{} {until}{}", used(found, style), cut(found)),
        GrantUseState::NeverUsed => "Never used.",
        GrantUseState::NotSoFar => "No use as far as the log goes.",
        GrantUseState::LogEndsBefore => {
            return format!(
                "Not known: the log of this account ends {}, before this grant begins.",
                style.instant(log.until)
            );
        }
        GrantUseState::NotKnown => {
            return format!(
                "Not known: the log of this account begins {}, reaches until {} and does not have all days of this grant.",
                style.instant(log.from),
                style.instant(log.until)
            );
        }
    };
    format!("{said} {until}")
}

pub fn told_use(used: &PastUse, style: &impl ChannelStyle) -> String {
    let found = &used.found;
    let calls = notable_calls(found, style);
    format!("{}{}", grant_use(found, style), calls.unwrap_or_default())
}

pub fn last_use(used: &PastUse, style: &impl ChannelStyle) -> Option<String> {
    let state = used.found.state;
    if matches!(
        state,
        GrantUseState::NotKnown | GrantUseState::LogEndsBefore
    ) {
        return None;
    }
    let grant = &used.grant;
    let since = style.instant(grant.granted_at.unwrap_or(grant.scheduled_at));
    let when = if grant.is_over() {
        "Last time"
    } else {
        "So far"
    };
    Some(format!("{when}, since {since}: {}", told_use(used, style)))
}

fn notable_calls(found: &GrantUse, style: &impl ChannelStyle) -> Option<String> {
    const NAMED_MAX: usize = 3;
    let notable: Vec<&GrantCall> = found
        .calls
        .iter()
        .filter(|it| it.notable.is_some())
        .collect();
    let named: Vec<String> = notable
        .iter()
        .take(NAMED_MAX)
        .map(|it| style.name(&format!("{}:{}", it.call.service, it.call.action)))
        .collect();
    let more = match notable.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!named.is_empty()).then(|| format!(" Look at {}{more}.", named.join(", ")))
}

fn used(found: &GrantUse, style: &impl ChannelStyle) -> String {
    let plural = if found.count == 1 { "" } else { "s" };
    let calls = format!("{} call{plural}", number(found.count));
    let services = count(found.services.len(), "service");
    let sessions = count(found.sessions, "session");
    let denied = match found.denied {
        0 => String::new(),
        denied => format!(", {denied} of them refused or failed"),
    };
    let after = after_end(found, style);
    format!("{calls} of {services} in {sessions}{denied}.{after}")
}

/// Describes sessions after the grant's end: AWS's accepted and refused calls.
fn after_end(found: &GrantUse, style: &impl ChannelStyle) -> String {
    let last = |is_done: bool| -> Option<Timestamp> {
        let calls = found.calls.iter().filter(|it| it.is_after_end);
        let calls = calls.filter(|it| it.call.error_code.is_none() == is_done);
        calls.map(|it| it.call.last).max()
    };
    match (last(true), last(false)) {
        (Some(done), _) => {
            let at = style.instant(done);
            format!(" Some went through after the grant’s end, the last {at}.")
        }
        (None, Some(refused)) => {
            let at = style.instant(refused);
            format!(" After the grant’s end all were refused, the last {at}.")
        }
        (None, None) => String::new(),
    }
}

fn cut(found: &GrantUse) -> &'static str {
    if found.is_cut {
        " Only its first 62 days were read."
    } else {
        ""
    }
}
