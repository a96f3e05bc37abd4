use crate::table::{Member, OperationModel, ServiceModel, ShapeKind};

pub const PAGE_LIMITS: [&str; 6] = [
    "MaxResults",
    "maxResults",
    "Limit",
    "MaxItems",
    "PageSize",
    "MaxRecords",
];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageMembers<'a> {
    pub token: Option<&'a str>,
    pub limit: Option<&'a str>,
    pub rows: Option<&'a str>,
    pub next: Option<&'a str>,
    pub more: Option<&'a str>,
}

impl ServiceModel {
    pub fn largest_page<'a>(&'a self, operation: &'a OperationModel) -> Option<(&'a str, i64)> {
        let name = operation.page.as_ref()?.limit.as_deref()?;
        let members = self.input(operation)?.members();
        let member = members.iter().find(|it| it.name == name)?;
        Some((name, self.shape(&member.shape)?.max?))
    }

    pub fn page_members<'a>(&'a self, operation: &'a OperationModel) -> PageMembers<'a> {
        let members =
            |shape: Option<&'a crate::table::Shape>| shape.map_or(&[][..], |it| it.members());
        let (input, output) = (
            members(self.input(operation)),
            members(self.output(operation)),
        );
        let page = operation.page.as_ref();
        let told = page.and_then(|it| it.limit.as_deref());
        let limit = told.or_else(|| {
            let mut limits = PAGE_LIMITS.iter().copied();
            limits.find(|name| input.iter().any(|it| it.name == *name))
        });
        let is_list = |it: &&Member| {
            let shape = self.shape(&it.shape);
            shape.is_some_and(|it| matches!(it.kind, ShapeKind::List { .. }))
        };
        let mut lists = output.iter().filter(is_list).map(|it| it.name.as_str());
        let only = match (lists.next(), lists.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        };
        let rows = page.and_then(|it| it.result.first()).map(String::as_str);
        let wire = |name: &'a str| {
            let member = input.iter().find(|it| it.name == name);
            // in a body the name is the model's
            let member = member.filter(|it| it.location.is_some());
            member.map_or(name, Member::wire)
        };
        PageMembers {
            token: page.and_then(|it| it.input.first()).map(|it| wire(it)),
            limit: limit.map(wire),
            rows: rows.or(only),
            next: page.and_then(|it| it.output.first()).map(String::as_str),
            more: page.and_then(|it| it.more.as_deref()),
        }
    }
}
