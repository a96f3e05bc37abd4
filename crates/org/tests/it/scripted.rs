//! Scripted answers for read-only code.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use hallpass_org::{Operation, ReadAnswer, ReadCalls, ReadPlace};
use serde_json::Value;

use crate::gated::read_failed;

#[derive(Clone)]
enum Said {
    Always(Value),
    Made(fn(&Value) -> Value),
}

#[derive(Default)]
pub(crate) struct Scripted {
    answers: BTreeMap<String, Said>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Scripted {
    pub(crate) fn of(answers: &Value) -> Self {
        let members = answers.as_object().unwrap().iter();
        members.fold(Self::default(), |made, (operation, answer)| {
            made.with(operation, answer.clone())
        })
    }

    pub(crate) fn with(mut self, operation: &str, answer: Value) -> Self {
        self.answers
            .insert(operation.to_owned(), Said::Always(answer));
        self
    }

    pub(crate) fn making(mut self, operation: &str, answer: fn(&Value) -> Value) -> Self {
        self.answers
            .insert(operation.to_owned(), Said::Made(answer));
        self
    }

    pub(crate) fn operations(&self) -> Vec<String> {
        self.answers.keys().cloned().collect()
    }

    pub(crate) fn refusing(mut self, operation: &str) -> Self {
        self.answers.remove(operation);
        self
    }
}

#[async_trait]
impl ReadCalls for Scripted {
    async fn call(&self, place: &ReadPlace, operation: Operation, input: &Value) -> ReadAnswer {
        let (service, operation) = operation;
        let account = place.account.as_ref().map(ToString::to_string);
        let account = account.or_else(|| Some(input.get("AccountId")?.as_str()?.to_owned()));
        let place = account.or_else(|| place.region.clone()).unwrap_or_default();
        let asked = format!("{service}:{operation} {place}")
            .trim_end()
            .to_owned();
        self.asked.lock().unwrap().push(asked);
        let own = self.answers.get(&format!("{operation} {place}"));
        match own.or_else(|| self.answers.get(operation)) {
            Some(Said::Always(Value::String(code))) => Err(read_failed(code, "nothing")),
            Some(Said::Always(found)) => Ok((found.clone(), None)),
            Some(Said::Made(made)) => Ok((made(input), None)),
            None => Err(read_failed("AccessDeniedException", "no")),
        }
    }
}
