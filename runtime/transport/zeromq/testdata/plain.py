"""Programs with plain ZeroMQ sockets beside nodes of xsgen, as docs/wire.md has them.

Called with what to do, and the addresses that it needs. It writes what it gets as lines of
JSON, and ends when its standard input does.
"""
import json
import sys
import threading

import msgpack
import zmq

HEARTBEAT = 200  # milliseconds


def socket(kind, addr):
    s = zmq.Context.instance().socket(kind)
    s.setsockopt(zmq.LINGER, 2000)
    s.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT)
    s.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3 * HEARTBEAT)
    s.setsockopt(zmq.HEARTBEAT_TTL, 3 * HEARTBEAT)
    if kind == zmq.SUB:
        for prefix in ("state.", "event.", "emit.stand."):
            s.setsockopt(zmq.SUBSCRIBE, prefix.encode())
    s.connect(addr)
    return s


def say(**fields):
    print(json.dumps(fields), flush=True)


def watch(s):
    """Says when the connection is lost."""
    m = s.get_monitor_socket(zmq.EVENT_DISCONNECTED)

    def run():
        m.recv_multipart()
        say(disconnected=True)

    threading.Thread(target=run, daemon=True).start()


def show(frames):
    topic, envelope, payload = frames[:3]
    say(topic=topic.decode(), envelope=msgpack.unpackb(envelope, timestamp=1), payload=msgpack.unpackb(payload, timestamp=1))


def receive(kind, addr):
    """SUB and PULL: three frames each."""
    s = socket(kind, addr)
    watch(s)
    say(ready=True)
    while True:
        show(s.recv_multipart())


def messages():
    """What it is told to send. A time is {"seconds": …} there."""
    def time(o):
        return msgpack.Timestamp(o["seconds"]) if "seconds" in o else o

    for line in sys.stdin:
        yield json.loads(line, object_hook=time)


def push(addr):
    s = socket(zmq.PUSH, addr)
    for m in messages():
        s.send_multipart([m["topic"].encode(), msgpack.packb(m["envelope"]), msgpack.packb(m["payload"])])


def request(addr):
    s = socket(zmq.REQ, addr)
    for m in messages():
        s.send_multipart([m["topic"].encode(), msgpack.packb(m["envelope"]), msgpack.packb(m["payload"])])
        show(s.recv_multipart())


def member(addr, *groups):
    """A member of groups, each with what it wants, with acknowledgements: it handles messages, and answers requests."""
    s = socket(zmq.DEALER, addr)
    watch(s)
    queues = []
    for number, text in enumerate(groups):
        group, pattern = text.split("=")
        queues.append({"id": number, "group": group, "patterns": [pattern], "keep": True, "capacity": 100})
    s.send_multipart([b"\0hello", msgpack.packb({"version": 1, "node": "python-0", "epoch": "e1", "queues": queues})])
    while True:
        frames = s.recv_multipart()
        if frames[0] == b"\0welcome":
            say(ready=True)
            continue
        if frames[0].startswith(b"\0"):
            continue
        number, ttl, flags, *chosen = msgpack.unpackb(frames[3])
        show(frames)
        envelope = msgpack.unpackb(frames[1], timestamp=0)
        if "reply_to" in envelope:
            answer = {"correlation": envelope["correlation"], "type": "Quote"}
            s.send_multipart([b"\0reply", frames[0], msgpack.packb(answer), msgpack.packb({"price": 42})])
        done = [number]
        for queue in chosen:
            done += [queue, number, number, 0]
        s.send_multipart([b"\0ack", msgpack.packb(done)])


def main():
    what, addr = sys.argv[1], sys.argv[2]
    if what == "sub":
        run = lambda: receive(zmq.SUB, addr)
    elif what == "pull":
        run = lambda: receive(zmq.PULL, addr)
    elif what == "member":
        run = lambda: member(addr, *sys.argv[3:])
    else:
        {"push": push, "request": request}[what](addr)
        zmq.Context.instance().destroy(linger=2000)
        return
    threading.Thread(target=run, daemon=True).start()
    sys.stdin.read()


main()
