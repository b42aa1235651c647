"""A process that imports files one after the other and says so: `python -m tests.reliability.importer URL FOLDER …`.

Each further argument is `dataset=path`. Before each file it prints `start`, after it `taken`, or `rejected` and the
rules that its rows break. Indexes are set aside for small files too, so that this is under test as well.
"""

import sys
from pathlib import Path

from app.config import Settings
from app.imports import writing
from app.imports.load import ImportRejected, import_file
from app.imports.options import ImportOptions


def main() -> None:
    writing.MANY_ROWS = 1000
    url, folder, *files = sys.argv[1:]
    settings = Settings(_env_file=None, database_url=url, data_dir=Path(folder))
    for file in files:
        dataset, path = file.split("=", 1)
        print("start", flush=True)
        try:
            import_file(settings, dataset, Path(path), ImportOptions(), lambda *_: None)
        except ImportRejected as rejected:
            print("rejected", *sorted({str(issue.rule) for issue in rejected.imported.issues}), flush=True)
        else:
            print("taken", flush=True)


if __name__ == "__main__":
    main()
