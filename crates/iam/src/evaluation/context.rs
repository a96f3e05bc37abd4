//! Condition keys and values of a request (AWS: "AWS global condition context keys").

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextValue {
    One(String),
    /// An empty list counts as absent.
    List(Vec<String>),
}

impl ContextValue {
    pub fn values(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::List(values) => values,
        }
    }
}

/// Names ignore case, including the part after `/`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// Sorted by lower-case key.
    entries: Vec<(Box<str>, ContextValue)>,
}

impl Context {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn set(&mut self, key: &str, value: ContextValue) -> bool {
        let key = key.to_lowercase();
        match self.place(&key) {
            Ok(at) => {
                if let Some((_, old)) = self.entries.get_mut(at) {
                    *old = value;
                }
                false
            }
            Err(at) => {
                self.entries.insert(at, (key.into(), value));
                true
            }
        }
    }

    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.set(key, ContextValue::One(value.into()));
        self
    }

    #[must_use]
    pub fn with_list<T: Into<String>>(
        mut self,
        key: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        self.set(key, ContextValue::List(values));
        self
    }

    /// Ignores case; `None` if absent or an empty list.
    pub fn get(&self, key: &str) -> Option<&ContextValue> {
        self.lower(&key.to_lowercase())
    }

    /// As [`Context::get`], for a lower-case key.
    pub(crate) fn lower(&self, key: &str) -> Option<&ContextValue> {
        let at = self.place(key).ok()?;
        self.entries
            .get(at)
            .map(|(_, value)| value)
            .filter(|value| !matches!(value, ContextValue::List(list) if list.is_empty()))
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|(known, _)| (**known).cmp(key))
    }

    /// Value of a policy variable, or the default for an absent or empty key. None for several
    /// values.
    pub(crate) fn variable<'c>(&'c self, key: &str, default: Option<&'c str>) -> Option<&'c str> {
        match self.lower(key) {
            None => default,
            Some(ContextValue::One(value)) if value.is_empty() => default,
            Some(ContextValue::One(value)) => Some(value),
            Some(ContextValue::List(_)) => None,
        }
    }

    /// Lower-case keys with values, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ContextValue)> {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }
}
