#!/usr/bin/python3
"""In the guest: run shell commands that come over a virtio-serial port, several at once.

A line {"id", "cmd", "timeout"} is answered by {"id", "rc", "out"}; the first word is "hello".
"""

import json
import os
import subprocess
import threading
import time
from pathlib import Path

PORT = Path("/dev/virtio-ports/agent")


class Agent:
    def __init__(self) -> None:
        while not PORT.exists():
            time.sleep(0.2)
        self._port = os.open(PORT, os.O_RDWR)
        self._lock = threading.Lock()

    def say(self, word: dict) -> None:
        data = (json.dumps(word) + "\n").encode()
        with self._lock:
            while data:
                data = data[os.write(self._port, data) :]

    def work(self, job: dict) -> None:
        command = ["bash", "-c", job["cmd"]]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=job["timeout"],
            )
            status, out = done.returncode, done.stdout
        except subprocess.TimeoutExpired as error:
            status, out = 124, error.stdout or b""
        self.say({"id": job["id"], "rc": status, "out": out.decode("utf-8", "replace")})

    def listen(self) -> None:
        self.say({"id": "hello", "rc": 0, "out": ""})
        rest = b""
        while True:
            data = os.read(self._port, 65536)
            if not data:  # nobody holds the other end
                time.sleep(0.1)
                continue
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                threading.Thread(target=self.work, args=(json.loads(line),), daemon=True).start()


Agent().listen()
