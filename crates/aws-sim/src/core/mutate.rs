use crate::base::{Millis, Random};
use serde_json::{Map, Value};

use super::{
    attaching, control_tower,
    directory::{remove_group, remove_user},
    document::Document,
    entities::{
        Assignment, AssignmentKey, AsyncKind, AsyncState, Id, Membership, Operation, Origin,
        PrincipalType, Tags,
    },
    guardrails::Guardrail,
    identity_events::{self, IdentityNews},
    portal,
    settle::{duration, enqueue},
    state::SimState,
    tree::put_under,
};
use crate::{
    organization::Delegation,
    vocabulary::{
        policy_types::{self, SCP},
        session_seconds,
    },
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MutationRefused {
    pub field: String,
    pub message: String,
}

fn refuse<T>(field: &str, message: impl Into<String>) -> Result<T, MutationRefused> {
    Err(MutationRefused {
        field: field.to_owned(),
        message: message.into(),
    })
}

struct MutationFields<'a> {
    name: &'a str,
    fields: Map<String, Value>,
    is_async: bool,
    seq: u64,
    now: Millis,
}

impl MutationFields<'_> {
    fn optional(&mut self, field: &str) -> Result<Option<String>, MutationRefused> {
        match self.fields.shift_remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => refuse(&format!("{}.{field}", self.name), "expected text"),
        }
    }

    fn need(&mut self, field: &str) -> Result<String, MutationRefused> {
        match self.optional(field)? {
            Some(text) => Ok(text),
            None => refuse(&format!("{}.{field}", self.name), "is missing"),
        }
    }

    fn done(&self) -> Result<(), MutationRefused> {
        match self.fields.keys().next() {
            Some(key) => refuse(&format!("{}.{key}", self.name), "unknown key"),
            None => Ok(()),
        }
    }

    fn missing<T>(&self, field: &str, name: &str) -> Result<T, MutationRefused> {
        refuse(
            &format!("{}.{field}", self.name),
            format!("there is no `{name}`"),
        )
    }
}

/// Applies one change: `{"delete_user": {"user": "…"}}`, with `"async": true` for slow assignments.
///
/// # Errors
/// Unknown change, invalid field, or unresolved name.
pub(crate) fn mutate(
    state: &mut SimState,
    body: &Value,
    seq: u64,
    now: Millis,
) -> Result<(), MutationRefused> {
    let Value::Object(body) = body else {
        return refuse("", "expected an object");
    };
    let mut names = body.keys().filter(|key| *key != "async");
    let (Some(name), None) = (names.next(), names.next()) else {
        return refuse("", "give exactly one change");
    };
    let Some(Value::Object(fields)) = body.get(name) else {
        return refuse(name, "expected an object");
    };
    let mut fields = fields.clone();
    let is_async = [body.get("async"), fields.shift_remove("async").as_ref()]
        .into_iter()
        .flatten()
        .any(|value| *value == Value::Bool(true));
    let change = MutationFields {
        name,
        fields,
        is_async,
        seq,
        now,
    };
    match change_of(name) {
        Some(make) => make(state, change),
        None => refuse(name, "unknown change"),
    }
}

type Change = fn(&mut SimState, MutationFields<'_>) -> Result<(), MutationRefused>;

fn change_of(name: &str) -> Option<Change> {
    Some(match name {
        "create_assignment" => |state, change| assignment(state, change, AsyncKind::Create),
        "delete_assignment" => |state, change| assignment(state, change, AsyncKind::Delete),
        "delete_user" | "disable_user" | "enable_user" | "delete_portal_sessions" => user,
        "rename_group" | "delete_group" => group,
        "add_member" | "remove_member" => member,
        "move_account" | "close_account" | "suspend_account" => account,
        "change_permission_set" | "rename_permission_set_role" => permission_set,
        "delegate" | "undelegate" => delegate,
        "attach_scp" => attach,
        "detach_scp" => detach,
        _ => return None,
    })
}

pub(crate) fn is_change(name: &str) -> bool {
    change_of(name).is_some()
}

pub(crate) fn account_named(state: &SimState, name: &str) -> Option<Id> {
    if let Some(account) = state.account(name) {
        return Some(account.id.clone());
    }
    let mut found = state
        .accounts
        .iter()
        .filter(|(_, account)| account.name == name);
    let first = found.next()?;
    found.next().is_none().then(|| first.1.id.clone())
}

fn key(
    state: &SimState,
    change: &mut MutationFields<'_>,
) -> Result<AssignmentKey, MutationRefused> {
    let account = change.need("account")?;
    let set = change.need("permission_set")?;
    let (user, group) = (change.optional("user")?, change.optional("group")?);
    let (user_id, group_id) = (change.optional("user_id")?, change.optional("group_id")?);
    change.done()?;
    let Some(account_id) = account_named(state, &account) else {
        return change.missing("account", &account);
    };
    let Some(set_id) = state.set_named(&set).map(|set| set.id.clone()) else {
        return change.missing("permission_set", &set);
    };
    let (kind, principal) = match (user, group, user_id, group_id) {
        (Some(name), None, None, None) => match state.user_named(&name) {
            Some(user) => (PrincipalType::User, user.id.clone()),
            None => return change.missing("user", &name),
        },
        (None, Some(name), None, None) => match state.group_named(&name) {
            Some(group) => (PrincipalType::Group, group.id.clone()),
            None => return change.missing("group", &name),
        },
        (None, None, Some(id), None) => (PrincipalType::User, id.as_str().into()),
        (None, None, None, Some(id)) => (PrincipalType::Group, id.as_str().into()),
        _ => {
            return refuse(
                change.name,
                "give exactly one of user, group, user_id, group_id",
            );
        }
    };
    Ok(state.assignment_key(&account_id, &set_id, kind, &principal))
}

fn assignment(
    state: &mut SimState,
    mut change: MutationFields<'_>,
    kind: AsyncKind,
) -> Result<(), MutationRefused> {
    let key = key(state, &mut change)?;
    let now = change.now;
    if change.is_async {
        let mut random = Random::new(state.seed, &format!("mutate {}", change.seq));
        let id = random.uuid();
        let due = now + duration(state.settings.speed, 0, &mut random);
        enqueue(
            state,
            Operation {
                id: id.as_str().into(),
                kind,
                account: Some(key.account),
                set: key.set,
                principal: Some((key.principal_type, key.principal)),
                created: now,
                due,
                progress: AsyncState::Running,
                fail: None,
                hidden: false,
                foreign: true,
            },
        );
        return Ok(());
    }
    match kind {
        AsyncKind::Create => {
            if state.assignments.latest(&key).is_none() {
                state.add_assignment(key, Assignment::since(now), now, now);
            }
        }
        AsyncKind::Delete => {
            if state.assignments.latest(&key).is_none() {
                return refuse(change.name, "there is no such assignment");
            }
            state.remove_assignment(&key, now, now);
        }
        AsyncKind::Provision => {}
    }
    Ok(())
}

fn user(state: &mut SimState, mut change: MutationFields<'_>) -> Result<(), MutationRefused> {
    let name = change.need("user")?;
    change.done()?;
    let Some(mut user) = state.user_named(&name).cloned() else {
        return change.missing("user", &name);
    };
    if change.name == "delete_user" {
        remove_user(state, &user.id, change.now, change.now);
        identity_events::tell(state, &IdentityNews::User("Deleted", &user.id));
    } else if change.name == "delete_portal_sessions" {
        portal::revoke(state, &user.id, change.now);
    } else {
        user.enabled = change.name == "enable_user";
        touch(&mut user.origin, change.now);
        let id = user.id.clone();
        state.put_user(user, change.now, change.now);
        identity_events::tell(state, &IdentityNews::User("Updated", &id));
    }
    Ok(())
}

fn touch(origin: &mut Origin, now: Millis) {
    origin.revision += 1;
    origin.updated = now;
    "somebody-else".clone_into(&mut origin.updated_by);
}

fn group(state: &mut SimState, mut change: MutationFields<'_>) -> Result<(), MutationRefused> {
    let name = change.need("group")?;
    let to = if change.name == "rename_group" {
        Some(change.need("to")?)
    } else {
        None
    };
    change.done()?;
    let Some(mut group) = state.group_named(&name).cloned() else {
        return change.missing("group", &name);
    };
    let Some(to) = to else {
        remove_group(state, &group.id, change.now, change.now);
        identity_events::tell(state, &IdentityNews::Group("Deleted", &group.id));
        return Ok(());
    };
    if state.group_named(&to).is_some() {
        return refuse(
            "rename_group.to",
            format!("there is a group `{to}` already"),
        );
    }
    group.attributes.insert("DisplayName".to_owned(), to.into());
    touch(&mut group.origin, change.now);
    let id = group.id.clone();
    state.put_group(group, change.now, change.now);
    identity_events::tell(state, &IdentityNews::Group("Updated", &id));
    Ok(())
}

fn member(state: &mut SimState, mut change: MutationFields<'_>) -> Result<(), MutationRefused> {
    let (group, user) = (change.need("group")?, change.need("user")?);
    change.done()?;
    let Some(group_id) = state.group_named(&group).map(|group| group.id.clone()) else {
        return change.missing("group", &group);
    };
    let Some(user_id) = state.user_named(&user).map(|user| user.id.clone()) else {
        return change.missing("user", &user);
    };
    let key = state.membership_key(&group_id, &user_id);
    let stands = state.memberships.latest(&key).is_some();
    if change.name == "remove_member" {
        if !stands {
            return refuse("remove_member", "there is no such membership");
        }
        state.memberships.remove(&key, change.now, change.now);
        let news = IdentityNews::Membership("Deleted", &group_id, &user_id);
        identity_events::tell(state, &news);
    } else if !stands {
        let uuid = Random::new(state.seed, &format!("mutate {}", change.seq)).uuid();
        let id = format!("{}-{uuid}", state.center.store.trim_start_matches("d-"));
        let mut origin = Origin {
            created: change.now,
            created_by: "somebody-else".to_owned(),
            ..Origin::default()
        };
        touch(&mut origin, change.now);
        let row = Membership {
            id: id.as_str().into(),
            group: group_id.clone(),
            user: user_id.clone(),
            origin,
        };
        state.put_membership(row, change.now, change.now);
        let news = IdentityNews::Membership("Created", &group_id, &user_id);
        identity_events::tell(state, &news);
    }
    Ok(())
}

fn account(state: &mut SimState, mut change: MutationFields<'_>) -> Result<(), MutationRefused> {
    let name = change.need("account")?;
    let to = if change.name == "move_account" {
        Some(change.need("to")?)
    } else {
        None
    };
    change.done()?;
    let found = account_named(state, &name).and_then(|id| state.account(&id).cloned());
    let Some(mut account) = found else {
        return change.missing("account", &name);
    };
    let now = change.now;
    if let Some(to) = to {
        let Some(parent) = parent_named(state, &to) else {
            return change.missing("to", &to);
        };
        let id = account.id.clone();
        put_under(state, account, &parent, now, now);
        control_tower::moved(state, &id, &parent, None);
    } else {
        "SUSPENDED".clone_into(&mut account.state);
        let place = state.place(&account.id);
        state.accounts.put(place, account, now, now);
    }
    Ok(())
}

/// The root by id or as `Root`, an OU by id, name or path.
fn parent_named(state: &SimState, name: &str) -> Option<Id> {
    if name == "Root" || name == state.head.root {
        return Some(state.head.root.as_str().into());
    }
    if let Some(ou) = state.ou(name) {
        return Some(ou.id.clone());
    }
    let mut steps = name.split('/').rev();
    let last = steps.next()?;
    let above: Vec<&str> = steps.collect();
    let mut found = state.ous.iter().map(|(_, ou)| ou).filter(|ou| {
        let mut at = ou.parent.clone();
        let parents_fit = above.iter().all(|step| match state.ou(&at) {
            Some(parent) => {
                let fits = parent.name == *step;
                at = parent.parent.clone();
                fits
            }
            None => false,
        });
        ou.name == last && parents_fit
    });
    let first = found.next()?.id.clone();
    found.next().is_none().then_some(first)
}

fn permission_set(
    state: &mut SimState,
    mut change: MutationFields<'_>,
) -> Result<(), MutationRefused> {
    let name = change.need("permission_set")?;
    let Some(mut set) = state.set_named(&name).cloned() else {
        return change.missing("permission_set", &name);
    };
    let now = change.now;
    if change.name == "rename_permission_set_role" {
        let account = change.need("account")?;
        change.done()?;
        let Some(id) = account_named(state, &account) else {
            return change.missing("account", &account);
        };
        let key = (id.clone(), state.order(&set.id), set.id.clone());
        if state.provisions.latest(&key).is_none() {
            return refuse(change.name, "the permission set is not provisioned there");
        }
        let suffix = Random::new(state.seed, &format!("mutate {}", change.seq)).hex(16);
        state.add_provision(&id, &set.id, suffix, now, now);
        return Ok(());
    }
    if let Some(duration) = change.optional("session_duration")? {
        if session_seconds(&duration).is_none() {
            return refuse(
                "change_permission_set.session_duration",
                "from PT1H to PT12H",
            );
        }
        set.session_duration = duration;
    }
    if let Some(description) = change.optional("description")? {
        set.description = Some(description);
    }
    change.done()?;
    set.version += 1;
    let place = state.place(&set.id);
    state.sets.put(place, set, now, now);
    Ok(())
}

fn delegate(state: &mut SimState, mut change: MutationFields<'_>) -> Result<(), MutationRefused> {
    let (service, account) = (change.need("service")?, change.need("account")?);
    change.done()?;
    let Some(id) = account_named(state, &account) else {
        return change.missing("account", &account);
    };
    state
        .head
        .delegations
        .retain(|row| row.service != service || row.account != *id);
    if change.name == "delegate" {
        let since = jiff::Timestamp::from_millisecond(change.now)
            .ok()
            .map(|at| at.to_string());
        state.head.delegations.push(Delegation {
            account: id.to_string(),
            service,
            since,
        });
    }
    Ok(())
}

fn node_named(state: &SimState, name: &str) -> Option<Id> {
    account_named(state, name).or_else(|| parent_named(state, name))
}

fn attach(state: &mut SimState, mut change: MutationFields<'_>) -> Result<(), MutationRefused> {
    let field = format!("{}.policy", change.name);
    let target = change.need("target")?;
    let Some(policy) = change.fields.shift_remove("policy") else {
        return refuse(&field, "is missing");
    };
    change.done()?;
    let Some(node) = node_named(state, &target) else {
        return change.missing("target", &target);
    };
    if !state.has_type(SCP) {
        return refuse(change.name, "service control policies are not enabled");
    }
    let id = match &policy {
        Value::String(name) => {
            let Some(id) = scp_named(state, name) else {
                return change.missing("policy", name);
            };
            id
        }
        document => {
            let content = document.to_string();
            if let Err(message) = policy_types::check_content(SCP, &content) {
                return refuse(&field, message);
            }
            make_scp(state, content, change.seq, change.now)
        }
    };
    state.attach(&id, &node, change.now, change.now);
    Ok(())
}

fn detach(state: &mut SimState, mut change: MutationFields<'_>) -> Result<(), MutationRefused> {
    let (target, policy) = (change.need("target")?, change.need("policy")?);
    change.done()?;
    let Some(node) = node_named(state, &target) else {
        return change.missing("target", &target);
    };
    let Some(id) = scp_named(state, &policy) else {
        return change.missing("policy", &policy);
    };
    if !state.is_attached(&id, &node) {
        return refuse(change.name, "the policy is not attached there");
    }
    state.detach(&id, &node, change.now, change.now);
    Ok(())
}

fn scp_named(state: &SimState, name: &str) -> Option<Id> {
    let rows = state.guardrails.rows.iter().map(|(_, policy)| policy);
    let mut scps = rows.filter(|policy| policy.kind == SCP);
    let found = scps.find(|policy| *policy.id == *name || policy.name == name)?;
    Some(found.id.clone())
}

fn make_scp(state: &mut SimState, content: String, seq: u64, now: Millis) -> Id {
    let mut random = Random::new(state.seed, &format!("mutate {seq}"));
    let id = Id::from(attaching::fresh_id(state, &mut random));
    let policy = Guardrail {
        id: id.clone(),
        name: format!("attached-{seq}"),
        kind: SCP.to_owned(),
        description: String::new(),
        content: Document::new(content),
        tags: Tags::new(),
        aws_managed: false,
    };
    let place = state.place(&id);
    state.guardrails.rows.put(place, policy, now, now);
    id
}
