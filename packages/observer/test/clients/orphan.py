"""Asks over a connection whose process is gone: `orphan.py SOCKET` prints the status without and with its pid reused.

The process that connects leaves its connection to a child and ends. Then another process gets its pid, by telling the
kernel which one comes next (ns_last_pid). To the observer neither is the one that connected.
"""

import json
import os
import socket
import sys
import time

BODY = b"{}"
HEADERS = b" HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"


def ask(sock, target=b"/attach"):
    sock.sendall(b"POST " + target + HEADERS + BODY)
    return int(sock.recv(1024).split()[1])


def sleeper_with(pid):
    """Makes a process with this very pid, and answers whether it could."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with open("/proc/sys/kernel/ns_last_pid", "w") as file:
            file.write(str(pid - 1))
        child = os.fork()
        if child == 0:
            time.sleep(1000)
            os._exit(0)
        if child == pid:
            return child
        os.kill(child, 9)
        os.waitpid(child, 0)
    sys.exit(f"pid {pid} does not come again")


sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
connecting = os.fork()
if connecting == 0:
    sock.connect(sys.argv[1])
    # Now the observer knows who it is.
    os._exit(0 if ask(sock, b"/") == 200 else 1)
os.waitpid(connecting, 0)
gone = ask(sock)
# Start times count in hundredths of a second. Who cannot choose pids gets one again only after thousands of others.
time.sleep(0.05)
other = sleeper_with(connecting)
try:
    print(json.dumps({"gone": gone, "reused": ask(sock)}))
finally:
    os.kill(other, 9)
    os.waitpid(other, 0)
