# A guard in an account of its own: it ends access while the server does not, and can give none.

locals {
  configuration = templatefile("${path.module}/hallpass.toml.tftpl", {
    region     = var.region
    name       = var.guard_name
    ends       = var.ends
    public_key = var.public_key
    bound      = var.bound
    role_arn   = var.role_arn
    listen     = length(var.monitoring) == 0 ? "127.0.0.1:9091" : "0.0.0.0:9091"
  })
  trust = [
    {
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    },
  ]
  # what Identity Center lets it do is in the role that it assumes
  guard_statements = [
    {
      Sid      = "BeTheGuard"
      Effect   = "Allow"
      Action   = ["sts:AssumeRole"]
      Resource = var.role_arn
    },
    {
      Sid      = "WriteJournal"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = "${aws_s3_bucket.journal.arn}/guard/*"
    },
    {
      Sid      = "ListJournal"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = aws_s3_bucket.journal.arn
    },
  ]
  journal_statements = [
    {
      Sid       = "ServerReads"
      Effect    = "Allow"
      Principal = { AWS = var.server_role_arn }
      Action    = ["s3:GetObject"]
      Resource  = "${aws_s3_bucket.journal.arn}/*"
    },
    {
      Sid       = "ServerLists"
      Effect    = "Allow"
      Principal = { AWS = var.server_role_arn }
      Action    = ["s3:ListBucket"]
      Resource  = aws_s3_bucket.journal.arn
    },
  ]
}

resource "aws_iam_role" "machine" {
  name_prefix        = "${var.name}-"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = local.trust })
}

resource "aws_iam_role_policy" "guard" {
  name   = "guard"
  role   = aws_iam_role.machine.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.guard_statements })
}

# its journal, which the server reads
resource "aws_s3_bucket" "journal" {
  bucket_prefix = "${var.name}-journal-"
  lifecycle {
    prevent_destroy = true
  }
}

module "journal" {
  source       = "../bucket"
  bucket       = { id = aws_s3_bucket.journal.id, arn = aws_s3_bucket.journal.arn }
  earlier_days = 30
  statements   = local.journal_statements
}

# nobody reaches it but monitoring
resource "aws_security_group" "guard" {
  name_prefix = "${var.name}-"
  description = "A guard of Hallpass"
  vpc_id      = var.vpc
}

resource "aws_vpc_security_group_ingress_rule" "monitoring" {
  for_each                     = var.monitoring
  security_group_id            = aws_security_group.guard.id
  description                  = each.key
  ip_protocol                  = "tcp"
  from_port                    = 9091
  to_port                      = 9091
  referenced_security_group_id = each.value
}

resource "aws_vpc_security_group_egress_rule" "outside" {
  for_each          = { https = 443, packages = 80 }
  security_group_id = aws_security_group.guard.id
  description       = each.key
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
  cidr_ipv4         = "0.0.0.0/0"
}

module "machine" {
  source          = "../machine"
  name            = var.name
  unit            = "hallpass-guard.service"
  subnets         = [var.subnet]
  security_groups = [aws_security_group.guard.id]
  role            = aws_iam_role.machine.name
  package         = var.package
  files           = { "hallpass.toml" = local.configuration }
  folders         = ["push /var/lib/hallpass/guard s3://${aws_s3_bucket.journal.id}/guard"]
  volume_size     = 8
  session_manager = var.session_manager
  instance_type   = var.instance_type
  image           = var.image
}
