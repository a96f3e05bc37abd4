# People reach the load balancer, it reaches the server, and nothing else does.

resource "aws_security_group" "balancer" {
  name_prefix = "${var.name}-balancer-"
  description = "Who reaches Hallpass"
  vpc_id      = var.vpc
}

resource "aws_vpc_security_group_ingress_rule" "people" {
  for_each          = toset(var.callers)
  security_group_id = aws_security_group.balancer.id
  description       = "People and scripts"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = each.value
}

resource "aws_vpc_security_group_egress_rule" "to_server" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "The server"
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
  referenced_security_group_id = aws_security_group.server.id
}

resource "aws_security_group" "server" {
  name_prefix = "${var.name}-server-"
  description = "The server of Hallpass"
  vpc_id      = var.vpc
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  security_group_id            = aws_security_group.server.id
  description                  = "The load balancer"
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
  referenced_security_group_id = aws_security_group.balancer.id
}

resource "aws_vpc_security_group_ingress_rule" "monitoring" {
  for_each                     = var.monitoring
  security_group_id            = aws_security_group.server.id
  description                  = each.key
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
  referenced_security_group_id = each.value
}

resource "aws_vpc_security_group_egress_rule" "outside" {
  for_each          = merge({ https = 443, packages = 80 }, var.more_egress)
  security_group_id = aws_security_group.server.id
  description       = each.key
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_lb" "balancer" {
  name                       = var.name
  internal                   = true
  load_balancer_type         = "application"
  subnets                    = var.balancer_subnets
  security_groups            = [aws_security_group.balancer.id]
  drop_invalid_header_fields = true
  # less than the 75 s after which the server closes an idle connection: a request that meets the close is answered 502
  idle_timeout = 60
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.balancer.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.server.arn
  }
}

resource "aws_lb_target_group" "server" {
  name     = var.name
  vpc_id   = var.vpc
  port     = 8080
  protocol = "HTTP"
  health_check {
    # of several nodes, people go to one that can; the one node answers whatever it can
    path     = var.nodes > 1 ? "/readyz?for=balancer" : "/healthz"
    interval = 10
  }
}

resource "aws_lb_target_group_attachment" "server" {
  count            = var.nodes
  target_group_arn = aws_lb_target_group.server.arn
  target_id        = module.machine.instances[count.index]
}
