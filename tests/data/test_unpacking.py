"""Archives that try to leave their folder are refused whole; good ones arrive whole."""

import io
import stat
import tarfile
import zipfile

import pytest

from course_utils.data.files import UnsafeArchive, unpack

BAD_NAMES = ["/etc/passwd", "../outside.txt", "good/../../outside.txt", "..\\outside.txt", "C:/outside.txt", "C:\\x"]


def tar_with(path, *members, mode="w:gz"):
    with tarfile.open(path, mode) as tar:
        for name, content in members:
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


def zip_with(path, *members):
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in members:
            packed.writestr(name, content)
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def everything_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("make", [tar_with, zip_with])
def test_names_that_lead_out_are_refused_before_anything_is_written(tmp_path, make, name):
    archive = make(tmp_path / "bad.archive", ("good.txt", b"good"), (name, b"bad"))
    with pytest.raises(UnsafeArchive, match="leads out"):
        unpack(archive, tmp_path / "data" / "set")
    assert everything_below(tmp_path) == ["bad.archive", "data", "data/set"]


@pytest.mark.parametrize(
    "member",
    [
        link("out", "/etc"),
        link("a/out", "../../etc"),
        link("out", "..\\..\\x"),
        link("out", "/etc/passwd", tarfile.LNKTYPE),
        link("a/out", "../x", tarfile.LNKTYPE),
        link("pipe", "", tarfile.FIFOTYPE),
        link("disk", "", tarfile.BLKTYPE),
    ],
    ids=lambda member: f"{member.name}-{member.linkname}",
)
def test_links_out_and_devices_are_refused(tmp_path, member):
    archive = tar_with(tmp_path / "bad.tar.gz", ("good.txt", b"good"), (member.name, member))
    with pytest.raises(UnsafeArchive, match=r"link|device"):
        unpack(archive, tmp_path / "set")
    assert everything_below(tmp_path / "set") == []


def test_writing_through_a_link_is_refused(tmp_path):
    archive = tar_with(tmp_path / "bad.tar", ("here", link("here", ".")), ("here/x", b"x"), mode="w")
    with pytest.raises(UnsafeArchive, match="through the link"):
        unpack(archive, tmp_path / "set")


def test_links_in_a_zip_are_refused(tmp_path):
    info = zipfile.ZipInfo("out")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive = zip_with(tmp_path / "bad.zip", (info, "/etc"))
    with pytest.raises(UnsafeArchive, match="link"):
        unpack(archive, tmp_path / "set")


@pytest.mark.parametrize("make", [tar_with, zip_with])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_cut_archive_leaves_nothing_behind(tmp_path, make, kept):
    import os

    archive = make(tmp_path / "cut.archive", *((f"{n}.bin", os.urandom(20000)) for n in range(5)))
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(UnsafeArchive):
        unpack(archive, tmp_path / "set")
    assert everything_below(tmp_path / "set") == []


def test_an_archive_that_unpacks_to_more_than_the_disk_holds_is_refused(tmp_path, monkeypatch):
    archive = zip_with(tmp_path / "bomb.zip", ("x", b"0" * 1000))
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(OSError, match="are free"):
        unpack(archive, tmp_path / "set")


@pytest.mark.parametrize("make", [tar_with, zip_with])
def test_good_archives_arrive_whole_and_join_what_is_there(tmp_path, make):
    (tmp_path / "set" / "images").mkdir(parents=True)
    (tmp_path / "set" / "images" / "old.png").write_bytes(b"old")
    archive = make(tmp_path / "good.archive", ("top/images/new.png", b"new"), ("top/list.txt", b"list"))
    unpack(archive, tmp_path / "set", inside="top")
    assert everything_below(tmp_path / "set") == ["images", "images/new.png", "images/old.png", "list.txt"]


def test_links_that_stay_inside_are_kept(tmp_path):
    members = [("a/b.txt", b"text"), ("a/c", link("a/c", "b.txt")), ("d", link("d", "a/b.txt", tarfile.LNKTYPE))]
    unpack(tar_with(tmp_path / "good.tar", *members, mode="w"), tmp_path / "set")
    assert (tmp_path / "set" / "a" / "c").read_bytes() == (tmp_path / "set" / "d").read_bytes() == b"text"


def test_what_is_no_archive_is_named(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"hello")
    with pytest.raises(UnsafeArchive, match="neither"):
        unpack(tmp_path / "x.zip", tmp_path / "set")
