//! Policy drafts: canonical element order, so equal requests give equal bytes (`policies.md` §1).

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::language::Effect;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    #[default]
    Minified,
    Pretty,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Many {
    One(String),
    /// Without duplicates.
    List(Vec<String>),
}

impl Many {
    pub fn one(text: impl Into<String>) -> Self {
        Self::One(text.into())
    }

    /// Drops duplicates.
    pub fn list<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        let mut list: Vec<String> = Vec::new();
        for text in texts {
            let text = text.into();
            if !list.contains(&text) {
                list.push(text);
            }
        }
        Self::List(list)
    }

    pub fn short<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        match Self::list(texts) {
            Self::List(mut list) if list.len() == 1 => {
                list.pop().map_or(Self::List(list), Self::One)
            }
            other => other,
        }
    }
}

impl Serialize for Many {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(text) => serializer.serialize_str(text),
            Self::List(list) => list.serialize(serializer),
        }
    }
}

/// An element and its negated form: `Action`/`NotAction`, `Resource`/`NotResource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElementSelection {
    Only(Many),
    /// The `Not…` element.
    AllBut(Many),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftStatement {
    /// Letters and digits, unique in the policy.
    pub sid: String,
    pub effect: Effect,
    pub principal: Option<Option<(String, Many)>>,
    pub actions: ElementSelection,
    pub resources: Option<ElementSelection>,
    /// Ordered: operator → key → values.
    pub conditions: Vec<(String, Vec<(String, Many)>)>,
}

impl DraftStatement {
    /// All resources, no conditions.
    pub fn new(sid: impl Into<String>, effect: Effect, actions: Many) -> Self {
        Self {
            sid: sid.into(),
            effect,
            principal: None,
            actions: ElementSelection::Only(actions),
            resources: Some(ElementSelection::Only(Many::one("*"))),
            conditions: Vec::new(),
        }
    }

    #[must_use]
    pub fn on(mut self, resources: Many) -> Self {
        self.resources = Some(ElementSelection::Only(resources));
        self
    }

    #[must_use]
    pub fn all_but(mut self, actions: Many) -> Self {
        self.actions = ElementSelection::AllBut(actions);
        self
    }

    /// Adds `"Principal": "*"`.
    #[must_use]
    pub fn for_everyone(mut self) -> Self {
        self.principal = Some(None);
        self
    }

    #[must_use]
    pub fn when(mut self, operator: &str, key: &str, values: Many) -> Self {
        let line = (key.to_owned(), values);
        match self.conditions.iter_mut().find(|(it, _)| it == operator) {
            Some((_, keys)) => keys.push(line),
            None => self.conditions.push((operator.to_owned(), vec![line])),
        }
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    pub statements: Vec<DraftStatement>,
}

impl Draft {
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn pretty(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    pub fn text(&self, layout: Layout) -> String {
        let mut text = match layout {
            Layout::Minified => self.json(),
            Layout::Pretty => self.pretty(),
        };
        text.push('\n');
        text
    }
}

impl From<DraftStatement> for Draft {
    fn from(statement: DraftStatement) -> Self {
        Self {
            statements: vec![statement],
        }
    }
}

impl Serialize for Draft {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Version", "2012-10-17")?;
        map.serialize_entry("Statement", &self.statements)?;
        map.end()
    }
}

impl Serialize for DraftStatement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Sid", &self.sid)?;
        map.serialize_entry("Effect", self.effect.as_str())?;
        match &self.principal {
            None => {}
            Some(None) => map.serialize_entry("Principal", "*")?,
            Some(Some((key, values))) => {
                map.serialize_entry("Principal", &Pairs(&[(key.clone(), values.clone())]))?;
            }
        }
        match &self.actions {
            ElementSelection::Only(actions) => map.serialize_entry("Action", actions)?,
            ElementSelection::AllBut(actions) => map.serialize_entry("NotAction", actions)?,
        }
        match &self.resources {
            None => {}
            Some(ElementSelection::Only(resources)) => {
                map.serialize_entry("Resource", resources)?;
            }
            Some(ElementSelection::AllBut(resources)) => {
                map.serialize_entry("NotResource", resources)?;
            }
        }
        if !self.conditions.is_empty() {
            map.serialize_entry("Condition", &Operators(&self.conditions))?;
        }
        map.end()
    }
}

struct Operators<'a>(&'a [(String, Vec<(String, Many)>)]);

impl Serialize for Operators<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0
                .iter()
                .map(|(operator, keys)| (operator, Pairs(keys))),
        )
    }
}

struct Pairs<'a>(&'a [(String, Many)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, values)| (key, values)))
    }
}
