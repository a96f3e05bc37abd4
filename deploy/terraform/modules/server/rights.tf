# Rights: exactly what `hallpass server doctor --iam-policy` prints for the configuration that this module writes, and
# for the guard with `--for guard`. A test compares them.

locals {
  # what a call about an account assignment is on
  assignment_arns = [
    "arn:${local.partition}:sso:::account/*",
    "arn:${local.partition}:sso:::instance/*",
    "arn:${local.partition}:sso:::permissionSet/*/*",
  ]
  server_statements = [
    {
      Sid    = "Read"
      Effect = "Allow"
      Action = [
        "identitystore:ListGroups",
        "identitystore:DescribeGroup",
        "identitystore:ListGroupMemberships",
        "identitystore:ListGroupMembershipsForMember",
        "identitystore:GetGroupMembershipId",
        "identitystore:ListUsers",
        "identitystore:DescribeUser",
        "organizations:DescribeAccount",
        "organizations:ListParents",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListAccountsForParent",
        "sso:ListPermissionSetsProvisionedToAccount",
        "sso:ListAccountAssignments",
        "sso:ListPermissionSets",
        "sso:DescribeInstance",
        "sso:ListRegions",
        "sso:DescribeAccountAssignmentCreationStatus",
        "sso:DescribeAccountAssignmentDeletionStatus",
        "sso:ListAccountAssignmentsForPrincipal",
        "sso:ListAccountAssignmentCreationStatus",
        "sso:ListAccountAssignmentDeletionStatus",
        "sso:DescribePermissionSet",
        "sso:GetInlinePolicyForPermissionSet",
        "sso:ListManagedPoliciesInPermissionSet",
        "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
        "sso:GetPermissionsBoundaryForPermissionSet",
        "sso:ListAccountsForProvisionedPermissionSet",
      ]
      Resource = concat([
        "arn:${local.partition}:identitystore::*:identitystore/*",
        "arn:${local.partition}:identitystore:::group/*",
        "arn:${local.partition}:identitystore:::membership/*",
        "arn:${local.partition}:identitystore:::user/*",
        "arn:${local.partition}:organizations::*:account/o-*/*",
        "arn:${local.partition}:organizations::*:ou/o-*/ou-*",
        "arn:${local.partition}:organizations::*:root/o-*/r-*",
      ], local.assignment_arns)
    },
    {
      Sid    = "ReadEverywhere"
      Effect = "Allow"
      Action = [
        "sso:ListInstances",
        "organizations:DescribeOrganization",
        "organizations:ListDelegatedAdministrators",
        "organizations:ListRoots",
        "organizations:ListAccounts",
      ]
      Resource = [
        "*",
      ]
    },
    {
      Sid    = "PoliciesOfAws"
      Effect = "Allow"
      Action = [
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
      ]
      Resource = [
        "arn:${local.partition}:iam::aws:policy/*",
      ]
    },
    {
      Sid    = "Assignments"
      Effect = "Allow"
      Action = [
        "sso:CreateAccountAssignment",
        "sso:DeleteAccountAssignment",
      ]
      Resource = local.assignment_arns
    },
    {
      Sid    = "FileOfEnds"
      Effect = "Allow"
      Action = [
        "s3:PutObject",
      ]
      Resource = [
        "${aws_s3_bucket.ends.arn}/hallpass/ends.jsonl",
      ]
    },
    {
      Sid    = "ExportBucket"
      Effect = "Allow"
      Action = [
        "s3:GetBucketObjectLockConfiguration",
        "s3:ListBucket",
      ]
      Resource = [
        aws_s3_bucket.audit.arn,
      ]
    },
    {
      Sid    = "ExportObjects"
      Effect = "Allow"
      Action = [
        "s3:PutObject",
        "s3:PutObjectRetention",
        "s3:GetObject",
      ]
      Resource = [
        "${aws_s3_bucket.audit.arn}/${var.audit_prefix}/*",
      ]
    },
    {
      Sid    = "SignHeads"
      Effect = "Allow"
      Action = [
        "kms:Sign",
        "kms:GetPublicKey",
      ]
      Resource = [
        aws_kms_key.heads.arn,
      ]
    },
    {
      Sid    = "TakeEvents"
      Effect = "Allow"
      Action = [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:ReceiveMessage",
      ]
      Resource = [
        aws_sqs_queue.events.arn,
      ]
    },
    {
      Sid    = "Entitlements"
      Effect = "Allow"
      Action = [
        "account-access:DeleteEntitlement",
        "account-access:ListEntitlements",
        "identitystore:ListGroupMembershipsForMember",
      ]
      Resource = [
        "arn:${local.partition}:account-access:*:*:application/*",
        "arn:${local.partition}:identitystore::*:identitystore/*",
        "arn:${local.partition}:identitystore:::membership/*",
        "arn:${local.partition}:identitystore:::user/*",
      ]
    },
    {
      Sid    = "EntitlementsEverywhere"
      Effect = "Allow"
      Action = [
        "account-access:ListApplications",
      ]
      Resource = [
        "*",
      ]
    },
  ]
  # looks and takes away, and can give nothing
  guard_statements = [
    {
      Sid    = "Look"
      Effect = "Allow"
      Action = [
        "identitystore:DescribeGroup",
        "identitystore:ListGroupMemberships",
        "identitystore:GetGroupMembershipId",
        "identitystore:DescribeUser",
        "organizations:DescribeAccount",
        "sso:ListAccountAssignments",
        "sso:DescribeAccountAssignmentDeletionStatus",
      ]
      Resource = concat([
        "arn:${local.partition}:identitystore::*:identitystore/*",
        "arn:${local.partition}:identitystore:::group/*",
        "arn:${local.partition}:identitystore:::membership/*",
        "arn:${local.partition}:identitystore:::user/*",
        "arn:${local.partition}:organizations::*:account/o-*/*",
      ], local.assignment_arns)
    },
    {
      Sid    = "LookEverywhere"
      Effect = "Allow"
      Action = [
        "sso:ListInstances",
      ]
      Resource = [
        "*",
      ]
    },
    {
      Sid    = "EndAssignments"
      Effect = "Allow"
      Action = [
        "sso:DeleteAccountAssignment",
      ]
      Resource = local.assignment_arns
    },
    {
      Sid    = "FileOfEnds"
      Effect = "Allow"
      Action = [
        "s3:GetObject",
      ]
      Resource = [
        "${aws_s3_bucket.ends.arn}/hallpass/ends.jsonl",
      ]
    },
  ]
  server_trust = [
    {
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    },
  ]
  # printed where rules name tags of accounts
  account_tags_statements = [
    {
      Sid    = "AccountTags"
      Effect = "Allow"
      Action = [
        "organizations:ListTagsForResource",
      ]
      Resource = [
        "arn:${local.partition}:organizations::*:account/o-*/*",
      ]
    },
  ]
  guard_trust = var.guard == null ? [] : [
    {
      Effect    = "Allow"
      Principal = { AWS = var.guard.principal }
      Action    = "sts:AssumeRole"
    },
  ]
  # the journal of a guard elsewhere, which is copied to the server
  journal_statements = var.guard == null ? [] : [
    {
      Sid      = "Journal"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = "arn:${local.partition}:s3:::${var.guard.journal_bucket}/*"
    },
    {
      Sid      = "Journals"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = "arn:${local.partition}:s3:::${var.guard.journal_bucket}"
    },
  ]
}

resource "aws_iam_role" "server" {
  name_prefix        = "${var.name}-server-"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = local.server_trust })
}

resource "aws_iam_role_policy" "server" {
  name   = "hallpass"
  role   = aws_iam_role.server.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.server_statements })
}

resource "aws_iam_role_policy" "account_tags" {
  count  = var.account_tags ? 1 : 0
  name   = "account-tags"
  role   = aws_iam_role.server.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.account_tags_statements })
}

resource "aws_iam_role_policy" "journal" {
  count  = var.guard == null ? 0 : 1
  name   = "journal"
  role   = aws_iam_role.server.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.journal_statements })
}

resource "aws_iam_role_policy_attachment" "more" {
  for_each   = var.more_policies
  role       = aws_iam_role.server.name
  policy_arn = each.value
}

# in this account, for the guard's machine in another
resource "aws_iam_role" "guard" {
  count              = var.guard == null ? 0 : 1
  name_prefix        = "${var.name}-guard-"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = local.guard_trust })
}

resource "aws_iam_role_policy" "guard" {
  count  = var.guard == null ? 0 : 1
  name   = "guard"
  role   = aws_iam_role.guard[0].name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.guard_statements })
}

resource "aws_iam_role_policy_attachment" "more_of_guard" {
  for_each   = var.guard == null ? {} : var.more_guard_policies
  role       = aws_iam_role.guard[0].name
  policy_arn = each.value
}
