"""Talks to the observer as the original's programs do, with the standard library alone.

`original.py SOCKET WAY` prints one JSON object of what it saw. Ways: `runner` is how a program is run in a session by
`kolejka.observer.runner`, `stage2` how a whole task is by the original's worker, `raw` what a connection can carry.
"""

import http.client
import json
import os
import socket
import subprocess
import sys

TYPE = "application/json; charset=utf-8"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = connect(self.path)


def connect(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(60)
    sock.connect(path)
    return sock


def ask(connection, target, body):
    text = json.dumps(body).encode()
    connection.request("POST", target, text, {"Content-Type": TYPE, "Content-Length": str(len(text))})
    with connection.getresponse() as response:
        found = response.getheader("Content-Type")
        answer = json.loads(response.read().decode())
    assert found == TYPE, found
    return answer


def ask_and_leave_unread(connection, target, body):
    text = json.dumps(body).encode()
    connection.request("POST", target, text, {"Content-Type": TYPE, "Content-Length": str(len(text))})
    connection.getresponse()


def by_hand(target, body, version="1.1", headers=()):
    text = json.dumps(body).encode()
    lines = [f"POST {target} HTTP/{version}", "Host: kolejka-observer", f"Content-Type: {TYPE}", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(text)}", "", ""]).encode() + text


def in_session(path, session, command):
    """A child attaches itself with one request by hand and one small read, and becomes the program."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(into, 1)
        with connect(path) as sock:
            sock.sendall(by_hand("/attach", session))
            first = sock.recv(1024)
        if not first.startswith(b"HTTP/1.1 200 ") or not first.endswith(b'"status":"ok"}'):
            os._exit(99)
        os.execvp(command[0], command)
    os.close(into)
    with os.fdopen(out) as output:
        text = output.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


def groups(text):
    return sorted({line.split(":", 2)[2] for line in text.split("\n") if "kolejka_observer_" in line})


def runner(path):
    connection = UnixConnection(path)
    session = ask(connection, "/open", {})
    session = {name: session[name] for name in ("session_id", "secret")}
    limits = {"cpus": 1, "memory": "64000000b", "swap": "0b", "pids": 16, "time": "20.0s"}
    limited = ask(connection, "/limits", {**session, "limits": limits})
    command = ["sh", "-c", "cat /proc/self/cgroup; exec dd if=/dev/zero of=/dev/null bs=8M count=20 2>/dev/null"]
    status, text = in_session(path, session, command)
    stats = ask(connection, "/stats", {"session_id": session["session_id"]})
    closed = ask(connection, "/close", session)
    after = ask(connection, "/stats", {"session_id": session["session_id"]})
    return {"exit": status, "groups": groups(text), "limited": limited, "stats": stats, "closed": closed, "after": after}


def stage2(path):
    connection = UnixConnection(path)
    session = ask(connection, "attach", {})
    session = {name: session[name] for name in ("session_id", "secret")}
    limits = {"cpus": 1, "memory": 64_000_000, "swap": 0, "pids": 64, "time": 20.0}
    limited = ask(connection, "limits", {**session, "limits": limits})
    connection.close()
    text = subprocess.run(["cat", "/proc/self/cgroup"], check=True, stdout=subprocess.PIPE, text=True).stdout
    connection = UnixConnection(path)
    stats = ask(connection, "stats", session)
    ask_and_leave_unread(connection, "detach", session)
    ask_and_leave_unread(connection, "close", session)
    connection.close()
    with open("/proc/self/cgroup") as file:
        back = groups(file.read())
    return {"groups": groups(text), "limited": limited, "stats": stats, "back": back}


def conversation(path, requests):
    """Sends requests one by one on one connection; what comes back for each, and whether the other side closed."""
    answers = []
    with connect(path) as sock:
        for request in requests:
            sock.sendall(request)
            answers.append(sock.recv(1024).decode())
        sock.settimeout(0.5)
        try:
            closed = sock.recv(1) == b""
        except socket.timeout:
            closed = False
    return {"answers": [answer.split("\r\n")[0] for answer in answers], "closed": closed}


def at_once(path, requests):
    with connect(path) as sock:
        sock.sendall(b"".join(requests))
        sock.shutdown(socket.SHUT_WR)
        text = b""
        while piece := sock.recv(65536):
            text += piece
    return text.decode().count("HTTP/1.1 200 OK")


def raw(path):
    keep = ["Connection: keep-alive"]
    root = by_hand("/", {})
    return {
        "1.1": conversation(path, [root] * 3),
        "1.1 close": conversation(path, [by_hand("/", {}, headers=["Connection: close"])]),
        "1.0": conversation(path, [by_hand("/", {}, "1.0")]),
        "1.0 keep": conversation(path, [by_hand("/", {}, "1.0", keep)] * 3),
        "no slash": conversation(path, [by_hand("", {})]),
        "no slash keep": conversation(path, [by_hand("", {}, headers=keep)] * 3),
        "at once": at_once(path, [root] * 20),
    }


WAYS = {"runner": runner, "stage2": stage2, "raw": raw}
print(json.dumps(WAYS[sys.argv[2]](sys.argv[1])))
