//! How operations are paged: which members of input and answer carry tokens, rows and the page's size.

use serde::Deserialize;

/// Member names of a paged operation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// Input members that carry the token.
    pub input: Vec<String>,
    /// Output members that give the next token, in the order of `input`.
    pub output: Vec<String>,
    /// Output members that hold the rows.
    pub result: Vec<String>,
    /// Input member that limits the page.
    pub limit: Option<String>,
    /// Output member that says whether there is more.
    pub more: Option<String>,
}

/// Tokens of pages, by the member of an input that takes one and that of an output that gives the next.
const PAGE_TOKENS: [(&str, &str); 10] = [
    ("NextToken", "NextToken"),
    ("nextToken", "nextToken"),
    ("Marker", "Marker"),
    ("Marker", "NextMarker"),
    ("NextMarker", "NextMarker"),
    ("PageToken", "NextPageToken"),
    ("pageToken", "nextPageToken"),
    ("NextPageToken", "NextPageToken"),
    ("PaginationToken", "PaginationToken"),
    ("ContinuationToken", "NextContinuationToken"),
];

/// How an operation is paged that AWS's lists of paged operations leave out, as those of Detective: by what its members
/// are called. Where its rows are is not known.
pub(crate) fn told_by_names(
    takes_member: impl Fn(&str) -> bool,
    gives_member: impl Fn(&str) -> bool,
) -> Option<Paging> {
    let mut pairs = PAGE_TOKENS.iter();
    let found = pairs.find(|(takes, gives)| takes_member(takes) && gives_member(gives));
    found.map(|(takes, gives)| Paging {
        input: vec![(*takes).to_owned()],
        output: vec![(*gives).to_owned()],
        result: Vec::new(),
        limit: None,
        more: None,
    })
}
