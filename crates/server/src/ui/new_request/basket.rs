//! Several targets in one form. Each is evaluated as at submission, and the button states the
//! combined result.

use hallpass_access::{Preview, PreviewOutcome, RequestVerdict, TARGETS_MAX, Wanted};
use hallpass_base::{AccountId, GroupId, TimeSpan, Timestamp};
use hallpass_channels::wording::asking;

use super::{
    NewRequestForm,
    choice::{Choice, ChoiceKind},
    lengths::active,
    outlook::{Outlook, why_not},
};
use crate::{
    App,
    problem::ProblemResponse,
    ui::{
        presenter::{Coded, Presenter, TargetView},
        shell::Viewer,
        words::{capital, plain, sentence},
    },
};

/// Marks a group id in place of an account id.
const GROUP: &str = "group";

/// Previously chosen targets in the form, separated by blanks (`111111111111/ReadOnly group/…`).
/// Invalid ones are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Carried(Vec<Wanted>);

impl Carried {
    pub(super) fn read(text: &str) -> Self {
        let mut carried = Self::default();
        for wanted in text.split_whitespace().filter_map(read_one) {
            carried.add(wanted);
        }
        carried
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, wanted: Wanted) {
        if !self.0.contains(&wanted) && self.0.len() < TARGETS_MAX {
            self.0.push(wanted);
        }
    }

    pub(super) fn remove(&mut self, text: &str) {
        self.0.retain(|wanted| write_one(wanted) != text);
    }

    pub(super) fn write(&self) -> String {
        let all: Vec<String> = self.0.iter().map(write_one).collect();
        all.join(" ")
    }
}

fn read_one(text: &str) -> Option<Wanted> {
    let (place, name) = text.split_once('/')?;
    if place == GROUP {
        return GroupId::new(name).ok().map(|id| Wanted::Group {
            group: id.to_string(),
        });
    }
    AccountId::new(place).ok().map(|id| Wanted::Account {
        account: id.to_string(),
        permission_set: name.to_owned(),
    })
}

fn write_one(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Account {
            account,
            permission_set,
        } => format!("{account}/{permission_set}"),
        Wanted::Group { group } => format!("{GROUP}/{group}"),
    }
}

pub(super) struct Item {
    pub(super) value: String,
    pub(super) aim: TargetView,
    pub(super) says: Coded,
    pub(super) is_refused: bool,
    is_granted: bool,
}

#[derive(Default)]
pub(super) struct Basket {
    pub(super) items: Vec<Item>,
    wanted: Vec<Wanted>,
    pub(super) is_full: bool,
}

impl Basket {
    pub(super) async fn of(
        app: &App,
        viewer: &Viewer,
        view: &Presenter,
        choice: &Choice,
        form: &NewRequestForm,
        outlook: &mut Outlook,
    ) -> Result<Self, ProblemResponse> {
        let mut carried = Carried::read(&form.also);
        if carried.is_empty() {
            return Ok(Self::default());
        }
        if let Some(wanted) = choice.wanted() {
            carried.add(wanted);
        }
        let mut basket = Self {
            is_full: carried.len() >= TARGETS_MAX,
            ..Self::default()
        };
        let mut means = Vec::new();
        outlook.forget_one();
        for wanted in &carried.0 {
            let starts_at = outlook.starts_at;
            let preview = app.access.preview_at(&viewer.actor, wanted, starts_at);
            let item = match preview.await? {
                Err(problems) => {
                    let words: Vec<_> = problems.into_iter().map(|it| it.message).collect();
                    Item::refused(wanted, unnamed(wanted), words.join(" "))
                }
                Ok(preview) => {
                    outlook.also_requires(&preview.decision, form);
                    means.push(format!("{} {}", preview.target, preview.decision.kind));
                    item(view, wanted, &preview, outlook.length, starts_at)
                }
            };
            basket.items.push(item);
        }
        basket.wanted = carried.0;
        basket.button(view, outlook, &means);
        Ok(basket)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn wanted(&self) -> &[Wanted] {
        &self.wanted
    }

    fn button(&self, view: &Presenter, outlook: &mut Outlook, means: &[String]) {
        let refused = self.items.iter().filter(|item| item.is_refused).count();
        let Some(length) = outlook.length else {
            return outlook.close("Choose a length", String::new());
        };
        let starts = outlook.starts_at.map(|at| at.to_string());
        let starts = starts.unwrap_or_default();
        outlook.meant = format!("{} {} {starts}", means.join(" "), length.as_seconds());
        if refused > 0 {
            let them = if refused == 1 { "it" } else { "them" };
            let words = format!(
                "{refused} of these {} cannot be sent like this. Remove {them}, or put {them} right.",
                self.items.len()
            );
            return outlook.close("Not all of these", words);
        }
        let from = match outlook.starts_at {
            Some(at) => format!(" from {}", view.words(at)),
            None => String::new(),
        };
        let all = match self.items.len() {
            1 => "this".to_owned(),
            2 => "both".to_owned(),
            n => format!("all {n}"),
        };
        outlook.submit = if self.items.iter().all(|item| item.is_granted) {
            format!("Get {all} for {length}{from}")
        } else {
            format!("Request {all}, {length} each{from}")
        };
    }
}

impl Item {
    fn refused(wanted: &Wanted, aim: TargetView, says: String) -> Self {
        Self {
            value: write_one(wanted),
            aim,
            says: Coded(says),
            is_refused: true,
            is_granted: false,
        }
    }
}

fn unnamed(wanted: &Wanted) -> TargetView {
    let (place, set) = match wanted {
        Wanted::Account {
            account,
            permission_set,
        } => (plain(account), plain(permission_set)),
        Wanted::Group { group } => (plain(group), String::new()),
    };
    TargetView {
        place,
        set,
        ..TargetView::default()
    }
}

fn item(
    view: &Presenter,
    wanted: &Wanted,
    preview: &Preview,
    length: Option<TimeSpan>,
    starts_at: Option<Timestamp>,
) -> Item {
    let aim = view.aim(Some(&preview.target), &preview.names);
    if preview.held.is_some() && starts_at.is_none() {
        let says = match active(preview) {
            Some(grant) => {
                let until = view.words(grant.ends_at);
                format!("You hold this until {until}. Extend it on its own.")
            }
            None => "This is being set up for you now.".to_owned(),
        };
        return Item::refused(wanted, aim, says);
    }
    let outcome = match length {
        Some(length) => preview.asking(length),
        None => match preview.by_rules() {
            Ok(verdict) => PreviewOutcome::Request(verdict),
            Err(why) => PreviewOutcome::Refused(why),
        },
    };
    match outcome {
        PreviewOutcome::Request(verdict) => {
            let decision = &preview.decision;
            let says = match &preview.waiting {
                Some(waiting) => format!("Waits since {} already", view.words(waiting.asked_at)),
                None => asking::verdict_of(decision).unwrap_or_default(),
            };
            Item {
                value: write_one(wanted),
                says: Coded(says),
                is_refused: false,
                is_granted: matches!(verdict, RequestVerdict::Granted(_)),
                aim,
            }
        }
        PreviewOutcome::Refused(why) => {
            let (_, says) = why_not(&why, view, preview);
            Item::refused(wanted, aim, says)
        }
        PreviewOutcome::NotNow(why) => {
            Item::refused(wanted, aim, sentence(&capital(&why.to_string())))
        }
    }
}

impl NewRequestForm {
    pub(super) fn settle(&mut self, choice: &Choice) {
        let mut carried = Carried::read(&self.also);
        let chosen = choice.wanted();
        let is_dropped = chosen.as_ref().map(write_one).as_ref() == Some(&self.drop);
        carried.remove(&std::mem::take(&mut self.drop));
        let is_added = !std::mem::take(&mut self.add).is_empty() && chosen.is_some();
        if is_added && let Some(chosen) = chosen {
            carried.add(chosen);
        }
        if is_added || is_dropped {
            self.choose_anew(choice.kind);
        }
        self.also = carried.write();
    }

    fn choose_anew(&mut self, kind: ChoiceKind) {
        match kind {
            ChoiceKind::Account => "account",
            ChoiceKind::Group => "group",
        }
        .clone_into(&mut self.kind);
        self.q.clear();
        self.account.clear();
        self.permission_set.clear();
        self.group.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP_ID: &str = "group/f1e2d3c4-0000-4000-8000-000000000001";

    #[test]
    fn what_is_carried_is_read_as_it_was_written() {
        for (text, written) in [
            ("", String::new()),
            ("111111111111/ReadOnly", "111111111111/ReadOnly".to_owned()),
            (
                "  111111111111/A,b=c@d \n222222222222/X ",
                "111111111111/A,b=c@d 222222222222/X".to_owned(),
            ),
            (GROUP_ID, GROUP_ID.to_owned()),
            // ignores invalid and duplicate targets
            ("x 12/ReadOnly group/x /", String::new()),
            ("111111111111/A 111111111111/A", "111111111111/A".to_owned()),
        ] {
            assert_eq!(Carried::read(text).write(), written, "{text:?}");
        }
    }

    #[test]
    fn it_holds_so_many_and_no_more() {
        let many: Vec<String> = (0..100)
            .map(|n| format!("{:012}/ReadOnly", 111_111_111_111_u64 + n))
            .collect();
        let mut carried = Carried::read(&many.join(" "));
        assert_eq!(carried.len(), TARGETS_MAX);
        carried.remove("111111111111/ReadOnly");
        carried.remove("not there");
        assert_eq!(carried.len(), TARGETS_MAX - 1);
    }
}
