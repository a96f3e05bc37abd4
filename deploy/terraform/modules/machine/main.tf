# One or more machines that keep themselves as a bucket says: package, configuration, rules and secrets.

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_ssm_parameter" "image" {
  name = var.image
}

data "aws_subnet" "first" {
  id = var.subnets[0]
}

locals {
  partition = data.aws_partition.current.partition
  # what the machines are to have, a line each; no secret, but where it is
  machine = join("\n", concat(
    ["package s3://${var.package.bucket}/${var.package.key}", "package_sum ${var.package.sum}"],
    [for name in sort(keys(var.files)) : "file ${name}"],
    [for name in sort(keys(var.secrets)) : "secret ${name} ${var.secrets[name]}"],
    var.signing_key == "" ? [] : ["signing_key ${var.signing_key}"],
    var.database == null ? [] : ["database ${var.database.secret} ${var.database.host} ${var.database.name}"],
    [for folder in var.folders : folder],
    [""],
  ))
  secret_arns = concat(
    values(var.secrets),
    var.signing_key == "" ? [] : [var.signing_key],
    var.database == null ? [] : [var.database.secret],
  )
}

# whoever may write here says what runs on the machines
resource "aws_s3_bucket" "configuration" {
  bucket_prefix = "${var.name}-configuration-"
}

module "configuration" {
  source = "../bucket"
  bucket = { id = aws_s3_bucket.configuration.id, arn = aws_s3_bucket.configuration.arn }
}

locals {
  # what the machines need to keep themselves, beside what their service may do
  machine_statements = concat(
    [
      {
        Sid      = "Package"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["arn:${local.partition}:s3:::${var.package.bucket}/${var.package.key}"]
      },
      {
        Sid      = "Configuration"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${aws_s3_bucket.configuration.arn}/*"]
      },
      {
        Sid      = "Configurations"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [aws_s3_bucket.configuration.arn]
      },
    ],
    length(local.secret_arns) == 0 ? [] : [
      {
        Sid      = "Secrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = local.secret_arns
      },
    ],
    length(var.secret_keys) == 0 ? [] : [
      {
        Sid      = "KeysOfSecrets"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = var.secret_keys
      },
    ],
  )
}

resource "aws_s3_object" "machine" {
  bucket  = aws_s3_bucket.configuration.id
  key     = "machine"
  content = local.machine
}

resource "aws_s3_object" "file" {
  for_each = var.files
  bucket   = aws_s3_bucket.configuration.id
  key      = each.key
  content  = each.value
}

resource "aws_iam_role_policy" "machine" {
  name   = "machine"
  role   = var.role
  policy = jsonencode({ Version = "2012-10-17", Statement = local.machine_statements })
}

# a shell by Session Manager, without SSH
resource "aws_iam_role_policy_attachment" "session" {
  count      = var.session_manager ? 1 : 0
  role       = var.role
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "machine" {
  name_prefix = "${var.name}-"
  role        = var.role
}

resource "aws_instance" "machine" {
  count                       = var.nodes
  ami                         = data.aws_ssm_parameter.image.value
  instance_type               = var.instance_type
  iam_instance_profile        = aws_iam_instance_profile.machine.name
  subnet_id                   = var.subnets[count.index % length(var.subnets)]
  vpc_security_group_ids      = var.security_groups
  associate_public_ip_address = false
  user_data = templatefile("${path.module}/begin.sh.tftpl", {
    bucket = aws_s3_bucket.configuration.id
    region = data.aws_region.current.region
    suffix = data.aws_partition.current.dns_suffix
    unit   = var.unit
    shell  = var.session_manager
    # copies of a database that is a file
    timer = var.unit == "hallpass.service" && var.volume_size != null ? "hallpass-backup.timer" : ""
    # as the disk has it for its serial number
    volume = replace(join("", aws_ebs_volume.data[*].id), "-", "")
    script = file("${path.module}/hallpass-machine.sh")
  })
  # a new script is for new machines
  user_data_replace_on_change = true

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  root_block_device {
    encrypted   = true
    volume_type = "gp3"
    volume_size = 8
  }
  tags = {
    Name = var.name
  }

  depends_on = [aws_s3_object.machine, aws_s3_object.file, aws_iam_role_policy.machine]
  lifecycle {
    # a newer image is for the next machine: patch this one as you patch others
    ignore_changes = [ami]
    precondition {
      condition     = var.nodes == 1 || var.volume_size == null
      error_message = "A volume belongs to one machine."
    }
  }
}

# the database, or the guard's journal: it outlives its machine
resource "aws_ebs_volume" "data" {
  count             = var.volume_size == null ? 0 : 1
  availability_zone = data.aws_subnet.first.availability_zone
  size              = var.volume_size
  type              = "gp3"
  encrypted         = true
  tags = {
    Name = "${var.name} data"
  }
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_volume_attachment" "data" {
  count                          = var.volume_size == null ? 0 : 1
  device_name                    = "/dev/sdf"
  instance_id                    = aws_instance.machine[0].id
  volume_id                      = aws_ebs_volume.data[0].id
  stop_instance_before_detaching = true
}

# a machine whose hardware fails is started on another
resource "aws_cloudwatch_metric_alarm" "recovery" {
  count               = var.nodes
  alarm_name          = "${aws_instance.machine[count.index].id}-recovery"
  alarm_description   = "The machine is moved to other hardware"
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed_System"
  dimensions          = { InstanceId = aws_instance.machine[count.index].id }
  statistic           = "Minimum"
  period              = 60
  evaluation_periods  = 3
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  alarm_actions       = ["arn:${local.partition}:automate:${data.aws_region.current.region}:ec2:recover"]
}
