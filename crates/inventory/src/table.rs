//! What a table is: its columns in order, its natural key, and where its rows come from.

use std::fmt;

use aws_lc_rs::digest;
use uuid::Uuid;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// `text`
    Text,
    /// `bool`
    Bool,
    /// `int8`
    Int8,
    /// `timestamptz`: an instant, in microseconds
    Timestamp,
    /// `jsonb`: a JSON document
    Json,
}

impl ColumnType {
    /// The name that PostgreSQL has for it.
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

/// One column of a table. Its name is part of the contract: queries of others use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InventoryColumn {
    /// Its name, as queries write it.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnType,
    /// Whether a collected row may have no value here.
    pub nullable: bool,
    /// What it means, where its name does not say so.
    pub about: &'static str,
    /// Which members of a document of the API it has.
    pub members: ColumnMembers,
}

/// The members of a document that a column is filled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnMembers {
    /// None: the collector knows better.
    Computed,
    /// This one; steps into it are parted by `/`.
    One(&'static str),
    /// A list of those of these that there are, and no value where there is none.
    Every(&'static [&'static str]),
    /// The JSON that this one has as text; where it is none, the text.
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

    /// It may have no value.
    pub(crate) const fn or_null(self) -> Self {
        Self {
            nullable: true,
            ..self
        }
    }

    /// It has this member of the document.
    pub(crate) const fn of(self, member: &'static str) -> Self {
        Self {
            members: ColumnMembers::One(member),
            ..self
        }
    }

    /// It has a list of those of these members that there are.
    pub(crate) const fn of_every(self, members: &'static [&'static str]) -> Self {
        Self {
            members: ColumnMembers::Every(members),
            ..self
        }
    }

    /// It has the JSON that this member of the document has as text.
    pub(crate) const fn of_text(self, member: &'static str) -> Self {
        Self {
            members: ColumnMembers::Document(member),
            ..self
        }
    }

    /// What it means.
    pub(crate) const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }
}

/// A column of text.
pub(crate) const fn text(name: &'static str) -> InventoryColumn {
    InventoryColumn::new(name, ColumnType::Text)
}

/// A column of truth values.
pub(crate) const fn boolean(name: &'static str) -> InventoryColumn {
    InventoryColumn::new(name, ColumnType::Bool)
}

/// A column of whole numbers.
pub(crate) const fn int8(name: &'static str) -> InventoryColumn {
    InventoryColumn::new(name, ColumnType::Int8)
}

/// A column of instants.
pub(crate) const fn time(name: &'static str) -> InventoryColumn {
    InventoryColumn::new(name, ColumnType::Timestamp)
}

/// A column of JSON documents.
pub(crate) const fn json(name: &'static str) -> InventoryColumn {
    InventoryColumn::new(name, ColumnType::Json)
}

/// The first column of every table.
pub(crate) const CQ_ID: InventoryColumn =
    text("cq_id").about("the same for the same thing in every snapshot");

/// A table: what one kind of thing looks like.
#[derive(Debug)]
pub struct InventoryTable {
    /// Its name, as queries write it.
    pub name: &'static str,
    /// What a row is.
    pub about: &'static str,
    /// Where its rows come from.
    pub from: RowSource,
    /// The columns that make a row the one it is.
    pub key: &'static [&'static str],
    /// The columns that say to which slice a row belongs: its account and its Region.
    pub slice: SliceColumns,
    /// All columns, [`CQ_ID`] first.
    pub columns: &'static [InventoryColumn],
}

/// Where the rows of a table come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowSource {
    /// Several calls, in an order that the collector knows; in words.
    Steps(&'static str),
    /// What one operation answers: nothing else is needed to collect the table.
    Answer(AnswerRows),
}

/// The rows that one operation answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerRows {
    /// The service, as the catalog names it.
    pub service: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// Who asks.
    pub asked: AskedFrom,
    /// Which member of the answer has the rows.
    pub rows: AnswerMember,
}

/// Who asks for the rows of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedFrom {
    /// Whoever began, and of an account by this member of the input.
    Outside(&'static str),
    /// The role in the account.
    Inside,
}

/// The member of an answer that has rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerMember {
    /// The list that the service's model names, which every page has.
    List,
    /// One thing; where there is none the row has nothing but its account.
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

/// The columns that name the account and the Region of a row; none where the table has no such thing.
#[derive(Clone, Copy, Debug, Default)]
pub struct SliceColumns {
    /// The column with the account.
    pub account: Option<&'static str>,
    /// The column with the Region.
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
    /// Where a column stands, and what it is.
    pub fn column(&self, name: &str) -> Option<(usize, &'static InventoryColumn)> {
        let mut columns = self.columns.iter().enumerate();
        columns.find(|(_, column)| column.name == name)
    }
}

/// The namespace of our ids (RFC 9562 §5.5): drawn once, for ever the same.
const NAMESPACE: Uuid = Uuid::from_u128(0x5d1f_3c42_0d35_5b6e_9a7c_51f0_6d2e_8b13);

/// The id of a thing: a UUID of version 5 over the table's name and the values of its key
/// (`inventory.md` T-9).
pub fn key_id(table: &str, key: &[Option<&str>]) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(NAMESPACE.as_bytes());
    for part in [Some(table)].iter().chain(key) {
        // each with its length before it, and no value with a length of its own: no two keys read
        // the same
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

/// At most `most` of the names that are nearest to what somebody wrote, the nearest first.
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
