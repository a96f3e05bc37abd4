//! Renders a request's message from stored state, never from the message.

use crate::wording::{ChannelStyle as _, SlackStyle, dialogs, escape, grants, link, shown};
use hallpass_access::{
    Approval, ArmedEndStatus, DecidedKind, Directory, Grant, GrantState, InLine, Request,
    RequestState,
};
use hallpass_base::{TargetNames, Timestamp};
use hallpass_rules::DecisionKind;

use crate::slack::blocks::{Block, Style, Text, button, context, header, marked, plain_up_to};
use crate::slack::ids;
use crate::slack::line;
use crate::slack::setup::Setup;
use crate::slack::warned;
use crate::slack::words::{self, FIELD_MAX, NAME_MAX};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    pub blocks: Vec<Block>,
    /// One line, for notifications.
    pub text: String,
}

pub struct Scene<'a> {
    pub request: &'a Request,
    pub grant: Option<&'a Grant>,
    pub requester: Option<&'a str>,
    pub directory: &'a Directory,
    pub setup: &'a Setup,
    pub now: Timestamp,
    pub place: Option<InLine>,
    /// Start of the Region outage; `None` while Identity Center's home Region answers.
    pub region_lost: Option<Timestamp>,
    pub armed: Option<ArmedEndStatus>,
}

impl Scene<'_> {
    fn style(&self) -> SlackStyle<'_> {
        SlackStyle {
            directory: self.directory,
            zone: &self.setup.zone,
            seen_from: self.request.asked_at,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShownRequest {
    Waiting,
    SettingUp,
    Granted,
    Denied,
    Discarded,
    Lapsed,
    Failed,
    Ended,
    Rejected,
}

impl ShownRequest {
    /// Returns the state at an instant: an expired request counts as expired before it is marked.
    pub(crate) fn of(request: &Request, grant: Option<&Grant>, now: Timestamp) -> Self {
        match &request.state {
            RequestState::Pending if !request.is_waiting(now) => Self::Lapsed,
            RequestState::Pending => Self::Waiting,
            RequestState::Denied { .. } => Self::Denied,
            RequestState::Discarded { .. } => Self::Discarded,
            RequestState::Expired { .. } => Self::Lapsed,
            RequestState::Rejected { .. } => Self::Rejected,
            RequestState::Approved { .. } => match grant.map(|grant| &grant.state) {
                None | Some(GrantState::Scheduled | GrantState::Granting) => Self::SettingUp,
                Some(GrantState::Ending { .. }) if never_was(grant) => Self::SettingUp,
                Some(GrantState::Active | GrantState::Ending { .. }) => Self::Granted,
                Some(GrantState::Ended { .. }) if never_was(grant) => Self::Failed,
                Some(GrantState::Ended { .. }) => Self::Ended,
                Some(GrantState::Failed { .. }) => Self::Failed,
            },
        }
    }

    fn title(self, request: &Request) -> String {
        let title = self.plain_title(request);
        if is_broken(request) {
            return format!("Break glass: {}", uncapital(title));
        }
        title.to_owned()
    }

    fn plain_title(self, request: &Request) -> &'static str {
        match (self, &request.names) {
            (Self::Granted, _) if is_adopted(request) => "Access has an end now",
            (Self::Waiting | Self::Rejected, TargetNames::Account { .. }) => "Access request",
            (Self::Waiting | Self::Rejected, TargetNames::Group { .. }) => "Group request",
            (Self::SettingUp, _) => "Approved, setting up",
            (Self::Granted, _) => "Access granted",
            (Self::Denied, _) => "Access denied",
            (Self::Discarded, _) => "Request discarded",
            (Self::Lapsed, _) => "Request expired",
            (Self::Failed, _) => "Access failed",
            (Self::Ended, _) => "Access ended",
        }
    }

    fn mark(self, setup: &Setup) -> &str {
        match self {
            Self::Waiting | Self::SettingUp => &setup.marks.waiting,
            Self::Granted => &setup.marks.good,
            Self::Denied | Self::Failed | Self::Rejected => &setup.marks.bad,
            Self::Discarded | Self::Lapsed | Self::Ended => &setup.marks.discarded,
        }
    }
}

fn is_broken(request: &Request) -> bool {
    matches!(
        request.state,
        RequestState::Approved {
            approval: Approval::BreakGlass,
            ..
        }
    )
}

fn uncapital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

fn is_adopted(request: &Request) -> bool {
    matches!(
        request.state,
        RequestState::Approved {
            approval: Approval::Adopted,
            ..
        }
    )
}

fn never_was(grant: Option<&Grant>) -> bool {
    grant.is_some_and(|grant| grant.granted_at.is_none())
}

pub fn draw(scene: &Scene<'_>) -> Drawn {
    let request = scene.request;
    let state = ShownRequest::of(request, scene.grant, scene.now);
    let mark = state.mark(scene.setup);
    let title = state.title(request);
    let mut blocks = vec![
        header(ids::HEADER, &format!("{mark} {title} {mark}")),
        Block::Section {
            block_id: ids::CONTENT.to_owned(),
            text: None,
            fields: fields(scene, state),
        },
    ];
    if state == ShownRequest::Waiting {
        blocks.extend(warned::told(request));
        blocks.push(buttons(request));
    }
    blocks.push(context(ids::FOOTER, footer(scene, state)));
    let text = format!(
        "{title}: {}, {}",
        shown(&request.requester.name, NAME_MAX),
        words::role_in(&request.names)
    );
    Drawn { blocks, text }
}

fn field(name: &str, value: &str) -> Text {
    marked(format!("*{name}*\n{value}"))
}

fn plain_field(name: &str, value: &str) -> Text {
    plain_up_to(&format!("{name}\n{value}"), FIELD_MAX)
}

fn fields(scene: &Scene<'_>, state: ShownRequest) -> Vec<Text> {
    let request = scene.request;
    let who = match scene.requester {
        Some(user) => field("Who", &format!("<@{user}>")),
        None => plain_field("Who", &request.requester.name),
    };
    let mut fields = vec![who];
    fields.extend(target_fields(request));
    fields.push(plain_field("Why", &request.reason));
    fields.push(field("For", &how_long(scene, state)));
    if let Some(ticket) = &request.ticket {
        fields.push(match request.ticket_url() {
            Some(url) => field("Ticket", &link(url, ticket)),
            None => plain_field("Ticket", ticket),
        });
    }
    if request.secondary_domain {
        let address = escape(request.requester.email.as_str());
        fields.push(marked(dialogs::secondary_domain(&address)));
    }
    fields
}

fn target_fields(request: &Request) -> Vec<Text> {
    let id = |of: Option<String>| of.map(|id| format!(" #{id}")).unwrap_or_default();
    let target = request.key.as_ref().map(|key| &key.target);
    match &request.names {
        TargetNames::Account {
            account,
            permission_set,
        } => {
            let number = id(target.and_then(|target| match target {
                hallpass_base::Target::Account { account, .. } => Some(account.to_string()),
                hallpass_base::Target::Group { .. } => None,
            }));
            vec![
                plain_field("Account", &format!("{account}{number}")),
                plain_field("Role", permission_set),
            ]
        }
        TargetNames::Group { group } => {
            let number = id(target.and_then(|target| match target {
                hallpass_base::Target::Group { group } => Some(group.to_string()),
                hallpass_base::Target::Account { .. } => None,
            }));
            vec![plain_field("Group", &format!("{group}{number}"))]
        }
    }
}

fn how_long(scene: &Scene<'_>, shown: ShownRequest) -> String {
    let span = match &scene.request.shortened {
        Some(shortened) => format!("{} instead of {}", scene.request.duration, shortened.from),
        None => scene.request.duration.to_string(),
    };
    match (shown, scene.grant) {
        (ShownRequest::Granted, Some(grant)) if grant.standing => {
            format!("{span}. {}", grants::STAYS)
        }
        (ShownRequest::Granted, Some(grant)) => {
            let ends = at(scene, grant.ends_at);
            format!("{span}, ends {ends}")
        }
        _ if let Some(start) = &scene.request.start => {
            format!("{span} from {}", at(scene, start.at))
        }
        _ if scene.request.extends.is_some() => format!("{span}, extends held access"),
        _ => span,
    }
}

fn buttons(request: &Request) -> Block {
    let id = request.id.to_string();
    let approve = [
        button(ids::APPROVE, "Approve", &id, Some(Style::Primary)),
        button(ids::APPROVE_WITH, "Approve with…", &id, None),
    ];
    let others = [
        button(ids::DENY, "Deny", &id, Some(Style::Danger)),
        button(ids::DISCARD, "Discard", &id, None),
    ];
    // a request waiting for break-glass is not approved or denied
    let [deny, discard] = others;
    let is_asked = request.decided.kind != DecidedKind::Rules(DecisionKind::NoApprovers);
    let deny = is_asked.then_some(deny);
    // a request waiting only for its start has enough approvals
    let approve = approve
        .into_iter()
        .filter(|_| is_asked && request.agreed_start().is_none());
    Block::Actions {
        block_id: ids::BUTTONS.to_owned(),
        elements: approve.chain(deny).chain([discard]).collect(),
    }
}

fn footer(scene: &Scene<'_>, shown: ShownRequest) -> String {
    let mut parts = match shown {
        ShownRequest::Waiting => waiting_parts(scene),
        ShownRequest::SettingUp
        | ShownRequest::Granted
        | ShownRequest::Failed
        | ShownRequest::Ended => decided_parts(scene, shown),
        ShownRequest::Denied
        | ShownRequest::Discarded
        | ShownRequest::Lapsed
        | ShownRequest::Rejected => closed_parts(scene),
    };
    let link = scene.setup.link(scene.request);
    parts.push(format!("<{link}|Open in Hallpass>"));
    parts.join(" · ")
}

fn at(scene: &Scene<'_>, instant: Timestamp) -> String {
    scene.style().instant(instant)
}

fn waiting_parts(scene: &Scene<'_>) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(agreed) = grants::agreed(scene.request, &scene.style()) {
        return vec![agreed];
    }
    if !scene.request.reviews.is_empty() {
        parts.push(grants::progress(scene.request, &scene.style()));
    }
    parts.push(match scene.request.expires_at {
        Some(lapses) => format!("Expires {} if no one decides", at(scene, lapses)),
        None => "Waits for a decision".to_owned(),
    });
    parts
}

fn decided_parts(scene: &Scene<'_>, shown: ShownRequest) -> Vec<String> {
    let mut parts = vec![grants::how_approved(scene.request, &scene.style())];
    match scene.grant.map(|grant| &grant.state) {
        Some(GrantState::Failed { at: failed, .. }) => {
            parts.push(format!("failed {}", at(scene, *failed)));
        }
        Some(GrantState::Ended { at: ended, .. }) if shown == ShownRequest::Ended => {
            parts.push(format!("ended {}", at(scene, *ended)));
        }
        Some(GrantState::Active) if shown == ShownRequest::Granted => {
            parts.extend(
                scene
                    .grant
                    .into_iter()
                    .flat_map(|grant| armed_parts(scene, grant)),
            );
        }
        _ if shown == ShownRequest::SettingUp => {
            parts.extend(line::words(scene.place, scene.region_lost, &scene.style()));
        }
        _ => {}
    }
    parts
}

fn armed_parts(scene: &Scene<'_>, grant: &Grant) -> Vec<String> {
    let Some(armed) = scene.armed.as_ref().filter(|_| !grant.standing) else {
        return Vec::new();
    };
    let style = scene.style();
    let moving = armed.moving().filter(|it| it.from == grant.ends_at);
    let moving = moving.map(|it| grants::extending(&at(scene, it.to), &it, &style));
    let does = grants::armed_end(armed, scene.now, &style);
    does.into_iter().chain(moving).collect()
}

fn closed_parts(scene: &Scene<'_>) -> Vec<String> {
    let request = scene.request;
    let by = |email| scene.style().person(email);
    vec![match &request.state {
        RequestState::Denied {
            by: who, at: when, ..
        } => {
            format!("Denied by {} at {}", by(who), at(scene, *when))
        }
        RequestState::Discarded { by: who, at: when } => {
            format!("Discarded by {} at {}", by(who), at(scene, *when))
        }
        RequestState::Rejected { detail, .. } => shown(detail, FIELD_MAX / 2),
        RequestState::Expired { .. } | RequestState::Pending | RequestState::Approved { .. } => {
            match request.expires_at {
                Some(lapsed) => {
                    let waited = hallpass_base::TimeSpan::between(request.asked_at, lapsed);
                    format!("Expired after {waited}. Nothing was granted")
                }
                None => "Expired. Nothing was granted".to_owned(),
            }
        }
    }]
}
