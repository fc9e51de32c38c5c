"""Our LwM2M programs on loopback, as their tests run them."""

import contextlib
import os
import queue
import re
import socket
import subprocess
import threading

from coap_wire import CONTENT_FORMAT, POST, Client, unsigned
from conftest import BUILD

SECONDS = 20  # after which a state that is awaited does not come
LINK, TEXT, TLV = 40, 0, 11542
LINKS = b'</>;rt="oma.lwm2m",</1/0>,</3/0>,</3303/0>'
PCP_LINKS = LINKS + b",</26887/0>"


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def libcoap_client(*words, patience=3):
    """Runs libcoap's client, with DTLS; returns what it prints."""
    client = BUILD / "peers/root/usr/bin/coap-client-openssl"
    command = [str(word) for word in (client, "-B", patience, *words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    return done.stdout + done.stderr


class Program:
    """One of our programs, and the lines that it prints."""

    def __init__(self, name, *arguments):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PINHOLE_")}
        self.process = subprocess.Popen(
            [BUILD / name, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        self.name, self.lines, self.all = name, queue.Queue(), []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n").removeprefix(f"{self.name}: "))
        self.lines.put(None)

    def await_line(self, pattern):
        """The next line that matches; those before it are passed over."""
        while True:
            line = self.lines.get(timeout=SECONDS)
            assert line is not None, f"{self.name} ended; it said {self.all}"
            self.all.append(line)
            if match := re.fullmatch(pattern, line):
                return match

    def signal(self, number):
        self.process.send_signal(number)

    def is_alive(self):
        return self.process.poll() is None

    def stop(self):
        self.process.terminate()
        assert self.process.wait(SECONDS) == 0, f"{self.name} came to a bad end; it said {self.rest()}"

    def rest(self):
        """The lines that nobody awaited."""
        while not self.lines.empty():
            self.all.append(self.lines.get())
        return self.all

    def kill(self):
        self.process.kill()
        self.process.wait(SECONDS)


class Listener(Program):
    """A server, and the clients that a test plays."""

    def __init__(self, name, *arguments):
        self.port, self.secure_port = free_port(), free_port()
        super().__init__(name, "--port", self.port, "--secure-port", self.secure_port, *arguments)
        self.await_line(r"ready port \d+")
        self.address = ("127.0.0.1", self.port)
        self.clients = []

    def client(self, address="127.0.0.1"):
        self.clients.append(Client(self.address, address))
        return self.clients[-1]

    def stop(self):
        for client in self.clients:
            client.close()
        super().stop()


class Server(Listener):
    """pinhole-lwm2m-server."""

    def __init__(self, folder, *arguments):
        self.control = folder / "control"
        super().__init__("pinhole-lwm2m-server", "--control", self.control, *arguments)

    def start_tell(self, command, *options):
        """A --tell that may have to wait for a device."""
        return subprocess.Popen(
            [BUILD / "pinhole-lwm2m-server", "--control", self.control, "--tell", command, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def tell(self, command, *options):
        """The lines of the answer, the last its status; and the status that --tell ended with."""
        process = self.start_tell(command, *options)
        return process.communicate(timeout=SECONDS)[0].splitlines(), process.returncode


@contextlib.contextmanager
def starter(make):
    """A function that starts programs as make does; behind it they must still run, and end well."""
    programs = []

    def run(*arguments, **options):
        programs.append(make(*arguments, **options))
        return programs[-1]

    yield run
    for program in programs:
        assert program.is_alive()
        program.stop()


def register(client, name="dev", queries=("lt=300", "lwm2m=1.0", "b=U"), links=LINKS, mid=None):
    return client.ask(
        POST, "rd", [f"ep={name}", *queries], [(CONTENT_FORMAT, unsigned(LINK))], links, mid
    )


class Bootstrap(Listener):
    """pinhole-lwm2m-bootstrap, which gives the account of a server that isn't there."""

    def __init__(self, *arguments, server="coap://127.0.0.1:9"):
        super().__init__("pinhole-lwm2m-bootstrap", "--give-server", server, *arguments)


class Device(Program):
    """pinhole-lwm2m-device, for which no gateway answers."""

    def __init__(self, *arguments, port=None):
        self.port = port or free_port()
        super().__init__(
            "pinhole-lwm2m-device",
            *("--endpoint", "dev", "--port", self.port, "--gateway", "127.0.0.1", "--no-anycast"),
            *("--temperature", "21.5", *arguments),
        )
        self.await_line("ready .*")
