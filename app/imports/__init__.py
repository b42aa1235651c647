"""Files in: from the bytes of a CSV, XLSX or Parquet file, or a single change, to checked rows of the registry."""
