"""Fetching presets from a real server on the loopback address."""

import functools
import http.server
import shutil
import socket
import subprocess
import sys
import threading
import zipfile

import numpy as np
import pytest

from keras_seqzoo import registry
from keras_seqzoo.errors import PresetError, UserError
from keras_seqzoo.presets import remote, store

NAME = "some_tagger.tag"
LARGE = ("weights.safetensors", ".zip")


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files with byte ranges; `break_after` bytes of a large one it hangs up, once."""

    def do_GET(self):
        server = self.server
        server.requests.append((self.path, self.headers.get("Range")))
        path = self.translate_path(self.path)
        if server.status:
            self.send_error(server.status)
            return
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError:
            self.send_error(404)
            return
        start = 0
        if server.ranges and (wanted := self.headers.get("Range")):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(data) > 0:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if server.break_after and self.path.endswith(LARGE):
            cut, server.break_after = server.break_after, 0
            self.wfile.write(data[start : start + cut])
            self.wfile.flush()
            self.connection.close()
            return
        self.wfile.write(data[start:])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    weights = {"kernel": np.random.default_rng(0).normal(size=(300, 300))}
    store.write(
        tmp_path / "served" / NAME,
        {"architecture": "some_tagger", "config": {}, "metadata": {}},
        weights,
        {"labels": ["O"]},
        "card",
    )
    handler = functools.partial(Handler, directory=str(tmp_path / "served"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.requests, server.break_after, server.ranges = [], 0, True
    server.status = None  # in place of every answer
    server.folder, server.home = tmp_path / "served" / NAME, tmp_path / "home"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("KERAS_SEQZOO_PRESETS_URL", f"{url}/")
    monkeypatch.setenv("KERAS_SEQZOO_HOME", str(tmp_path / "home"))
    yield server
    server.shutdown()
    server.server_close()


def test_fetched_once_then_cached(server):
    folder = remote.fetch(NAME)
    assert store.read(folder).assets == {"labels": ["O"]}
    count = len(server.requests)
    assert remote.fetch(NAME) == folder
    assert len(server.requests) == count


def test_a_broken_off_download_goes_on(server):
    server.break_after = 100_000
    with pytest.raises(PresetError, match=r"weights.safetensors.*broke off"):
        remote.fetch(NAME)
    assert store.read(remote.fetch(NAME)).weights["kernel"].shape == (300, 300)
    ranges = [wanted for path, wanted in server.requests if wanted]
    assert ranges == ["bytes=100000-"]


def test_a_server_without_ranges_starts_over(server):
    server.break_after, server.ranges = 100_000, False
    with pytest.raises(PresetError):
        remote.fetch(NAME)
    assert store.read(remote.fetch(NAME)).weights["kernel"].shape == (300, 300)


def test_a_damaged_file_is_refused_and_not_kept(server):
    data = (server.folder / "labels.txt").read_bytes()
    (server.folder / "labels.txt").write_bytes(b"X" + data[1:])
    with pytest.raises(PresetError, match=r"labels.txt.*damaged"):
        remote.fetch(NAME)
    (server.folder / "labels.txt").write_bytes(data)
    assert store.read(remote.fetch(NAME)).assets == {"labels": ["O"]}


def test_a_missing_file_is_named(server):
    (server.folder / "labels.txt").unlink()
    with pytest.raises(PresetError, match=r"labels.txt: .* 404 Not Found"):
        remote.fetch(NAME)


def test_no_such_preset(server):
    for name in ("other_tagger.tag", "../some_tagger.tag", "some tagger?.tag"):
        with pytest.raises(remote.AbsentError):
            remote.fetch(name)
    assert all(path.startswith("/other_tagger.tag/") for path, _ in server.requests)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (401, "401 Unauthorized"),
        (403, "403 Forbidden: it may not be read, or is not there"),
        (404, "404 Not Found: there is no such file"),
        (410, "410 Gone: there is no such file"),
        (500, "500 Internal Server Error"),
        (599, "599"),
    ],
)
@pytest.mark.parametrize("end", [f"{NAME}/", "some.zip", None])
def test_the_status_of_an_answer_is_in_the_error(server, status, answer, end):
    server.status = status
    asked = f"{address(server)}/{end}" if end else NAME
    file = end if end == "some.zip" else f"{NAME}/sha256.json"
    with pytest.raises(UserError) as error:
        registry.load(asked)
    told = f"{address(server)}/{file}: the server answered {answer}."
    if end:
        assert str(error.value) == told
    else:  # a name may be misspelt
        assert str(error.value).endswith(told) and "\n" not in str(error.value)
    server.status = None
    assert store.read(remote.fetch(NAME)).assets == {"labels": ["O"]}


@pytest.mark.parametrize("text", ["[" * 200_000, "[1]", "{}", "<html>"])
def test_a_list_of_checksums_that_is_none(server, text):
    (server.folder / "sha256.json").write_text(text)
    with pytest.raises(PresetError, match="not a list of checksums") as error:
        remote.fetch(NAME)
    assert "\n" not in str(error.value)


def test_a_copy_whose_list_of_checksums_is_damaged_is_mended(server):
    (remote.fetch(NAME) / "sha256.json").write_text("[" * 200_000)
    assert store.read(remote.fetch(NAME)).assets == {"labels": ["O"]}


def test_a_list_that_names_paths_is_refused(server):
    (server.folder / "sha256.json").write_text('{"../../x": "0"}')
    with pytest.raises(PresetError, match="not a file name"):
        remote.fetch(NAME)


def test_a_part_of_an_older_version_is_dropped(server):
    server.break_after = 100_000
    with pytest.raises(PresetError):
        remote.fetch(NAME)
    weights = {"kernel": np.random.default_rng(1).normal(size=(300, 300))}
    config = {"architecture": "some_tagger", "config": {}}
    store.write(server.folder, config, weights, {"labels": ["O"]}, "card")
    fetched = store.read(remote.fetch(NAME)).weights["kernel"]
    np.testing.assert_array_equal(fetched, weights["kernel"])


def test_a_copy_damaged_later_is_mended(server):
    folder = remote.fetch(NAME)
    (folder / "labels.txt").write_bytes(b"X\n")
    server.requests.clear()
    assert store.read(remote.fetch(NAME)).assets == {"labels": ["O"]}
    paths = [path.rpartition("/")[2] for path, _ in server.requests]
    assert paths == ["sha256.json", "labels.txt"]


def test_a_file_over_the_limit_is_refused_and_not_kept(server, monkeypatch):
    monkeypatch.setattr(remote, "SIZE_LIMIT", 200_000)
    with pytest.raises(PresetError, match=r"weights.safetensors: larger than"):
        remote.fetch(NAME)
    assert not list(server.home.rglob("weights*"))


def test_an_answer_that_is_not_http(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_SEQZOO_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setenv("KERAS_SEQZOO_PRESETS_URL", f"http://127.0.0.1:{port}")

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"SSH-2.0-something\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(PresetError, match=r"sha256\.json: cannot be fetched"):
            remote.fetch(NAME)


def test_two_processes_at_once(server):
    code = f"from keras_seqzoo.presets import remote; print(remote.fetch({NAME!r}))"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    folders = {process.communicate(timeout=60)[0] for process in processes}
    assert folders == {f"{remote.fetch(NAME)}\n".encode()}
    paths = [path for path, _ in server.requests]
    assert paths.count(f"/{NAME}/weights.safetensors") == 1


def test_two_fetches_at_once(server):
    folders = []
    threads = [
        threading.Thread(target=lambda: folders.append(remote.fetch(NAME)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 3 and len(set(folders)) == 1
    paths = [path for path, _ in server.requests]
    assert paths.count(f"/{NAME}/weights.safetensors") == 1


def test_a_file_url(server, monkeypatch):
    monkeypatch.setenv("KERAS_SEQZOO_PRESETS_URL", server.folder.parent.as_uri())
    assert store.read(remote.fetch(NAME)).card == "card"
    with pytest.raises(remote.AbsentError, match="sha256.json: there is no such file"):
        remote.fetch("other.tag")


def test_a_preset_behind_a_file_url(tmp_path, monkeypatch):
    """From `save_to_preset` to `load`, as from any folder that others can read."""
    monkeypatch.setenv("KERAS_SEQZOO_HOME", str(tmp_path / "home"))
    tagger = registry.load("gru_tagger.atis")
    for name in ("mine", "mine.zip"):
        tagger.save_to_preset(tmp_path / name, dtype="float16")
        ending = "" if name.endswith(".zip") else "/"
        again = registry.load((tmp_path / name).as_uri() + ending)
        for path, weight in tagger.named_weights().items():
            np.testing.assert_array_equal(weight, again.named_weights()[path])


def test_a_name_that_is_nowhere_says_where_it_was_looked_for(server):
    with pytest.raises(UserError, match=r"other\.tag.*Nor is it at http://127"):
        registry.load("other.tag")


def test_a_server_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_SEQZOO_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_SEQZOO_PRESETS_URL", "http://127.0.0.1:9")
    with pytest.raises(PresetError, match="cannot be reached"):
        remote.fetch(NAME)


def test_a_base_that_is_no_url(monkeypatch):
    monkeypatch.setenv("KERAS_SEQZOO_PRESETS_URL", "ftp://x")
    with pytest.raises(UserError, match="ftp://x"):
        remote.fetch(NAME)


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://[zz]", f"http://{'a' * 70}", "http://a b"]
)
def test_what_cannot_be_a_url(url, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SEQZOO_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_SEQZOO_PRESETS_URL", url)
    with pytest.raises(PresetError, match="cannot be fetched") as error:
        remote.fetch(NAME)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="is not a URL|cannot be fetched") as error:
        registry.load(f"{url}/mine/")
    assert "\n" not in str(error.value)


def test_no_base(monkeypatch):
    monkeypatch.delenv("KERAS_SEQZOO_PRESETS_URL", raising=False)
    assert remote.fetch(NAME) is None


def address(server):
    return f"http://127.0.0.1:{server.server_address[1]}"


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_preset_by_its_url(server, slash, monkeypatch):
    monkeypatch.delenv("KERAS_SEQZOO_PRESETS_URL")
    url = f"{address(server)}/{NAME}{slash}"
    first = store.read(remote.fetch_url(url))
    assert first.assets == {"labels": ["O"]}
    asked = len(server.requests)
    assert remote.fetch_url(url) == remote.fetch_url(url)
    assert len(server.requests) == asked  # it is kept


def write_zip(server, seed=0):
    """Put `some.zip` on the server; gives its weights."""
    weights = np.random.default_rng(seed).normal(size=(100, 100))
    store.write(
        server.folder.parent / "some.zip",
        {"architecture": "some_tagger", "config": {}, "metadata": {}},
        {"kernel": weights},
        {"labels": ["X"]},
        "card",
    )
    return weights


def fetched_zip(server):
    found = remote.fetch_url(f"{address(server)}/some.zip")
    return store.read(found).weights["kernel"]


def test_a_zip_file_by_its_url(server):
    weights = write_zip(server)
    np.testing.assert_array_equal(fetched_zip(server), weights)
    asked = len(server.requests)
    np.testing.assert_array_equal(fetched_zip(server), weights)
    assert len(server.requests) == asked  # it is kept


def wrong_page(path):
    path.write_text("<html>Sign in</html>")


def wrong_checksum(path):
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, b"X\nY\n" if name == "labels.txt" else data)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (wrong_page, r"/some\.zip: not a readable zip file"),
        (wrong_checksum, r"/some\.zip/labels\.txt: the file is damaged"),
    ],
)
def test_a_zip_that_is_no_preset_is_not_kept(server, spoil, message):
    weights = write_zip(server)
    right = (server.folder.parent / "some.zip").read_bytes()
    spoil(server.folder.parent / "some.zip")
    with pytest.raises(PresetError, match=f"^http://127.*{message}"):
        fetched_zip(server)
    (server.folder.parent / "some.zip").write_bytes(right)
    np.testing.assert_array_equal(fetched_zip(server), weights)


def test_a_zip_cut_short_by_a_server_that_states_no_length(server, monkeypatch):
    real = Handler.send_header
    monkeypatch.setattr(
        Handler,
        "send_header",
        lambda self, name, value: name == "Content-Length" or real(self, name, value),
    )
    weights = write_zip(server)
    server.break_after = 10_000
    with pytest.raises(PresetError, match=r"some\.zip: not a readable zip file"):
        fetched_zip(server)
    np.testing.assert_array_equal(fetched_zip(server), weights)


def test_a_zip_damaged_later_is_fetched_anew(server):
    weights = write_zip(server)
    found = remote.fetch_url(f"{address(server)}/some.zip")
    found.write_bytes(found.read_bytes()[:-1000])
    np.testing.assert_array_equal(fetched_zip(server), weights)


def test_a_broken_off_zip_goes_on(server):
    weights = write_zip(server)
    server.break_after = 10_000
    with pytest.raises(PresetError, match=r"some\.zip: the connection broke off"):
        fetched_zip(server)
    np.testing.assert_array_equal(fetched_zip(server), weights)
    assert [wanted for _, wanted in server.requests] == [None, "bytes=10000-"]


def test_a_part_of_an_older_zip_is_dropped(server):
    write_zip(server)
    server.break_after = 10_000
    with pytest.raises(PresetError):
        fetched_zip(server)
    newer = write_zip(server, seed=1)
    np.testing.assert_array_equal(fetched_zip(server), newer)


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("/..", "must end in its folder's name"),
        ("/%2e%2e", "must end in its folder's name"),
        ("", "there is no such file"),
        (f"/{NAME}#a", "must end in its folder's name"),
        ("/%2e%2e%2fx", "must end in its folder's name"),
        ("/nothing", "there is no such file"),
        ("/nothing.zip", "there is no such file"),
    ],
)
def test_urls_that_lead_to_no_preset(server, end, message):
    with pytest.raises(UserError, match=message) as error:
        remote.fetch_url(f"{address(server)}{end}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("folder", "url"),
    [
        ("my tag", "my%20tag/"),
        ("my tag", "my tag"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        ("größe", "größe/"),
        ("größe/my (2)", "größe/my%20(2)"),
        ("a+b", "a+b"),
        ("a%b", "a%25b"),
    ],
)
def test_names_that_a_url_spells_otherwise(server, folder, url):
    (server.folder.parent / folder).parent.mkdir(exist_ok=True)
    shutil.copytree(server.folder, server.folder.parent / folder)
    for scheme in ("http", "HTTP"):
        spelt = f"{address(server).replace('http', scheme)}/{url}"
        assert remote.is_url(spelt)
        source = remote.fetch_url(spelt)
        assert store.read(source).assets == {"labels": ["O"]}
        assert source.parent.parent == server.home / "presets"
    paths = [path for path, _ in server.requests]
    assert len(paths) == len(set(paths))  # kept, whatever the case of the scheme


@pytest.mark.parametrize("url", ["http://", "file:///", "HTTPS:///"])
def test_urls_of_nothing(url):
    with pytest.raises(UserError, match=f"must end in its folder's name.*{url}"):
        remote.fetch_url(url)


def test_a_preset_at_the_root_of_a_server(server):
    for file in server.folder.iterdir():
        shutil.copy(file, server.folder.parent)
    for end in ("", "/"):
        assert store.read(remote.fetch_url(address(server) + end)).card == "card"


def test_a_query_goes_with_every_request(server):
    write_zip(server)
    for end in ("some.zip", NAME, f"{NAME}/"):
        source = remote.fetch_url(f"{address(server)}/{end}?X-Signature=a%2Fb&c=d e")
        assert store.read(source).card == "card"
    assert len(server.requests) > 2
    for path, _ in server.requests:
        assert path.endswith("?X-Signature=a%2Fb&c=d%20e")


def test_another_query_may_be_another_file(server):
    older = remote.fetch_url(f"{address(server)}/{NAME}?version=1")
    newer = remote.fetch_url(f"{address(server)}/{NAME}?version=2")
    assert older != newer and older.name == newer.name == NAME


@pytest.mark.parametrize("spoil", [wrong_page, lambda path: path.unlink()])
def test_a_signature_is_not_printed(server, spoil):
    write_zip(server)
    spoil(server.folder.parent / "some.zip")
    with pytest.raises(UserError, match=r"some\.zip: ") as error:
        remote.fetch_url(f"{address(server)}/some.zip?X-Signature=a")
    assert "Signature" not in str(error.value)


def test_a_length_over_the_limit_is_refused_before_it_is_read(server, monkeypatch):
    # The server says 10 GB and sends nothing: whoever reads it waits for ever.
    real = Handler.send_header

    def lie(self, name, value):
        if name == "Content-Length" and self.path.endswith("weights.safetensors"):
            value = str(10 * 2**30)
        real(self, name, value)

    monkeypatch.setattr(Handler, "send_header", lie)
    server.handle_error = lambda *_: None  # we hang up
    with pytest.raises(PresetError, match="weights.safetensors: larger than 200 MB"):
        remote.fetch(NAME)
    assert not list(server.home.rglob("*.part"))


def test_a_length_that_is_no_number(server, monkeypatch):
    real = Handler.send_header

    def lie(self, name, value):
        real(self, name, "abc" if name == "Content-Length" else value)

    monkeypatch.setattr(Handler, "send_header", lie)
    assert store.read(remote.fetch(NAME)).config
