#!/bin/sh
set -e
cc -Wall -o words main.c words.c
./words
