use crate::Paging;
use serde_json::{Map, Value};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no place in an answer (this is a bug)")]
pub struct BadPaging(String);

/// The members of the next input; `None` at the last page. An empty token counts as absent.
pub fn next_page(paging: &Paging, answer: &Value) -> Result<Option<Map<String, Value>>, BadPaging> {
    if let Some(more) = &paging.more
        && at(more, answer)? != Value::Bool(true)
    {
        return Ok(None);
    }
    let mut next = Map::new();
    for (input, output) in paging.input.iter().zip(&paging.output) {
        let token = at(output, answer)?;
        let is_empty = token.is_null() || token.as_str().is_some_and(str::is_empty);
        if !is_empty {
            next.insert(input.clone(), token);
        }
    }
    Ok((!next.is_empty()).then_some(next))
}

/// Usually a member name; else a path, as in `NextMarker || Contents[-1].Key`.
fn at(path: &str, answer: &Value) -> Result<Value, BadPaging> {
    if path.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(answer.get(path).cloned().unwrap_or_default());
    }
    let bad = || BadPaging(path.to_owned());
    let expression = jmespath::compile(path).map_err(|_| bad())?;
    let found = expression.search(answer).map_err(|_| bad())?;
    serde_json::to_value(&*found).map_err(|_| bad())
}
