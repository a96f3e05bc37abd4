use std::collections::BTreeSet;

use hallpass_access_files::{AccessRefusal, CallerSession, refusals};
use hallpass_app::chores::access_look::Compared;
use hallpass_app::chores::plans::PlanContext;
use hallpass_assignments::{IdentityCenter as _, Urgency};
use hallpass_base::Target;
use hallpass_terminal::exit::Failure;

pub(super) async fn refused(
    context: &PlanContext,
    compared: &Compared,
) -> Result<Vec<AccessRefusal>, Failure> {
    let caller = caller(context, compared).await?;
    Ok(refusals(
        &compared.diff,
        &compared.wanted,
        &compared.seen,
        caller.as_ref(),
    ))
}

async fn caller(
    context: &PlanContext,
    compared: &Compared,
) -> Result<Option<CallerSession>, Failure> {
    let arn = &context.aws.about().arn;
    let Some((permission_set, account, name)) = CallerSession::parse(arn) else {
        return Ok(None);
    };
    let people = &compared.directory.snapshot().people;
    let person = people.iter().find(|it| it.user_name == name);
    let user = person.map(|it| it.user_id.clone());
    let mut groups = BTreeSet::new();
    let assigned = compared
        .seen
        .assignments
        .iter()
        .filter(|it| it.permission_set == permission_set && it.account == account);
    for it in assigned {
        let hallpass_access_files::PrincipalRef::Group(group) = &it.principal else {
            continue;
        };
        let target = Target::Group {
            group: group.clone(),
        };
        let members = context.aws.holders(&target, Urgency::Background).await;
        let members = members.map_err(|fault| {
            Failure::failed(format!("cannot read the members of group {group}: {fault}"))
        })?;
        if user.as_ref().is_some_and(|user| members.contains(user)) {
            groups.insert(group.clone());
        }
    }
    Ok(Some(CallerSession {
        permission_set,
        account,
        user,
        groups,
    }))
}
