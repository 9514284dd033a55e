"""Downloads against a server on this machine that cuts, delays, corrupts, redirects and refuses."""

import hashlib
import os
import subprocess
import sys
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from course_utils.data.fetching import DownloadFailed, check_file, download, fetch, read_receipt
from course_utils.data.registry import Entry, File, Url

CONTENT = bytes(range(256)) * 4000
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that hangs up is what is being tested."""


class Handler(BaseHTTPRequestHandler):
    """Each path is a fault; `server.seen` keeps (path, Range) of every request."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        ranged = self.headers.get("Range")
        self.server.seen.append((self.path, ranged))
        kind = self.path.strip("/").split("/")[0]
        times = sum(path == self.path for path, _ in self.server.seen)
        if kind == "refuse":
            return self.send_error(403)
        if kind == "busy" and times == 1:
            return self.send_error(503)
        if kind == "redirect":
            self.send_response(302)
            self.send_header("Location", "/good")
            self.end_headers()
            return None
        if kind == "loop":
            self.send_response(302)
            self.send_header("Location", "/loop")
            self.end_headers()
            return None
        if kind == "page":
            return self.answer(b"<html>please log in</html>", kind="text/html")
        if kind == "hang":
            time.sleep(3)
            return None
        content = CONTENT if kind != "corrupt" else CONTENT[:-1] + b"?"
        start = 0
        tag = f'"v{times}"' if kind == "changes" else '"v1"'
        if ranged and kind != "norange" and self.headers.get("If-Range", tag) == tag:
            start = int(ranged.removeprefix("bytes=").rstrip("-"))
        cut = {"cut": len(content) // 3, "changes": len(content) // 3 if times == 1 else None}.get(kind)
        if kind in ("cut", "norange", "broken") and times > 3:
            cut = None
        if kind == "norange" and times == 1:
            cut = len(content) // 2
        if kind == "broken":
            cut = 1000
        return self.answer(content, start, cut, tag)

    def answer(self, content, start=0, cut=None, tag='"v1"', kind="application/octet-stream"):
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Content-Type", kind)
        self.send_header("ETag", tag)
        self.end_headers()
        for place in range(start, min(len(content), start + cut if cut else len(content)), 65536):
            end = min(place + 65536, start + cut if cut else len(content))
            self.wfile.write(content[place:end])
            if self.path.startswith("/slow"):
                self.wfile.flush()
                time.sleep(0.1)
        self.wfile.flush()
        if cut:
            self.connection.close()


@pytest.fixture
def server():
    made = Server(("127.0.0.1", 0), Handler)
    made.seen = []
    made.address = f"http://127.0.0.1:{made.server_address[1]}"
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def get(server, folder, *kinds, checksum=MD5, size=None, **settings):
    urls = tuple(Url(kind if kind.startswith("http") else f"{server.address}/{kind}") for kind in kinds)
    return fetch(File("data.bin", urls, size, checksum), folder, pause=0.01, timeout=0.5, **settings)


def only(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", ["good", "redirect", "busy", "norange", "cut", "changes"])
@pytest.mark.parametrize("checksum", [MD5, None])
def test_the_file_is_whole_and_nothing_else_is_left(server, tmp_path, kind, checksum):
    assert get(server, tmp_path, kind, checksum=checksum).read_bytes() == CONTENT
    assert only(tmp_path) == ["data.bin"]


def test_a_cut_download_is_continued_not_begun_again(server, tmp_path):
    get(server, tmp_path, "cut")
    ranges = [ranged for _, ranged in server.seen]
    assert ranges[0] is None and ranges[1] == f"bytes={len(CONTENT) // 3}-"


def test_a_file_that_changed_on_the_host_is_not_joined_to_the_old_one(server, tmp_path):
    assert get(server, tmp_path, "changes", checksum=None).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("refuse", "403"),
        ("corrupt", "MD5 is"),
        ("page", "web page"),
        ("hang", "nothing came|cannot be reached"),
        ("broken", "broke off"),
        ("loop", "redirect|302"),
        ("http://127.0.0.1:9/none", "cannot be reached"),
        ("http://no-such-host.invalid/x", "cannot be reached"),
    ],
)
def test_every_fault_is_named_and_leaves_no_file(server, tmp_path, kind, word):
    with pytest.raises(DownloadFailed, match=word) as caught:
        get(server, tmp_path, kind, by_hand="ask the librarian", attempts=2)
    assert "ask the librarian" in str(caught.value) and kind in str(caught.value)
    assert not (tmp_path / "data.bin").exists()


@pytest.mark.parametrize("kind", ["refuse", "corrupt", "page", "hang", "broken"])
def test_the_next_mirror_is_tried(server, tmp_path, kind):
    assert get(server, tmp_path, kind, "good", attempts=2).read_bytes() == CONTENT
    assert only(tmp_path) == ["data.bin"]


def test_a_mirror_continues_what_another_began_where_a_checksum_can_tell(server, tmp_path):
    assert get(server, tmp_path, "broken", "good", attempts=1).read_bytes() == CONTENT
    assert server.seen[-1] == ("/good", "bytes=1000-")


def test_bad_bytes_from_before_do_not_condemn_a_good_mirror(server, tmp_path):
    (tmp_path / ".data.bin.part").write_bytes(b"junk")
    assert get(server, tmp_path, "good").read_bytes() == CONTENT


def test_a_wrong_size_is_refused_before_it_is_downloaded(server, tmp_path):
    with pytest.raises(DownloadFailed, match="offers 1,024,000 bytes, not 77"):
        get(server, tmp_path, "good", size=77)


def test_a_file_that_is_here_and_right_is_not_asked_for_again(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(CONTENT)
    get(server, tmp_path, "good")
    assert server.seen == []
    (tmp_path / "data.bin").write_bytes(b"cut short")
    assert get(server, tmp_path, "good").read_bytes() == CONTENT


def test_progress_counts_up_to_the_whole(server, tmp_path):
    told = []
    get(server, tmp_path, "cut", progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(CONTENT), len(CONTENT)) and [done for done, _ in told] == sorted(done for done, _ in told)


def test_killed_in_the_middle_it_continues_the_next_time(server, tmp_path):
    code = (
        "from course_utils.data.fetching import fetch; from course_utils.data.registry import File, Url; "
        f"from pathlib import Path; fetch(File('data.bin', (Url('{server.address}/slow'),), None, '{MD5}'), "
        f"Path(r'{tmp_path}'))"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    part = tmp_path / ".data.bin.part"
    for _ in range(300):
        if part.exists() and part.stat().st_size > 100_000:
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert part.stat().st_size < len(CONTENT) and not (tmp_path / "data.bin").exists()
    assert get(server, tmp_path, "slow").read_bytes() == CONTENT
    assert server.seen[-1][1] is not None and only(tmp_path) == ["data.bin"]


def test_a_second_program_is_told_to_wait(server, tmp_path):
    hold = "import sys, time, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print('held', flush=True); time.sleep(60)"
    other = subprocess.Popen(
        [sys.executable, "-c", hold, tmp_path / ".data.bin.lock"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DownloadFailed, match="another program is downloading it"):
            get(server, tmp_path, "good")
    finally:
        other.kill()
        other.wait()
    assert get(server, tmp_path, "good").read_bytes() == CONTENT


def test_check_file_says_what_was_found(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    check_file(tmp_path / "x", 3, "sha256:" + hashlib.sha256(b"abc").hexdigest())
    with pytest.raises(ValueError, match="3 bytes, not 4"):
        check_file(tmp_path / "x", 4, None)


def make_entry(server, kind, **more):
    file = File("data.bin", (Url(f"{server.address}/{kind}"),), None, MD5, unpack=False)
    settings = {"what": "", "module": "voc", "splits": ("train",), "counts": (1,)} | more
    return Entry("toy", licence="", citation="", folder="toy", markers=("data.bin",), files=(file,), **settings)


def test_a_data_set_is_laid_into_course_data_and_found_again(server, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    said = []
    root = download(make_entry(server, "good"), say=said.append, pause=0.01)
    assert root == tmp_path / "toy" and read_receipt(root)["data.bin"]["bytes"] == len(CONTENT)
    requests = len(server.seen)
    assert download(make_entry(server, "good"), say=said.append) == root
    assert len(server.seen) == requests and "here already" in said[-1]


def an_archive(tmp_path):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for number in range(50):
            packed.writestr(f"images/{number}.bin", CONTENT[:10_000])
    return path


def test_killed_while_unpacking_it_ends_whole_the_next_time(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    archive = an_archive(tmp_path)
    checksum = "md5:" + hashlib.md5(archive.read_bytes()).hexdigest()
    files = (File("data.zip", (), None, checksum),)
    entry = Entry("toy", "", "voc", ("train",), (1,), "", "", folder="toy", markers=("images",), files=files)
    (tmp_path / "data" / "toy").mkdir(parents=True)
    (tmp_path / "data" / "toy" / "data.zip").write_bytes(archive.read_bytes())
    code = (
        "import os, zipfile, pathlib; from course_utils.data.files import unpack\n"
        "zipfile.ZipFile.extractall = lambda self, to: (self.extract('images/0.bin', to), os._exit(9))\n"
        f"unpack(pathlib.Path(r'{archive}'), pathlib.Path(r'{tmp_path / 'data' / 'toy'}'))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert not (tmp_path / "data" / "toy" / "images").exists()
    root = download(entry)
    assert len(list((root / "images").iterdir())) == 50
    assert sorted(path.name for path in root.iterdir()) == [".downloaded.json", "images"]


def test_a_folder_that_cannot_be_written_gives_way_to_the_cache(server, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "missing"))
    monkeypatch.setattr("course_utils.data.fetching.cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert download(make_entry(server, "good"), pause=0.01) == tmp_path / "cache" / "toy"
