//! Account names from the listings that a run reads anyway: a listing of 1,000 accounts is 50
//! calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hallpass_org::{Operation, ReadAnswer, ReadCalls, ReadPlace, SendAnswer, ServiceCalls};
use serde_json::{Map, Value};

const LISTING: Operation = ("organizations", "ListAccounts");
const OPEN_MAX: usize = 16;

pub(super) type AccountNames = BTreeMap<String, String>;

#[derive(Default)]
struct ListingState {
    open: BTreeMap<String, AccountNames>,
    whole: Option<AccountNames>,
}

pub(super) struct NamingCalls {
    calls: Arc<dyn ServiceCalls>,
    state: Mutex<ListingState>,
}

impl NamingCalls {
    pub(super) fn over(calls: Arc<dyn ServiceCalls>) -> Self {
        Self {
            calls,
            state: Mutex::default(),
        }
    }

    pub(super) fn names(&self) -> Option<AccountNames> {
        self.state().whole.clone()
    }

    fn state(&self) -> MutexGuard<'_, ListingState> {
        // every change is complete
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, input: &Value, answer: &Value, next: Option<&Map<String, Value>>) {
        let page = |token: &Value| token.get("NextToken").map(Value::to_string);
        let mut state = self.state();
        let mut names = match page(input) {
            None => AccountNames::new(),
            Some(token) => match state.open.remove(&token) {
                Some(names) => names,
                None => return,
            },
        };
        let rows = answer.get("Accounts").and_then(Value::as_array);
        let text = |row: &Value, name: &str| Some(row.get(name)?.as_str()?.to_owned());
        let pair = |row: &Value| Some((text(row, "Id")?, text(row, "Name")?));
        names.extend(rows.into_iter().flatten().filter_map(pair));
        match next {
            None => state.whole = Some(names),
            Some(next) => {
                let token = page(&Value::Object(next.clone()));
                if let Some(token) = token.filter(|_| state.open.len() < OPEN_MAX) {
                    state.open.insert(token, names);
                }
            }
        }
    }
}

#[async_trait]
impl ReadCalls for NamingCalls {
    async fn call(&self, place: &ReadPlace, operation: Operation, input: &Value) -> ReadAnswer {
        let (answer, next) = self.calls.call(place, operation, input).await?;
        if operation == LISTING && place.account.is_none() {
            self.learn(input, &answer, next.as_ref());
        }
        Ok((answer, next))
    }
}

#[async_trait]
impl ServiceCalls for NamingCalls {
    async fn send(&self, place: &ReadPlace, operation: Operation, input: &Value) -> SendAnswer {
        self.calls.send(place, operation, input).await
    }
}

#[cfg(test)]
mod tests {
    use hallpass_org::read_all;
    use serde_json::json;

    use super::*;

    #[derive(Default)]
    struct Pages(Mutex<u32>);

    #[async_trait]
    impl ReadCalls for Pages {
        async fn call(&self, _: &ReadPlace, _: Operation, input: &Value) -> ReadAnswer {
            let token = input.get("NextToken").and_then(Value::as_str);
            let (listing, page) = match token.and_then(|it| it.split_once('/')) {
                None => {
                    let mut listings = self.0.lock().unwrap();
                    *listings += 1;
                    (listings.to_string(), 0)
                }
                Some((listing, page)) => (listing.to_owned(), page.parse::<u32>().unwrap()),
            };
            let row = |n: u32| json!({ "Id": format!("id-{n}"), "Name": format!("name {n}") });
            let rows = [row(2 * page), row(2 * page + 1)];
            let next = json!({ "NextToken": format!("{listing}/{}", page + 1) });
            let next = next.as_object().filter(|_| page < 2).cloned();
            Ok((json!({ "Accounts": rows }), next))
        }
    }

    #[async_trait]
    impl ServiceCalls for Pages {
        async fn send(&self, _: &ReadPlace, _: Operation, _: &Value) -> SendAnswer {
            panic!("nothing is sent")
        }
    }

    #[tokio::test]
    async fn a_listing_that_was_read_to_its_end_has_the_names() {
        let calls = NamingCalls::over(Arc::new(Pages::default()));
        let list = |operation| {
            let place = ReadPlace::default();
            read_all(&calls, place, operation, json!({}), "Accounts")
        };
        let home = ReadPlace::default();
        let first = calls.call(&home, LISTING, &json!({})).await.unwrap();
        assert_eq!(calls.names(), None, "one page is not all of it");
        list(("organizations", "ListAccountsForParent"))
            .await
            .unwrap();
        assert_eq!(calls.names(), None, "the accounts of a unit are not listed");
        list(LISTING).await.unwrap();
        let all: AccountNames = (0..6)
            .map(|n| (format!("id-{n}"), format!("name {n}")))
            .collect();
        assert_eq!(calls.names(), Some(all.clone()));
        let mut next = first.1;
        while let Some(token) = next {
            let page = calls.call(&home, LISTING, &Value::Object(token)).await;
            next = page.unwrap().1;
        }
        assert_eq!(calls.names(), Some(all));
    }
}
