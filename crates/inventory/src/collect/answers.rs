//! Tables whose rows come from a single operation.

use std::io;

use crate::{AnswerMember, AnswerRows, AskedFrom, InventoryTable, RowSource, SyncGroup};
use hallpass_base::AccountId;
use serde_json::{Map, Value, json};

use crate::collect::collector::{Collected, Collector};
use crate::collect::documents::{if_there, member};
use crate::collect::ports::CallPlace;
use crate::collect::rows::row;

impl Collector<'_> {
    pub(crate) async fn answers(
        &self,
        group: SyncGroup,
        account: Option<&AccountId>,
    ) -> io::Result<()> {
        let own = group.tables();
        for table in own.filter(|it| it.slice.account.is_some() == account.is_some()) {
            let RowSource::Answer(from) = &table.from else {
                continue;
            };
            if self.wants(table.name, account) {
                let started = self.now();
                let rows = self.answered_rows(table, from, account).await;
                self.keep(table.name, account, started, rows)?;
            }
        }
        Ok(())
    }

    async fn answered_rows(
        &self,
        table: &InventoryTable,
        from: &AnswerRows,
        account: Option<&AccountId>,
    ) -> Collected<Vec<Value>> {
        let (place, input) = match (from.asked, account) {
            (AskedFrom::Outside(name), Some(account)) => {
                let account = (name.to_owned(), json!(account));
                (CallPlace::Home, Map::from_iter([account]))
            }
            (AskedFrom::Inside, Some(account)) => (CallPlace::Inside(account.clone()), Map::new()),
            (AskedFrom::Outside(_) | AskedFrom::Inside, None) => (CallPlace::Home, Map::new()),
        };
        let (service, operation, input) = (from.service, from.operation, Value::Object(input));
        let found = match from.rows {
            AnswerMember::List => self.list(&place, service, operation, input).await?,
            AnswerMember::One(name) => {
                let answer = self.call(&place, service, operation, input).await;
                vec![member(&if_there(answer)?.unwrap_or_default(), name)]
            }
        };
        let whose = table.slice.account.zip(account);
        let whose = whose.map(|(column, account)| (column.to_owned(), json!(account)));
        let whose = Value::Object(whose.into_iter().collect());
        let rows = found.iter().map(|it| row(table.name, it, whose.clone()));
        Ok(rows.collect())
    }
}
