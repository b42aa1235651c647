"""Files in: from the bytes of a CSV, XLSX or Parquet file to checked rows of the registry."""
