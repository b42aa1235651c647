#!/bin/sh
# Imports the files that lie in INBOX, and builds the snapshot of the last day of the month before.
#
# Each dataset has a folder of its own, `INBOX/ledger/` and so on; files are taken in the order of their names. What was
# taken goes to `INBOX/taken/`, what was refused to `INBOX/refused/` with the reasons beside it: a workbook with a remark
# in each wrong row, which can be sent back. Nothing is imported twice, and a file that is still being written (`.part`)
# waits. Ends with 1 if anything was refused. Settings come from the environment, as everywhere.
set -u
inbox=${INBOX:-/var/lib/orgcoverage/inbox}
day=$(date -d "$(date +%Y-%m-01) -1 day" +%F)
orgcoverage=${ORGCOVERAGE:-orgcoverage}
mkdir -p "$inbox/taken" "$inbox/refused"
came=0 refused=0

for dataset in districts industry-groups ledger enterprises returns branches coverage branch-returns; do
  for file in "$inbox/$dataset"/*; do
    case $file in *.part) continue ;; esac
    [ -f "$file" ] || continue
    name=$(date +%Y%m%dT%H%M%S)-$dataset-$(basename "$file")
    if "$orgcoverage" import "$dataset" "$file" --remarks "$inbox/refused/$name.xlsx" >"$inbox/refused/$name.txt" 2>&1; then
      rm -f "$inbox/refused/$name.xlsx"
      mv "$inbox/refused/$name.txt" "$inbox/taken/$name.txt"
      mv "$file" "$inbox/taken/$name"
      came=$((came + 1))
    else
      mv "$file" "$inbox/refused/$name"
      refused=$((refused + 1))
    fi
  done
done

if [ "$came" -gt 0 ]; then
  "$orgcoverage" snapshot build --as-of "$day" || exit 1
fi
echo "$came taken, $refused refused"
[ "$refused" -eq 0 ]
