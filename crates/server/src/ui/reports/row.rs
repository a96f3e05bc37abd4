use hallpass_api::{Approval, GrantState, GrantUse, ReportedAccess, ReportedKind};
use hallpass_base::Timestamp;
use hallpass_channels::wording::states;
use jiff::tz::TimeZone;

use crate::ui::people::Face;
use crate::ui::words::{Badge, badge, plain};

pub(super) struct ReportRow {
    /// `None`: a group.
    pub(super) face: Option<Face>,
    pub(super) who: String,
    pub(super) what: String,
    pub(super) account: String,
    pub(super) from: String,
    pub(super) until: String,
    pub(super) badge: Badge,
    pub(super) approved: String,
    pub(super) rules: Vec<String>,
    pub(super) used: &'static str,
    pub(super) request: Option<String>,
}

impl ReportRow {
    pub(super) fn of(row: &ReportedAccess, zone: &TimeZone) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(plain).unwrap_or_default();
        let user = text(&row.user.clone().or_else(|| row.user_id.clone()));
        let group = text(&row.group_name.clone().or_else(|| row.group.clone()));
        let account = text(&row.account_name.clone().or_else(|| row.account.clone()));
        let is_of_group = row.kind == ReportedKind::Group;
        let name = row.user_name.as_deref().filter(|name| !name.is_empty());
        Self {
            face: (!is_of_group).then(|| Face::new(name.unwrap_or(&user), &user)),
            who: group.clone(),
            what: match &row.permission_set {
                Some(set) => plain(set),
                None => format!("Group {group}"),
            },
            account,
            from: match (row.from, row.first_seen) {
                (Some(at), _) => stamp(at, zone),
                (None, Some(at)) => format!("First seen {}", stamp(at, zone)),
                (None, None) => String::new(),
            },
            until: until(row, zone),
            badge: badge_of(row),
            approved: approved(row),
            rules: row.because.iter().map(|rule| plain(rule)).collect(),
            used: used(row.used),
            request: row.request_id.clone(),
        }
    }
}

/// A report outlives the day: absolute, with the zone.
pub(super) fn stamp(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M %Z")
        .to_string()
}

fn until(row: &ReportedAccess, zone: &TimeZone) -> String {
    match (row.until, row.ends_at, row.last_seen) {
        (Some(at), ..) => stamp(at, zone),
        (None, Some(at), _) => format!("Not ended; ends {}", stamp(at, zone)),
        (None, None, Some(at)) => format!("Last seen {}", stamp(at, zone)),
        (None, None, None) => String::new(),
    }
}

fn badge_of(row: &ReportedAccess) -> Badge {
    match row.state {
        None => badge("Standing", "standing"),
        Some(state) => {
            let look = match state {
                GrantState::Scheduled | GrantState::Granting => "pending",
                GrantState::Active
                | GrantState::Ending
                | GrantState::Ended
                | GrantState::Failed
                | GrantState::Unknown => state.name(),
            };
            badge(states::word(state.name()), look)
        }
    }
}

fn approved(row: &ReportedAccess) -> String {
    let by = plain(&row.approvers.join(", "));
    match row.approval {
        Some(Approval::NotRequired) => "Not required".to_owned(),
        Some(Approval::Own) => "Self-approved".to_owned(),
        Some(Approval::BreakGlass) => format!("{by} (break glass)"),
        Some(Approval::Peer | Approval::Adopted | Approval::Unknown) | None => by,
    }
}

const fn used(used: Option<GrantUse>) -> &'static str {
    match used {
        None | Some(GrantUse::NotKnown | GrantUse::Unknown) => "Not known",
        Some(GrantUse::Used) => "Used",
        Some(GrantUse::NeverUsed) => "Never used",
        Some(GrantUse::NotSoFar) => "Not so far",
    }
}
