//! The page of a user's grants and requests.

use crate::wording::time;
use hallpass_access::{Grant, GrantPresses, Presses, Request};
use hallpass_base::{TimeSpan, Timestamp};
use jiff::tz::TimeZone;

use crate::slack::blocks::{Block, Element, SlackView, button, context, section};
use crate::slack::modal::{extend_button, glass_button, release_button, window};
use crate::slack::{ids, words};

/// Maximum blocks of grants and requests: Slack takes a hundred, two of them for the last action
/// and the link to the rest.
const MINE_BLOCKS_MAX: usize = 98;

pub(crate) struct Mine<'a> {
    pub(crate) grants: &'a [(Grant, GrantPresses)],
    pub(crate) waiting: &'a [(Request, Presses)],
    pub(crate) is_all: bool,
    pub(crate) said: Option<&'a str>,
    pub(crate) now: Timestamp,
    pub(crate) zone: &'a TimeZone,
    pub(crate) link: &'a str,
}

pub(crate) fn mine(mine: &Mine<'_>) -> SlackView {
    let grants = mine.grants.iter().map(|it| grant_blocks(mine, it));
    let waiting = mine.waiting.iter().map(|it| waiting_blocks(mine, it));
    let (mut shown, mut is_all) = (Vec::new(), mine.is_all);
    for blocks in grants.chain(waiting) {
        if shown.len() + blocks.len() > MINE_BLOCKS_MAX {
            is_all = false;
            break;
        }
        shown.extend(blocks);
    }
    let mut blocks = Vec::new();
    blocks.extend(mine.said.map(|said| section("said", said)));
    blocks.append(&mut shown);
    if mine.grants.is_empty() && mine.waiting.is_empty() {
        blocks.push(section(
            "nothing",
            "You have no access and no open requests.",
        ));
    }
    let rest = if is_all { "" } else { "There is more. " };
    blocks.push(context(
        "more",
        format!("{rest}<{}|Open in Hallpass>", mine.link),
    ));
    window(ids::PAGE_MINE, "My access", blocks)
}

fn grant_blocks(mine: &Mine<'_>, (grant, presses): &(Grant, GrantPresses)) -> Vec<Block> {
    let words = format!(
        "*{}*\nEnds {}, in {}.",
        words::role_in(&grant.names),
        time::clock(grant.ends_at, mine.now, mine.zone),
        TimeSpan::between(mine.now, grant.ends_at)
    );
    let extend = presses.extend.is_ok().then(|| extend_button(grant));
    let release = presses.release.is_ok().then(|| release_button(grant));
    let elements = extend.into_iter().chain(release).collect();
    let mut blocks = vec![section(&format!("grant_{}", grant.id), words)];
    blocks.extend(actions(format!("buttons_{}", grant.id), elements));
    blocks
}

fn waiting_blocks(mine: &Mine<'_>, (request, presses): &(Request, Presses)) -> Vec<Block> {
    let lapses = request.expires_at.map_or_else(String::new, |at| {
        format!(" Expires {}.", time::clock(at, mine.now, mine.zone))
    });
    let words = format!(
        "*{}* for {}\nWaits since {}.{lapses}",
        words::role_in(&request.names),
        request.duration,
        time::clock(request.asked_at, mine.now, mine.zone),
    );
    let mut blocks = vec![section(&format!("waits_{}", request.id), words)];
    let elements = waiting_buttons(request, presses);
    blocks.extend(actions(format!("buttons_{}", request.id), elements));
    blocks
}

fn actions(block_id: String, elements: Vec<Element>) -> Option<Block> {
    (!elements.is_empty()).then_some(Block::Actions { block_id, elements })
}

fn waiting_buttons(request: &Request, presses: &Presses) -> Vec<Element> {
    let discard = || {
        button(
            ids::DISCARD,
            "Discard request",
            request.id.to_string(),
            None,
        )
    };
    let discard = presses.discard.is_ok().then(discard);
    let glass = presses.glass.break_glass.is_ok();
    let glass = glass.then(|| glass_button(request));
    discard.into_iter().chain(glass).collect()
}

#[cfg(test)]
mod tests {
    use hallpass_access::BreakGlassOffers;
    use hallpass_store_testing::{a_grant, a_request, at};

    use super::*;

    fn page(grants: u64, waiting: u64, is_all: bool) -> SlackView {
        let grant = |n| {
            let presses = GrantPresses {
                release: Ok(()),
                revoke: Ok(()),
                extend: Ok(()),
            };
            (a_grant(n), presses)
        };
        let request = |n| {
            let glass = BreakGlassOffers {
                break_glass: Ok(()),
                close_review: Ok(()),
            };
            let presses = Presses {
                approve: Ok(()),
                shorter: Vec::new(),
                deny: Ok(()),
                discard: Ok(()),
                glass,
            };
            (a_request(n), presses)
        };
        let grants: Vec<_> = (0..grants).map(grant).collect();
        let waiting: Vec<_> = (0..waiting).map(request).collect();
        mine(&Mine {
            grants: &grants,
            waiting: &waiting,
            is_all,
            said: Some("Ended early."),
            now: at(5),
            zone: &TimeZone::UTC,
            link: "https://hallpass.example.com",
        })
    }

    #[test]
    fn what_somebody_has_fits_a_page_of_slack_and_says_when_there_is_more() {
        // (grants, requests, whether complete, blocks, whether there is more)
        for (grants, waiting, is_all, blocks, is_more) in [
            (0, 0, true, 3, false),
            (1, 2, true, 8, false),
            (1, 2, false, 8, true),
            (19, 30, true, 100, false),
            (30, 30, true, 100, true),
        ] {
            let view = page(grants, waiting, is_all);
            assert_eq!(view.blocks.len(), blocks, "{grants} {waiting}");
            let said = serde_json::to_string(&view).unwrap();
            assert_eq!(said.contains("There is more. <"), is_more, "{said}");
        }
    }
}
