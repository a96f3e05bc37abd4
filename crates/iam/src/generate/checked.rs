//! Rejects generator output that our parser or size limits would refuse (`policies.md` §1, §5).

use super::{Draft, Layout};
use crate::input::BadInput;
use crate::language::PolicyType;
use crate::lint::{LintCode, LintFinding, must_be_clean};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedDraft {
    draft: Draft,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unprintable {
    /// A bug: the output is invalid.
    #[error("the policy that was made is refused by `{code}`: {message}")]
    Broken { code: String, message: String },
    #[error(transparent)]
    Unusable(#[from] BadInput),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    pub policy: CheckedDraft,
    pub warnings: Vec<String>,
}

impl CheckedDraft {
    pub fn text(&self, layout: Layout) -> String {
        self.draft.text(layout)
    }

    pub fn draft(&self) -> &Draft {
        &self.draft
    }
}

/// Classifies a lint error: requested text is the user's fault, the rest a bug.
fn refused(finding: &LintFinding) -> Unprintable {
    let message = format!("{} (at {})", finding.message, finding.pointer);
    let code = match finding.code {
        LintCode::ActionMalformed | LintCode::ActionUnknown => "E_ACTION",
        LintCode::ResourceMalformed
        | LintCode::ResourceMismatch
        | LintCode::ResourcePartial
        | LintCode::ResourceStarRequired => "E_ARN",
        LintCode::Placeholder | LintCode::ValueType => "E_ARG",
        LintCode::Size => {
            let message = format!("{}; ask for less, or for several policies", finding.message);
            return BadInput::new("E_SIZE", message, "").into();
        }
        code => {
            return Unprintable::Broken {
                code: code.to_string(),
                message,
            };
        }
    };
    BadInput::new(code, message, "").into()
}

/// Parses, lints and measures the output independently.
///
/// # Errors
/// `Unusable` (`E_SIZE`) for an oversized request; `Broken` for a bug.
pub fn checked(draft: Draft, kind: PolicyType) -> Result<CheckedDraft, Unprintable> {
    must_be_clean(&draft.json(), kind).map_err(|finding| refused(&finding))?;
    Ok(CheckedDraft { draft })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{DraftStatement, Many};
    use crate::language::Effect;

    #[test]
    fn what_we_would_refuse_is_not_printed() {
        let statement = DraftStatement::new("A", Effect::Deny, Many::one("s3:*"));
        let good = checked(statement.clone().into(), PolicyType::Scp).unwrap();
        assert_eq!(
            good.text(Layout::Minified),
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"A\",\"Effect\":\"Deny\",\
             \"Action\":\"s3:*\",\"Resource\":\"*\"}]}\n"
        );
        let broken = checked(statement.clone().into(), PolicyType::Rcp).unwrap_err();
        assert!(matches!(broken, Unprintable::Broken { .. }), "{broken}");
        let many = Many::list((0..1_000).map(|n| format!("{n:012}")));
        let large = statement.when("StringNotEquals", "aws:ResourceAccount", many);
        let refused = checked(large.into(), PolicyType::Scp).unwrap_err();
        assert!(matches!(refused, Unprintable::Unusable(_)), "{refused}");
    }

    #[test]
    fn a_name_that_was_given_may_look_left_to_be_filled_in() {
        let made = |name: &str| {
            let statement = DraftStatement::new("A", Effect::Deny, Many::one("*"));
            let users = Many::one(format!("*:{name}"));
            let statement = statement.when("StringLike", "aws:userid", users);
            checked(statement.into(), PolicyType::Scp)
        };
        for name in [
            "anna.XXXL@corp.com",
            "REPLACEMENTS",
            "CHANGEME",
            "YOUR_BANK",
        ] {
            let made = made(name).unwrap().text(Layout::Minified);
            assert!(made.contains(name), "{made}");
        }
        // no name has these
        for left in ["<NAME>", "{{name}}", "${Name}"] {
            let refused = made(left).unwrap_err();
            assert!(matches!(refused, Unprintable::Unusable(_)), "{refused}");
        }
        let to = Many::one("arn:aws:s3:::prod-XXX");
        let statement = DraftStatement::new("A", Effect::Deny, Many::one("s3:*"));
        assert!(checked(statement.on(to).into(), PolicyType::Scp).is_ok());
    }
}
