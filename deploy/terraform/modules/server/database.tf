# PostgreSQL for several nodes. RDS keeps the password in Secrets Manager and changes it: it is in no state of Terraform.

resource "aws_security_group" "database" {
  count       = var.database == null ? 0 : 1
  name_prefix = "${var.name}-database-"
  description = "The database of Hallpass"
  vpc_id      = var.vpc
}

resource "aws_vpc_security_group_ingress_rule" "server" {
  count                        = var.database == null ? 0 : 1
  security_group_id            = aws_security_group.database[0].id
  description                  = "The server"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = aws_security_group.server.id
}

resource "aws_vpc_security_group_egress_rule" "to_database" {
  count                        = var.database == null ? 0 : 1
  security_group_id            = aws_security_group.server.id
  description                  = "The database"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = aws_security_group.database[0].id
}

resource "aws_db_subnet_group" "database" {
  count       = var.database == null ? 0 : 1
  name_prefix = "${var.name}-"
  subnet_ids  = var.database.subnets
}

resource "aws_db_parameter_group" "database" {
  count       = var.database == null ? 0 : 1
  name_prefix = "${var.name}-"
  family      = "postgres${var.database.version}"
  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }
  lifecycle {
    # another major version has another family, and the one that is in use cannot go first
    create_before_destroy = true
  }
}

resource "aws_db_instance" "database" {
  count                       = var.database == null ? 0 : 1
  identifier_prefix           = "${var.name}-"
  engine                      = "postgres"
  engine_version              = var.database.version
  instance_class              = var.database.instance_class
  allocated_storage           = var.database.storage
  storage_type                = "gp3"
  storage_encrypted           = true
  db_name                     = "hallpass"
  username                    = "hallpass"
  manage_master_user_password = true
  multi_az                    = true
  publicly_accessible         = false
  db_subnet_group_name        = aws_db_subnet_group.database[0].name
  parameter_group_name        = aws_db_parameter_group.database[0].name
  vpc_security_group_ids      = [aws_security_group.database[0].id]
  backup_retention_period     = var.database.backup_days
  auto_minor_version_upgrade  = true
  # to no other than the one that is written
  allow_major_version_upgrade = true
  apply_immediately           = var.database.at_once
  deletion_protection         = true
  skip_final_snapshot         = false
  final_snapshot_identifier   = "${var.name}-last"
  lifecycle {
    prevent_destroy = true
  }
}
