"""Runs moto with buckets and keys for the audit log in it, until standard input ends. Prints the line that an
auditor would make of the key (`head ecdsa-p256:…`) when all is there.

usage: moto_buckets.py PORT REGION
"""

import base64
import sys

import boto3
import moto.kms.responses as kms_responses
import moto.kms.utils as kms_utils
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.server import ThreadedMotoServer

PORT, REGION = int(sys.argv[1]), sys.argv[2]


def sign_digests_only():
    """moto signs a digest as if it were the message; KMS signs it as what it is, and refuses any that is not
    as long as the algorithm's."""
    asked = {}
    answer = kms_responses.KmsResponse.sign

    def sign(response):
        asked["type"] = response._get_param("MessageType")
        return answer(response)

    def sign_message(key, message, signing_algorithm):
        assert asked["type"] == "DIGEST", asked
        assert signing_algorithm == "ECDSA_SHA_256", signing_algorithm
        assert len(message) == 32, message
        return key.private_key.sign(message, ec.ECDSA(Prehashed(hashes.SHA256())))

    kms_responses.KmsResponse.sign = sign
    kms_utils.ECDSAPrivateKey.sign = sign_message


def client(service):
    return boto3.client(
        service, region_name=REGION, endpoint_url=f"http://127.0.0.1:{PORT}",
        aws_access_key_id="AKIA0000111122223333", aws_secret_access_key="secret",
    )


def seed():
    buckets = client("s3")
    place = {"LocationConstraint": REGION}
    buckets.create_bucket(Bucket="acme-audit", CreateBucketConfiguration=place, ObjectLockEnabledForBucket=True)
    buckets.create_bucket(Bucket="acme-plain", CreateBucketConfiguration=place)
    keys = client("kms")
    key = keys.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    keys.create_alias(AliasName="alias/audit", TargetKeyId=key)
    other = keys.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    keys.create_alias(AliasName="alias/other", TargetKeyId=other)
    public = keys.get_public_key(KeyId="alias/audit")["PublicKey"]
    return "head ecdsa-p256:" + base64.b64encode(public).decode()


if __name__ == "__main__":
    sign_digests_only()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=PORT, verbose=False)
    server.start()
    print(seed(), flush=True)
    sys.stdin.read()
    server.stop()
