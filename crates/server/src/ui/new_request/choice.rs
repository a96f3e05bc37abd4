use hallpass_access::{Approval, CatalogEntry, RequestVerdict, Search, SearchPage, Sought, Wanted};
use hallpass_base::{AccountId, GroupId, TimeSpan};
use hallpass_channels::wording::asking;
use hallpass_rules::directory::{Account, Group, PermissionSet};

use super::{NewRequestForm, recents::Recents};
use crate::{
    App,
    ui::{
        presenter::{Coded, Presenter},
        shell::Viewer,
        words::{id_groups, number, plain},
    },
};

/// Maximum number of search results (`ui.md` §3).
const HITS: usize = 8;
const SETS: usize = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChoiceKind {
    Account,
    Group,
}

pub(super) struct Choice {
    pub(super) kind: ChoiceKind,
    pub(super) account: Option<Account>,
    pub(super) set: Option<PermissionSet>,
    pub(super) group: Option<Group>,
}

pub(super) struct Hit {
    pub(super) value: String,
    pub(super) name: (String, String, String),
    pub(super) id: Vec<String>,
    pub(super) folder: String,
    pub(super) is_prod: bool,
    pub(super) note: String,
    pub(super) why_not: Coded,
    pub(super) is_chosen: bool,
    pub(super) is_recent: bool,
}

pub(super) struct SetHit {
    pub(super) name: String,
    pub(super) says: String,
    /// "No approval needed", "1 approval (3 can give it)".
    pub(super) how: String,
    pub(super) longest: TimeSpan,
    pub(super) is_chosen: bool,
    pub(super) is_recent: bool,
}

impl Choice {
    pub(super) fn of(app: &App, form: &NewRequestForm) -> Self {
        let directory = app.access.directory();
        let kind = match form.kind.as_str() {
            "group" => ChoiceKind::Group,
            "" if !form.group.is_empty() && form.account.is_empty() => ChoiceKind::Group,
            _ => ChoiceKind::Account,
        };
        let account = app
            .access
            .account_of(form.account.trim())
            .and_then(|id| directory.account(&id).cloned())
            .filter(|_| kind == ChoiceKind::Account);
        let set = directory
            .permission_set_by_name(&form.permission_set)
            .filter(|_| kind == ChoiceKind::Account)
            .cloned();
        let group = GroupId::new(form.group.trim())
            .ok()
            .and_then(|id| directory.group(&id))
            .or_else(|| directory.group_by_name(form.group.trim()))
            .filter(|_| kind == ChoiceKind::Group)
            .cloned();
        Self {
            kind,
            set: set.filter(|_| account.is_some()),
            account,
            group,
        }
    }

    pub(super) fn wanted(&self) -> Option<Wanted> {
        match (&self.account, &self.set, &self.group) {
            (Some(account), Some(set), _) => Some(Wanted::Account {
                account: account.id.to_string(),
                permission_set: set.name.clone(),
            }),
            (_, _, Some(group)) => Some(Wanted::Group {
                group: group.id.to_string(),
            }),
            _ => None,
        }
    }

    pub(super) fn place(&self, _: &Presenter) -> String {
        self.account
            .as_ref()
            .map(|account| plain(&account.name))
            .unwrap_or_default()
    }

    pub(super) fn hits(
        &self,
        app: &App,
        viewer: &Viewer,
        form: &NewRequestForm,
        recents: &Recents,
    ) -> (Vec<Hit>, String) {
        let typed = form.q.trim();
        let chosen = match self.kind {
            ChoiceKind::Account => self.account.as_ref().map(|account| account.id.to_string()),
            ChoiceKind::Group => self.group.as_ref().map(|group| group.id.to_string()),
        };
        let sought = match self.kind {
            ChoiceKind::Account => Sought::Accounts,
            ChoiceKind::Group => Sought::Groups,
        };
        let used = match self.kind {
            ChoiceKind::Account => recents.accounts(),
            ChoiceKind::Group => recents.groups(),
        };
        let search = |text: &str, limit| {
            let search = Search {
                used: used.clone(),
                ..Search::new(text, sought)
            };
            app.access.search(&viewer.actor, &search, limit)
        };
        let found = search(typed, HITS);
        let mut hits: Vec<Hit> = match (&chosen, typed) {
            // a prefilled choice appears alone until the user types
            (Some(id), "") => search(id, 1)
                .entries
                .iter()
                .map(|hit| self.hit(hit, ""))
                .collect(),
            _ => found
                .entries
                .iter()
                .map(|hit| self.hit(hit, typed))
                .collect(),
        };
        if let Some(id) = &chosen
            && !hits.iter().any(|hit| hit.value == *id)
        {
            let own = search(id, 1);
            hits.splice(0..0, own.entries.iter().map(|hit| self.hit(hit, "")));
            hits.truncate(HITS);
        }
        for hit in &mut hits {
            hit.is_recent = typed.is_empty() && used.contains(&hit.value);
            hit.is_chosen = hit.why_not.is_empty() && Some(&hit.value) == chosen.as_ref();
        }
        let hint = self.hint(&plain(typed), &found);
        (hits, hint)
    }

    fn hint(&self, typed: &str, found: &SearchPage) -> String {
        let total = count(found.total);
        let (one, many) = match self.kind {
            ChoiceKind::Account => ("account", "accounts"),
            ChoiceKind::Group => ("group", "groups"),
        };
        match (typed.is_empty(), found.matching) {
            (true, _) if found.total == 0 => format!("No rule is about any {one}."),
            (true, _) if found.total == 1 => format!("1 {one}."),
            (true, _) => format!("{total} {many}. Type to find the one you need."),
            (false, 0) if self.kind == ChoiceKind::Account => {
                format!("No account matches “{typed}”. Check the spelling or request a group.")
            }
            (false, 0) => format!("No {one} matches “{typed}”. Check the spelling."),
            (false, 1) if found.is_corrected => {
                format!("No {one} matches “{typed}”. 1 has a similar name.")
            }
            (false, n) if found.is_corrected => {
                format!(
                    "No {one} matches “{typed}”. {} have similar names.",
                    count(n)
                )
            }
            (false, 1) => format!("1 of {total} {many} matches “{typed}”."),
            (false, n) if n > HITS => format!(
                "{} of {total} {many} match “{typed}”; the {HITS} that fit best.",
                count(n)
            ),
            (false, n) => format!("{} of {total} {many} match “{typed}”.", count(n)),
        }
    }

    fn hit(&self, hit: &hallpass_access::Hit, typed: &str) -> Hit {
        let named = match self.kind {
            ChoiceKind::Account => hit.account.as_ref(),
            ChoiceKind::Group => hit.group.as_ref(),
        };
        let (value, name) = named.map_or((String::new(), String::new()), |named| {
            (named.id.clone(), plain(&named.name))
        });
        let folder = hit.folder.clone().unwrap_or_default();
        Hit {
            id: match AccountId::new(&value) {
                Ok(id) => id_groups(id.as_str()),
                Err(_) => Vec::new(),
            },
            name: marked(&name, typed),
            is_prod: hallpass_access::is_production(&folder),
            folder: plain(&folder),
            note: hit.offer.as_ref().map(how).unwrap_or_default(),
            why_not: Coded(hit.why_not.clone().unwrap_or_default()),
            is_chosen: false,
            is_recent: false,
            value,
        }
    }

    /// Returns the requestable permission sets of the account, or why there are none. Recent ones
    /// come first, then least restricted ones: fewer approvals, longer duration.
    pub(super) fn sets(
        &self,
        app: &App,
        viewer: &Viewer,
        recents: &Recents,
    ) -> (Vec<SetHit>, Coded) {
        let Some(account) = &self.account else {
            return (Vec::new(), Coded::default());
        };
        let search = Search {
            account: Some(account.id.clone()),
            ..Search::new("", Sought::PermissionSets)
        };
        let found = app.access.search(&viewer.actor, &search, SETS);
        let directory = app.access.directory();
        let recent = |name: &str| {
            let set = directory.permission_set_by_name(name)?;
            recents.place_of(account, &set.arn)
        };
        let mut offers: Vec<(&hallpass_access::Hit, Option<usize>)> = found
            .entries
            .iter()
            .map(|hit| (hit, hit.permission_set.as_deref().and_then(recent)))
            .collect();
        // stable: ties keep name order
        offers.sort_by_key(|(hit, recent)| {
            (recent.is_none(), *recent, hit.offer.as_ref().map(guarded))
        });
        let sets: Vec<SetHit> = offers
            .iter()
            .filter_map(|(hit, recent)| {
                let (name, offer) = (hit.permission_set.as_ref()?, hit.offer.as_ref()?);
                Some(SetHit {
                    says: plain(hit.says.as_deref().unwrap_or_default()),
                    how: how(offer),
                    longest: TimeSpan::seconds(offer.max_duration_seconds),
                    is_chosen: self.set.as_ref().is_some_and(|set| set.name == *name),
                    is_recent: recent.is_some(),
                    name: plain(name),
                })
            })
            .collect();
        let none = if sets.is_empty() {
            format!(
                "No rule lets you request anything in {}.",
                plain(&account.name)
            )
        } else {
            String::new()
        };
        (sets, Coded(none))
    }
}

fn guarded(offer: &CatalogEntry) -> (u8, u32, std::cmp::Reverse<u64>) {
    let steps = match offer.verdict {
        RequestVerdict::Granted(Approval::NotRequired) => 0,
        RequestVerdict::Granted(_) => 1,
        RequestVerdict::Waits => 2,
        RequestVerdict::BreakGlassOnly => 3,
    };
    let longest = std::cmp::Reverse(offer.max_duration_seconds);
    (steps, offer.approvals_needed, longest)
}

fn how(offer: &CatalogEntry) -> String {
    let (needed, stages) = (offer.approvals_needed, offer.stages);
    asking::verdict(offer.verdict, (needed, stages), offer.approvers.len())
}

fn count(n: usize) -> String {
    number(u64::try_from(n).unwrap_or(u64::MAX))
}

fn marked(name: &str, typed: &str) -> (String, String, String) {
    let word = typed.split_whitespace().next().unwrap_or_default();
    let at = name
        .to_ascii_lowercase()
        .find(&word.to_ascii_lowercase())
        .filter(|_| !word.is_empty());
    let parts = at.and_then(|at| {
        let end = at + word.len();
        Some((name.get(..at)?, name.get(at..end)?, name.get(end..)?))
    });
    let (before, hit, after) = parts.unwrap_or((name, "", ""));
    (before.to_owned(), hit.to_owned(), after.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_marked_in_the_name() {
        for (name, typed, expected) in [
            ("payments-prod", "pay", ("", "pay", "ments-prod")),
            ("partner-payouts", "PAY", ("partner-", "pay", "outs")),
            ("edge", "pay", ("edge", "", "")),
            ("edge", "", ("edge", "", "")),
            ("größe-prod", "prod x", ("größe-", "prod", "")),
        ] {
            let (a, b, c) = marked(name, typed);
            assert_eq!((a.as_str(), b.as_str(), c.as_str()), expected, "{name}");
        }
    }
}
