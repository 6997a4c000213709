#!/bin/sh
set -e
mkdir -p out/logs/deep out/tables work/alice work/bob
echo "report" >out/report.txt
echo "first log" >out/logs/first.txt
echo "second log" >out/logs/deep/second.txt
echo "a,b" >out/tables/grades.csv
echo "no rule asks for this" >out/tables/grades.bak
echo "7" >work/alice/score
echo "9" >work/bob/score
echo "# Summary" >summary.md
echo "needs no rule" >/var/lib/kolejka/result/direct.txt
