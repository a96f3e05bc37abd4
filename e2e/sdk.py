"""AWS of a script through boto3, to hold what the binary says against."""

import boto3
import botocore.config

# in the accounts that the organization made
ROLE = "OrganizationAccountAccessRole"
RETRIES = botocore.config.Config(retries={"mode": "standard", "max_attempts": 10})


def client(service, environment, region=None):
    return boto3.client(service, endpoint_url=environment["AWS_ENDPOINT_URL"], config=RETRIES,
                        region_name=region or environment["AWS_REGION"],
                        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
                        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
                        aws_session_token=environment.get("AWS_SESSION_TOKEN"))


def inside(environment, account):
    """What the environment is with the keys of an account."""
    if account == client("sts", environment).get_caller_identity()["Account"]:
        return environment
    found = client("sts", environment).assume_role(RoleArn=f"arn:aws:iam::{account}:role/{ROLE}", RoleSessionName="referee")
    keys = found["Credentials"]
    return {**environment, "AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"]}
