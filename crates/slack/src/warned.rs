//! Warnings of rules in forms: what is to be read, and a box to tick below each.

use hallpass_access::RuleWarning;
use hallpass_wording::shown;

use crate::blocks::{Block, Choice, Element, plain, section};
use crate::ids;
use crate::inbound::SubmittedForm;
use crate::words;

/// Forms have at most a hundred blocks, and nobody reads more.
const WARNINGS_MAX: usize = 20;

/// The warnings, with their boxes.
pub(crate) fn to_confirm(warnings: &[RuleWarning]) -> Vec<Block> {
    let boxes = warnings.iter().take(WARNINGS_MAX).flat_map(|warning| {
        let tick = Block::Input {
            block_id: format!("{}{}", ids::WARNING, warning.id),
            label: plain("Before you go on"),
            element: Element::Checkboxes {
                action_id: ids::WARNING_ACTION.to_owned(),
                options: vec![Choice::new("I have read this warning", warning.id.as_str())],
            },
            hint: None,
            optional: false,
            dispatch_action: false,
        };
        [text(warning), tick]
    });
    boxes.collect()
}

/// The warnings alone, where nothing may be in the way.
pub(crate) fn only_shown(warnings: &[RuleWarning]) -> Vec<Block> {
    warnings.iter().take(WARNINGS_MAX).map(text).collect()
}

fn text(warning: &RuleWarning) -> Block {
    let says = shown(&warning.text, words::SECTION_MAX - 20);
    section(
        &format!("warning_{}", warning.id),
        format!("*Warning*\n{says}"),
    )
}

/// The ids of the warnings that were ticked.
pub(crate) fn ticked(form: &SubmittedForm) -> Vec<String> {
    let blocks = form.several.iter();
    let ticked = blocks.filter(|(block, _)| block.starts_with(ids::WARNING));
    ticked.flat_map(|(_, ids)| ids.iter().cloned()).collect()
}
