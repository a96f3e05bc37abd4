# The audit log, which the server writes once and never deletes. Hallpass sets each object's lock itself.

resource "aws_s3_bucket" "audit" {
  provider            = aws.audit
  bucket_prefix       = "${var.name}-audit-"
  object_lock_enabled = true
  lifecycle {
    prevent_destroy = true
    precondition {
      condition     = data.aws_region.audit.region == data.aws_region.current.region
      error_message = "The server writes the audit bucket in the Region of IAM Identity Center: give the provider aws.audit that Region; the account may be another one."
    }
  }
}

module "audit_bucket" {
  source     = "../bucket"
  providers  = { aws = aws.audit }
  bucket     = { id = aws_s3_bucket.audit.id, arn = aws_s3_bucket.audit.arn }
  statements = local.audit_bucket_statements
}

# the file of ends is written again and again, so it has a bucket without a lock
resource "aws_s3_bucket" "ends" {
  bucket_prefix = "${var.name}-ends-"
}

module "ends_bucket" {
  source       = "../bucket"
  bucket       = { id = aws_s3_bucket.ends.id, arn = aws_s3_bucket.ends.arn }
  earlier_days = 7
}

# signs heads of the audit log, and never leaves KMS
resource "aws_kms_key" "heads" {
  description              = "Signs heads of the audit log of Hallpass"
  customer_master_key_spec = "ECC_NIST_P256"
  key_usage                = "SIGN_VERIFY"
  deletion_window_in_days  = 30
  policy                   = jsonencode({ Version = "2012-10-17", Statement = local.key_statements })
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "heads" {
  name          = "alias/${var.name}-heads"
  target_key_id = aws_kms_key.heads.key_id
}

locals {
  audit_bucket_statements = [
    # for a bucket in another account; what the role may do is in its own policy, too
    {
      Sid       = "ServerLooks"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.server.arn }
      Action    = ["s3:GetBucketObjectLockConfiguration", "s3:ListBucket"]
      Resource  = aws_s3_bucket.audit.arn
    },
    {
      Sid       = "ServerWrites"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.server.arn }
      Action    = ["s3:PutObject", "s3:PutObjectRetention", "s3:GetObject"]
      Resource  = "${aws_s3_bucket.audit.arn}/${var.audit_prefix}/*"
    },
  ]
  key_statements = [
    {
      Sid       = "ByPoliciesOfTheAccount"
      Effect    = "Allow"
      Principal = { AWS = "arn:${local.partition}:iam::${data.aws_caller_identity.current.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*"
    },
  ]
}
