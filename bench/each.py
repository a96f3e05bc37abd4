"""One operation in 500 accounts and 20 Regions against an endpoint of our own that answers after 50 ms: how long
`hallpass each` takes beside what calls, latency and width allow, how much memory, and how much of a processor a call costs.

usage: HALLPASS_BIN=… python3 bench/each.py [WIDTH …]
EACH_ACCOUNTS (500), EACH_REGIONS (20) and EACH_LATENCY_MS (50) make it smaller."""

import asyncio
import json
import multiprocessing
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

ACCOUNTS = int(os.environ.get("EACH_ACCOUNTS", "500"))
REGIONS = int(os.environ.get("EACH_REGIONS", "20"))
LATENCY = int(os.environ.get("EACH_LATENCY_MS", "50")) / 1000
# seconds that each may take
MOST = {20: 31, 64: 12, 100: 10, 256: 7}
OWN = "999999999999"
NAMES = ("af-south-1 ap-east-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1 eu-central-1 "
         "eu-north-1 eu-south-1 eu-west-1 eu-west-2 eu-west-3 me-south-1 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2").split()


def answer(head, body):
    """What AWS would say; nothing is checked."""
    if b"ListAccounts" in head:
        start = int(json.loads(body or b"{}").get("NextToken", 0))
        rows = [{"Id": f"{n:012}", "Name": f"a{n}", "State": "ACTIVE"} for n in range(start, min(start + 20, ACCOUNTS))]
        more = {"NextToken": str(start + 20)} if start + 20 < ACCOUNTS else {}
        return json.dumps({"Accounts": rows, **more})
    if b"DescribeOrganization" in head:
        return json.dumps({"Organization": {"Id": "o-1", "MasterAccountId": OWN}})
    if head.startswith(b"POST /listRegions"):
        return json.dumps({"Regions": [{"RegionName": name, "RegionOptStatus": "ENABLED"} for name in NAMES[:REGIONS]]})
    if b"Action=GetCallerIdentity" in body:
        return (f"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{OWN}</Account></GetCallerIdentityResult>"
                "</GetCallerIdentityResponse>")
    if b"Action=AssumeRole" in body:
        return ("<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
                "<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>")
    rows = "".join(f"<item><vpcId>vpc-{n:017x}</vpcId><cidrBlock>10.{n}.0.0/16</cidrBlock><isDefault>false</isDefault></item>" for n in range(3))
    return f"<DescribeVpcsResponse><requestId>r</requestId><vpcSet>{rows}</vpcSet></DescribeVpcsResponse>"


class Endpoint(asyncio.Protocol):
    """One request after the other on a connection, each answered after the latency."""

    def connection_made(self, transport):
        self.transport, self.held = transport, b""

    def data_received(self, data):
        self.held += data
        head, found, body = self.held.partition(b"\r\n\r\n")
        if not found:
            return
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        if len(body) < length:
            return
        self.held = body[length:]
        asyncio.get_running_loop().call_later(LATENCY, self.say, answer(head, body[:length]).encode())

    def say(self, body):
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def serve(port):
    async def run():
        server = await asyncio.get_running_loop().create_server(Endpoint, "127.0.0.1", 0, backlog=2048)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()
    asyncio.run(run())


def measured(port, width, folder):
    environment = {"PATH": os.environ["PATH"], "HOME": folder, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_REGION": "eu-west-1",
                   "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_CONFIG_FILE": os.devnull}
    command = [os.environ["HALLPASS_BIN"], "each", "ec2", "DescribeVpcs", "-c", str(width), "--query", "Vpcs[].VpcId"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    with open(pathlib.Path(folder) / "out", "wb") as out:
        ran = subprocess.run(command, env=environment, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode:
        sys.exit(ran.stderr)
    calls = int(ran.stderr.split("calls ")[1].split(",")[0])
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, calls, busy, after.ru_maxrss / 1024


def main():
    port, theirs = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    port = port.recv()
    with tempfile.TemporaryDirectory() as folder:
        for width in [int(it) for it in sys.argv[1:]] or [20, 64, 100, 256]:
            seconds, calls, busy, memory = measured(port, width, folder)
            ideal = calls * LATENCY / width
            most = f", at most {MOST[width]}" if width in MOST else ""
            print(f"  width {width:<4} {seconds:6.1f} s (ideal {ideal:.1f}{most}), {calls} calls, {calls / seconds:.0f}/s, "
                  f"{busy / calls * 1000:.2f} ms of a processor a call, {memory:.0f} MiB", flush=True)
    server.terminate()


if __name__ == "__main__":
    main()
