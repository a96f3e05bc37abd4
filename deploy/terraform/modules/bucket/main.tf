# What every bucket has: versions, encryption, one owner, nothing public, and TLS alone.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

resource "aws_s3_bucket_versioning" "bucket" {
  bucket = var.bucket.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "bucket" {
  count  = var.earlier_days == null ? 0 : 1
  bucket = var.bucket.id
  rule {
    id     = "earlier"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = var.earlier_days
    }
  }
  depends_on = [aws_s3_bucket_versioning.bucket]
}

resource "aws_s3_bucket_server_side_encryption_configuration" "bucket" {
  bucket = var.bucket.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "bucket" {
  bucket                  = var.bucket.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "bucket" {
  bucket = var.bucket.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "bucket" {
  bucket = var.bucket.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.tls_alone, var.statements) })
}

locals {
  tls_alone = [
    {
      Sid       = "TlsAlone"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [var.bucket.arn, "${var.bucket.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    },
  ]
}
