use std::collections::HashSet;

use crate::collect::{CallPlace, ServiceCalls};
use serde_json::{Map, Value};

use crate::addresses::select_error::SelectError;

/// The tokens used so far.
#[derive(Default)]
pub(crate) struct Tokens(HashSet<String>);

impl Tokens {
    /// Sets the next token; a repeated one would loop forever.
    pub(crate) fn put(
        &mut self,
        input: &mut Value,
        next: Map<String, Value>,
    ) -> Result<(), SelectError> {
        if !self.0.insert(Value::Object(next.clone()).to_string()) {
            return Err(SelectError::RepeatedToken);
        }
        if let Some(members) = input.as_object_mut() {
            members.extend(next);
        }
        Ok(())
    }
}

pub(crate) async fn listed(
    calls: &dyn ServiceCalls,
    (service, operation): (&'static str, &'static str),
    mut input: Value,
    list: &str,
) -> Result<Vec<Value>, SelectError> {
    let (mut tokens, mut all) = (Tokens::default(), Vec::new());
    loop {
        let page = calls.call(&CallPlace::Home, (service, operation), &input);
        let page = page.await.map_err(|it| SelectError::Call(Box::new(it)))?;
        let rows = page.answer.get(list).and_then(Value::as_array);
        all.extend(rows.into_iter().flatten().cloned());
        match page.next {
            None => return Ok(all),
            Some(next) => tokens.put(&mut input, next)?,
        }
    }
}
