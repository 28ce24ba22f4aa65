"""A crowd of clients in a process of its own, to be killed: `crowd.py HOST PORT COUNT KIND`.

KIND: `clean`, each with a subscription; `persistent`, the same with sessions that stay for ten seconds; `wills`, each
with a will; `listening-wills`, each with a will and a subscription to all of them. Says `ready` and waits.
"""

import resource
import socket
import sys

import wire


def crowd(host, port, count, kind):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sockets = []
    for number in range(count):
        made = socket.socket()
        # Several addresses, for one has not enough ports.
        made.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        made.bind((f"127.0.0.{2 + number % 8}", 0))
        made.connect((host, port))
        will = (f"wills/{kind}/{number}", b"gone", 1) if "wills" in kind else None
        keeps = kind == "persistent"
        data = wire.connect(
            f"{kind}{number}", 5 if keeps else 4, clean=not keeps, expiry=10 if keeps else 0, will=will)
        if kind != "wills":
            data += wire.subscribe(
                ["wills/#" if kind == "listening-wills" else f"crowd/{number}/+"], 0, 1, 5 if keeps else 4)
        made.sendall(data)
        sockets.append(made)
    for made in sockets:
        made.settimeout(60)
        assert made.recv(4)[:2] in (b"\x20\x02", b"\x20\x03"), "no CONNACK"
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    crowd(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
