use super::{
    Ask, Ready,
    decide::{Evaluation, Exclusion},
    people::Membership,
};
use crate::{named_facts::UnreadFact, rule::GroupRef};

impl Evaluation<'_> {
    /// Names unread facts of the rules dropped for them.
    pub(super) fn note_unread(&mut self, ask: &Ask<'_>) {
        for (ready, why) in self.excluded.clone() {
            match why {
                Exclusion::Unread => {
                    self.note_unread_groups(&ready.allowed_groups);
                    self.note_unread_groups(&ready.except_requester_groups);
                    self.note_unread_attributes(ready);
                }
                Exclusion::PlaceUnread => self.note_unread_place(ask),
                Exclusion::NotAllowed
                | Exclusion::LeftOut
                | Exclusion::OutsideHours
                | Exclusion::NotYet
                | Exclusion::AddsOnly => {}
            }
        }
    }

    fn note_unread_place(&mut self, ask: &Ask<'_>) {
        match ask {
            Ask::Account { account, .. } => {
                let what = format!("the tags of account {account} could not be read");
                self.unread.insert(what);
                let known = self.facts.account(account);
                if known.is_some_and(|it| it.tags.is_unread()) {
                    let tags = UnreadFact::Tags((*account).clone());
                    self.not_read.insert(tags);
                }
            }
            // no read resolves it, only another name or an id in the rule
            Ask::Group { group } => {
                let name = self.facts.group(group).map_or("", |known| &known.name);
                self.unread.insert(format!(
                    "several groups have the name `{name}`: rules that name it so may mean another"
                ));
            }
        }
    }

    pub(super) fn note_unread_denial(&mut self) {
        let (Some(_), Some(denying)) = (self.own, self.deny_self) else {
            return;
        };
        if self.requester.named_by(denying) == Membership::Unread {
            let groups = self.unread_members(&denying.listed_groups);
            self.not_read.extend(groups);
        }
    }

    pub(super) fn note_unread_groups(&mut self, groups: &[usize]) {
        let unread = self.unread_groups(groups).into_iter();
        let unread = unread.map(|group| self.why_unread(group));
        self.unread.extend(unread.collect::<Vec<_>>());
        let groups = self.unread_members(groups);
        self.not_read.extend(groups);
    }

    pub(super) fn unread_members(&self, groups: &[usize]) -> Vec<UnreadFact> {
        let unread = self.unread_groups(groups).into_iter();
        let there = unread.filter(|group| self.facts.knows_group(group));
        there.cloned().map(UnreadFact::Members).collect()
    }

    fn unread_groups(&self, groups: &[usize]) -> Vec<&GroupRef> {
        let groups = groups.iter().filter_map(|it| self.rules.groups.get(*it));
        { groups.filter(|group| self.facts.members_named(group).is_none()) }.collect()
    }

    fn note_unread_attributes(&mut self, ready: &Ready) {
        let is_known = self.requester.person().is_some();
        let unread: Vec<_> = self.requester.unread_attributes(ready).collect();
        for attribute in unread {
            self.unread.insert(format!(
                "the {} of the requester could not be read",
                attribute.words()
            ));
            // users missing in the directory have no attributes to read
            if is_known {
                self.not_read.insert(UnreadFact::Attribute(attribute));
            }
        }
    }
}
