"""The guard that keeps tests off the network, in this process and in those it starts."""

import socket
import subprocess
import sys
import threading

import pytest


def test_a_connection_to_another_machine_is_refused():
    with pytest.raises(OSError, match="tests allow no network"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_a_name_of_another_machine_is_not_even_looked_up():
    with pytest.raises(OSError, match=r"asked for 'example\.org'"):
        socket.getaddrinfo("example.org", 443)


def test_a_process_that_a_test_starts_is_refused_too():
    code = "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=1)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 1
    assert "tests allow no network" in ended.stderr


def test_localhost_still_answers():
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=lambda: server.accept()[0].close(), daemon=True)
        answering.start()
        socket.create_connection(server.getsockname(), timeout=5).close()
        answering.join()
