#!/usr/bin/env python3
"""Deployment as code: the Terraform modules below `deploy/terraform`, the script that their machines keep themselves with, and the Helm chart
below `deploy/helm`. Nothing reaches AWS or a cluster."""

from deploy_helm import helm_chart
from deploy_lived import lived
from deploy_machine import machine
from deploy_terraform import terraform
from stage import Checks, Stage, parts

PARTS = {"terraform": terraform, "machine": machine, "helm": helm_chart, "pods": lived}


def main():
    check = Checks()
    for name in parts(*PARTS):
        with Stage(f"deploy-{name}") as stage:
            PARTS[name](stage, check)
    check.end()


if __name__ == "__main__":
    main()
