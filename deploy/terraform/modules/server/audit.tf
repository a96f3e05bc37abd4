# The audit log, which the server writes once and never deletes. Hallpass sets each object's lock itself.

resource "aws_s3_bucket" "audit" {
  provider            = aws.audit
  bucket_prefix       = "${var.name}-audit-"
  object_lock_enabled = true
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "audit" {
  provider = aws.audit
  bucket   = aws_s3_bucket.audit.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "audit" {
  provider = aws.audit
  bucket   = aws_s3_bucket.audit.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "audit" {
  provider                = aws.audit
  bucket                  = aws_s3_bucket.audit.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "audit" {
  provider = aws.audit
  bucket   = aws_s3_bucket.audit.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "audit" {
  provider = aws.audit
  bucket   = aws_s3_bucket.audit.id
  policy   = jsonencode({ Version = "2012-10-17", Statement = local.audit_bucket_statements })
}

# the file of ends is written again and again, so it has a bucket without a lock
resource "aws_s3_bucket" "ends" {
  bucket_prefix = "${var.name}-ends-"
}

resource "aws_s3_bucket_versioning" "ends" {
  bucket = aws_s3_bucket.ends.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "ends" {
  bucket = aws_s3_bucket.ends.id
  rule {
    id     = "earlier"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 7
    }
  }
  depends_on = [aws_s3_bucket_versioning.ends]
}

resource "aws_s3_bucket_server_side_encryption_configuration" "ends" {
  bucket = aws_s3_bucket.ends.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "ends" {
  bucket                  = aws_s3_bucket.ends.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "ends" {
  bucket = aws_s3_bucket.ends.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "ends" {
  bucket = aws_s3_bucket.ends.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.ends_bucket_statements })
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
    {
      Sid       = "TlsAlone"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.audit.arn, "${aws_s3_bucket.audit.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    },
    # for a bucket in another account; what the role may do is in its own policy, too
    {
      Sid       = "ServerLooks"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.server.arn }
      Action    = ["s3:GetBucketObjectLockConfiguration"]
      Resource  = aws_s3_bucket.audit.arn
    },
    {
      Sid       = "ServerWrites"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.server.arn }
      Action    = ["s3:PutObject", "s3:PutObjectRetention", "s3:GetObject"]
      Resource  = "${aws_s3_bucket.audit.arn}/hallpass/*"
    },
  ]
  ends_bucket_statements = [
    {
      Sid       = "TlsAlone"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.ends.arn, "${aws_s3_bucket.ends.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
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
