#!/usr/bin/env python3
"""Somebody on the wire: sends packets of ESP and AH that pass by once more, and once more with another number.

usage: tamper.py INTERFACE COUNT

Waits for that many packets leaving by this interface. Each goes out again as it
was, and again with a sequence number that has not come yet, which its check
value does not cover. Prints how many of each kind were sent.
"""
import socket
import struct
import sys
import time

ETH_P_ALL, PACKET_OUTGOING, ESP, AH = 3, 4, 50, 51
interface, count = sys.argv[1], int(sys.argv[2])
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
wire.bind((interface, 0))
wire.settimeout(20)


def protection(frame):
    """Protocol and where its header begins; (None, 0) for all other frames."""
    kind = frame[12:14]
    if kind == b"\x08\x00":
        return frame[23], 14 + 4 * (frame[14] & 15)
    if kind == b"\x86\xdd":
        return frame[20], 54
    return None, 0


def with_other_number(frame, protocol, at):
    where = at + (4 if protocol == ESP else 8)
    number, = struct.unpack_from("!I", frame, where)
    return frame[:where] + struct.pack("!I", number + 1000) + frame[where + 4:]


done = 0
while done < count:
    frame, (_, _, direction, _, _) = wire.recvfrom(65536)
    protocol, at = protection(frame)
    if direction != PACKET_OUTGOING or protocol not in (ESP, AH):
        continue
    time.sleep(0.02)  # behind the packet itself
    wire.send(frame)
    wire.send(with_other_number(frame, protocol, at))
    done += 1
print(done)
