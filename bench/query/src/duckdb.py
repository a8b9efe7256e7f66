"""Asks DuckDB for sums by stack.

duckdb_query.py DATA measure RUNS [COLUMN VALUE]   prints lines of name, CPU seconds, wall seconds
duckdb_query.py DATA sums FILE [COLUMN VALUE]      writes a line for each stack: functions, sum
"""

import sys
import time

import duckdb

data, task, argument, *label = sys.argv[1:]
where = ""
if label:
    column, value = label
    where = f"""where "{column}" = '{value.replace("'", "''")}'"""

connection = duckdb.connect()
connection.execute("set threads = 2")
connection.execute("set preserve_insertion_order = false")
connection.execute("set enable_progress_bar = false")

# A stack's number counts rows of the stacks table in the same folder, so stacks of two files are told by their hash.
by_file = f"""
    select filename as samples_file, stack, sum(value) as value
    from read_parquet('{data}/blocks/*/samples.parquet', filename = true) {where} group by all
"""
by_hash = f"""
    select hash, sum(value)::bigint as value from ({by_file}) sums
    join (
        select replace(filename, 'stacks.parquet', 'samples.parquet') as samples_file, file_row_number as stack, hash
        from read_parquet('{data}/blocks/*/stacks.parquet', filename = true, file_row_number = true)
    ) stacks using (samples_file, stack)
    group by hash
"""


def measure(name, query, runs):
    for run in range(runs + 1):
        cpu, wall = time.process_time(), time.perf_counter()
        connection.execute(f"select count(*), sum(value) from ({query})").fetchall()
        cost = time.process_time() - cpu, time.perf_counter() - wall
        if run > 0:
            print(name, *cost, sep="\t")


if task == "measure":
    measure("DuckDB, by stack", by_hash, int(argument))
    measure("DuckDB, within files only", by_file, int(argument))
else:
    connection.execute(f"create table answer as {by_hash}")
    connection.execute(f"""
        create table first_of as
        select hash, min(filename) as stacks_file, arg_min(frames, filename) as frames
        from read_parquet('{data}/blocks/*/stacks.parquet', filename = true)
        where hash in (select hash from answer) group by hash
    """)
    connection.execute(f"""
        create table functions as
        select replace(filename, 'frames.parquet', 'stacks.parquet') as stacks_file, file_row_number as frame, function
        from read_parquet('{data}/blocks/*/frames.parquet', filename = true, file_row_number = true)
    """)
    connection.execute(f"""
        copy (
            select string_agg(function, ';' order by position) || ' ' || any_value(value) as line
            from (
                select hash, stacks_file, unnest(frames) as frame, unnest(range(len(frames))) as position
                from first_of
            ) join functions using (stacks_file, frame) join answer using (hash)
            group by hash
        ) to '{argument}' (header false, delimiter '\x01', quote '')
    """)
