"""Writes the Parquet files that the tests read, as common writers write them, and their rows as JSON.

    pip install pandas pyarrow polars duckdb fastparquet
    python tests/parquet/make.py

The files hold the same 40 rows of the fraud model's fields; the third has no customer_id. One has them
75 times, with other ids and amounts.
"""

import datetime
import decimal
import json
import pathlib

import duckdb
import fastparquet
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

here = pathlib.Path(__file__).parent
example = json.loads((here / "../../models/fraud/examples/ordinary.json").read_text())

rows = []
for i in range(40):
    row = dict(example)
    row["transaction_id"] = f"tx-{i:04}"
    row["timestamp"] = f"2026-03-14T11:32:{i:02}.125Z"
    row["amount"] = 1.25 * i + 0.1
    row["merchant_category"] = ["grocery", "fuel", "travel"][i % 3]
    row["strong_authentication"] = i % 2 == 0
    row["account_age_days"] = 100 + i
    if i == 2:
        del row["customer_id"]
    rows.append(row)
(here / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

frame = pd.DataFrame(rows)
frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True)

# What pandas writes by itself: snappy, dictionaries, nanoseconds or microseconds.
frame.to_parquet(here / "pandas.parquet", index=False)
# Groups of few rows, pages of the second version, gzip, numbers as differences.
table = pa.Table.from_pandas(frame, preserve_index=False)
pq.write_table(
    table, here / "gzip.parquet", compression="gzip", data_page_version="2.0", row_group_size=7,
    use_dictionary=False,
    column_encoding={"account_age_days": "DELTA_BINARY_PACKED", "amount": "BYTE_STREAM_SPLIT"},
)
# As Spark did for long: INT96, decimals.
spark = table.set_column(
    table.schema.get_field_index("amount"), "amount",
    pa.array([decimal.Decimal(str(row["amount"])) for row in rows], pa.decimal128(20, 4)),
)
pq.write_table(spark, here / "spark.parquet", use_deprecated_int96_timestamps=True, version="1.0")
pl.from_pandas(frame).write_parquet(here / "polars.parquet")
duckdb.sql(f"copy (select * from frame) to '{here / 'duckdb.parquet'}' (format parquet)")
fastparquet.write(here / "fastparquet.parquet", frame, compression="UNCOMPRESSED")

# More bytes than are read with the description at the end.
many = pd.concat([frame] * 75, ignore_index=True)
random = np.random.default_rng(1)
many["transaction_id"] = [random.bytes(12).hex() for _ in range(len(many))]
many["amount"] = random.uniform(1, 100, len(many))
many.to_parquet(here / "groups.parquet", index=False, row_group_size=1000)

# What is refused.
refused = here / "refused"
refused.mkdir(exist_ok=True)
pq.write_table(table, refused / "lz4.parquet", compression="lz4")
pq.write_table(table.append_column("__index_level_0__", pa.array(range(40))), refused / "index.parquet")
pq.write_table(table.append_column("tags", pa.array([["a"]] * 40)), refused / "nested.parquet")
naive = frame.assign(timestamp=frame["timestamp"].dt.tz_localize(None))
naive.to_parquet(refused / "naive.parquet", index=False)
pq.write_table(
    table, refused / "delta.parquet", use_dictionary=False,
    column_encoding={"transaction_id": "DELTA_BYTE_ARRAY"},
)
# One that unpacks to 256 MiB.
pq.write_table(
    pa.table({"transaction_id": pa.array(["x" * (1 << 28)])}), refused / "bomb.parquet",
    compression="zstd", compression_level=19, use_dictionary=False, write_statistics=False,
)
