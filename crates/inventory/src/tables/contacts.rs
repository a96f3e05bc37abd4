//! Whom AWS writes to about an account.

use crate::table::{CQ_ID, InventoryTable, SliceColumns, json, text};

pub(super) static ALTERNATE: InventoryTable = InventoryTable {
    name: "aws_alternate_contacts",
    about: "Whom AWS writes to about billing, operations or security of an account",
    from: "account:GetAlternateContact",
    key: &["contact_account_id", "contact_type"],
    slice: SliceColumns::account("contact_account_id"),
    columns: &[
        CQ_ID,
        text("contact_account_id"),
        text("contact_type")
            .about("BILLING, OPERATIONS or SECURITY: a row for each, also where there is none"),
        text("name").or_null(),
        text("title").or_null(),
        text("email")
            .or_null()
            .about("NULL where there is no contact of this type"),
        text("phone").or_null(),
    ],
};

pub(super) static PRIMARY: InventoryTable = InventoryTable {
    name: "aws_primary_contacts",
    about: "Who an account is of, by its own statement",
    from: "account:GetContactInformation",
    key: &["contact_account_id"],
    slice: SliceColumns::account("contact_account_id"),
    columns: &[
        CQ_ID,
        text("contact_account_id"),
        text("full_name").or_null(),
        text("company_name").or_null(),
        text("phone")
            .or_null()
            .about("recovers the second factor of the root user"),
        text("website_url").or_null(),
        text("country_code").or_null(),
        text("state_or_region").or_null(),
        text("district_or_county").or_null(),
        text("city").or_null(),
        text("postal_code").or_null(),
        json("address_lines").or_null(),
    ],
};
