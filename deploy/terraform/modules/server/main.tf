# Hallpass on machines of its own: in the account that administers IAM Identity Center, in its home Region.

data "aws_partition" "current" {}

data "aws_region" "current" {}
data "aws_region" "audit" {
  provider = aws.audit
}

data "aws_caller_identity" "current" {}

locals {
  partition = data.aws_partition.current.partition
  # whether nodes work over PostgreSQL, which may be made before
  on_database = var.database == null ? false : var.database.in_use
  configuration = templatefile("${path.module}/hallpass.toml.tftpl", {
    public_url    = var.public_url
    vpc_range     = var.vpc_range
    store_url     = local.on_database ? "file:/run/credentials/hallpass.service/secret_store-url" : "sqlite:/var/lib/hallpass/hallpass.db"
    region        = data.aws_region.current.region
    audit_bucket  = aws_s3_bucket.audit.id
    audit_prefix  = var.audit_prefix
    lock_mode     = var.lock_mode
    lock_days     = var.lock_days
    signing_key   = aws_kms_key.heads.arn
    events_queue  = aws_sqs_queue.events.url
    ends_bucket   = aws_s3_bucket.ends.id
    has_guard     = var.guard != null
    configuration = var.configuration
  })
}

module "machine" {
  source          = "../machine"
  name            = "${var.name}-server"
  unit            = "hallpass.service"
  nodes           = var.nodes
  subnets         = var.subnets
  security_groups = [aws_security_group.server.id]
  role            = aws_iam_role.server.name
  package         = var.package
  files = {
    "hallpass.toml" = local.configuration
    "rules.toml"    = var.rules
  }
  secrets     = var.secrets
  secret_keys = var.secret_keys
  signing_key = var.signing_key
  database = var.database == null ? null : {
    secret = aws_db_instance.database[0].master_user_secret[0].secret_arn
    host   = aws_db_instance.database[0].address
    name   = var.database.name
  }
  folders         = var.guard == null ? [] : ["pull /var/lib/hallpass/guard s3://${var.guard.journal_bucket}/guard"]
  volume_size     = local.on_database ? null : var.volume_size
  session_manager = var.session_manager
  instance_type   = var.instance_type
  image           = var.image
}

# what no machine could work with is refused before anything is made
resource "terraform_data" "fits" {
  lifecycle {
    precondition {
      condition     = var.nodes == 1 || local.on_database
      error_message = "SQLite belongs to one machine: several nodes need `database`, in use."
    }
    precondition {
      condition     = !local.on_database || var.signing_key != ""
      error_message = "With a database nothing lies on a machine's disk: name the secret with the key that signs the file of ends in `signing_key`."
    }
  }
}
