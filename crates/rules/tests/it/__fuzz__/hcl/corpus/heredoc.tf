=config = [{ Resource = <<EOT
${local.x}
EOT
}]
