"""Actions that no operation of a service's API is called after, from what botocore knows of operations: no event of CloudTrail
has their name for sure. `crates/activity/data/uncalled.txt` is this list; `BLESS=1` writes it anew."""

import collections
import pathlib

import botocore.session

ROOT = pathlib.Path(__file__).parent.parent
FACTS = ROOT / "crates/iam/data/facts.txt"
LIST = ROOT / "crates/activity/data/uncalled.txt"
# names of APIs whose actions have another prefix
PREFIXES = {"monitoring": "cloudwatch", "email": "ses", "tagging": "tag", "application-signals": "cloudwatch", "partnercentral-selling": "partnercentral"}


def actions():
    """The known actions by prefix."""
    found, here = {}, None
    for line in FACTS.read_text().splitlines():
        cells = line.split("\t")
        if cells[0] == "@":
            here = found.setdefault(cells[1], [])
        elif cells[0] in ("L", "R", "W", "P", "T") and len(cells) > 1:
            here.append(cells[1])
    return found


def operations():
    """The names of operations by every prefix that they may have."""
    session, found = botocore.session.get_session(), collections.defaultdict(set)
    for name in session.get_available_services():
        for version in session.get_component("data_loader").list_api_versions(name, "service-2"):
            model = session.get_service_model(name, version)
            about = {name, model.endpoint_prefix, model.signing_name}
            for prefix in about | {PREFIXES[it] for it in about if it in PREFIXES}:
                found[prefix] |= {it.lower() for it in model.operation_names}
    return found


def uncalled():
    """A line for each service: its prefix, and the actions, or `*` where no API is known."""
    known, lines = operations(), ["# actions that no operation is called after, by service; `*`: no API of it is known. Made by e2e/uncalled.py"]
    for prefix, names in sorted(actions().items()):
        left = [it for it in names if it.lower() not in known.get(prefix, ())]
        if prefix not in known:
            lines.append(f"{prefix} *")
        elif left:
            lines.append(f"{prefix} {' '.join(left)}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    LIST.write_text(uncalled())
