"""Rows of one service each, for `conformance.py`: what boto3 sends and reads of operations that no other row calls. Each
leaves the organization as it was."""

import datetime
import json
import uuid

from rows import pages_of, refused, row


def name():
    return f"services-{uuid.uuid4().hex[:8]}"


def trust(principal):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}]})


ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]})


@row("sso")
def _(sim, w):
    known, (arn, _) = {"InstanceArn": sim.instance}, w.set()
    one = {"PermissionSetArn": arn, **known}
    w.sso.put_inline_policy_to_permission_set(InlinePolicy=ALLOW, **one)
    assert w.sso.get_inline_policy_for_permission_set(**one)["InlinePolicy"] == ALLOW
    w.sso.delete_inline_policy_from_permission_set(**one)
    assert w.sso.get_inline_policy_for_permission_set(**one).get("InlinePolicy", "") == ""
    tagged = {"ResourceArn": arn, **known}
    w.sso.tag_resource(Tags=[{"Key": "team", "Value": "ops"}, {"Key": "cost", "Value": "1"}], **tagged)
    w.sso.untag_resource(TagKeys=["cost"], **tagged)
    assert w.sso.list_tags_for_resource(**tagged)["Tags"] == [{"Key": "team", "Value": "ops"}]
    user, _ = w.user()
    assert w.create(w.members[0], arn, user)["Status"] == "SUCCEEDED"
    done = w.delete(w.members[0], arn, user)
    listed = pages_of(w.sso, "list_account_assignment_deletion_status", "AccountAssignmentsDeletionStatus", size=50, **known)
    assert done["RequestId"] in {it["RequestId"] for it in listed}, listed
    begun = w.sso.provision_permission_set(TargetType="ALL_PROVISIONED_ACCOUNTS", **one)["PermissionSetProvisioningStatus"]["RequestId"]
    listed = pages_of(w.sso, "list_permission_set_provisioning_status", "PermissionSetsProvisioningStatus", size=50, **known)
    assert begun in {it["RequestId"] for it in listed}, listed
    sim.advance(60)
    w.sso.delete_permission_set(**one)


@row("sts")
def _(sim, w):
    given = w.sts.get_session_token(DurationSeconds=900)["Credentials"]
    key = given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
    assert key[0].startswith("ASIA") and sim.client("sts", key).get_caller_identity()["Account"] == sim.management
    refused("ValidationError", w.sts.get_session_token, DurationSeconds=899)
    role = f"arn:aws:iam::{w.members[0]}:role/OrganizationAccountAccessRole"
    given = w.sts.assume_role(RoleArn=role, RoleSessionName="narrow")["Credentials"]
    session = sim.client("sts", (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]))
    less = session.get_scoped_credentials(DurationSeconds=900)["Credentials"]
    key = less["AccessKeyId"], less["SecretAccessKey"], less["SessionToken"]
    assert sim.client("sts", key).get_caller_identity()["Arn"] == session.get_caller_identity()["Arn"]
    refused("InvalidSubjectCredentials", w.sts.get_scoped_credentials, DurationSeconds=900)


@row("iam roles")
def _(sim, w):
    iam, named, readonly = sim.client("iam", sim.credentials(w.members[0])), name(), "arn:aws:iam::aws:policy/ReadOnlyAccess"
    one = {"RoleName": named}
    iam.create_role(AssumeRolePolicyDocument=trust(sim.management), Tags=[{"Key": "team", "Value": "ops"}], **one)
    sim.advance(30)
    assert iam.list_role_tags(**one)["Tags"] == [{"Key": "team", "Value": "ops"}]
    iam.attach_role_policy(PolicyArn=readonly, **one)
    sim.advance(30)
    assert [it["PolicyArn"] for it in iam.list_attached_role_policies(**one)["AttachedPolicies"]] == [readonly]
    sim.advance(30)
    refused("DeleteConflict", iam.delete_role, http=409, **one)
    iam.detach_role_policy(PolicyArn=readonly, **one)
    sim.advance(30)
    refused("NoSuchEntity", iam.detach_role_policy, http=404, PolicyArn=readonly, **one)
    iam.delete_role(**one)
    sim.advance(30)
    own = [(it["RoleName"], policy) for it in pages_of(iam, "list_roles", "Roles", size=50)
           for policy in pages_of(iam, "list_role_policies", "PolicyNames", RoleName=it["RoleName"])]
    assert own, "no role has an inline policy"
    for role, policy in own:
        assert iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]["Statement"], role
    refused("NoSuchEntity", iam.get_role_policy, http=404, PolicyName=own[0][1], **one)
    versions = pages_of(iam, "list_policy_versions", "Versions", PolicyArn=readonly)
    assert any(it["IsDefaultVersion"] for it in versions), versions


@row("iam users and groups")
def _(sim, w):
    inline = {"user": 0, "group": 0}
    for account in w.members[:8]:
        iam = sim.client("iam", sim.credentials(account))
        assert all(it["SerialNumber"] for it in pages_of(iam, "list_virtual_mfa_devices", "VirtualMFADevices"))
        assert isinstance(pages_of(iam, "list_account_aliases", "AccountAliases"), list)
        for group in pages_of(iam, "list_groups", "Groups", size=1):
            of = {"GroupName": group["GroupName"]}
            assert iam.get_group(**of)["Group"]["Arn"] == group["Arn"]
            for policy in pages_of(iam, "list_group_policies", "PolicyNames", size=1, **of):
                assert iam.get_group_policy(PolicyName=policy, **of)["PolicyDocument"]["Statement"]
                inline["group"] += 1
            assert all(it["PolicyArn"].startswith("arn:aws:iam::") for it in pages_of(iam, "list_attached_group_policies", "AttachedPolicies", **of))
            for member in pages_of(iam, "get_group", "Users", size=1, **of):
                assert group["Arn"] in {it["Arn"] for it in pages_of(iam, "list_groups_for_user", "Groups", UserName=member["UserName"])}
        for user in pages_of(iam, "list_users", "Users", size=50):
            of = {"UserName": user["UserName"]}
            for policy in pages_of(iam, "list_user_policies", "PolicyNames", size=1, **of):
                assert iam.get_user_policy(PolicyName=policy, **of)["PolicyDocument"]["Statement"]
                inline["user"] += 1
            assert all(it["PolicyArn"].startswith("arn:aws:iam::") for it in pages_of(iam, "list_attached_user_policies", "AttachedPolicies", **of))
            assert all(it["UserName"] == user["UserName"] for it in pages_of(iam, "list_mfa_devices", "MFADevices", **of))
    if not inline["group"]:
        refused("NoSuchEntity", iam.get_group_policy, http=404, GroupName="none", PolicyName="none")
    if not inline["user"]:
        refused("NoSuchEntity", iam.get_user_policy, http=404, UserName="none", PolicyName="none")


@row("iam accounts")
def _(sim, w):
    iam = sim.client("iam", sim.credentials(w.members[2]))
    try:
        before = {k: v for k, v in iam.get_account_password_policy()["PasswordPolicy"].items() if k != "ExpirePasswords"}
    except iam.exceptions.NoSuchEntityException:
        before = None
    iam.update_account_password_policy(MinimumPasswordLength=20, MaxPasswordAge=90)
    sim.advance(30)
    found = iam.get_account_password_policy()["PasswordPolicy"]
    assert (found["MinimumPasswordLength"], found["MaxPasswordAge"], found["ExpirePasswords"]) == (20, 90, True), found
    iam.delete_account_password_policy()
    sim.advance(30)
    refused("NoSuchEntity", iam.delete_account_password_policy, http=404)
    if before:
        iam.update_account_password_policy(**before)
    source = iam.get_user(UserName="sim-admin")["User"]["Arn"]
    results = iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=["s3:ListAllMyBuckets"])["EvaluationResults"]
    assert [(it["EvalActionName"], it["EvalDecision"]) for it in results] == [("s3:ListAllMyBuckets", "allowed")], results
    refused("NoSuchEntity", iam.simulate_principal_policy, http=404, PolicySourceArn=source + "-none", ActionNames=["s3:ListAllMyBuckets"])
    refused("NoSuchEntity", iam.associate_delegation_request, http=404, DelegationRequestId="x" * 16)
    toolbox = sim.client("iam-toolbox")
    refused("ResourceNotFoundException", toolbox.get_request_authorization_details, http=404, authorizationId="x" * 16)


@row("organizations")
def _(sim, w):
    root = w.org.list_roots()["Roots"][0]["Id"]
    unit = w.org.create_organizational_unit(ParentId=root, Name=name())["OrganizationalUnit"]["Id"]
    renamed = name()
    w.org.update_organizational_unit(OrganizationalUnitId=unit, Name=renamed)
    listed = {it["Id"]: it["Name"] for it in pages_of(w.org, "list_organizational_units_for_parent", "OrganizationalUnits", ParentId=root, size=1)}
    assert listed[unit] == renamed, listed
    w.org.delete_organizational_unit(OrganizationalUnitId=unit)
    service, member = "guardduty.amazonaws.com", w.members[3]
    trusted = lambda: {it["ServicePrincipal"] for it in pages_of(w.org, "list_aws_service_access_for_organization", "EnabledServicePrincipals", size=20)}
    w.org.enable_aws_service_access(ServicePrincipal=service)
    assert service in trusted()
    w.org.register_delegated_administrator(AccountId=member, ServicePrincipal=service)
    refused("AccountAlreadyRegisteredException", w.org.register_delegated_administrator, AccountId=member, ServicePrincipal=service)
    served = pages_of(w.org, "list_delegated_services_for_account", "DelegatedServices", AccountId=member)
    assert service in {it["ServicePrincipal"] for it in served}, served
    w.org.deregister_delegated_administrator(AccountId=member, ServicePrincipal=service)
    w.org.disable_aws_service_access(ServicePrincipal=service)
    assert service not in trusted()
    kind = "BACKUP_POLICY"
    kinds = lambda: {it["Type"] for it in w.org.list_roots()["Roots"][0]["PolicyTypes"]}
    assert kind not in kinds()
    refused("PolicyTypeNotEnabledException", w.org.disable_policy_type, RootId=root, PolicyType=kind)
    w.org.enable_policy_type(RootId=root, PolicyType=kind)
    assert kind in kinds()
    w.org.disable_policy_type(RootId=root, PolicyType=kind)
    assert kind not in kinds()
    refused("EffectivePolicyNotFoundException", w.org.describe_effective_policy, PolicyType=kind, TargetId=w.members[0])
    handed = lambda operation, member, **more: pages_of(w.org, operation, member, **more)
    assert isinstance(handed("list_handshakes_for_organization", "Handshakes"), list)
    assert isinstance(handed("list_handshakes_for_account", "Handshakes"), list)
    assert w.org.list_inbound_responsibility_transfers(Type="BILLING")["ResponsibilityTransfers"] == []
    assert w.org.list_outbound_responsibility_transfers(Type="BILLING")["ResponsibilityTransfers"] == []
    refused("ResourcePolicyNotFoundException", w.org.describe_resource_policy)
    delegated = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{member}:root"},
                                                         "Action": "organizations:CreatePolicy", "Resource": "*"}]}
    w.org.put_resource_policy(Content=json.dumps(delegated))
    assert json.loads(w.org.describe_resource_policy()["ResourcePolicy"]["Content"]) == delegated
    theirs = sim.client("organizations", sim.credentials(member))
    deny = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}]})
    wanted = {"Name": name(), "Description": "x", "Type": "SERVICE_CONTROL_POLICY", "Content": deny}
    made = theirs.create_policy(**wanted)["Policy"]["PolicySummary"]["Id"]
    refused("AccessDeniedException", theirs.delete_policy, PolicyId=made)
    w.org.delete_policy(PolicyId=made)
    w.org.delete_resource_policy()
    refused("AccessDeniedException", theirs.create_policy, **wanted)


@row("account")
def _(sim, w):
    account, one = sim.client("account"), {"AccountId": w.members[4]}
    regions = {it["RegionName"]: it["RegionOptStatus"] for it in pages_of(account, "list_regions", "Regions", size=5, **one)}
    assert regions["us-east-1"] == "ENABLED_BY_DEFAULT" and len(regions) > 15, regions
    for region in ("us-east-1", "af-south-1"):
        assert account.get_region_opt_status(RegionName=region, **one)["RegionOptStatus"] == regions[region], region
    before = account.get_contact_information(**one)["ContactInformation"]
    account.put_contact_information(ContactInformation={**before, "FullName": "Lou Example"}, **one)
    assert account.get_contact_information(**one)["ContactInformation"]["FullName"] == "Lou Example"
    account.put_contact_information(ContactInformation=before, **one)
    refused("ValidationException", account.put_contact_information, ContactInformation={"FullName": "x"}, **one)


@row("s3")
def _(sim, w):
    s3, bucket = sim.client("s3"), name()
    where = {"Bucket": bucket}
    s3.create_bucket(CreateBucketConfiguration={"LocationConstraint": sim.region}, **where)
    s3.head_bucket(**where)
    assert s3.get_bucket_location(**where)["LocationConstraint"] == sim.region
    for key in ("a/1", "a/2", "b"):
        s3.put_object(Key=key, Body=key.encode(), **where)
    assert s3.get_object(Key="a/1", **where)["Body"].read() == b"a/1"
    assert s3.head_object(Key="b", **where)["ContentLength"] == 1
    for operation in ("list_objects", "list_objects_v2"):
        assert [it["Key"] for it in pages_of(s3, operation, "Contents", size=1, **where)] == ["a/1", "a/2", "b"], operation
    assert [it["Prefix"] for it in s3.list_objects_v2(Delimiter="/", **where)["CommonPrefixes"]] == ["a/"]
    for key in ("a/1", "a/2", "b"):
        s3.delete_object(Key=key, **where)
    refused("NoSuchKey", s3.get_object, http=404, Key="b", **where)
    blocked = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    s3.put_public_access_block(PublicAccessBlockConfiguration=blocked, **where)
    assert s3.get_public_access_block(**where)["PublicAccessBlockConfiguration"] == blocked
    s3.delete_public_access_block(**where)
    refused("NoSuchPublicAccessBlockConfiguration", s3.get_public_access_block, http=404, **where)
    # the address has the account in front, which is none on this machine
    control, own = sim.client("s3control"), {"AccountId": sim.management}
    control.meta.events.register("before-sign", lambda request, **_: setattr(request, "url", request.url.replace(f"//{sim.management}.", "//")))
    control.put_public_access_block(PublicAccessBlockConfiguration=blocked, **own)
    assert control.get_public_access_block(**own)["PublicAccessBlockConfiguration"] == blocked
    control.delete_public_access_block(**own)
    refused("NoSuchPublicAccessBlockConfiguration", control.get_public_access_block, http=404, **own)


@row("ec2")
def _(sim, w):
    ec2 = sim.client("ec2", sim.credentials(w.members[0]))
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    tables = pages_of(ec2, "describe_route_tables", "RouteTables", size=5)
    assert all(it["RouteTableId"].startswith("rtb-") for it in tables), tables
    named = name()
    group = ec2.create_security_group(GroupName=named, Description="d", VpcId=vpc)["GroupId"]
    refused("InvalidGroup.Duplicate", ec2.create_security_group, GroupName=named, Description="d", VpcId=vpc)
    [made] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert (made["GroupName"], made["VpcId"], made["IpPermissions"]) == (named, vpc, []), made
    open_to = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}]
    rules = lambda outward: [it for it in ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
                             if it["IsEgress"] is outward and it.get("FromPort") == 22]
    for outward, put, take in ((False, ec2.authorize_security_group_ingress, ec2.revoke_security_group_ingress),
                               (True, ec2.authorize_security_group_egress, ec2.revoke_security_group_egress)):
        put(GroupId=group, IpPermissions=open_to)
        [rule] = rules(outward)
        assert (rule["GroupId"], rule["CidrIpv4"]) == (group, "198.51.100.0/24"), rule
        refused("InvalidPermission.Duplicate", put, GroupId=group, IpPermissions=open_to)
        take(GroupId=group, IpPermissions=open_to)
        assert rules(outward) == []
        refused("InvalidPermission.NotFound", take, GroupId=group, IpPermissions=open_to)
    before = ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]
    assert ec2.enable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is True
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is True
    assert ec2.disable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    if before:
        ec2.enable_ebs_encryption_by_default()


@row("config recorders")
def _(sim, w):
    at = lambda account: sim.client("config", sim.credentials(account))
    config = at(next(it for it in w.members if at(it).describe_delivery_channels()["DeliveryChannels"]))
    [recorder], [channel] = config.describe_configuration_recorders()["ConfigurationRecorders"], config.describe_delivery_channels()["DeliveryChannels"]
    states = lambda: [it["recording"] for it in config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]]
    by, sent = {"ConfigurationRecorderName": recorder["name"]}, {"DeliveryChannelName": channel["name"]}
    config.start_configuration_recorder(**by)
    assert states() == [True]
    refused("LastDeliveryChannelDeleteFailedException", config.delete_delivery_channel, **sent)
    config.stop_configuration_recorder(**by)
    assert states() == [False]
    config.delete_delivery_channel(**sent)
    refused("NoAvailableDeliveryChannelException", config.start_configuration_recorder, **by)
    config.delete_configuration_recorder(**by)
    assert states() == [] and config.describe_delivery_channels()["DeliveryChannels"] == []
    config.put_configuration_recorder(ConfigurationRecorder={it: recorder[it] for it in ("name", "roleARN", "recordingGroup")})
    config.put_delivery_channel(DeliveryChannel={it: channel[it] for it in ("name", "s3BucketName")})
    config.start_configuration_recorder(**by)
    assert states() == [True]


@row("sqs")
def _(sim, w):
    sqs, named = sim.client("sqs"), name()
    queue = {"QueueUrl": sqs.create_queue(QueueName=named)["QueueUrl"]}
    assert sqs.get_queue_url(QueueName=named)["QueueUrl"] == queue["QueueUrl"]
    assert queue["QueueUrl"] in pages_of(sqs, "list_queues", "QueueUrls", QueueNamePrefix="services-", size=10)
    got = lambda **more: sqs.receive_message(MaxNumberOfMessages=10, VisibilityTimeout=600, **queue, **more).get("Messages", [])
    for body in "abc":
        sqs.send_message(MessageBody=body, **queue)
    first, second, third = got()
    sqs.change_message_visibility(ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0, **queue)
    [first] = got()
    entry = lambda message, **more: {"Id": message["Body"], "ReceiptHandle": message["ReceiptHandle"], **more}
    again = sqs.change_message_visibility_batch(Entries=[entry(second, VisibilityTimeout=0)], **queue)
    assert [it["Id"] for it in again["Successful"]] == [second["Body"]], again
    [second] = got()
    sqs.delete_message(ReceiptHandle=first["ReceiptHandle"], **queue)
    gone = sqs.delete_message_batch(Entries=[entry(second), {"Id": "none", "ReceiptHandle": "none"}], **queue)
    assert ([it["Id"] for it in gone["Successful"]], [it["Id"] for it in gone["Failed"]]) == ([second["Body"]], ["none"]), gone
    counted = lambda: sqs.get_queue_attributes(AttributeNames=["All"], **queue)["Attributes"]["ApproximateNumberOfMessagesNotVisible"]
    assert counted() == "1", (counted(), third)
    sqs.purge_queue(**queue)
    sim.advance(61)
    assert counted() == "0"
    sqs.delete_queue(**queue)
    sim.advance(61)
    refused("QueueDoesNotExist", sqs.get_queue_url, QueueName=named)


@row("sns")
def _(sim, w):
    sns, named = sim.client("sns"), name()
    topic = sns.create_topic(Name=named)["TopicArn"]
    made = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{sim.region}:{sim.management}:{named}")["SubscriptionArn"]
    rows = pages_of(sns, "list_subscriptions", "Subscriptions", size=None)
    assert [it["TopicArn"] for it in rows if it["SubscriptionArn"] == made] == [topic], rows
    sns.unsubscribe(SubscriptionArn=made)
    sns.delete_topic(TopicArn=topic)


@row("kms")
def _(sim, w):
    kms = sim.client("kms")
    key = {"KeyId": kms.create_key()["KeyMetadata"]["KeyId"]}
    kms.disable_key(**key)
    assert kms.describe_key(**key)["KeyMetadata"]["KeyState"] == "Disabled"
    kms.enable_key(**key)
    assert kms.describe_key(**key)["KeyMetadata"]["KeyState"] == "Enabled"
    kms.schedule_key_deletion(PendingWindowInDays=7, **key)
    refused("KMSInvalidStateException", kms.enable_key, **key)


@row("cloudformation")
def _(sim, w):
    cfn, named = sim.client("cloudformation"), name()
    cfn.activate_organizations_access()
    cfn.create_stack_set(StackSetName=named, TemplateBody='{"Resources": {}}', PermissionModel="SERVICE_MANAGED", AutoDeployment={"Enabled": False})
    assert named in {it["StackSetName"] for it in pages_of(cfn, "list_stack_sets", "Summaries", size=1, Status="ACTIVE")}
    assert pages_of(cfn, "list_stack_set_operations", "Summaries", StackSetName=named) == []
    refused("StackSetNotFoundException", cfn.list_stack_set_operations, http=404, StackSetName=named + "-none")
    cfn.delete_stack_set(StackSetName=named)


@row("cloudtrail")
def _(sim, w):
    trail, s3, named, bucket = sim.client("cloudtrail"), sim.client("s3"), name(), name()
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": sim.region})
    made = trail.create_trail(Name=named, S3BucketName=bucket, S3KeyPrefix="p")
    assert (made["Name"], made["S3BucketName"], made["IsMultiRegionTrail"]) == (named, bucket, False), made
    refused("TrailAlreadyExistsException", trail.create_trail, Name=named, S3BucketName=bucket)
    assert trail.update_trail(Name=named, IsMultiRegionTrail=True)["IsMultiRegionTrail"] is True
    assert trail.get_trail(Name=named)["Trail"]["TrailARN"] == made["TrailARN"]
    assert made["TrailARN"] in {it["TrailARN"] for it in trail.describe_trails()["trailList"]}
    assert made["TrailARN"] in {it["TrailARN"] for it in pages_of(trail, "list_trails", "Trails", size=None)}
    for begin, logging in ((trail.start_logging, True), (trail.stop_logging, False)):
        begin(Name=named)
        assert trail.get_trail_status(Name=named)["IsLogging"] is logging
    assert trail.list_public_keys()["PublicKeyList"] == []
    trail.delete_trail(Name=named)
    refused("TrailNotFoundException", trail.get_trail_status, Name=named)
    events = pages_of(trail, "lookup_events", "Events", LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "DeleteTrail"}], size=50)
    assert all(json.loads(it["CloudTrailEvent"])["eventName"] == "DeleteTrail" for it in events), events


@row("detective")
def _(sim, w):
    home, member = sim.client("detective"), w.members[0]
    inside = sim.client("detective", sim.credentials(member))
    home.enable_organization_admin_account(AccountId=member)
    try:
        sim.advance(60)
        graph = {"GraphArn": inside.list_graphs()["GraphList"][0]["Arn"]}
        assert "DETECTIVE_CORE" in inside.list_datasource_packages(**graph)["DatasourcePackages"]
        inside.update_datasource_packages(DatasourcePackages=["EKS_AUDIT"], **graph)
        assert "EKS_AUDIT" in inside.list_datasource_packages(**graph)["DatasourcePackages"]
        other = next(it for it in w.org.list_accounts()["Accounts"] if it["Id"] == w.members[1])
        said = inside.create_members(Accounts=[{"AccountId": other["Id"], "EmailAddress": other["Email"]}], **graph)
        assert [it["AccountId"] for it in said["Members"]] == [other["Id"]] and said["UnprocessedAccounts"] == [], said
        assert other["Id"] in {it["AccountId"] for it in inside.list_members(**graph)["MemberDetails"]}
    finally:
        home.disable_organization_admin_account()
        w.org.deregister_delegated_administrator(AccountId=member, ServicePrincipal="detective.amazonaws.com")


@row("devops-guru")
def _(sim, w):
    end = datetime.datetime.now(datetime.timezone.utc)
    found = sim.client("devops-guru").describe_organization_overview(FromTime=end - datetime.timedelta(days=30), ToTime=end)
    assert found["ReactiveInsights"] >= 0 and found["ProactiveInsights"] >= 0, found


@row("securityhub organization")
def _(sim, w):
    home, member = sim.client("securityhub"), w.members[0]
    hub = sim.client("securityhub", sim.credentials(member))
    administrators = lambda: [it["AccountId"] for it in pages_of(home, "list_organization_admin_accounts", "AdminAccounts")]
    home.enable_organization_admin_account(AdminAccountId=member)
    try:
        assert administrators() == [member]
        assert hub.describe_organization_configuration()["AutoEnable"] in (True, False)
        hub.update_organization_configuration(AutoEnable=False, AutoEnableStandards="NONE")
        assert hub.describe_organization_configuration()["AutoEnable"] is False
        assert pages_of(hub, "list_finding_aggregators", "FindingAggregators") == []
    finally:
        home.disable_organization_admin_account(AdminAccountId=member)
        w.org.deregister_delegated_administrator(AccountId=member, ServicePrincipal="securityhub.amazonaws.com")
    assert administrators() == []


@row("securityhub findings")
def _(sim, w):
    hub = sim.client("securityhub", sim.credentials(w.members[1]))
    hub.enable_security_hub(EnableDefaultStandards=False)
    try:
        product, named = f"arn:aws:securityhub:{sim.region}:{w.members[1]}:product/{w.members[1]}/default", name()
        finding = {"SchemaVersion": "2018-10-08", "Id": named, "ProductArn": product, "GeneratorId": "g", "AwsAccountId": w.members[1],
                   "Types": ["Software and Configuration Checks"], "CreatedAt": "2026-03-02T10:00:00Z", "UpdatedAt": "2026-03-02T10:00:00Z",
                   "Severity": {"Label": "HIGH"}, "Title": "t", "Description": "d", "Resources": [{"Type": "AwsAccount", "Id": "a"}]}
        said = hub.batch_import_findings(Findings=[finding, {**finding, "AwsAccountId": "1" * 12}])
        assert (said["SuccessCount"], said["FailedCount"]) == (1, 1), said
        own = {"Id": [{"Value": named, "Comparison": "EQUALS"}]}
        [found] = pages_of(hub, "get_findings", "Findings", Filters=own, size=10)
        assert (found["Workflow"]["Status"], found["Severity"]["Label"]) == ("NEW", "HIGH"), found
        key = {"Id": named, "ProductArn": product}
        said = hub.batch_update_findings(FindingIdentifiers=[key, {**key, "Id": "none"}], Workflow={"Status": "NOTIFIED"}, Note={"Text": "n", "UpdatedBy": "u"})
        assert ([it["Id"] for it in said["ProcessedFindings"]], len(said["UnprocessedFindings"])) == ([named], 1), said
        [found] = hub.get_findings(Filters=own)["Findings"]
        assert (found["Workflow"]["Status"], found["Note"]["Text"]) == ("NOTIFIED", "n"), found
        insight = hub.create_insight(Name=named, Filters=own, GroupByAttribute="SeverityLabel")["InsightArn"]
        listed = pages_of(hub, "get_insights", "Insights", size=1)
        assert [it["Name"] for it in listed if it["InsightArn"] == insight] == [named], listed
    finally:
        hub.disable_security_hub()


def configured(sim, w):
    """The central configuration of Security Hub, for which findings have to be aggregated."""
    home, member, other = sim.client("securityhub"), w.members[0], w.members[1]
    hub = sim.client("securityhub", sim.credentials(member))
    home.enable_organization_admin_account(AdminAccountId=member)
    try:
        hub.update_organization_configuration(AutoEnable=False, AutoEnableStandards="NONE", OrganizationConfiguration={"ConfigurationType": "CENTRAL"})
        sim.advance(600)
        named, policy = name(), {"SecurityHub": {"ServiceEnabled": True, "EnabledStandardIdentifiers": [], "SecurityControlsConfiguration": {"DisabledSecurityControlIdentifiers": []}}}
        one = {"Identifier": hub.create_configuration_policy(Name=named, ConfigurationPolicy=policy)["Id"]}
        refused("ResourceConflictException", hub.create_configuration_policy, http=409, Name=named, ConfigurationPolicy=policy)
        hub.update_configuration_policy(Name=named, Description="d", **one)
        assert hub.get_configuration_policy(**one)["Description"] == "d"
        assert one["Identifier"] in {it["Id"] for it in pages_of(hub, "list_configuration_policies", "ConfigurationPolicySummaries", size=1)}
        target = {"Target": {"AccountId": other}}
        hub.start_configuration_policy_association(ConfigurationPolicyIdentifier=one["Identifier"], **target)
        sim.advance(600)
        held = hub.get_configuration_policy_association(**target)
        assert (held["ConfigurationPolicyId"], held["AssociationType"]) == (one["Identifier"], "APPLIED"), held
        rows = pages_of(hub, "list_configuration_policy_associations", "ConfigurationPolicyAssociationSummaries", size=1)
        assert [it["ConfigurationPolicyId"] for it in rows if it["TargetId"] == other] == [one["Identifier"]], rows
        refused("ResourceConflictException", hub.delete_configuration_policy, http=409, **one)
        hub.start_configuration_policy_disassociation(ConfigurationPolicyIdentifier=one["Identifier"], **target)
        sim.advance(600)
        hub.delete_configuration_policy(**one)
        refused("ResourceNotFoundException", hub.get_configuration_policy, http=404, **one)
        hub.update_organization_configuration(AutoEnable=False, AutoEnableStandards="NONE", OrganizationConfiguration={"ConfigurationType": "LOCAL"})
    finally:
        home.disable_organization_admin_account(AdminAccountId=member)
        w.org.deregister_delegated_administrator(AccountId=member, ServicePrincipal="securityhub.amazonaws.com")


@row("stated")
def _(sim, w):
    """What the organization file says and no call changes."""
    named, owner, own = name(), w.members[0], sim.management
    at = lambda service, account=owner: sim.client(service, sim.credentials(account))
    subnet = f"arn:aws:ec2:{sim.region}:{owner}:subnet/subnet-1"
    sim.load(
        quotas=[{"service": named, "code": "L-1", "value": 3}, {"service": named, "code": "L-2", "value": 4}],
        config_evaluations=[{"id": named, "rule": "encrypted", "account": owner, "region": sim.region, "resource_type": "AWS::S3::Bucket",
                             "resource_id": named, "compliance": "NON_COMPLIANT", "at": "2026-01-01T00:00:00Z"}],
        functions=[{"name": named, "account": owner, "region": sim.region, "returns": {"isolated": True}}],
        workloads=[{"name": named, "account": owner, "region": sim.region, "environment": "PRODUCTION", "updated": "2026-02-01T00:00:00Z",
                    "lenses": [{"alias": "wellarchitected", "risks": {"security": {"HIGH": 1}}}], "milestones": [{"name": "first", "at": "2026-02-01T00:00:00Z"}]}],
        resource_shares=[{"name": named, "account": owner, "region": sim.region, "principals": ["organization"], "resources": [subnet]}])
    quotas = sim.client("service-quotas", region="us-east-1")
    assert quotas.get_service_quota(ServiceCode=named, QuotaCode="L-1")["Quota"]["Value"] == 3.0
    assert [it["QuotaCode"] for it in pages_of(quotas, "list_service_quotas", "Quotas", ServiceCode=named, size=1)] == ["L-1", "L-2"]
    judged = at("config").get_compliance_details_by_resource(ResourceType="AWS::S3::Bucket", ResourceId=named)["EvaluationResults"]
    assert [it["ComplianceType"] for it in judged] == ["NON_COMPLIANT"], judged
    ran = at("lambda").invoke(FunctionName=named)
    assert ran["StatusCode"] == 200 and json.loads(ran["Payload"].read()) == {"isolated": True}, ran
    refused("ResourceNotFoundException", at("lambda").invoke, http=404, FunctionName=named + "-none")
    tool = at("wellarchitected")
    [workload] = [it for it in tool.list_workloads()["WorkloadSummaries"] if it["WorkloadName"] == named]
    one = {"WorkloadId": workload["WorkloadId"]}
    assert tool.get_workload(**one)["Workload"]["Owner"] == owner
    assert [it["LensAlias"] for it in tool.list_lens_reviews(**one)["LensReviewSummaries"]] == ["wellarchitected"]
    pillars = tool.get_lens_review(LensAlias="wellarchitected", **one)["LensReview"]["PillarReviewSummaries"]
    assert {it["PillarId"]: it["RiskCounts"].get("HIGH") for it in pillars}["security"] == 1, pillars
    assert [it["MilestoneName"] for it in tool.list_milestones(**one)["MilestoneSummaries"]] == ["first"]
    ram = at("ram")
    [share] = [it for it in pages_of(ram, "get_resource_shares", "resourceShares", resourceOwner="SELF", size=1) if it["name"] == named]
    of = {"resourceShareArns": [share["resourceShareArn"]]}
    assert [it["id"] for it in pages_of(ram, "list_principals", "principals", resourceOwner="SELF", **of)] == [w.org.describe_organization()["Organization"]["Arn"]]
    assert [it["arn"] for it in pages_of(ram, "list_resources", "resources", resourceOwner="SELF", **of)] == [subnet]
    tied = pages_of(ram, "get_resource_share_associations", "resourceShareAssociations", associationType="RESOURCE", **of)
    assert [it["associatedEntity"] for it in tied] == [subnet], tied
    costs, month = sim.client("ce"), {"TimePeriod": {"Start": "2026-01-01", "End": "2026-02-01"}}
    spent = costs.get_cost_and_usage(Granularity="MONTHLY", Metrics=["UnblendedCost"], **month)["ResultsByTime"]
    assert [it["TimePeriod"]["Start"] for it in spent] == ["2026-01-01"] and float(spent[0]["Total"]["UnblendedCost"]["Amount"]) >= 0, spent
    by = {"GroupBy": [{"Type": "DIMENSION", "Key": "SUBSCRIPTION_ID"}], **month}
    refused("DataUnavailableException", costs.get_reservation_utilization, **by)
    refused("DataUnavailableException", costs.get_savings_plans_utilization_details, **month)


def paid(sim, w):
    """What was paid ahead."""
    costs, month = sim.client("ce"), {"TimePeriod": {"Start": "2026-01-01", "End": "2026-02-01"}}
    by = {"GroupBy": [{"Type": "DIMENSION", "Key": "SUBSCRIPTION_ID"}], **month}
    [held] = costs.get_reservation_utilization(**by)["UtilizationsByTime"]
    assert [it["Value"] for it in held["Groups"]] == ["one"], held
    plans = pages_of(costs, "get_savings_plans_utilization_details", "SavingsPlansUtilizationDetails", size=1, **month) \
        if costs.can_paginate("get_savings_plans_utilization_details") else costs.get_savings_plans_utilization_details(**month)["SavingsPlansUtilizationDetails"]
    assert [it["SavingsPlanArn"] for it in plans] == [f"arn:aws:savingsplans::{sim.management}:savingsplan/plan"], plans


def stated(file, region):
    """The organization of a simulator, with what these rows need and only a file says."""
    named = {it["name"]: it["id"] for it in file["accounts"]}
    payer = file["organization"]["management_account"]
    return {**file, "finding_aggregation": region,
            "commitments": [{"account": payer, "kind": "reservation", "id": "one"}, {"account": payer, "kind": "savings_plan", "id": "plan"}],
            "control_tower": {"version": "4.0", "home_region": region, "governed_regions": [region], "log_archive": named["log-archive"], "audit": named["audit"],
                              "units": ["Security"], "controls": [{"unit": "Security", "control": "AWS-GR_RESTRICT_ROOT_USER"}]}}


def towered(sim, w):
    """A landing zone over one unit, which another joins, and an account of its factory."""
    accounts = {it["Name"]: it["Id"] for it in pages_of(w.org, "list_accounts", "Accounts", size=20)}
    tower, catalog, root = sim.client("controltower"), sim.client("servicecatalog"), w.org.list_roots()["Roots"][0]["Id"]
    units = {it["Name"]: it for it in pages_of(w.org, "list_organizational_units_for_parent", "OrganizationalUnits", ParentId=root, size=20)}
    governed = "Security"
    [zone] = tower.list_landing_zones()["landingZones"]
    assert tower.get_landing_zone(landingZoneIdentifier=zone["arn"])["landingZone"]["version"] == "4.0"
    kinds = {it["name"]: it["arn"] for it in pages_of(tower, "list_baselines", "baselines", size=5)}
    center = pages_of(tower, "list_enabled_baselines", "enabledBaselines", filter={"baselineIdentifiers": [kinds["IdentityCenterBaseline"]]}, size=5)[0]["arn"]
    empty = w.org.create_organizational_unit(ParentId=root, Name=name())["OrganizationalUnit"]
    made = tower.enable_baseline(baselineIdentifier=kinds["AWSControlTowerBaseline"], baselineVersion="4.0", targetIdentifier=empty["Arn"],
                                 parameters=[{"key": "IdentityCenterEnabledBaselineArn", "value": center}])
    ended = lambda operation: tower.get_baseline_operation(operationIdentifier=operation)["baselineOperation"]["status"]
    assert ended(made["operationIdentifier"]) == "IN_PROGRESS"
    sim.advance(86400)
    assert ended(made["operationIdentifier"]) == "SUCCEEDED"
    found = tower.get_enabled_baseline(enabledBaselineIdentifier=made["arn"])["enabledBaselineDetails"]
    assert (found["targetIdentifier"], found["statusSummary"]["status"]) == (empty["Arn"], "SUCCEEDED"), found
    again = tower.reset_enabled_baseline(enabledBaselineIdentifier=made["arn"])["operationIdentifier"]
    sim.advance(86400)
    assert ended(again) == "SUCCEEDED"
    control = pages_of(tower, "list_enabled_controls", "enabledControls", targetIdentifier=units[governed]["Arn"], size=5)[0]["arn"]
    begun = tower.reset_enabled_control(enabledControlIdentifier=control)["operationIdentifier"]
    sim.advance(86400)
    assert tower.get_control_operation(operationIdentifier=begun)["controlOperation"]["status"] == "SUCCEEDED"
    product = pages_of(catalog, "search_products_as_admin", "ProductViewDetails", size=1)[0]["ProductViewSummary"]["ProductId"]
    one = {"ProductId": product}
    version = next(it["Id"] for it in catalog.list_provisioning_artifacts(**one)["ProvisioningArtifactDetails"] if it["Active"] and it["Guidance"] == "DEFAULT")
    portfolio = pages_of(catalog, "list_portfolios_for_product", "PortfolioDetails", **one)[0]["Id"]
    refused("ResourceNotFoundException", catalog.list_launch_paths, **one)
    caller = w.sts.get_caller_identity()["Arn"]
    catalog.associate_principal_with_portfolio(PortfolioId=portfolio, PrincipalARN=caller, PrincipalType="IAM")
    assert caller in {it["PrincipalARN"] for it in pages_of(catalog, "list_principals_for_portfolio", "Principals", PortfolioId=portfolio)}
    path, named = pages_of(catalog, "list_launch_paths", "LaunchPathSummaries", **one)[0]["Id"], name()
    given = {"SSOUserEmail": "zoe@example.com", "SSOUserFirstName": "Zoe", "SSOUserLastName": "X", "ManagedOrganizationalUnit": f"{empty['Name']} ({empty['Id']})",
             "AccountName": named, "AccountEmail": f"{named}@example.com"}
    begun = catalog.provision_product(ProvisioningArtifactId=version, PathId=path, ProvisionedProductName=named, ProvisionToken=named,
                                      ProvisioningParameters=[{"Key": key, "Value": value} for key, value in given.items()], **one)["RecordDetail"]
    assert begun["Status"] in ("CREATED", "IN_PROGRESS"), begun
    sim.advance(86400)
    assert catalog.describe_record(Id=begun["RecordId"])["RecordDetail"]["Status"] == "SUCCEEDED"
    there = catalog.describe_provisioned_product(Id=begun["ProvisionedProductId"])["ProvisionedProductDetail"]
    assert (there["Name"], there["Status"]) == (named, "AVAILABLE"), there
    assert named in {it["Name"] for it in catalog.search_provisioned_products()["ProvisionedProducts"]}


# each over an organization of its own
STATED = [("securityhub configuration", configured), ("ce commitments", paid), ("controltower and servicecatalog", towered)]
