//! An oracle: `access.md` §2 and §3 implemented literally. Shares only the organization snapshot
//! with the engine.

pub(crate) mod draft;
mod world;

use std::collections::BTreeSet;

use draft::{Draft, Form};
use hallpass_rules::{Directory, directory::Person};
use world::{Member, World};

#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) requester: &'static str,
    pub(crate) presser: &'static str,
    pub(crate) target: Target,
}

#[derive(Debug, Clone)]
pub(crate) enum Target {
    Account {
        account: &'static str,
        set: &'static str,
    },
    Group(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) kind: &'static str,
    pub(crate) approvers: BTreeSet<String>,
    pub(crate) based_on: Vec<String>,
    pub(crate) max_minutes: Option<u32>,
    pub(crate) break_glass: bool,
    pub(crate) permit: bool,
}

/// Scope of denials: the specification's for native rules, and that of sso-elevator releases with
/// `AllowedUsers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    DenialsFirst,
    RequestersFirst,
}

impl Order {
    pub(crate) fn of(form: Form) -> Self {
        match form {
            Form::Elevator => Self::RequestersFirst,
            Form::Native => Self::DenialsFirst,
        }
    }
}

pub(crate) fn verdict(
    drafts: &[Draft],
    question: &Question,
    facts: &Directory,
    order: Order,
) -> Verdict {
    let world = World(facts);
    // equal statements count once, unless named by position
    let mut named: Vec<(String, &Draft)> = Vec::new();
    for (place, draft) in drafts.iter().enumerate() {
        if named.iter().all(|(_, other)| !other.says_the_same(draft)) {
            named.push((draft.name(place), draft));
        }
    }
    named.retain(|(_, draft)| world.covers(draft, &question.target));
    Reading {
        world,
        who: question.requester,
        presser: question.presser,
        affecting: named,
        order,
    }
    .verdict()
}

struct Reading<'a> {
    world: World<'a>,
    who: &'static str,
    presser: &'static str,
    affecting: Vec<(String, &'a Draft)>,
    order: Order,
}

impl Reading<'_> {
    fn may_ask(&self, draft: &Draft) -> Member {
        if !draft.open_now {
            return Member::No;
        }
        let of_department = match &draft.departments {
            Some(wanted) => self.world.is_of_department(self.who, wanted),
            None => Member::Yes,
        };
        let out = self.is_out(
            self.who,
            draft.except_requesters.as_ref(),
            draft.except_requester_groups.as_ref(),
        );
        let all = [self.is_named(draft), of_department, out.opposite()];
        if all.contains(&Member::No) {
            Member::No
        } else if all.contains(&Member::Unread) {
            Member::Unread
        } else {
            Member::Yes
        }
    }

    fn is_out(
        &self,
        person: &str,
        people: Option<&Vec<&'static str>>,
        groups: Option<&Vec<&'static str>>,
    ) -> Member {
        let [people, groups] = [people, groups].map(|it| it.map_or(&[][..], Vec::as_slice));
        if self.world.is_one_of(person, people) {
            Member::Yes
        } else if self.world.knows_nobody() && !groups.is_empty() {
            // unread groups may exclude anyone
            Member::Unread
        } else {
            self.world.is_in_one_of(person, groups)
        }
    }

    fn is_no_approver(&self, draft: &Draft, person: &str) -> Member {
        self.is_out(
            person,
            draft.except_approvers.as_ref(),
            draft.except_approver_groups.as_ref(),
        )
    }

    fn is_named(&self, draft: &Draft) -> Member {
        if draft.allowed_users.is_none() && draft.allowed_groups.is_none() {
            return Member::Yes;
        }
        let users = draft.allowed_users.clone().unwrap_or_default();
        let groups = draft.allowed_groups.clone().unwrap_or_default();
        if draft.form == Form::Elevator && users.is_empty() && groups.is_empty() {
            return Member::Yes;
        }
        if self.world.is_one_of(self.who, &users) {
            return Member::Yes;
        }
        self.world.is_in_one_of(self.who, &groups)
    }

    /// Additive rules need a permitting rule.
    fn eligible(&self) -> Vec<(&str, &Draft)> {
        let affecting = self.affecting.iter();
        let eligible: Vec<(&str, &Draft)> = affecting
            .filter(|(_, draft)| self.may_ask(draft) == Member::Yes)
            .map(|(name, draft)| (name.as_str(), *draft))
            .collect();
        if eligible
            .iter()
            .any(|(_, draft)| draft.permits != Some(false))
        {
            eligible
        } else {
            Vec::new()
        }
    }

    /// Rules of unread applicability: they permit nothing, but limit.
    fn holding(&self) -> Vec<&Draft> {
        if self.eligible().is_empty() {
            return Vec::new();
        }
        let affecting = self.affecting.iter().map(|(_, draft)| *draft);
        affecting
            .filter(|draft| self.may_ask(draft) == Member::Unread)
            .collect()
    }

    /// Every limit applies, including those of unread applicability; among rules that prefer the
    /// longest, the longest.
    fn max_minutes(&self) -> Option<u32> {
        let all = |rules: &[&Draft], longest: bool| -> Vec<u32> {
            let rules = rules.iter();
            let rules = rules.filter(|draft| draft.longest.unwrap_or(false) == longest);
            rules.filter_map(|draft| draft.max_minutes).collect()
        };
        let eligible: Vec<&Draft> = self.eligible().iter().map(|(_, draft)| *draft).collect();
        let holding = self.holding();
        // each subset of the unread rules is a possible world
        let worlds = (0..1_usize << holding.len()).map(|world| {
            let chosen = holding.iter().enumerate();
            let chosen = chosen.filter(|(place, _)| world >> place & 1 == 1);
            let mut rules = eligible.clone();
            rules.extend(chosen.map(|(_, draft)| *draft));
            let longest = all(&rules, true).into_iter().max();
            all(&rules, false).into_iter().chain(longest).min()
        });
        worlds.flatten().min()
    }

    fn lists(&self, draft: &Draft, person: &str) -> Member {
        let manager = self.manager(draft).map(|it| it.user_id.to_string());
        let named = if manager.is_some_and(|manager| self.world.person(person) == manager) {
            Member::Yes
        } else {
            self.names(draft, person)
        };
        match (named, self.is_no_approver(draft, person)) {
            (Member::No, _) | (_, Member::Yes) => Member::No,
            (Member::Yes, Member::No) => Member::Yes,
            (Member::Unread, _) | (_, Member::Unread) => Member::Unread,
        }
    }

    fn manager(&self, draft: &Draft) -> Option<&Person> {
        let manager = self.world.manager(self.who)?;
        (draft.manager == Some(true)).then_some(manager)
    }

    fn names(&self, draft: &Draft, person: &str) -> Member {
        if self.world.is_one_of(person, &draft.approvers) {
            Member::Yes
        } else {
            self.world.is_in_one_of(person, &draft.approver_groups)
        }
    }

    /// Step 3: denials of automatic approval and self-approval. Unread facts deny.
    fn denials(&self) -> (bool, bool) {
        let denies = |draft: &Draft| match self.order {
            Order::DenialsFirst => true,
            Order::RequestersFirst => self.may_ask(draft) != Member::No,
        };
        let denying = || self.affecting.iter().filter(|(_, draft)| denies(draft));
        (
            denying().any(|(_, draft)| draft.auto == Some(false)),
            denying().any(|(_, draft)| {
                draft.own == Some(false) && self.names(draft, self.who) != Member::No
            }),
        )
    }

    /// Steps 7 and 8: all listed approvers without the requester.
    fn approvers(&self) -> BTreeSet<String> {
        let mut approvers = BTreeSet::new();
        for (_, draft) in self.eligible() {
            let mut listed: BTreeSet<String> = { draft.approvers.iter() }
                .map(|email| email.to_lowercase())
                .collect();
            for group in &draft.approver_groups {
                listed.extend(self.world.members(group, self.who));
            }
            let manager = self.manager(draft);
            listed.extend(manager.map(|it| it.emails[0].to_string()));
            listed.retain(|email| self.is_no_approver(draft, email) == Member::No);
            approvers.extend(listed);
        }
        approvers.retain(|email| !self.world.same(email, self.who));
        approvers
    }

    /// Steps 4 to 8: the kind and its rules.
    fn kind(&self) -> (&'static str, Vec<String>) {
        let eligible = self.eligible();
        let (deny_auto, deny_self) = self.denials();
        let auto = eligible.iter().find(|(_, draft)| draft.auto == Some(true));
        let own = eligible.iter().find(|(_, draft)| self.is_own(draft));
        let people: BTreeSet<String> = self
            .approvers()
            .iter()
            .map(|email| self.world.person(email))
            .collect();
        let limiting = eligible.iter().map(|(_, draft)| *draft);
        let limiting = limiting.chain(self.holding());
        let needed = limiting.filter_map(|draft| draft.min_approvals).max();
        let all = || {
            eligible
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect()
        };
        match (auto, own) {
            (Some((name, _)), _) if !deny_auto => ("ApprovalNotRequired", vec![(*name).to_owned()]),
            (_, Some((name, _))) if !deny_self => ("SelfApproval", vec![(*name).to_owned()]),
            _ if self.affecting.is_empty() => ("NoStatements", vec![]),
            _ if eligible.is_empty() => {
                let affecting = self.affecting.iter();
                let affecting = affecting.map(|(name, _)| name.clone());
                ("RequesterNotAllowed", affecting.collect())
            }
            _ if people.len() < needed.unwrap_or(1) => ("NoApprovers", all()),
            _ => ("RequiresApproval", all()),
        }
    }

    fn is_own(&self, draft: &Draft) -> bool {
        draft.own == Some(true) && self.lists(draft, self.who) == Member::Yes
    }

    /// `access.md` §17: an empty list forbids on any affecting statement.
    fn break_glass(&self, kind: &str) -> bool {
        let named = |draft: &Draft| draft.break_glass.clone();
        let forbidden = self
            .affecting
            .iter()
            .any(|(_, draft)| named(draft).is_some_and(|people| people.is_empty()));
        let lists = |draft: &Draft| {
            named(draft).is_some_and(|people| self.world.is_one_of(self.who, &people))
        };
        ["RequiresApproval", "NoApprovers"].contains(&kind)
            && !forbidden
            && self.eligible().iter().any(|(_, draft)| lists(draft))
    }

    /// `access.md` §3: 3.3 the kind, 3.4 listed by an eligible statement, 3.5 not an own request
    /// unless step 5 applies.
    fn permit(&self, kind: &str) -> bool {
        let eligible = self.eligible();
        let listed = |(_, draft): &(&str, &Draft)| self.lists(draft, self.presser) == Member::Yes;
        let own_request = self.world.same(self.presser, self.who);
        let own = eligible.iter().any(|(_, draft)| self.is_own(draft)) && !self.denials().1;
        ["RequiresApproval", "SelfApproval", "ApprovalNotRequired"].contains(&kind)
            && eligible.iter().any(listed)
            && (!own_request || own)
    }

    fn verdict(&self) -> Verdict {
        let (kind, based_on) = self.kind();
        let approvers = match kind {
            "RequiresApproval" => self.approvers(),
            _ => BTreeSet::new(),
        };
        Verdict {
            kind,
            approvers,
            based_on,
            max_minutes: self.max_minutes(),
            break_glass: self.break_glass(kind),
            permit: self.permit(kind),
        }
    }
}
