/* This will return all IAM keys with emails that don't exist in the Okta directory. */
select tags, arn from aws_iam_users
LEFT JOIN okta_users on aws_iam_users.tags->>'email' = okta_users.profile->>'email'
where okta_users.profile->>'email' is NULL;