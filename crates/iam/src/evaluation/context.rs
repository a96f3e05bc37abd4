//! The request context: condition keys and their values (AWS: "AWS global condition context
//! keys").

/// The value of a condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextValue {
    /// A key with one value.
    One(String),
    /// A key with a list of values; an empty list counts as absent.
    List(Vec<String>),
}

impl ContextValue {
    /// The values; one for a key with one value.
    pub fn values(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::List(values) => values,
        }
    }
}

/// The condition keys of a request. Names are compared without regard to case, the part behind
/// `/` included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// Sorted by the key in lower case.
    entries: Vec<(Box<str>, ContextValue)>,
}

impl Context {
    /// No keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key; a key set before gets the new value. Tells whether it was new.
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

    /// The same with a single-valued key.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.set(key, ContextValue::One(value.into()));
        self
    }

    /// The same with a multi-valued key.
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

    /// The value of a key, whatever its case; `None` when absent or an empty list.
    pub fn get(&self, key: &str) -> Option<&ContextValue> {
        self.lower(&key.to_lowercase())
    }

    /// As [`Context::get`], for a key in lower case already.
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

    /// What a policy variable stands for: the key's value, or the default where the key is
    /// absent or empty. For a key with several values nothing can stand.
    pub(crate) fn variable<'c>(&'c self, key: &str, default: Option<&'c str>) -> Option<&'c str> {
        match self.lower(key) {
            None => default,
            Some(ContextValue::One(value)) if value.is_empty() => default,
            Some(ContextValue::One(value)) => Some(value),
            Some(ContextValue::List(_)) => None,
        }
    }

    /// Every key in lower case with its value, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ContextValue)> {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }
}
