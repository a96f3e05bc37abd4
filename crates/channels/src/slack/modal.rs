//! Windows: the forms to request, deny and extend.

use crate::wording::{dialogs, escape, grants, names, time};
use hallpass_access::{Grant, LaterEnd, Request, RuleWarning, Sought, TARGETS_MAX};
use hallpass_base::{TimeSpan, Timestamp};
use jiff::tz::TimeZone;

use crate::slack::blocks::{
    Block, Choice, Element, SlackView, Style, button, context, plain, plain_section, plain_up_to,
    section,
};
use crate::slack::ids;
use crate::slack::inbound::SubmittedForm;
use crate::slack::{warned, words};

/// Slack's field limit; Hallpass's limit is smaller, with an error text.
const INPUT_MAX: u16 = 3_000;
const TICKET_MAX: u16 = 200;
const ACCESS_TITLE: &str = "Get AWS access";
const GROUP_TITLE: &str = "Get group access";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    Access,
    Group,
}

impl Asks {
    pub(crate) fn callback(self) -> &'static str {
        match self {
            Self::Access => ids::FORM_ACCESS,
            Self::Group => ids::FORM_GROUP,
        }
    }

    pub(crate) fn of(form: &SubmittedForm) -> Option<Self> {
        match form.callback.as_str() {
            ids::FORM_ACCESS => Some(Self::Access),
            ids::FORM_GROUP => Some(Self::Group),
            _ => None,
        }
    }

    pub(crate) fn sought(self) -> Sought {
        match self {
            Self::Access => Sought::Accounts,
            Self::Group => Sought::Groups,
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Access => ACCESS_TITLE,
            Self::Group => GROUP_TITLE,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advice {
    pub(crate) note: Option<String>,
    pub(crate) hint: Option<String>,
    pub(crate) already: Option<String>,
    pub(crate) ticket: Option<TicketWanted>,
    pub(crate) warnings: Vec<RuleWarning>,
    pub(crate) page: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TicketWanted {
    pub(crate) hint: String,
    pub(crate) may_be_empty: bool,
}

fn title(text: &str) -> crate::slack::blocks::Text {
    plain_up_to(text, 24)
}

pub(crate) fn window(callback: &str, name: &str, blocks: Vec<Block>) -> SlackView {
    SlackView {
        callback_id: callback.to_owned(),
        title: title(name),
        submit: None,
        close: plain("Close"),
        blocks,
        private_metadata: String::new(),
    }
}

fn form(callback: &str, name: &str, submit: &str, blocks: Vec<Block>) -> SlackView {
    SlackView {
        submit: Some(plain(submit)),
        close: plain("Cancel"),
        ..window(callback, name, blocks)
    }
}

pub(crate) fn loading(asks: Asks) -> SlackView {
    let blocks = vec![section(ids::LOADING, "Loading…")];
    window(asks.callback(), asks.title(), blocks)
}

/// Makes a page of one sentence; must be escaped already.
pub(crate) fn sentence(name: &str, words: &str) -> SlackView {
    window(ids::PAGE_WORDS, name, vec![section("words", words)])
}

pub(crate) fn text_page(name: &str, text: &str) -> SlackView {
    window(ids::PAGE_WORDS, name, vec![plain_section("words", text)])
}

pub(crate) fn ask(asks: Asks, name: &str, durations: &[TimeSpan], advice: &Advice) -> SlackView {
    let greeting = format!(
        "Hi {}. Access ends automatically at the time you pick.",
        escape(names::first_name(name))
    );
    let mut blocks = vec![
        section("greeting", greeting),
        Block::Divider {},
        duration(durations),
        reason(None),
    ];
    let hint = |text: &Option<String>| text.as_ref().map(|text| plain_up_to(text, 2_000));
    match asks {
        Asks::Access => {
            blocks.push(select(
                ids::ACCOUNT,
                ids::ACCOUNT_ACTION,
                "Account",
                "Name or number",
                None,
            ));
            if let Some(note) = &advice.note {
                blocks.push(Block::Context {
                    block_id: "account_note".to_owned(),
                    elements: vec![plain_up_to(note, words::SECTION_MAX)],
                });
            }
            let set = select(
                ids::SET,
                ids::SET_ACTION,
                "Permission set",
                "Name",
                hint(&advice.hint),
            );
            blocks.push(set);
        }
        Asks::Group => {
            let group = select(
                ids::GROUP,
                ids::GROUP_ACTION,
                "Group",
                "Name",
                hint(&advice.hint),
            );
            blocks.push(group);
        }
    }
    blocks.push(also(asks));
    if let Some(wanted) = &advice.ticket {
        blocks.push(Block::Input {
            block_id: ids::TICKET.to_owned(),
            label: plain("Ticket"),
            element: text_field(ids::TICKET_ACTION, false, TICKET_MAX),
            hint: Some(plain_up_to(&wanted.hint, 2_000)),
            optional: wanted.may_be_empty,
            dispatch_action: false,
        });
    }
    blocks.push(start());
    if let Some(already) = &advice.already {
        blocks.push(context("already", already.clone()));
    }
    blocks.extend(warned::to_confirm(&advice.warnings, &advice.page));
    blocks.push(Block::Divider {});
    blocks.push(context("recorded", "Every AWS call you make is recorded."));
    form(asks.callback(), asks.title(), "Request", blocks)
}

fn duration(durations: &[TimeSpan]) -> Block {
    let options = durations
        .iter()
        .map(|span| Choice::new(&span.to_string(), span.as_seconds().to_string()));
    lengths("How long", options.collect())
}

fn lengths(label: &str, options: Vec<Choice>) -> Block {
    Block::Input {
        block_id: ids::DURATION.to_owned(),
        label: plain(label),
        element: Element::StaticSelect {
            action_id: ids::DURATION_ACTION.to_owned(),
            initial_option: options.first().cloned(),
            options,
        },
        hint: None,
        optional: false,
        dispatch_action: false,
    }
}

/// Makes the field for more targets, each a separate request.
fn also(asks: Asks) -> Block {
    let (label, hint) = match asks {
        Asks::Access => (
            "Also in these accounts",
            "With the same permission set. Each becomes a separate request; if one is not possible, none is sent.",
        ),
        Asks::Group => (
            "Also these groups",
            "Each becomes a separate request; if one is not possible, none is sent.",
        ),
    };
    Block::Input {
        block_id: ids::ALSO.to_owned(),
        label: plain(label),
        element: Element::MultiExternalSelect {
            action_id: ids::ALSO_ACTION.to_owned(),
            placeholder: plain("None"),
            min_query_length: 0,
            max_selected_items: TARGETS_MAX - 1,
        },
        hint: Some(plain(hint)),
        optional: true,
        dispatch_action: false,
    }
}

fn start() -> Block {
    Block::Input {
        block_id: ids::START.to_owned(),
        label: plain("Start"),
        element: Element::Datetimepicker {
            action_id: ids::START_ACTION.to_owned(),
        },
        hint: Some(plain(grants::START_HINT)),
        optional: true,
        dispatch_action: false,
    }
}

fn reason(initial: Option<String>) -> Block {
    let placeholder = "Approvers read this now; it stays in the audit log.";
    Block::Input {
        block_id: ids::REASON.to_owned(),
        label: plain("Why do you need it?"),
        element: Element::PlainTextInput {
            action_id: ids::REASON_ACTION.to_owned(),
            multiline: true,
            placeholder: Some(plain(placeholder)),
            initial_value: initial,
            max_length: Some(INPUT_MAX),
        },
        hint: None,
        optional: false,
        dispatch_action: false,
    }
}

fn select(
    block: &str,
    action: &str,
    label: &str,
    placeholder: &str,
    hint: Option<crate::slack::blocks::Text>,
) -> Block {
    Block::Input {
        block_id: block.to_owned(),
        label: plain(label),
        element: Element::ExternalSelect {
            action_id: action.to_owned(),
            placeholder: plain(placeholder),
            min_query_length: 0,
            initial_option: None,
        },
        hint,
        optional: false,
        dispatch_action: true,
    }
}

fn words_field(label: &str, longest: u16, hint: Option<&str>, optional: bool) -> Block {
    Block::Input {
        block_id: ids::REASON.to_owned(),
        label: plain(label),
        element: text_field(ids::REASON_ACTION, true, longest),
        hint: hint.map(plain),
        optional,
        dispatch_action: false,
    }
}

fn text_field(action: &str, multiline: bool, longest: u16) -> Element {
    Element::PlainTextInput {
        action_id: action.to_owned(),
        multiline,
        placeholder: None,
        initial_value: None,
        max_length: Some(longest),
    }
}

pub(crate) fn break_glass(
    request: &Request,
    approvers: usize,
    warnings: &[RuleWarning],
) -> SlackView {
    let told = dialogs::break_glass_is_told(approvers);
    let mut blocks = vec![section(
        "question",
        format!("*{}*\n{told}", words::target(&request.names)),
    )];
    // the requester has confirmed them; an emergency needs no second tick
    blocks.extend(warned::only_shown(warnings));
    blocks.push(words_field(
        &dialogs::justification(),
        INPUT_MAX,
        None,
        false,
    ));
    let name = dialogs::break_glass(request);
    SlackView {
        close: plain("Go back"),
        private_metadata: request.id.to_string(),
        ..form(ids::FORM_GLASS, &name, "Break glass", blocks)
    }
}

pub(crate) fn close_review(request: &Request) -> SlackView {
    let name = escape(names::first_name(&request.requester.name));
    let why = request.after_review.as_ref();
    let why = why.map(|review| plain_section("why", &review.justification));
    let question = format!(
        "{} took {} without waiting:",
        escape(&request.requester.name),
        words::role_in(&request.names),
    );
    let mut blocks = vec![section("question", question)];
    blocks.extend(why);
    blocks.push(context("told", dialogs::closing_is_told(&name)));
    blocks.push(words_field(dialogs::WHAT_WAS_FOUND, 1_000, None, true));
    SlackView {
        close: plain("Go back"),
        private_metadata: request.id.to_string(),
        ..form(
            ids::FORM_REVIEW,
            dialogs::CLOSE_REVIEW,
            "Close review",
            blocks,
        )
    }
}

pub(crate) fn approve(
    request: &Request,
    shorter: &[TimeSpan],
    warnings: &[RuleWarning],
    page: &str,
) -> SlackView {
    let name = escape(names::first_name(&request.requester.name));
    let as_asked = dialogs::as_it_stands(request);
    let as_asked = Choice::new(&as_asked, request.duration.as_seconds().to_string());
    let shorter = shorter.iter();
    let shorter = shorter.map(|it| Choice::new(&it.to_string(), it.as_seconds().to_string()));
    let mut blocks = vec![
        section(
            "question",
            format!(
                "*{}* for {}\n{name} is notified, with your words.",
                words::target(&request.names),
                request.duration
            ),
        ),
        lengths(
            "For how long",
            std::iter::once(as_asked).chain(shorter).collect(),
        ),
        words_field("Comment", INPUT_MAX, None, true),
    ];
    blocks.extend(warned::to_confirm(warnings, page));
    SlackView {
        close: plain("Keep waiting"),
        private_metadata: request.id.to_string(),
        ..form(ids::FORM_APPROVE, "Approve request", "Approve", blocks)
    }
}

pub(crate) fn deny(request: &Request) -> SlackView {
    let name = escape(names::first_name(&request.requester.name));
    let blocks = vec![
        section(
            "question",
            format!(
                "*Deny {name}'s request?* {} for {}\n{name} is notified now, with your words.",
                words::target(&request.names),
                request.duration
            ),
        ),
        words_field("Why", 1_000, None, true),
    ];
    SlackView {
        close: plain("Keep waiting"),
        private_metadata: request.id.to_string(),
        ..form(ids::FORM_DENY, "Deny request", "Deny request", blocks)
    }
}

/// Makes the form to decline a remediation. `about` is the question, and `metadata` names it and
/// its message.
pub(crate) fn decline_remediation(about: &str, metadata: String) -> SlackView {
    let blocks = vec![
        plain_section("question", about),
        words_field("Why", 1_000, Some(dialogs::KEPT_WITH_NAME), false),
    ];
    SlackView {
        close: plain("Go back"),
        private_metadata: metadata,
        ..form(
            ids::FORM_REMEDIATION,
            "Leave it as it is?",
            "Decline",
            blocks,
        )
    }
}

pub(crate) fn extend(
    grant: &Grant,
    ends: &[LaterEnd],
    warnings: &[RuleWarning],
    page: &str,
    now: Timestamp,
    zone: &TimeZone,
) -> SlackView {
    let words = format!(
        "{}\nExtending is a new request. Without an answer, access still ends {}.",
        words::role_in(&grant.names),
        time::clock(grant.ends_at, now, zone)
    );
    let options = ends.iter().map(|end| {
        let until = time::clock(end.length.after(now), now, zone);
        let label = format!("to {until}, +{}", end.gain);
        Choice::new(&label, end.length.as_seconds().to_string())
    });
    let mut blocks = vec![
        section("greeting", words),
        lengths("New end", options.collect()),
        reason(Some(grant.reason.clone())),
    ];
    blocks.extend(warned::to_confirm(warnings, page));
    SlackView {
        private_metadata: grant.id.to_string(),
        ..form(ids::FORM_EXTEND, "Extend access", "Request", blocks)
    }
}

pub(crate) fn glass_button(request: &Request) -> Element {
    let id = request.id.to_string();
    button(ids::BREAK_GLASS, "Break glass…", id, Some(Style::Danger))
}

pub(crate) fn grant_buttons(grant: &Grant) -> Vec<Element> {
    vec![extend_button(grant), release_button(grant)]
}

pub(crate) fn extend_button(grant: &Grant) -> Element {
    button(ids::EXTEND, "Extend", grant.request.to_string(), None)
}

pub(crate) fn release_button(grant: &Grant) -> Element {
    let id = grant.request.to_string();
    button(ids::RELEASE, "End early", id, Some(Style::Primary))
}
