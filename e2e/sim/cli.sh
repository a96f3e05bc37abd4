#!/usr/bin/env bash
# Plays `simulator.md` L-01 to L-08 and L-15 with the unmodified aws CLI.
# usage: cli.sh http://127.0.0.1:4570
set -u
endpoint=${1:?give the endpoint of a running simulator}
passed=0 failed=0

control() { curl -sf "$endpoint/_sim$1"; }
field() { python3 -c 'import json,sys; print(eval("d"+sys.argv[1], {"d": json.load(sys.stdin)}))' "$1"; }

state=$(control /state) || { echo "no simulator at $endpoint" >&2; exit 2; }
file=$(control '/state?full=1')
management=$(field '["organization"]["management_account"]' <<<"$state")
accounts=$(field '["organization"]["accounts"]' <<<"$state")
users=$(field '["organization"]["users"]' <<<"$state")
store=$(field '["identity_center"]["identity_store_id"]' <<<"$state")
instance=$(field '["identity_center"]["instance_arn"]' <<<"$state")
group_member=$(field '["file"]["identity_center"]["groups"][0]["members"][0]' <<<"$file")
email=$(field '["file"]["identity_center"]["users"][0]["email"]' <<<"$file")
email_id=$(field '["file"]["identity_center"]["users"][0]["id"]' <<<"$file")
keys=$(control "/credentials?account=$management")
AWS_ACCESS_KEY_ID=$(field '["access_key_id"]' <<<"$keys")
AWS_SECRET_ACCESS_KEY=$(field '["secret_access_key"]' <<<"$keys")
AWS_DEFAULT_REGION=$(field '["identity_center"]["home_region"]' <<<"$state")
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_DEFAULT_REGION
export AWS_ENDPOINT_URL=$endpoint AWS_PAGER="" AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
unset AWS_SESSION_TOKEN AWS_PROFILE

# row, expected exit codes (255 with version 1, 254 with version 2), expected extended regular expression in the output, command
check() {
  local row=$1 code=$2 pattern=$3 output status
  shift 3
  output=$("$@" 2>&1)
  status=$?
  if [[ $status =~ ^($code)$ ]] && grep -qE -- "$pattern" <<<"$output"; then
    passed=$((passed + 1))
    echo "ok   $row"
  else
    failed=$((failed + 1))
    echo "FAIL $row exit $status: ${output:0:400}"
  fi
}

user_id() {
  aws identitystore get-user-id --identity-store-id "$store" --output text --query UserId \
    --alternate-identifier "{\"UniqueAttribute\":{\"AttributePath\":\"$1\",\"AttributeValue\":\"$2\"}}"
}

check L-01 0 "\"Account\": \"$management\"" aws sts get-caller-identity --output json
check L-02 0 "^$accounts\$" aws organizations list-accounts --query 'length(Accounts)'
check L-03 0 '"NextToken"' aws organizations list-accounts --max-items 1
check L-04 0 '^1$' aws sso-admin list-instances --query 'length(Instances)'
check L-05 0 'GROUP' aws sso-admin list-account-assignments-for-principal \
  --instance-arn "$instance" --principal-type USER --principal-id "$(user_id userName "$group_member")"
check L-06 0 "^$email_id\$" user_id emails.value "$email"
check L-07 0 "^$users\$" aws identitystore list-users --identity-store-id "$store" --page-size 1 \
  --query 'length(Users)' --output json
check L-08 '254|255' 'An error occurred \(ResourceNotFoundException\) when calling the DescribePermissionSet operation' \
  aws sso-admin describe-permission-set --instance-arn "$instance" \
  --permission-set-arn "arn:aws:sso:::permissionSet/${instance##*/}/ps-0000000000000000"
roles=$(aws iam list-roles --query 'length(Roles)' --output json)
check L-17 0 "^$roles\$" aws iam get-account-authorization-details --page-size 1 --query 'length(RoleDetailList)' --output json
check L-18 0 '"State": "(STARTED|INPROGRESS|COMPLETE)"' aws iam generate-credential-report --output json
AWS_SECRET_ACCESS_KEY=wrong check L-15 '254|255' 'An error occurred \(SignatureDoesNotMatch\)' \
  aws sts get-caller-identity
echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
