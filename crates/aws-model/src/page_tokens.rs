use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    pub input: Vec<String>,
    pub output: Vec<String>,
    pub result: Vec<String>,
    pub limit: Option<String>,
    pub more: Option<String>,
}

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

/// Infers paging from member names, for operations missing in AWS's lists, such as Detective's. Row
/// members stay unknown.
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
