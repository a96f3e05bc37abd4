#!/usr/bin/env python3
"""Snapshots are open: another engine reads the files that `hallpass snapshots import` wrote, and gives the rows that
`hallpass query` gives (`inventory.md` §1.1, §2.1)."""

import json
import pathlib
import subprocess
import tempfile

import duckdb

from stage import ROOT, Checks, binary

FIXTURE = ROOT / "docs/spec/fixtures/inventory-lostkeys.json"


def hallpass(folder, *arguments):
    return subprocess.run([binary(), *arguments], cwd=folder, capture_output=True, text=True)


def of_duckdb(folder, fixture, sql):
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    for table in fixture["tables"]:
        files = f"{folder}/snapshots/{table}/*/*/*.parquet"
        database.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{files}', hive_partitioning = true)")
    # its clock is not to be moved: the instant stands where the clock is asked
    sql = sql.rstrip().rstrip(";").replace("now()", f"TIMESTAMPTZ '{fixture['now']}'")
    answer = folder / "duckdb.json"
    database.execute(f"COPY ({sql}) TO '{answer}' (FORMAT json, ARRAY true, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%SZ')")
    rows = json.loads(answer.read_text())
    for row in rows:
        # it does not know that a column of text is JSON
        if isinstance(row.get("tags"), str):
            row["tags"] = json.loads(row["tags"])
    return rows


def same(rows, ordered):
    texts = [json.dumps(row, sort_keys=True) for row in rows]
    return texts if ordered else sorted(texts)


def main():
    check = Checks()
    fixture = json.loads(FIXTURE.read_text())
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        kept = hallpass(folder, "snapshots", "import", str(FIXTURE))
        check("a document is kept as a snapshot", kept.returncode == 0, kept.stderr)
        for query in fixture["queries"]:
            ours = hallpass(folder, "query", query["sql"], "--as-of", fixture["now"], "--output", "json")
            check(f"{query['name']}: answered", ours.returncode == 0, ours.stderr)
            ours, ordered = same(json.loads(ours.stdout), query["ordered"]), query["ordered"]
            check.equal(f"{query['name']}: the rows of PostgreSQL", ours, same(query["rows"], ordered))
            theirs = of_duckdb(folder, fixture, query["sql"])
            check.equal(f"{query['name']}: DuckDB gives the same over the same files", same(theirs, ordered), ours)
        (folder / "none").mkdir()
        none = hallpass(folder, "query", "--folder", "none", "SELECT * FROM aws_iam_roles")
        check("exit codes and messages come through", none.returncode == 2 and "E_NOT_SYNCED" in none.stderr, none.stderr)
        tables = hallpass(folder, "tables", "aws_iam_users", "--output", "json")
        check("tables are listed", "password_last_used" in tables.stdout, tables.stderr)
        helped = hallpass(folder, "query", "--help")
        check("help is the companion's", "--max-rows" in helped.stdout and helped.returncode == 0, helped.stdout)
        alone = folder / "hallpass"
        alone.write_bytes(pathlib.Path(binary()).read_bytes())
        alone.chmod(0o755)
        without = subprocess.run([alone, "tables"], capture_output=True, text=True)
        check("without the companion it says where it is", without.returncode == 1 and "make query" in without.stderr, without.stderr)
    check.end()


main()
