//! Rule warnings in forms, each with a checkbox.

use crate::wording::{shown, warnings};
use hallpass_access::{Request, RuleWarning};

use crate::slack::blocks::{Block, Choice, Element, context, plain, section};
use crate::slack::ids;
use crate::slack::inbound::SubmittedForm;
use crate::slack::words;

/// Forms have at most a hundred blocks, and users read no more.
const WARNINGS_MAX: usize = 20;

/// Returns warnings with checkboxes; nothing if they do not fit: the web page shows them all.
pub(crate) fn to_confirm(warnings: &[RuleWarning], page: &str) -> Vec<Block> {
    if warnings.len() > WARNINGS_MAX {
        let words = format!(
            "*Warnings*\nThere are {} warnings to be read and confirmed, and this form holds {WARNINGS_MAX}. \
             Continue in the browser, which shows all of them: <{page}|Open in Hallpass>",
            warnings.len()
        );
        return vec![section("warnings_elsewhere", words)];
    }
    let boxes = warnings.iter().flat_map(|warning| {
        let tick = Block::Input {
            block_id: format!("{}{}", ids::WARNING, warning.id),
            label: plain("Before you continue"),
            element: Element::Checkboxes {
                action_id: ids::WARNING_ACTION.to_owned(),
                options: vec![Choice::new("I have read this warning", warning.id.as_str())],
            },
            hint: None,
            optional: false,
            dispatch_action: false,
        };
        [text(&warning.id, &warning.text), tick]
    });
    boxes.collect()
}

pub(crate) fn only_shown(warnings: &[RuleWarning]) -> Vec<Block> {
    let shown = warnings.iter().take(WARNINGS_MAX);
    let shown = shown.map(|warning| text(&warning.id, &warning.text));
    let more = warnings.len().saturating_sub(WARNINGS_MAX);
    shown.chain(more_of(more)).collect()
}

pub(crate) fn told(request: &Request) -> Vec<Block> {
    let (texts, more) = warnings::of_request(request);
    let texts = texts.iter().enumerate();
    let told = texts.map(|(place, says)| text(&place.to_string(), says));
    told.chain(more_of(more)).collect()
}

fn more_of(more: usize) -> Option<Block> {
    (more > 0).then(|| context("warnings_more", warnings::more(more)))
}

fn text(id: &str, says: &str) -> Block {
    let says = shown(says, words::SECTION_MAX - 20);
    section(&format!("warning_{id}"), format!("*Warning*\n{says}"))
}

pub(crate) fn ticked(form: &SubmittedForm) -> Vec<String> {
    let blocks = form.several.iter();
    let ticked = blocks.filter(|(block, _)| block.starts_with(ids::WARNING));
    ticked.flat_map(|(_, ids)| ids.iter().cloned()).collect()
}
