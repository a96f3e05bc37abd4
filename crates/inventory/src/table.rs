//! Table definitions: columns in order, natural key, source of rows.

use std::fmt;

use aws_lc_rs::digest;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    Text,
    Bool,
    Int8,
    /// `timestamptz`, in microseconds
    Timestamp,
    Json,
}

impl ColumnType {
    /// PostgreSQL's type name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bool => "bool",
            Self::Int8 => "int8",
            Self::Timestamp => "timestamptz",
            Self::Json => "jsonb",
        }
    }
}

/// The name is part of the contract: users' queries depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InventoryColumn {
    pub name: &'static str,
    pub kind: ColumnType,
    /// A collected row may have null here.
    pub nullable: bool,
    pub about: &'static str,
    pub members: ColumnMembers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnMembers {
    /// Set by the collector.
    Computed,
    /// A path with `/`.
    One(&'static str),
    /// A list of the members that exist, or null.
    Every(&'static [&'static str]),
    /// The JSON in this member's text; invalid JSON stays text.
    Document(&'static str),
}

impl InventoryColumn {
    const fn new(name: &'static str, kind: ColumnType) -> Self {
        Self {
            name,
            kind,
            nullable: false,
            about: "",
            members: ColumnMembers::Computed,
        }
    }

    pub(crate) const fn or_null(self) -> Self {
        Self {
            nullable: true,
            ..self
        }
    }

    pub(crate) const fn of(self, member: &'static str) -> Self {
        Self {
            members: ColumnMembers::One(member),
            ..self
        }
    }

    pub(crate) const fn of_every(self, members: &'static [&'static str]) -> Self {
        Self {
            members: ColumnMembers::Every(members),
            ..self
        }
    }

    pub(crate) const fn of_text(self, member: &'static str) -> Self {
        Self {
            members: ColumnMembers::Document(member),
            ..self
        }
    }

    pub(crate) const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }
}

pub(crate) const fn text(name: &'static str) -> InventoryColumn {
    InventoryColumn::new(name, ColumnType::Text)
}

pub(crate) const fn boolean(name: &'static str) -> InventoryColumn {
    InventoryColumn::new(name, ColumnType::Bool)
}

pub(crate) const fn int8(name: &'static str) -> InventoryColumn {
    InventoryColumn::new(name, ColumnType::Int8)
}

pub(crate) const fn time(name: &'static str) -> InventoryColumn {
    InventoryColumn::new(name, ColumnType::Timestamp)
}

pub(crate) const fn json(name: &'static str) -> InventoryColumn {
    InventoryColumn::new(name, ColumnType::Json)
}

pub(crate) const CQ_ID: InventoryColumn =
    text("cq_id").about("the same for the same thing in every snapshot");

#[derive(Debug)]
pub struct InventoryTable {
    pub name: &'static str,
    /// What a row is.
    pub about: &'static str,
    pub from: RowSource,
    pub key: &'static [&'static str],
    /// Columns with account and Region of a row's slice.
    pub slice: SliceColumns,
    /// [`CQ_ID`] first.
    pub columns: &'static [InventoryColumn],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowSource {
    /// Several calls, described in words.
    Steps(&'static str),
    /// One operation's answer, sufficient to collect the table.
    Answer(AnswerRows),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerRows {
    pub service: &'static str,
    pub operation: &'static str,
    pub asked: AskedFrom,
    pub rows: AnswerMember,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedFrom {
    /// The caller, with the account in this input member.
    Outside(&'static str),
    /// The role in the account.
    Inside,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerMember {
    /// The paginated list of the service's model.
    List,
    /// A single object; if missing, the row has only its account.
    One(&'static str),
}

impl fmt::Display for RowSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(words) => f.write_str(words),
            Self::Answer(from) => write!(f, "{}:{}", from.service, from.operation),
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct SliceColumns {
    pub account: Option<&'static str>,
    pub region: Option<&'static str>,
}

impl SliceColumns {
    pub(crate) const GLOBAL: Self = Self {
        account: None,
        region: None,
    };

    pub(crate) const fn account(column: &'static str) -> Self {
        Self {
            account: Some(column),
            region: None,
        }
    }

    pub(crate) const fn account_and_region(account: &'static str, region: &'static str) -> Self {
        Self {
            account: Some(account),
            region: Some(region),
        }
    }
}

impl InventoryTable {
    pub fn column(&self, name: &str) -> Option<(usize, &'static InventoryColumn)> {
        let mut columns = self.columns.iter().enumerate();
        columns.find(|(_, column)| column.name == name)
    }
}

/// Namespace of ids (RFC 9562 §5.5): random, never changes.
const NAMESPACE: Uuid = Uuid::from_u128(0x5d1f_3c42_0d35_5b6e_9a7c_51f0_6d2e_8b13);

/// A version 5 UUID over the table's name and the key values (`inventory.md` T-9).
pub fn key_id(table: &str, key: &[Option<&str>]) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(NAMESPACE.as_bytes());
    for part in [Some(table)].iter().chain(key) {
        // length-prefixed, with a distinct length for null: keys cannot collide
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        context.update(&length.to_be_bytes());
        context.update(part.unwrap_or_default().as_bytes());
    }
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    let id = uuid::Builder::from_sha1_bytes(bytes).into_uuid();
    id.to_string()
}

/// At most `most` names closest to the input, the closest first.
pub fn nearest<'a>(
    written: &str,
    names: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> Vec<&'a str> {
    let mut ranked: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(written, name), name))
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    ranked.truncate(most);
    ranked.into_iter().map(|(_, name)| name).collect()
}
