#!/usr/bin/env python3
"""A steady stream of numbered packets to a UDP echo service, and what came back of it.

usage: stream.py ADDRESS SECONDS [PER_SECOND]

Prints a line for each packet, in order: its number, when it left and when its
echo came (milliseconds since the first left), or `-` where none came within a
second after the last.
"""
import select
import socket
import struct
import sys
import time

address, seconds = sys.argv[1], float(sys.argv[2])
apart = 1 / float(sys.argv[3] if len(sys.argv) > 3 else 50)
count = round(seconds / apart)
sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
sock.setblocking(False)
start = time.monotonic()
sent, heard = [], {}


def listen(until):
    while (left := until - time.monotonic()) > 0:
        if not select.select([sock], [], [], left)[0]:
            return
        try:
            data = sock.recv(2048)
        except OSError:
            continue
        heard.setdefault(struct.unpack("!I", data[:4])[0], time.monotonic() - start)


for number in range(count):
    sent.append(time.monotonic() - start)
    try:
        # Without a source of its own: the kernel picks it anew each time, as it does for a program that does not care.
        sock.sendto(struct.pack("!I", number).ljust(64, b"."), (address, 7))
    except OSError:
        pass  # no way there just now: a packet lost like any other
    listen(start + (number + 1) * apart)
listen(time.monotonic() + 1)
for number, at in enumerate(sent):
    back = heard.get(number)
    print(number, f"{at * 1000:.1f}", "-" if back is None else f"{back * 1000:.1f}")
