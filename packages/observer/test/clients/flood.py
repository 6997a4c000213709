"""Asks the observer for sessions without end; stops when its input ends, and prints how often it got which status.

`flood.py SOCKET LEAST` asks at least LEAST times. Requests go out a hundred at a time, before any answer is read.
"""

import collections
import json
import re
import select
import socket
import sys

ONE = b"POST /open HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
BATCH = 100
counts = collections.Counter()


def is_over():
    return select.select([sys.stdin], [], [], 0)[0] != []


connections = []
for _ in range(8):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(sys.argv[1])
    connections.append(sock)
print("begun", flush=True)
while sum(counts.values()) < int(sys.argv[2]) or not is_over():
    for sock in connections:
        sock.sendall(ONE * BATCH)
    for sock in connections:
        text = b""
        # An answer may end in the middle of a piece, but each status line comes with its body in one write.
        while len(found := re.findall(rb"HTTP/1\.1 (\d+) [^{]*\{[^}]*\}", text)) < BATCH:
            piece = sock.recv(65536)
            if not piece:
                sys.exit("the observer hung up")
            text += piece
        counts.update(status.decode() for status in found)
print(json.dumps(counts), flush=True)
