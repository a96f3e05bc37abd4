//! From policies and eligibility to rules: one for each target of a group, for all who are eligible.

use std::collections::BTreeMap;

use hallpass_rules::Directory;
use hallpass_rules::syntax::{Node, Value};

use super::export::{GraphKind, GraphObject, read, text};
use super::policy::{PolicyTerms, terms};
use crate::collected::{ImportRow, RowHead, imported};
use crate::draft::{Area, Askers, RuleDraft};
use crate::dynamodb::SourceFile;
use crate::names::{LookUp, Names, People, Target};
use crate::refused::ImportRefused;
use crate::report::{Imported, RowNote};
use crate::terraform;

/// What becomes of people whose eligibility ends some day, which rules cannot say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EligibilityEnds {
    /// They are left out, and their rows say so.
    #[default]
    LeaveOut,
    /// They are in the rules without an end, and their rows say so.
    Ignore,
}

const HEAD: [&str; 3] = [
    "Rules imported from Privileged Identity Management of Microsoft Entra by `hallpass rules import entra`.",
    "Each group of Entra whose membership gives something at AWS is a rule for each target of it. Of all rules",
    "about a request the shortest time counts, and everybody whom one lists may approve.",
];

/// Rules that say what the exports say; `names` says what each group gives at AWS and who is who there.
///
/// # Errors
/// When a file is not whole, or no export.
pub fn import(
    files: &[SourceFile],
    names: &Names,
    facts: Option<&Directory>,
    ends: EligibilityEnds,
) -> Result<Imported, ImportRefused> {
    let mut objects = Vec::new();
    for file in files {
        objects.extend(read(file)?);
    }
    if objects.is_empty() {
        let name = files.first().map_or("", |file| file.name.as_str());
        return Err(ImportRefused::of(
            name,
            "there are no policies and no eligibility",
        ));
    }
    let groups = groups_of(&objects)?;
    let mut import = Import {
        look: LookUp::new(names, facts),
        ends,
        groups,
    };
    let rows = import.rows(&objects);
    Ok(imported("entra", &HEAD, rows, import.look))
}

/// A group of which there is a policy for members.
struct Group {
    policy: Node,
    targets: Option<Vec<Target>>,
    /// The policy, once it is read.
    terms: Option<PolicyTerms>,
    eligible: People,
}

type Groups = BTreeMap<String, Group>;

/// The groups by their id.
fn groups_of(objects: &[GraphObject]) -> Result<Groups, ImportRefused> {
    let policies = policies_of(objects)?;
    let mut groups = Groups::new();
    let assignments = objects
        .iter()
        .filter(|it| it.kind == GraphKind::PolicyAssignment);
    for it in assignments.filter(|it| is_of_members(it)) {
        let policy = policy_in(it).or_else(|| policies.get(it.text("policyId")).copied());
        let Some(policy) = policy else {
            continue;
        };
        let group = Group {
            policy: policy.clone(),
            targets: None,
            terms: None,
            eligible: People::default(),
        };
        if groups
            .insert(it.text("scopeId").to_owned(), group)
            .is_some()
        {
            let what = "this group has another policy for members before";
            return Err(ImportRefused::at(&it.file, it.node.position, what));
        }
    }
    Ok(groups)
}

/// The policies by their id, those in assignments too.
///
/// # Errors
/// When two have one id and not the same rules: which of them is in force cannot be told.
fn policies_of(objects: &[GraphObject]) -> Result<BTreeMap<&str, &Node>, ImportRefused> {
    let mut policies: BTreeMap<&str, &Node> = BTreeMap::new();
    for it in objects {
        let Some(policy) = policy_in(it) else {
            continue;
        };
        let known = policies.insert(text(policy, "id"), policy);
        if known.is_some_and(|known| rules_in(known) != rules_in(policy)) {
            let what = "another policy of this id is there before, with other rules: give the export of one day alone";
            return Err(ImportRefused::at(&it.file, policy.position, what));
        }
    }
    Ok(policies)
}

/// The policy that an object is, or holds: one with an id and with rules, which an export has only where it expands them.
fn policy_in(it: &GraphObject) -> Option<&Node> {
    let policy = match it.kind {
        GraphKind::Policy => Some(&it.node),
        GraphKind::PolicyAssignment => it.node.get("policy"),
        GraphKind::Eligibility
        | GraphKind::Schedule
        | GraphKind::Assignment
        | GraphKind::Untold
        | GraphKind::DirectoryRole => None,
    };
    policy.filter(|it| !text(it, "id").is_empty() && RULES.iter().any(|key| it.get(key).is_some()))
}

const RULES: [&str; 2] = ["rules", "effectiveRules"];

/// The rules of a policy, wherever they stand.
fn rules_in(policy: &Node) -> [Option<serde_json::Value>; 2] {
    RULES.map(|key| policy.get(key).map(terraform::value))
}

/// Whether a policy is for members of a group.
fn is_of_members(it: &GraphObject) -> bool {
    it.text("scopeType") == "Group" && it.text("roleDefinitionId") == "member"
}

struct Import<'a> {
    look: LookUp<'a>,
    ends: EligibilityEnds,
    groups: Groups,
}

const OWNERS: &str = "it is about owners of a group, and owning it gives nothing at AWS";
const OF_ENTRA: &str = "it is about a role of Entra itself, which gives nothing at AWS";
const UNNAMED: &str = "what the group gives at AWS is not named: add it to `targets` of the file of names (`--names`)";
const NO_POLICY: &str = "its policy is in no file that is imported: export policy assignments with \
                         `$expand=policy($expand=effectiveRules)`";
const PARTIAL: &str = "`memberType` or `endDateTime` is missing, which Microsoft Graph always writes: export without `$select`";
const UNTOLD: &str = "nothing says whether it is an eligibility or a membership: export without `$select`, with `@odata.context`";
const SCHEDULE: &str =
    "a schedule may begin later or be over: export `eligibilityScheduleInstances`";
const STANDING: &str =
    "it is a membership, which rules do not give: see standing access in the documentation";
const ENDS: &str = "rules have no end for who may ask: add this to the rule by hand and take it out by then, or import with \
                    `--ignore-eligibility-ends`";

impl Import<'_> {
    fn rows(&mut self, objects: &[GraphObject]) -> Vec<ImportRow> {
        let mut rows: Vec<ImportRow> = Vec::new();
        // policies first: who is eligible depends on whether theirs can be said
        let (first, second): (Vec<&GraphObject>, Vec<&GraphObject>) =
            objects.iter().partition(|it| is_about_policies(it.kind));
        for it in first {
            let mut row = ImportRow::told(head(it), Vec::new());
            if it.kind == GraphKind::PolicyAssignment {
                // who owns a group has a policy of their own, which makes no rules
                row.key = is_of_members(it).then(|| it.text("scopeId").to_owned());
                if let Err(note) = self.policy(it, &mut row.notes) {
                    row.notes.push(note);
                }
            } else {
                row.notes
                    .push(RowNote::SaysNothing("it is said by its assignments"));
            }
            rows.push(row);
        }
        for it in second {
            let mut row = ImportRow::told(head(it), Vec::new());
            match self.eligible(it, &mut row.notes) {
                Ok(()) => row.part_of = Some(it.text("groupId").to_owned()),
                Err(note) => row.notes.push(note),
            }
            rows.push(row);
        }
        for row in &mut rows {
            let key = row.key.clone().unwrap_or_default();
            if let Some(group) = self.groups.get(&key).filter(|_| row.head.table == MEMBERS) {
                row.drafts = drafts(group, &row.head.name);
                if group.eligible.is_nobody() && group.terms.is_some() {
                    row.notes
                        .push(RowNote::SaysNothing("nobody is eligible who is named here"));
                }
            }
        }
        rows
    }

    fn policy(&mut self, it: &GraphObject, notes: &mut Vec<RowNote>) -> Result<(), RowNote> {
        if it.text("scopeType") != "Group" {
            return Err(RowNote::SaysNothing(OF_ENTRA));
        }
        match it.text("roleDefinitionId") {
            "member" => {}
            "owner" => return Err(RowNote::SaysNothing(OWNERS)),
            other => return Err(RowNote::UnknownAttribute(other.to_owned())),
        }
        let id = it.text("scopeId");
        let group = self.groups.get_mut(id);
        let group = group.ok_or_else(|| RowNote::NotSaid(NO_POLICY.into()))?;
        let targets = self.look.targets(id, "");
        group.targets = Some(targets.ok_or_else(|| RowNote::NotSaid(UNNAMED.into()))?);
        group.terms = Some(terms(&group.policy, &mut self.look, notes)?);
        Ok(())
    }

    fn eligible(&mut self, it: &GraphObject, notes: &mut Vec<RowNote>) -> Result<(), RowNote> {
        let not_said = |what: &'static str| Err(RowNote::NotSaid(what.into()));
        match it.kind {
            GraphKind::DirectoryRole => return Err(RowNote::SaysNothing(OF_ENTRA)),
            GraphKind::Assignment => return Err(RowNote::Elsewhere(STANDING)),
            GraphKind::Schedule => return not_said(SCHEDULE),
            GraphKind::Untold => return not_said(UNTOLD),
            GraphKind::Eligibility | GraphKind::Policy | GraphKind::PolicyAssignment => {}
        }
        match it.text("accessId") {
            "member" => {}
            "owner" => return Err(RowNote::SaysNothing(OWNERS)),
            other => return Err(RowNote::UnknownAttribute(other.to_owned())),
        }
        let end = end_of(it)?;
        let group = self.groups.get_mut(it.text("groupId"));
        let Some(group) = group else {
            return not_said(NO_POLICY);
        };
        if group.terms.is_none() {
            return not_said(
                "the policy of the group cannot be said, and so nobody gets anything by it",
            );
        }
        if let Some(end) = end {
            match self.ends {
                EligibilityEnds::LeaveOut => return not_said(ENDS),
                EligibilityEnds::Ignore => notes.push(RowNote::LeftOut {
                    what: "end",
                    id: hallpass_model::text::line(&end, 40),
                    why: "rules have none for who may ask: take this out of the rule by then",
                }),
            }
        }
        let id = it.text("principalId");
        let principal = it.node.get("principal");
        let told = |key: &str| principal.map(|it| text(it, key)).unwrap_or_default();
        let names = ["userPrincipalName", "mail", "displayName"];
        let name = names
            .into_iter()
            .map(told)
            .find(|it| !it.is_empty())
            .unwrap_or_default();
        let is_group = told("@odata.type").rsplit('.').next() == Some("group")
            || self.look.known_group(id).is_some();
        let found = if is_group {
            let found = self.look.group(id, name);
            found.map(|it| group.eligible.groups.insert(it))
        } else {
            let found = self.look.user(id, name);
            found.map(|it| group.eligible.users.insert(it))
        };
        match found {
            Some(_) => Ok(()),
            None => {
                not_said("who it is at AWS is not named; add it to the file of names (`--names`)")
            }
        }
    }
}

/// When the eligibility of somebody ends; nothing where it does not.
///
/// # Errors
/// When it is that of a group of theirs, or the export does not say it.
fn end_of(it: &GraphObject) -> Result<Option<String>, RowNote> {
    let own = it.text("memberType");
    match own.to_ascii_lowercase().as_str() {
        "direct" => {}
        "group" => {
            return Err(RowNote::SaysNothing(
                "it follows from the eligibility of a group of theirs",
            ));
        }
        "" => return Err(RowNote::NotSaid(PARTIAL.into())),
        _ => {
            let other = hallpass_model::text::line(own, 40);
            return Err(RowNote::UnknownAttribute(other));
        }
    }
    let end = it.node.get("endDateTime");
    let end = end.ok_or_else(|| RowNote::NotSaid(PARTIAL.into()))?;
    Ok((end.value != Value::Null).then(|| end.shown()))
}

const MEMBERS: &str = "policy";

fn is_about_policies(kind: GraphKind) -> bool {
    matches!(kind, GraphKind::Policy | GraphKind::PolicyAssignment)
}

fn head(it: &GraphObject) -> RowHead {
    let table = match it.kind {
        GraphKind::PolicyAssignment | GraphKind::Policy => MEMBERS,
        GraphKind::Eligibility | GraphKind::Schedule | GraphKind::Untold => "eligibility",
        GraphKind::Assignment => "assignment",
        GraphKind::DirectoryRole => "directory role",
    };
    let inner = |key: &str, name: &str| {
        it.node
            .get(key)
            .map(|it| text(it, name))
            .unwrap_or_default()
    };
    let named = [
        inner("principal", "displayName"),
        inner("group", "displayName"),
        it.text("displayName"),
        it.text("groupId"),
        it.text("scopeId"),
    ];
    let name = named
        .into_iter()
        .find(|it| !it.is_empty())
        .unwrap_or_default();
    RowHead {
        table,
        file: it.file.clone(),
        line: Some(it.node.position.line),
        id: it.text("id").to_owned(),
        name: name.to_owned(),
    }
}

/// The rules of a group, where it has a policy that can be said and somebody is eligible.
fn drafts(group: &Group, name: &str) -> Vec<RuleDraft> {
    let Some(terms) = group.terms.as_ref().filter(|_| !group.eligible.is_nobody()) else {
        return Vec::new();
    };
    let targets = group.targets.iter().flatten();
    let draft = |target: &Target| {
        let area = Area {
            accounts: Some(target.accounts.iter().cloned().collect()),
            ..Area::default()
        };
        let mut draft = RuleDraft::new("entra", name, format!("Entra: members of {name}"), area);
        draft.sets = Some(target.permission_sets.iter().cloned().collect());
        draft.askers = Askers::These(group.eligible.clone());
        draft.approval = terms.approval.clone();
        draft.seconds = Some(terms.seconds);
        draft.ticket = terms.ticket;
        draft
    };
    targets.map(draft).collect()
}
