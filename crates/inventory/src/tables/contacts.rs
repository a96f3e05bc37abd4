use crate::table::RowSource::{Answer, Steps};
use crate::table::{
    AnswerMember, AnswerRows, AskedFrom, CQ_ID, InventoryTable, SliceColumns, json, text,
};

pub(super) static TABLES: &[InventoryTable] = &[
    InventoryTable {
        name: "aws_alternate_contacts",
        about: "The contact of AWS for billing, operations or security of an account",
        from: Steps("account:GetAlternateContact"),
        key: &["contact_account_id", "contact_type"],
        slice: SliceColumns::account("contact_account_id"),
        columns: &[
            CQ_ID,
            text("contact_account_id"),
            text("contact_type")
                .about("BILLING, OPERATIONS or SECURITY: a row for each, also without a contact"),
            text("name").of("Name").or_null(),
            text("title").of("Title").or_null(),
            text("email")
                .of("EmailAddress")
                .or_null()
                .about("NULL where there is no contact of this type"),
            text("phone").of("PhoneNumber").or_null(),
        ],
    },
    InventoryTable {
        name: "aws_primary_contacts",
        about: "Who an account is of, by its own statement",
        from: Answer(AnswerRows {
            service: "account",
            operation: "GetContactInformation",
            asked: AskedFrom::Outside("AccountId"),
            rows: AnswerMember::One("ContactInformation"),
        }),
        key: &["contact_account_id"],
        slice: SliceColumns::account("contact_account_id"),
        columns: &[
            CQ_ID,
            text("contact_account_id"),
            text("full_name").of("FullName").or_null(),
            text("company_name").of("CompanyName").or_null(),
            text("phone")
                .of("PhoneNumber")
                .or_null()
                .about("recovers the second factor of the root user"),
            text("website_url").of("WebsiteUrl").or_null(),
            text("country_code").of("CountryCode").or_null(),
            text("state_or_region").of("StateOrRegion").or_null(),
            text("district_or_county").of("DistrictOrCounty").or_null(),
            text("city").of("City").or_null(),
            text("postal_code").of("PostalCode").or_null(),
            json("address_lines")
                .of_every(&["AddressLine1", "AddressLine2", "AddressLine3"])
                .or_null(),
        ],
    },
];
