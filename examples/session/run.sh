#!/bin/sh
set -e
cc -Wall -o session main.c observer.c
exec ./session
