use super::effective::Effective;
use super::statement;
use crate::error::LoadError;
use crate::facts::ActionFacts;
use crate::language::{PolicyJson, PolicyType, ScpLanguage};

/// Returns the known actions that policies of an identity allow together, by service and name.
/// Actions denied unconditionally everywhere are excluded; other denies are ignored.
///
/// # Errors
/// A policy is not JSON, or too large or deep.
pub fn allowed_actions(policies: &[&str]) -> Result<Vec<&'static ActionFacts>, LoadError> {
    let mut effective = Effective::default();
    for text in policies {
        let source = PolicyJson::new(text)?;
        let (document, _) = source.document(PolicyType::Identity, ScpLanguage::Full);
        for statement in &document.statements {
            effective.take(statement, &statement::read(statement));
        }
    }
    Ok(effective.actions())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_allow_together_and_what_one_denies_everywhere_is_gone() {
        let wide = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}"#;
        let one = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["sns:Publish","sqs:SendMessage"],"Resource":"*"}}"#;
        let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sqs:Delete*","Resource":"*"},
            {"Effect":"Deny","Action":"sns:*","Resource":"arn:aws:sns:*:*:prod"}]}"#;
        let names = |policies: &[&str]| {
            let found = allowed_actions(policies).unwrap();
            found.iter().map(|it| it.full_name()).collect::<Vec<_>>()
        };
        assert_eq!(names(&[one]), ["sns:Publish", "sqs:SendMessage"]);
        let all = names(&[one, wide, deny]);
        assert!(
            all.contains(&"sns:Publish".to_owned())
                && all.contains(&"sqs:ReceiveMessage".to_owned())
        );
        assert!(
            !all.iter().any(|it| it.starts_with("sqs:Delete")),
            "{all:?}"
        );
        assert_eq!(names(&[]), Vec::<String>::new());
        assert!(allowed_actions(&["{"]).is_err());
    }
}
