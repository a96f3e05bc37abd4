//! Random rules over a small alphabet, so that they interact.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Question, Target};
use crate::world::{EMPTY, LOGS, ONCALL, PAYMENTS_DEV, PAYMENTS_PROD, UNREAD};

pub(crate) struct Chance(fastrand::Rng);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end)
    }

    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub(crate) fn some<T: Copy>(&mut self, of: &[T], most: usize) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| self.pick(of)).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Elevator,
    Native,
}

#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) form: Form,
    pub(crate) id: Option<String>,
    pub(crate) groups: Vec<&'static str>,
    pub(crate) places: Vec<&'static str>,
    pub(crate) unit: bool,
    pub(crate) accounts: Option<Vec<&'static str>>,
    pub(crate) ous: Option<Vec<&'static str>>,
    pub(crate) parent_ous: Option<Vec<&'static str>>,
    pub(crate) tags: Option<Vec<&'static str>>,
    pub(crate) except_accounts: Option<Vec<&'static str>>,
    pub(crate) except_ous: Option<Vec<&'static str>>,
    pub(crate) except_parent_ous: Option<Vec<&'static str>>,
    pub(crate) except_tags: Option<Vec<&'static str>>,
    pub(crate) sets: Vec<&'static str>,
    pub(crate) except_sets: Option<Vec<&'static str>>,
    pub(crate) approvers: Vec<&'static str>,
    pub(crate) approver_groups: Vec<&'static str>,
    pub(crate) allowed_users: Option<Vec<&'static str>>,
    pub(crate) allowed_groups: Option<Vec<&'static str>>,
    pub(crate) except_requesters: Option<Vec<&'static str>>,
    pub(crate) except_requester_groups: Option<Vec<&'static str>>,
    pub(crate) except_approvers: Option<Vec<&'static str>>,
    pub(crate) except_approver_groups: Option<Vec<&'static str>>,
    pub(crate) manager: Option<bool>,
    pub(crate) departments: Option<Vec<&'static str>>,
    pub(crate) own: Option<bool>,
    pub(crate) auto: Option<bool>,
    pub(crate) min_approvals: Option<usize>,
    pub(crate) max_minutes: Option<u32>,
    pub(crate) longest: Option<bool>,
    pub(crate) permits: Option<bool>,
    pub(crate) break_glass: Option<Vec<&'static str>>,
    pub(crate) open_now: bool,
}

pub(crate) const PEOPLE: [&str; 8] = [
    "ana@corp.com",
    "Ana.Lind@corp.com",
    "bo@corp.com",
    "BO@corp.com",
    "cai@corp.com",
    "eve@corp.com",
    "twin@corp.com",
    "dan@corp.com",
];
const ACCOUNTS: [&str; 4] = [PAYMENTS_PROD, PAYMENTS_DEV, LOGS, "999999999999"];
const SETS: [&str; 3] = ["Admin", "ReadOnly", "Billing"];
const GROUPS: [&str; 3] = [ONCALL, EMPTY, UNREAD];
const DEPARTMENTS: [&str; 3] = ["payments", "Ops", "Sales"];
const UNITS: [&str; 6] = [
    "*",
    "Root",
    "Workloads",
    "Root/Workloads/Prod",
    "ou-ab12-security",
    "Nowhere",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Accounts,
    Groups,
}

pub(crate) fn question(chance: &mut Chance, about: About) -> Question {
    Question {
        requester: chance.pick(&PEOPLE),
        presser: chance.pick(&PEOPLE),
        target: match about {
            About::Groups => Target::Group(chance.pick(&GROUPS)),
            About::Accounts => Target::Account {
                account: chance.pick(&ACCOUNTS),
                set: chance.pick(&SETS),
            },
        },
    }
}

pub(crate) fn statement(chance: &mut Chance, about: About, place: usize) -> Draft {
    let mut draft = common(chance, Form::Elevator, place);
    match about {
        About::Groups => draft.groups = nonempty(chance, &GROUPS),
        About::Accounts => {
            draft.unit = chance.percent(20);
            draft.places = if draft.unit {
                chance.some(&UNITS, 2)
            } else {
                starred(chance, &ACCOUNTS)
            };
            draft.sets = starred(chance, &SETS);
        }
    }
    draft
}

const NATIVE_ACCOUNTS: [&str; 6] = [
    PAYMENTS_PROD,
    "payments-*",
    "*-PROD",
    "log-archive",
    "999999999999",
    "nowhere*",
];
const NATIVE_UNITS: [&str; 4] = [
    "Workloads",
    "Root/Workloads/Prod",
    "ou-ab12-security",
    "Nowhere",
];
const NATIVE_PARENTS: [&str; 5] = [
    "Root",
    "Workloads",
    "Root/Workloads/Prod",
    "ou-ab12-security",
    "Nowhere",
];
const TAGS: [&str; 4] = ["prod", "d*", "*o*", "stage"];
const NATIVE_SETS: [&str; 5] = ["Admin", "ReadOnly", "Billing", "*in*", "read*"];

pub(crate) fn native(chance: &mut Chance, about: About, place: usize) -> Draft {
    let mut draft = common(chance, Form::Native, place);
    draft.open_now = !chance.percent(15);
    let out = |chance: &mut Chance, percent, of: &[&'static str]| {
        chance.percent(percent).then(|| chance.some(of, 2))
    };
    draft.manager = chance.percent(20).then(|| chance.percent(80));
    draft.except_requesters = out(chance, 15, &PEOPLE);
    draft.except_requester_groups = out(chance, 10, &GROUPS);
    draft.except_approvers = out(chance, 20, &PEOPLE);
    draft.except_approver_groups = out(chance, 10, &GROUPS);
    draft.departments = chance.percent(20).then(|| nonempty(chance, &DEPARTMENTS));
    if about == About::Groups {
        draft.groups = nonempty(chance, &GROUPS);
        return draft;
    }
    draft.accounts = chance
        .percent(75)
        .then(|| excluding(chance, &NATIVE_ACCOUNTS));
    draft.ous = chance.percent(25).then(|| excluding(chance, &NATIVE_UNITS));
    if draft.ous.is_none() {
        draft.parent_ous = chance
            .percent(25)
            .then(|| nonempty(chance, &NATIVE_PARENTS));
    }
    draft.longest = chance.percent(50).then(|| chance.percent(80));
    draft.permits = chance.percent(20).then(|| chance.percent(20));
    if draft.permits == Some(false) && draft.auto == Some(true) {
        draft.auto = None;
    }
    let nowhere = draft.accounts.is_none() && draft.ous.is_none() && draft.parent_ous.is_none();
    if chance.percent(20) || nowhere {
        draft.tags = Some(excluding(chance, &TAGS));
    }
    let twin =
        |chance: &mut Chance, of: &[&'static str]| chance.percent(15).then(|| chance.some(of, 2));
    draft.except_accounts = twin(chance, &NATIVE_ACCOUNTS);
    draft.except_ous = twin(chance, &NATIVE_UNITS);
    draft.except_parent_ous = twin(chance, &NATIVE_PARENTS);
    draft.except_tags = twin(chance, &TAGS);
    draft.sets = excluding(chance, &NATIVE_SETS);
    draft.except_sets = twin(chance, &NATIVE_SETS);
    draft
}

fn left_out(text: &str) -> &'static str {
    const ALL: [(&str, &str); 19] = [
        (PAYMENTS_PROD, "!100000000001"),
        ("payments-*", "!payments-*"),
        ("*-PROD", "!*-PROD"),
        ("log-archive", "!log-archive"),
        ("999999999999", "!999999999999"),
        ("nowhere*", "!nowhere*"),
        ("Workloads", "!Workloads"),
        ("Root/Workloads/Prod", "!Root/Workloads/Prod"),
        ("ou-ab12-security", "!ou-ab12-security"),
        ("Nowhere", "!Nowhere"),
        ("prod", "!prod"),
        ("d*", "!d*"),
        ("*o*", "!*o*"),
        ("stage", "!stage"),
        ("Admin", "!Admin"),
        ("ReadOnly", "!ReadOnly"),
        ("Billing", "!Billing"),
        ("*in*", "!*in*"),
        ("read*", "!read*"),
    ];
    ALL.iter().find(|(of, _)| *of == text).unwrap().1
}

fn excluding(chance: &mut Chance, of: &[&'static str]) -> Vec<&'static str> {
    let mut list = starred(chance, of);
    if !list.is_empty() && chance.percent(40) {
        for text in nonempty(chance, of) {
            let at = chance.below(list.len() + 1);
            list.insert(at, left_out(text));
        }
    }
    list
}

fn common(chance: &mut Chance, form: Form, place: usize) -> Draft {
    let flag = |chance: &mut Chance, percent| chance.percent(percent).then(|| chance.percent(50));
    let optional = |chance: &mut Chance, percent, of: &[&'static str]| {
        chance.percent(percent).then(|| chance.some(of, 2))
    };
    Draft {
        form,
        id: chance.percent(30).then(|| format!("rule-{place}")),
        groups: Vec::new(),
        places: Vec::new(),
        unit: false,
        accounts: None,
        ous: None,
        parent_ous: None,
        tags: None,
        except_accounts: None,
        except_ous: None,
        except_parent_ous: None,
        except_tags: None,
        sets: Vec::new(),
        except_sets: None,
        approvers: chance.some(&PEOPLE, 3),
        approver_groups: if chance.percent(25) {
            chance.some(&GROUPS, 2)
        } else {
            Vec::new()
        },
        allowed_users: optional(chance, 35, &PEOPLE),
        allowed_groups: optional(chance, 20, &GROUPS),
        except_requesters: None,
        except_requester_groups: None,
        except_approvers: None,
        except_approver_groups: None,
        manager: None,
        departments: None,
        own: flag(chance, 50),
        auto: flag(chance, 40),
        min_approvals: chance.percent(20).then(|| 1 + chance.below(3)),
        max_minutes: chance.percent(20).then(|| chance.pick(&[30, 60, 90, 240])),
        longest: None,
        permits: None,
        break_glass: optional(chance, 15, &PEOPLE),
        open_now: true,
    }
}

fn optional_folded(list: Option<&Vec<&'static str>>) -> Option<BTreeSet<String>> {
    list.map(|list| list.iter().map(|it| it.to_lowercase()).collect())
}

fn nonempty(chance: &mut Chance, of: &[&'static str]) -> Vec<&'static str> {
    let mut some = chance.some(of, 2);
    some.push(chance.pick(of));
    some
}

fn starred(chance: &mut Chance, of: &[&'static str]) -> Vec<&'static str> {
    let mut some = chance.some(of, 3);
    if chance.percent(35) {
        some.push("*");
    }
    some
}

impl Draft {
    pub(crate) fn name(&self, place: usize) -> String {
        let prefix = match (self.form, self.groups.is_empty()) {
            (Form::Native, _) => 'r',
            (Form::Elevator, true) => 's',
            (Form::Elevator, false) => 'g',
        };
        self.id
            .clone()
            .unwrap_or_else(|| format!("{prefix}{}", place + 1))
    }

    /// Returns whether rules are equal: ignores order, repeats, address case and absent values, and
    /// `*` absorbs its list.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        fn set(list: &[&str]) -> BTreeSet<String> {
            list.iter().map(|text| text.to_lowercase()).collect()
        }
        fn starred(list: &[&str]) -> BTreeSet<String> {
            if list.contains(&"*") {
                return BTreeSet::from(["*".to_owned()]);
            }
            list.iter().map(ToString::to_string).collect()
        }
        fn unit(list: &[&str]) -> BTreeSet<String> {
            let path = |text: &String| match text.strip_prefix("Root/") {
                Some(path) => path.to_owned(),
                None => text.clone(),
            };
            starred(list).iter().map(path).collect()
        }
        let optional = |list: &Option<Vec<&'static str>>| list.as_deref().map(set);
        let asking = |draft: &Self| {
            let both = [&draft.allowed_users, &draft.allowed_groups];
            let [users, groups] = both.map(|list| set(list.as_deref().unwrap_or_default()));
            let everyone = both.iter().all(|list| list.is_none())
                || (draft.form == Form::Elevator && users.is_empty() && groups.is_empty());
            (!everyone).then_some((users, groups))
        };
        let places = |draft: &Self| {
            if draft.unit {
                unit(&draft.places)
            } else {
                starred(&draft.places)
            }
        };
        self.form == other.form
            && self.id == other.id
            && set(&self.groups) == set(&other.groups)
            && places(self) == places(other)
            && self.selects_natively() == other.selects_natively()
            && (self.form == Form::Native || starred(&self.sets) == starred(&other.sets))
            && set(&self.approvers) == set(&other.approvers)
            && set(&self.approver_groups) == set(&other.approver_groups)
            && asking(self) == asking(other)
            && optional_folded(self.departments.as_ref())
                == optional_folded(other.departments.as_ref())
            && self.leaves_out() == other.leaves_out()
            && self.manager.unwrap_or(false) == other.manager.unwrap_or(false)
            && (self.own, self.auto) == (other.own, other.auto)
            && self.min_approvals.unwrap_or(1) == other.min_approvals.unwrap_or(1)
            && self.max_minutes == other.max_minutes
            && self.longest.unwrap_or(false) == other.longest.unwrap_or(false)
            && self.permits.unwrap_or(true) == other.permits.unwrap_or(true)
            && optional(&self.break_glass) == optional(&other.break_glass)
            && self.open_now == other.open_now
    }

    fn leaves_out(&self) -> [BTreeSet<String>; 4] {
        let keys = [
            &self.except_requesters,
            &self.except_requester_groups,
            &self.except_approvers,
            &self.except_approver_groups,
        ];
        keys.map(|list| optional_folded(list.as_ref()).unwrap_or_default())
    }

    fn selects_natively(&self) -> Vec<Option<BTreeSet<String>>> {
        if self.form == Form::Elevator {
            return Vec::new();
        }
        let fold = |text: &str| {
            let fold = |text: &str| text.trim_start_matches("Root/").to_lowercase();
            let exact = SETS.contains(&text.trim_start_matches('!'));
            if exact { text.to_owned() } else { fold(text) }
        };
        let selected = |list: &Vec<&'static str>| -> BTreeSet<String> {
            let selected = list.iter().filter(|text| !text.starts_with('!'));
            let selected: BTreeSet<String> = selected.map(|text| fold(text)).collect();
            if selected.contains("*") {
                return BTreeSet::from(["*".to_owned()]);
            }
            selected
        };
        let out = |lists: [&Vec<&'static str>; 2]| -> BTreeSet<String> {
            let [list, twin] = lists;
            let list = list.iter().filter_map(|text| text.strip_prefix('!'));
            list.chain(twin.iter().copied()).map(fold).collect()
        };
        let none = Vec::new();
        let or_none = |list: &'_ Option<Vec<&'static str>>| list.clone().unwrap_or_default();
        let mut places = out([&or_none(&self.accounts), &or_none(&self.except_accounts)]);
        places.extend(out([&or_none(&self.ous), &or_none(&self.except_ous)]));
        let parents = out([&none, &or_none(&self.except_parent_ous)]);
        places.extend(parents.iter().map(|it| format!("the parent {it}")));
        vec![
            self.accounts.as_ref().map(selected),
            self.ous.as_ref().map(selected),
            self.parent_ous.as_ref().map(selected),
            self.tags.as_ref().map(|list| {
                let selected = list.iter().filter(|text| !text.starts_with('!'));
                selected.map(|text| fold(text)).collect()
            }),
            Some(places),
            Some(out([&or_none(&self.tags), &none])),
            self.except_tags.as_ref().map(|list| out([&none, list])),
            Some(selected(&self.sets)),
            Some(out([&self.sets, &or_none(&self.except_sets)])),
        ]
    }

    pub(crate) fn json(&self) -> Value {
        match self.form {
            Form::Elevator => self.elevator(),
            Form::Native => self.native(),
        }
    }

    fn native(&self) -> Value {
        let mut map = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                map.insert(key.to_owned(), value);
            }
        };
        let list = |list: &Option<Vec<&'static str>>| list.as_ref().map(|list| json!(list));
        if self.groups.is_empty() {
            put("accounts", list(&self.accounts));
            put("ous", list(&self.ous));
            put(
                "account_tags",
                self.tags.as_ref().map(|l| json!({"env": l})),
            );
            put("except_accounts", list(&self.except_accounts));
            put("except_ous", list(&self.except_ous));
            put("parent_ous", list(&self.parent_ous));
            put("except_parent_ous", list(&self.except_parent_ous));
            let tags = self.except_tags.as_ref();
            put("except_account_tags", tags.map(|l| json!({"env": l})));
            put("permission_sets", Some(json!(self.sets)));
            put("except_permission_sets", list(&self.except_sets));
        } else {
            put("groups", Some(json!(self.groups)));
        }
        put("id", self.id.as_ref().map(|id| json!(id)));
        put("approvers", Some(json!(self.approvers)));
        put("approver_groups", Some(json!(self.approver_groups)));
        put("allowed_users", list(&self.allowed_users));
        put("allowed_groups", list(&self.allowed_groups));
        put("except_requesters", list(&self.except_requesters));
        put(
            "except_requester_groups",
            list(&self.except_requester_groups),
        );
        put("except_approvers", list(&self.except_approvers));
        put("except_approver_groups", list(&self.except_approver_groups));
        put("manager_approves", self.manager.map(|it| json!(it)));
        let departments = self.departments.as_ref();
        put(
            "requester_attributes",
            departments.map(|it| json!({"department": it})),
        );
        put("allow_self_approval", Some(json!(self.own)));
        put("approval_is_not_required", Some(json!(self.auto)));
        put("min_approvals", self.min_approvals.map(|n| json!(n)));
        put("max_duration", self.max_minutes.map(|n| json!(clock(n))));
        put("prefer_longest_duration", self.longest.map(|it| json!(it)));
        put("permits_requests", self.permits.map(|it| json!(it)));
        put("break_glass", list(&self.break_glass));
        let hours = json!({"from": "01:00", "to": "02:00", "time_zone": "UTC"});
        put("hours", (!self.open_now).then_some(hours));
        Value::Object(map)
    }

    fn elevator(&self) -> Value {
        let mut map = Map::new();
        let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
        if self.groups.is_empty() {
            put(
                "ResourceType",
                json!(if self.unit { "OU" } else { "Account" }),
            );
            put("Resource", json!(self.places));
            put("PermissionSet", json!(self.sets));
        } else {
            put("Resource", json!(self.groups));
        }
        put("Approvers", json!(self.approvers));
        put("ApproverGroups", json!(self.approver_groups));
        put("AllowSelfApproval", json!(self.own));
        put("ApprovalIsNotRequired", json!(self.auto));
        let mut optional = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                map.insert(key.to_owned(), value);
            }
        };
        optional("Id", self.id.as_ref().map(|id| json!(id)));
        optional(
            "AllowedUsers",
            self.allowed_users.as_ref().map(|l| json!(l)),
        );
        optional(
            "AllowedGroups",
            self.allowed_groups.as_ref().map(|l| json!(l)),
        );
        optional("MinApprovals", self.min_approvals.map(|n| json!(n)));
        optional("MaxDuration", self.max_minutes.map(|n| json!(clock(n))));
        optional("BreakGlass", self.break_glass.as_ref().map(|l| json!(l)));
        Value::Object(map)
    }
}

fn clock(minutes: u32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}
