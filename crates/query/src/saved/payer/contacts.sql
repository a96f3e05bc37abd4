SELECT c.contact_account_id AS account_id, c.contact_type, c.email,
       CASE WHEN c.contact_type = 'BILLING' THEN $partner_domain ELSE $customer_domain END AS wanted_domain
FROM aws_alternate_contacts c JOIN aws_organizations o ON o.master_account_id = c.contact_account_id
WHERE c.email IS NULL
   OR lower(split_part(c.email, '@', 2)) <> lower(CASE WHEN c.contact_type = 'BILLING' THEN $partner_domain ELSE $customer_domain END)
ORDER BY c.contact_account_id, c.contact_type
