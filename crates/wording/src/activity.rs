//! What is said of what was done with a grant. What the log does not reach is never called nothing.

use hallpass_activity::{GrantUse, GrantUseState, NotableKind};

use crate::lists::{count, number};
use crate::style::ChannelStyle;

/// Where nothing can be said at all.
pub const NO_LOGS: &str = "Not known: no logs say what this grant was used for.";

/// Why a call is shown first.
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

/// What was done, in a sentence or two, and how far the log goes.
pub fn grant_use(found: &GrantUse, style: &impl ChannelStyle) -> String {
    let Some(log) = found.log else {
        return "Not known: there is no log of this account.".to_owned();
    };
    let until = format!(
        "The log of this account reaches until {}.",
        style.instant(log.until)
    );
    let said = match found.state {
        GrantUseState::Used => return format!("{} {until}{}", used(found), cut(found)),
        GrantUseState::NeverUsed => "Never used.",
        GrantUseState::NotSoFar => "No use as far as the log goes.",
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

fn used(found: &GrantUse) -> String {
    let plural = if found.count == 1 { "" } else { "s" };
    let calls = format!("{} call{plural}", number(found.count));
    let services = count(found.services.len(), "service");
    let sessions = count(found.sessions, "session");
    let denied = match found.denied {
        0 => String::new(),
        denied => format!(", {denied} of them refused or failed"),
    };
    let after = found.calls.iter().any(|it| it.is_after_end);
    let after = if after {
        " Some came after the grant’s end."
    } else {
        ""
    };
    format!("{calls} of {services} in {sessions}{denied}.{after}")
}

fn cut(found: &GrantUse) -> &'static str {
    if found.is_cut {
        " Only its first 62 days were looked at."
    } else {
        ""
    }
}
