//! Order of operations for a revocation, as text (`policies.md` §12).

use std::fmt::Write as _;

use hallpass_base::Timestamp;
use jiff::SignedDuration;

use super::form::RevocationForm;

/// Eight steps; the last has the time to remove the policy.
pub(super) fn text(
    form: RevocationForm,
    issued_before: Option<Timestamp>,
    ends: Option<Timestamp>,
) -> String {
    let attach = match form {
        RevocationForm::Scp => {
            "attach the deny as a service control policy above every account they reach; the \
             management account needs the IAM form on its roles"
        }
        RevocationForm::Iam => {
            "put the deny on the roles they use in the management account; roles of permission \
             sets take it through the permission set"
        }
        RevocationForm::PermissionSet => {
            "put the deny into the inline policy of the permission set and provision it again in \
             every account"
        }
    };
    let ends = ends.and_then(|it| {
        Timestamp::from_second(it.as_second()).ok().map(|whole| {
            let more = i64::from(whole < it);
            whole
                .checked_add(SignedDuration::from_secs(more))
                .unwrap_or(whole)
        })
    });
    let detach = match ends {
        Some(end) => format!("detach the deny after {end}: no session it is about lasts longer"),
        None => "detach the deny when no session it is about can be left".to_owned(),
    };
    let chained = match issued_before {
        Some(instant) => format!(
            "check chained roles: sessions issued before {instant} are revoked for the named \
             roles only, and new sessions work"
        ),
        None => {
            "check chained roles: a session that chose its own name and has no source identity \
                 is not matched; revoke those roles by issue time"
                .to_owned()
        }
    };
    let steps = [
        "disable the user at the identity provider: no new sign-in",
        "disable the user in the identity store: no new role session",
        "remove account assignments and group memberships",
        "delete the portal sessions",
        attach,
        &chained,
        "look for long-term keys: access keys of IAM users are not sessions and are not matched",
        &detach,
    ];
    let mut text = String::new();
    for (number, step) in steps.iter().enumerate() {
        let _ = writeln!(text, "{}. {step}", number + 1);
    }
    text
}
