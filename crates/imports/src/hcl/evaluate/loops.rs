use std::collections::BTreeMap;

use hcl_edit::expr::ForExpr;

use super::{Evaluated, Evaluator, HclPlace, deferred};
use crate::hcl::value::{EvalProblem, HclKind, HclValue};

impl Evaluator<'_> {
    pub(super) fn each(&mut self, at: HclPlace, each: &ForExpr) -> Evaluated {
        let over = self.expression(&each.intro.collection_expr)?.known()?;
        let pairs: Vec<(HclValue, HclValue)> = match over.kind {
            HclKind::List(items) => {
                let pairs = items.into_iter().enumerate();
                let number = |place: usize| HclKind::Number(place.to_string());
                { pairs.map(|(place, item)| (HclValue::new(at, number(place)), item)) }.collect()
            }
            HclKind::Set(items) => items.into_iter().map(|it| (it.clone(), it)).collect(),
            HclKind::Map(map) => {
                let pairs = map.into_iter();
                pairs
                    .map(|(key, it)| (HclValue::text(it.at, key), it))
                    .collect()
            }
            kind => {
                let over = HclValue::new(over.at, kind);
                return Err(over.no("a list or an object"));
            }
        };
        let mut made = Made::default();
        for (key, value) in pairs {
            let depth = self.scope.len();
            if let Some(name) = &each.intro.key_var {
                self.scope.push((name.as_str().to_owned(), key));
            }
            let name = each.intro.value_var.as_str().to_owned();
            self.scope.push((name, value));
            let turn = self.turn(at, each, &mut made);
            self.scope.truncate(depth);
            turn?;
        }
        let kind = match (&each.key_expr, each.grouping) {
            (None, _) => HclKind::List(made.list),
            (Some(_), false) => HclKind::Map(made.map),
            (Some(_), true) => {
                let groups = made.groups.into_iter();
                let list = |items| HclValue::new(at, HclKind::List(items));
                HclKind::Map(groups.map(|(key, items)| (key, list(items))).collect())
            }
        };
        Ok(HclValue::new(at, kind))
    }

    fn turn(&mut self, at: HclPlace, each: &ForExpr, made: &mut Made) -> Result<(), EvalProblem> {
        if let Some(condition) = &each.cond
            && !self.expression(&condition.expr)?.into_flag()?
        {
            return Ok(());
        }
        let key = match &each.key_expr {
            Some(key) => Some(self.expression(key)?.into_text()?),
            None => None,
        };
        let value = self.expression(&each.value_expr);
        let value = deferred(at, value).and_then(|value| self.work.made(value))?;
        match key {
            None => made.list.push(value),
            Some(key) if each.grouping => made.groups.entry(key).or_default().push(value),
            Some(key) => {
                if made.map.insert(key, value).is_some() {
                    return Err(EvalProblem::fails(at, "a key is there twice in a `for`"));
                }
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Made {
    list: Vec<HclValue>,
    map: BTreeMap<String, HclValue>,
    groups: BTreeMap<String, Vec<HclValue>>,
}
