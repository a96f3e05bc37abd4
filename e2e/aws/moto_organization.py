"""Runs moto with an organization in it, until standard input ends. Prints `ready` when it is there.

usage: moto_organization.py PORT REGION
"""

import sys

import boto3
import moto.ssoadmin.models as ssoadmin
from moto.moto_api._internal import mock_random
from moto.server import ThreadedMotoServer

PORT, REGION = int(sys.argv[1]), sys.argv[2]
ACCOUNTS, USERS, GROUPS, PERMISSION_SETS = 25, 120, 3, 4


def permission_set_arn(instance_arn):
    """moto makes `instance/ssoins-…/ps-…`; AWS has `permissionSet/ssoins-…/ps-…` (`simulator.md` S-01)."""
    tail = mock_random.get_random_string(length=16).lower()
    return instance_arn.replace(":instance/", ":permissionSet/") + "/ps-" + tail


def seed(endpoint):
    def client(service):
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=endpoint,
            aws_access_key_id="AKIA0000111122223333",
            aws_secret_access_key="secret",
        )

    organizations = client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]

    def unit(parent, name):
        made = organizations.create_organizational_unit(ParentId=parent, Name=name)
        return made["OrganizationalUnit"]["Id"]

    workloads = unit(root, "Workloads")
    parents = [root, unit(root, "Security"), unit(workloads, "Production")]
    parents += [unit(workloads, f"Team {n}") for n in range(22)]
    for n in range(ACCOUNTS):
        made = organizations.create_account(AccountName=f"account-{n}", Email=f"a{n}@acme.example")
        account = made["CreateAccountStatus"]["AccountId"]
        parent = parents[n % len(parents)]
        if parent != root:
            organizations.move_account(
                AccountId=account, SourceParentId=root, DestinationParentId=parent
            )

    sso = client("sso-admin")
    instance = sso.list_instances()["Instances"][0]
    for n in range(PERMISSION_SETS):
        sso.create_permission_set(
            InstanceArn=instance["InstanceArn"],
            Name=f"Set{n}",
            Description="made for the suite",
            SessionDuration=f"PT{n + 1}H",
        )

    store = client("identitystore")
    store_id = instance["IdentityStoreId"]
    users = []
    for n in range(USERS):
        user = store.create_user(
            IdentityStoreId=store_id,
            UserName=f"user{n}",
            DisplayName=f"User {n}",
            Name={"GivenName": "User", "FamilyName": str(n)},
            Emails=[{"Value": f"User{n}@acme.example", "Type": "work", "Primary": True}],
        )
        users.append(user["UserId"])
    for n in range(GROUPS):
        group = store.create_group(IdentityStoreId=store_id, DisplayName=f"Group {n}")
        for user in users[n::GROUPS][:5]:
            store.create_group_membership(
                IdentityStoreId=store_id, GroupId=group["GroupId"], MemberId={"UserId": user}
            )


if __name__ == "__main__":
    ssoadmin.PermissionSet.generate_id = staticmethod(permission_set_arn)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=PORT, verbose=False)
    server.start()
    seed(f"http://127.0.0.1:{PORT}")
    print("ready", flush=True)
    sys.stdin.read()
    server.stop()
