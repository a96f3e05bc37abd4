//! From roles to rules: one for each role that somebody may ask for by another.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_rules::syntax::{Node, documents};
use hallpass_rules::{Directory, RuleFile};

use super::denied::Denied;
use super::options::otherwise;
use super::pattern::RolePattern;
use super::role::{Role, keys, part};
use super::together::{FoundRole, may_ask};
use crate::collected::{ImportRow, RowHead, imported};
use crate::draft::{Approval, Area, Askers, RuleDraft, StageDraft};
use crate::dynamodb::SourceFile;
use crate::names::{LookUp, Names, People};
use crate::refused::{self, ImportRefused, refuse_errors};
use crate::report::{Imported, RowNote};

const HEAD: [&str; 3] = [
    "Rules imported from Teleport by `hallpass rules import teleport`.",
    "Each role that lets its holders ask for another is a rule for what the other gives in accounts. Of all rules",
    "about a request the shortest time counts, and everybody whom one lists may approve.",
];

/// Rules that say what the roles say; `names` says who holds them.
///
/// # Errors
/// When a file is not whole, or has no roles.
pub fn import(
    files: &[SourceFile],
    names: &Names,
    facts: Option<&Directory>,
) -> Result<Imported, ImportRefused> {
    let mut found = FoundRoles::default();
    for file in files {
        found.read(file)?;
    }
    if found.roles.is_empty() {
        let name = files.first().map_or("", |file| file.name.as_str());
        return Err(ImportRefused::of(name, "there are no roles (`kind: role`)"));
    }
    let look = LookUp::new(names, facts);
    let mut import = Import {
        look,
        found,
        holders: BTreeMap::new(),
    };
    let rows = import.rows();
    Ok(imported("teleport", &HEAD, rows, import.look))
}

#[derive(Default)]
struct FoundRoles {
    roles: Vec<FoundRole>,
    others: Vec<ImportRow>,
    denied: Denied,
    /// The shortest session of any role, in seconds.
    session: Option<u64>,
}

const LISTED: &str = "its members hold the roles that it grants: name a group of theirs in `roles` of the file of names, and \
                      keep its owners and reviews where the group is managed";

impl FoundRoles {
    fn read(&mut self, file: &SourceFile) -> Result<(), ImportRefused> {
        let text = refused::text(file)?;
        let read = documents(text, RuleFile::new(file.name.as_str(), "").syntax);
        refuse_errors(&file.name, read.findings)?;
        for root in &read.roots {
            // `tctl get --format=json` prints a list
            let items = match &root.value {
                hallpass_rules::syntax::Value::List(items) => items.iter().collect(),
                _ => vec![root],
            };
            for item in items {
                self.document(&file.name, item)?;
            }
        }
        Ok(())
    }

    fn document(&mut self, file: &str, node: &Node) -> Result<(), ImportRefused> {
        let text = |keys: &[&str]| part(node, keys).and_then(Node::as_text).unwrap_or_default();
        let name = [["metadata", "name"], ["header", "name"]].map(|keys| text(&keys));
        let name = name
            .into_iter()
            .find(|it| !it.is_empty())
            .unwrap_or_default();
        let head = |table| RowHead {
            table,
            file: file.to_owned(),
            line: Some(node.position.line),
            id: name.to_owned(),
            name: name.to_owned(),
        };
        let kind = match text(&["kind"]) {
            // Terraform's and the operator's forms of an access list
            "" => text(&["header", "kind"]),
            kind => kind,
        };
        match kind {
            "" => {
                let what = "this is no resource of Teleport: `kind` is missing";
                return Err(ImportRefused::at(file, node.position, what));
            }
            "role" => {
                if name.is_empty() {
                    let what = "a role has a name (`metadata.name`)";
                    return Err(ImportRefused::at(file, node.position, what));
                }
                if self.roles.iter().any(|it| it.head.name == name) {
                    let what = format!(
                        "role `{}` is there twice",
                        hallpass_model::text::line(name, 80)
                    );
                    return Err(ImportRefused::at(file, node.position, what));
                }
                let role = Role::read(node);
                let session = Some(Role::session(node));
                self.session = [self.session, session].into_iter().flatten().min();
                let deny = part(node, &["spec", "deny"]);
                if role.is_err() && !keys(deny).is_empty() {
                    self.denied.bar(name);
                }
                let mut notes = self.denied.take(name, part(node, &["spec"]));
                let options = part(node, &["spec", "options"]);
                notes.extend(options.map(otherwise).unwrap_or_default());
                self.roles.push(FoundRole {
                    head: head("role"),
                    role,
                    notes,
                    may_ask: may_ask(node),
                    loads: true,
                });
            }
            "access_list" => {
                let told = vec![RowNote::Elsewhere(LISTED)];
                self.others.push(ImportRow::told(head("access list"), told));
            }
            other => {
                let other = hallpass_model::text::line(other, 40);
                let what = format!("resources of kind `{other}` are not read");
                let told = vec![RowNote::NotSaid(what.into())];
                self.others.push(ImportRow::told(head("resource"), told));
            }
        }
        Ok(())
    }
}

struct Import<'a> {
    look: LookUp<'a>,
    found: FoundRoles,
    /// Who holds a role, as far as it was looked up.
    holders: BTreeMap<String, Option<People>>,
}

impl Import<'_> {
    fn rows(&mut self) -> Vec<ImportRow> {
        let mut found = std::mem::take(&mut self.found);
        let known: Vec<Role> = found
            .roles
            .iter()
            .filter_map(|it| it.role.clone().ok())
            .collect();
        loop {
            let mut rows: Vec<ImportRow> = found
                .roles
                .iter()
                .map(|it| self.row(it, &found, &known))
                .collect();
            // what no server would load binds nobody: then others are to keep to it
            let mut is_new = false;
            for (role, row) in found.roles.iter_mut().zip(&rows) {
                let loads = row.drafts.iter().all(RuleDraft::loads);
                is_new |= role.loads && !loads;
                role.loads &= loads;
            }
            if !is_new {
                rows.extend(found.others);
                return rows;
            }
        }
    }

    fn row(&mut self, it: &FoundRole, found: &FoundRoles, known: &[Role]) -> ImportRow {
        let mut row = ImportRow::told(it.head.clone(), it.notes.clone());
        self.denials(&found.denied, known, &mut row);
        match &it.role {
            Ok(role) => {
                row.notes.extend(role.notes.iter().cloned());
                self.reviews(role, known, &mut row);
                self.asks(role, found, known, &mut row);
            }
            Err(note) => row.notes.push(note.clone()),
        }
        row
    }

    fn holders(&mut self, role: &str) -> Option<People> {
        if let Some(known) = self.holders.get(role) {
            return known.clone();
        }
        let found = self.look.role(role).filter(|people| !people.is_nobody());
        self.holders.insert(role.to_owned(), found.clone());
        found
    }

    /// Tells what of the patterns of reviewers names no role surely, or nobody.
    fn reviews(&mut self, role: &Role, known: &[Role], row: &mut ImportRow) {
        let gives = |it: &&Role| !it.gives.is_empty();
        for pattern in &role.reviews {
            tell_pattern(pattern, "review_requests.roles", row);
        }
        let reviews = |it: &&Role| role.reviews.iter().any(|pattern| pattern.names(&it.name));
        let needed = known.iter().filter(gives).any(|it| reviews(&it));
        if needed && self.holders(&role.name).is_none() {
            row.notes.push(RowNote::Narrower(NO_REVIEWERS.into()));
        }
    }

    fn asks(&mut self, role: &Role, found: &FoundRoles, known: &[Role], row: &mut ImportRow) {
        let (session, denied) = (found.session.unwrap_or_default(), &found.denied);
        for pattern in &role.asks {
            tell_pattern(pattern, "request.roles", row);
        }
        let asked = |it: &&Role| role.asks.iter().any(|pattern| pattern.names(&it.name));
        let asked: Vec<&Role> = known
            .iter()
            .filter(asked)
            .filter(|it| !it.gives.is_empty())
            .collect();
        tell_missing(role, known, row);
        if asked.is_empty() {
            return;
        }
        let Some(askers) = self.holders(&role.name) else {
            row.notes.push(RowNote::NotSaid(NO_HOLDERS.into()));
            return;
        };
        let Some(approvals) = role.approvals else {
            row.notes.push(RowNote::NotSaid(
                "each of its thresholds has a filter, or needs no approval".into(),
            ));
            return;
        };
        if asked
            .iter()
            .any(|it| role.seconds(it, session) < role.seconds(it, u64::MAX))
        {
            row.notes.push(RowNote::Narrower(SHORTEST.into()));
        }
        for target in asked {
            let seconds = role.seconds(target, session);
            let out = self.left_out(target, known, denied);
            let own = (role, approvals, seconds);
            let out =
                out.and_then(|out| self.bound(out, target, own, &found.roles, &mut row.notes));
            let out = match out {
                Ok(out) => out,
                Err(why) => {
                    let id = hallpass_model::text::line(&target.name, 80);
                    let what = format!("role `{id}` is left out: {why}");
                    row.notes.push(RowNote::Narrower(what.into()));
                    continue;
                }
            };
            let approval = self.approval(target, known, approvals);
            for given in self.given(target, (known, denied), &mut row.notes) {
                let area = Area {
                    accounts: Some(given.accounts),
                    ..Area::default()
                };
                let name = format!("{} {}", role.name, target.name);
                let about = format!("Teleport: role {} asks for role {}", role.name, target.name);
                let mut draft = RuleDraft::new("teleport", &name, about, area);
                draft.sets = Some(given.sets);
                draft.askers = Askers::These(askers.clone());
                draft.except_askers = out.askers.clone().and(given.except);
                draft.except_approvers = out.approvers.clone();
                draft.approval = approval.clone();
                draft.seconds = Some(seconds);
                row.drafts.push(draft);
            }
        }
    }

    fn approval(&mut self, target: &Role, known: &[Role], approvals: u32) -> Approval {
        let reviewers = self.reviewers(target, known);
        if approvals == 1 {
            return Approval::By(reviewers);
        }
        Approval::Stages(vec![StageDraft {
            name: target.name.clone(),
            people: reviewers,
            quorum: approvals,
        }])
    }

    /// Everybody who holds a role that may review requests for another.
    fn reviewers(&mut self, target: &Role, known: &[Role]) -> People {
        let reviews = |it: &&Role| it.reviews.iter().any(|pattern| pattern.names(&target.name));
        let mut people = People::default();
        for role in known.iter().filter(reviews) {
            people = people.and(self.holders(&role.name).unwrap_or_default());
        }
        people
    }

    /// The holders of roles that deny something. `None` where it cannot be said who they are: somebody may hold a
    /// role for a while that can be asked for.
    fn deniers(&mut self, roles: &BTreeSet<String>, known: &[Role]) -> Option<People> {
        let mut people = People::default();
        for name in roles {
            let mut asks = known.iter().flat_map(|it| &it.asks);
            if asks.any(|pattern| pattern.may_name(name)) {
                return None;
            }
            people = people.and(self.holders(name)?);
        }
        Some(people)
    }

    /// Tells of what a role denies that it cannot be said of its holders alone.
    fn denials(&mut self, denied: &Denied, known: &[Role], row: &mut ImportRow) {
        let name = row.head.name.clone();
        for key in denied.keys(&name) {
            let what = if self.deniers(&[name.clone()].into(), known).is_none() {
                "who holds it is not named, or may ask for it: nobody gets by the imported rules what it denies"
            } else if denied.is_wide(&name) {
                "its holders are left out of every role, where it denies more than a name with `*`"
            } else if denied.is_at_times(&name) {
                "all of its holders are left out of what it denies some of them, or some of their requests"
            } else {
                continue;
            };
            let what = format!("`{key}`: {what}");
            row.notes.push(RowNote::Narrower(what.into()));
        }
    }

    /// Who is left out of a request for a role, or why nobody gets it.
    fn left_out(
        &mut self,
        target: &Role,
        known: &[Role],
        denied: &Denied,
    ) -> Result<HoldersOut, String> {
        if let Some(name) = denied.barred() {
            return Err(format!("role `{name}` may deny it"));
        }
        let of = [denied.requests(&target.name), denied.reviews(&target.name)];
        match of.map(|roles| self.deniers(&roles, known)) {
            [Some(askers), Some(approvers)] => Ok(HoldersOut { askers, approvers }),
            [None, _] | [_, None] => Err("a role denies to ask for it, or to review it".to_owned()),
        }
    }

    /// Leaves out, too, who holds another role that asks for more and makes no rule; or why nobody gets it.
    fn bound(
        &mut self,
        mut out: HoldersOut,
        target: &Role,
        own: (&Role, u32, u64),
        roles: &[FoundRole],
        notes: &mut Vec<RowNote>,
    ) -> Result<HoldersOut, String> {
        for other in roles {
            let holders = self.holders(&other.head.name);
            if !other.binds(target, own, holders.is_some()) {
                continue;
            }
            let id = hallpass_model::text::line(&other.head.name, 80);
            let Some(people) = holders else {
                return Err(format!(
                    "who holds role `{id}` may need more approvals for it, or get it for less time, and is not named: add it to \
                     `roles` of the file of names (`--names`)"
                ));
            };
            out.askers = out.askers.and(people);
            let what = format!(
                "who holds role `{id}`, too, is left out of role `{}`: they may need more approvals for it, or get it for less \
                 time, and no rule says how",
                hallpass_model::text::line(&target.name, 80)
            );
            notes.push(RowNote::Narrower(what.into()));
        }
        Ok(out)
    }

    /// What a role gives: accounts with the permission sets that all of them have, to all but the same people.
    fn given(
        &mut self,
        target: &Role,
        (known, denied): (&[Role], &Denied),
        notes: &mut Vec<RowNote>,
    ) -> Vec<GivenSets> {
        let mut by_account: BTreeMap<(String, BTreeSet<String>), BTreeSet<String>> =
            BTreeMap::new();
        for given in &target.gives {
            let deniers = denied.gives(given);
            // whoever gets the role holds it
            if deniers.contains(&target.name) || self.deniers(&deniers, known).is_none() {
                continue;
            }
            let (account, arn) = given;
            match self.look.permission_set(arn) {
                Some(name) => {
                    let sets = by_account.entry((account.clone(), deniers)).or_default();
                    sets.insert(name);
                }
                None => notes.push(RowNote::LeftOut {
                    what: "permission set",
                    id: hallpass_model::text::line(arn, 120),
                    why: "it is not named here (`--facts`, `--names`)",
                }),
            }
        }
        let mut by_sets: BTreeMap<(BTreeSet<String>, BTreeSet<String>), BTreeSet<String>> =
            BTreeMap::new();
        for ((account, deniers), sets) in by_account {
            by_sets.entry((sets, deniers)).or_default().insert(account);
        }
        let given = by_sets.into_iter().map(|((sets, deniers), accounts)| {
            let except = self.deniers(&deniers, known).unwrap_or_default();
            GivenSets {
                accounts,
                sets,
                except,
            }
        });
        given.collect()
    }
}

/// Who is left out of requests for a role.
struct HoldersOut {
    askers: People,
    approvers: People,
}

/// Permission sets in accounts, and who does not get them.
struct GivenSets {
    accounts: BTreeSet<String>,
    sets: BTreeSet<String>,
    except: People,
}

const SHORTEST: &str = "without `max_duration` a session is as long as the shortest `max_session_ttl` of all roles of who asks: that of any role \
                        of these files counts";
const NO_HOLDERS: &str =
    "who holds it is not named: add it to `roles` of the file of names (`--names`)";
const NO_REVIEWERS: &str = "who holds it is not named, and so they approve nothing: add it to `roles` of the file of names (`--names`)";

fn tell_pattern(pattern: &RolePattern, key: &'static str, row: &mut ImportRow) {
    match pattern {
        RolePattern::Name(_) => {}
        RolePattern::Star(text) => {
            let text = hallpass_model::text::line(text, 80);
            let what = format!(
                "`{key}` has `{text}`: it is the roles of these files, and none that is made later"
            );
            row.notes.push(RowNote::Narrower(what.into()));
        }
        RolePattern::More(_) => {
            row.notes.push(left_out(
                key,
                pattern,
                "it is more than a name with `*`: write the rules of its roles by hand",
            ));
        }
    }
}

/// Tells what roles that may be asked for give nothing here.
fn tell_missing(role: &Role, known: &[Role], row: &mut ImportRow) {
    for pattern in &role.asks {
        let RolePattern::Name(name) = pattern else {
            continue;
        };
        match known.iter().find(|it| it.name == *name) {
            None => {
                let why = if RolePattern::new(name) == *pattern {
                    "it is in no file that is imported, or cannot be said"
                } else {
                    "in `search_as_roles` it is a role of that name, and no pattern"
                };
                row.notes.push(left_out("role", pattern, why));
            }
            Some(it) if it.gives.is_empty() => {
                let what = "a role without account assignments gives nothing in accounts";
                row.notes.push(RowNote::SaysNothing(what));
            }
            Some(_) => {}
        }
    }
}

fn left_out(what: &'static str, pattern: &RolePattern, why: &'static str) -> RowNote {
    RowNote::LeftOut {
        what,
        id: hallpass_model::text::line(pattern.as_written(), 80),
        why,
    }
}
