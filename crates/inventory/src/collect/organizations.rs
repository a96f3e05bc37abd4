//! The organization: accounts, units, policies and administrators.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;

use crate::{SyncGroup, key_id};
use hallpass_base::{AccountId, AccountPath, account_state};
use serde_json::{Value, json};

use crate::collect::collector::{Collected, Collector, flat, for_each};
use crate::collect::documents::{list, member, needed, policy, tags, text, undecodable};
use crate::collect::ports::CallPlace;
use crate::collect::rows::row;
use crate::collect::scope::SyncScope;

const SERVICE: &str = "organizations";
const HOME: CallPlace = CallPlace::Home;

#[derive(Debug, Default)]
pub(crate) struct FoundOrganization {
    pub(crate) management: String,
    pub(crate) all: Vec<String>,
    pub(crate) members: Vec<FoundMember>,
    pub(crate) accounts: Vec<FoundMember>,
    pub(crate) unknown: Vec<AccountId>,
    pub(crate) unknown_units: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct FoundMember {
    pub(crate) id: AccountId,
    pub(crate) is_active: bool,
}

type Placed = BTreeMap<String, Vec<String>>;

#[derive(Debug)]
struct Unit {
    id: String,
    document: Value,
    parent: Option<String>,
    /// Names from the root: `/Workloads/`.
    path: String,
    depth: i64,
    accounts: Vec<String>,
}

#[derive(Debug, Default)]
struct UnitTree {
    units: Vec<Unit>,
    policy_types: Vec<String>,
}

impl UnitTree {
    fn parents(&self) -> BTreeMap<&str, &Unit> {
        let accounts = self.units.iter().flat_map(|unit| {
            let ids = unit.accounts.iter();
            ids.map(move |id| (id.as_str(), unit))
        });
        accounts.collect()
    }

    /// Accounts in and below the named units, and unknown names.
    fn below<'a>(&'a self, names: &'a [String]) -> (BTreeSet<&'a str>, Vec<String>) {
        let mut found = BTreeSet::new();
        let mut unknown = Vec::new();
        for name in names {
            let path = format!("/{}/", name.trim_matches('/')).replace("//", "/");
            let is_named =
                |it: &&Unit| it.id == *name || (name.starts_with('/') && it.path == path);
            let Some(top) = self.units.iter().find(is_named) else {
                unknown.push(name.clone());
                continue;
            };
            // by ids: a name may contain a slash, which makes paths ambiguous
            let mut below = BTreeSet::from([top.id.as_str()]);
            for unit in &self.units {
                let is_below = unit.parent.as_deref().is_some_and(|it| below.contains(it));
                if is_below || unit.id == top.id {
                    below.insert(&unit.id);
                    found.extend(unit.accounts.iter().map(String::as_str));
                }
            }
        }
        (found, unknown)
    }
}

impl Collector<'_> {
    /// Finds the accounts, and fills the organization tables if requested.
    ///
    /// The error fails the whole run: without a list of accounts nothing else is complete
    /// (`inventory.md` T-11).
    pub(crate) async fn organization(
        &self,
        scope: &SyncScope,
    ) -> io::Result<Collected<FoundOrganization>> {
        let wanted = scope.wants(SyncGroup::Organizations);
        let started = self.now();
        let found = async {
            let (described, accounts) = self.described().await?;
            let tree = if wanted || !scope.units.is_empty() {
                self.tree(&accounts).await?
            } else {
                UnitTree::default()
            };
            let rows = if wanted && self.wants("aws_organizations_accounts", None) {
                self.account_rows(&accounts, &tree).await?
            } else {
                Vec::new()
            };
            let chosen = chosen(scope, &described, &accounts, &tree)?;
            Ok((described, tree, rows, chosen))
        };
        let (described, tree, rows, chosen) = match found.await {
            Ok(found) => found,
            Err(failure) => return Ok(Err(failure)),
        };
        if wanted {
            let organization = organization_row(&described);
            self.keep("aws_organizations", None, started, Ok(vec![organization]))?;
            self.keep("aws_organizations_accounts", None, started, Ok(rows))?;
            let units = tree.units.iter().map(unit_row).collect();
            let name = "aws_organizations_organizational_units";
            self.keep(name, None, started, Ok(units))?;
            self.policies(&tree.policy_types).await?;
            self.delegated_admins().await?;
        }
        Ok(Ok(chosen))
    }

    async fn described(&self) -> Collected<(Value, Vec<Value>)> {
        let described = self.call(&HOME, SERVICE, "DescribeOrganization", json!({}));
        let described = member(&described.await?, "Organization");
        let accounts = self.list(&HOME, SERVICE, "ListAccounts", json!({}));
        Ok((described, accounts.await?))
    }

    pub(crate) async fn account_ids(&self) -> Collected<(String, Vec<String>)> {
        let (described, accounts) = self.described().await?;
        let management = needed("DescribeOrganization", &described, "MasterAccountId")?;
        Ok((management.to_owned(), ids(&accounts)))
    }

    /// The root and all units with their accounts, by `Paths`; without those, by a second call per
    /// unit, because `ListParents` costs one per account.
    async fn tree(&self, accounts: &[Value]) -> Collected<UnitTree> {
        let roots = self.list(&HOME, SERVICE, "ListRoots", json!({})).await?;
        let root = roots.first();
        let root = root.ok_or_else(|| undecodable("ListRoots", "no root in it"))?;
        let types = list(root, "PolicyTypes").iter();
        let types = types.filter(|it| text(it, "Status") == Some("ENABLED"));
        let mut tree = UnitTree {
            units: Vec::new(),
            policy_types: types
                .filter_map(|it| text(it, "Type"))
                .map(str::to_owned)
                .collect(),
        };
        let placed = placed(accounts);
        let mut open = VecDeque::from([Unit {
            id: needed("ListRoots", root, "Id")?.to_owned(),
            document: root.clone(),
            parent: None,
            path: "/".to_owned(),
            depth: 0,
            accounts: Vec::new(),
        }]);
        while !open.is_empty() {
            let level = std::mem::take(&mut open);
            let looked = for_each(level, async |unit| {
                let id = unit.id.clone();
                let is_root = unit.parent.is_none();
                let found = self.looked_into(unit, placed.as_ref());
                if is_root {
                    return found.await.map(Some);
                }
                self.if_not_gone(&id, found).await
            });
            for (unit, children) in looked.await?.into_iter().flatten() {
                tree.units.push(unit);
                open.extend(children);
            }
        }
        Ok(tree)
    }

    async fn looked_into(
        &self,
        mut unit: Unit,
        placed: Option<&Placed>,
    ) -> Collected<(Unit, Vec<Unit>)> {
        let input = json!({ "ParentId": unit.id });
        unit.accounts = if let Some(placed) = placed {
            placed.get(&unit.id).cloned().unwrap_or_default()
        } else {
            let operation = "ListAccountsForParent";
            ids(&self.list(&HOME, SERVICE, operation, input.clone()).await?)
        };
        let operation = "ListOrganizationalUnitsForParent";
        let units = self.list(&HOME, SERVICE, operation, input);
        let children = units.await?.into_iter().map(|document| {
            let name = text(&document, "Name").unwrap_or_default();
            Ok(Unit {
                id: needed(operation, &document, "Id")?.to_owned(),
                path: format!("{}{name}/", unit.path),
                parent: Some(unit.id.clone()),
                depth: unit.depth + 1,
                accounts: Vec::new(),
                document,
            })
        });
        let children = children.collect::<Collected<_>>()?;
        Ok((unit, children))
    }

    async fn account_rows(&self, accounts: &[Value], tree: &UnitTree) -> Collected<Vec<Value>> {
        let parents = tree.parents();
        let rows = for_each(accounts, |account| async {
            let id = needed("ListAccounts", account, "Id")?;
            let looked = async {
                let input = json!({ "ResourceId": id });
                let found = self.list(&HOME, SERVICE, "ListTagsForResource", input);
                let found = found.await?;
                let (parent, path) = match parents.get(id) {
                    Some(unit) => (unit.id.clone(), unit.path.clone()),
                    None => self.moved(id, tree).await?,
                };
                Ok((found, parent, path))
            };
            let Some((found, parent, path)) = self.if_not_gone(id, looked).await? else {
                return Ok(None);
            };
            let state = account_state(|it| text(account, it));
            let more = json!({
                "status": text(account, "Status").or_else(|| state.map(older_word)),
                "state": state,
                "parent_id": parent,
                "ou_path": path,
                "tags": tags(&found),
            });
            Ok(Some(row("aws_organizations_accounts", account, more)))
        });
        Ok(rows.await?.into_iter().flatten().collect())
    }

    async fn moved(&self, id: &str, tree: &UnitTree) -> Collected<(String, String)> {
        let input = json!({ "ChildId": id });
        let parents = self.list(&HOME, SERVICE, "ListParents", input).await?;
        let parent = parents.first().map(|it| needed("ListParents", it, "Id"));
        let none = || undecodable("ListParents", "no parent in it");
        let parent = parent.ok_or_else(none)??;
        let unit = tree.units.iter().find(|it| it.id == parent);
        let unit = unit.ok_or_else(|| undecodable("ListParents", "a unit that is in no list"))?;
        Ok((unit.id.clone(), unit.path.clone()))
    }

    async fn policies(&self, types: &[String]) -> io::Result<()> {
        let (table, targets) = (
            "aws_organizations_policies",
            "aws_organizations_policy_targets",
        );
        if !self.wants(table, None) && !self.wants(targets, None) {
            return Ok(());
        }
        let started = self.now();
        let listing = flat(types, |kind| {
            let input = json!({ "Filter": kind });
            self.list(&HOME, SERVICE, "ListPolicies", input)
        });
        let listing = listing.await;
        let summaries = match &listing {
            Ok(summaries) => summaries.as_slice(),
            Err(failure) => {
                self.keep(table, None, started, Err(failure.clone()))?;
                return self.keep(targets, None, started, Err(failure.clone()));
            }
        };
        let rows = flat(summaries, |summary| async {
            let id = needed("ListPolicies", summary, "Id")?;
            let input = json!({ "PolicyId": id });
            let described = self.call(&HOME, SERVICE, "DescribePolicy", input);
            let Some(described) = self.if_not_gone(id, described).await? else {
                return Ok(Vec::new());
            };
            let content = described.pointer("/Policy/Content").and_then(Value::as_str);
            let more = json!({
                // an omitted description is empty
                "description": text(summary, "Description").unwrap_or_default(),
                "aws_managed": summary.get("AwsManaged") == Some(&Value::Bool(true)),
                "content": policy(content.unwrap_or_default()),
            });
            Ok(vec![row(table, summary, more)])
        });
        self.keep(table, None, started, rows.await)?;
        let rows = flat(summaries, |summary| async {
            let id = needed("ListPolicies", summary, "Id")?;
            let input = json!({ "PolicyId": id });
            let found = self.list(&HOME, SERVICE, "ListTargetsForPolicy", input);
            let found = self.if_not_gone(id, found).await?.unwrap_or_default();
            let rows = found.into_iter().map(|target| {
                let policy = key_id(table, &[Some(id)]);
                let of = json!({ "policy_cq_id": policy, "policy_id": id });
                row(targets, &target, of)
            });
            Ok(rows.collect())
        });
        self.keep(targets, None, started, rows.await)
    }

    async fn delegated_admins(&self) -> io::Result<()> {
        let table = "aws_organizations_delegated_admins";
        if !self.wants(table, None) {
            return Ok(());
        }
        let started = self.now();
        let rows = async {
            let operation = "ListDelegatedAdministrators";
            let admins = self.list(&HOME, SERVICE, operation, json!({})).await?;
            flat(&admins, |admin| async {
                let id = needed(operation, admin, "Id")?;
                let input = json!({ "AccountId": id });
                let operation = "ListDelegatedServicesForAccount";
                let found = self.list(&HOME, SERVICE, operation, input);
                let of = json!({ "admin_account_id": id });
                let found = self.if_not_gone(id, found).await?.unwrap_or_default();
                let rows = found.iter().map(|it| row(table, it, of.clone()));
                Ok(rows.collect())
            })
            .await
        };
        self.keep(table, None, started, rows.await)
    }
}

fn ids(accounts: &[Value]) -> Vec<String> {
    let ids = accounts.iter().filter_map(|it| text(it, "Id"));
    ids.map(str::to_owned).collect()
}

/// All accounts' places by their paths; `None` if one lacks it: sources are not mixed.
fn placed(accounts: &[Value]) -> Option<Placed> {
    let mut placed = Placed::new();
    for account in accounts {
        let id = text(account, "Id")?;
        let paths = list(account, "Paths").iter().filter_map(Value::as_str);
        let parent = AccountPath::of(id, paths)?.parent().to_owned();
        placed.entry(parent).or_default().push(id.to_owned());
    }
    Some(placed)
}

fn chosen(
    scope: &SyncScope,
    described: &Value,
    accounts: &[Value],
    tree: &UnitTree,
) -> Collected<FoundOrganization> {
    let (below, unknown_units) = tree.below(&scope.units);
    let mut unknown = scope.accounts.clone();
    let (mut members, mut asked) = (Vec::new(), Vec::new());
    for account in accounts {
        let id = needed("ListAccounts", account, "Id")?;
        let id =
            AccountId::new(id).map_err(|error| undecodable("ListAccounts", &error.to_string()))?;
        unknown.remove(&id);
        let is_named = scope.accounts.is_empty() || scope.accounts.contains(&id);
        let is_below = scope.units.is_empty() || below.contains(id.as_str());
        let state = account_state(|it| text(account, it));
        let member = FoundMember {
            is_active: state == Some("ACTIVE"),
            id,
        };
        if is_named && is_below {
            asked.push(member.clone());
        }
        members.push(member);
    }
    for accounts in [&mut members, &mut asked] {
        accounts.sort_by(|a, b| a.id.cmp(&b.id));
    }
    Ok(FoundOrganization {
        management: needed("DescribeOrganization", described, "MasterAccountId")?.to_owned(),
        all: ids(accounts),
        members,
        accounts: asked,
        unknown: unknown.into_iter().collect(),
        unknown_units,
    })
}

/// Maps a state to the retired member `Status`, which had no value for a permanently closed
/// account.
fn older_word(state: &str) -> &str {
    match state {
        "CLOSED" => "SUSPENDED",
        other => other,
    }
}

fn organization_row(described: &Value) -> Value {
    let types = list(described, "AvailablePolicyTypes");
    let more = json!({ "available_policy_types": types });
    row("aws_organizations", described, more)
}

fn unit_row(unit: &Unit) -> Value {
    let more = json!({ "parent_id": unit.parent, "path": unit.path, "depth": unit.depth });
    row(
        "aws_organizations_organizational_units",
        &unit.document,
        more,
    )
}
