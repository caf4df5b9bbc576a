import numpy as np
import pytest

from keras_seqzoo.training import checkpoint


def save(folder, epoch):
    checkpoint.save(folder, epoch, {"epochs": epoch}, {"w/0": np.full(3, float(epoch))})


def test_newest_is_read_and_old_ones_go(tmp_path):
    for epoch in range(1, 12):
        save(tmp_path, epoch)
    state, arrays = checkpoint.latest(tmp_path)
    assert state == {"epochs": 11}
    np.testing.assert_array_equal(arrays["w/0"], [11.0, 11.0, 11.0])
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["epoch-0010", "epoch-0011"]


def test_none_without_a_checkpoint(tmp_path):
    assert checkpoint.latest(tmp_path / "none") is None


@pytest.mark.parametrize("file", ["arrays.npz", "state.json"])
@pytest.mark.parametrize("kept", [0, 10, -1])
def test_damaged_newest_is_passed_over(tmp_path, capsys, file, kept):
    save(tmp_path, 1)
    save(tmp_path, 2)
    path = tmp_path / "epoch-0002" / file
    path.write_bytes(path.read_bytes()[:kept])
    state, _ = checkpoint.latest(tmp_path)
    assert state == {"epochs": 1}
    assert "epoch-0002: damaged" in capsys.readouterr().err


def test_half_written_folder_is_not_a_checkpoint(tmp_path):
    save(tmp_path, 1)
    (tmp_path / "epoch-0002.tmp").mkdir()
    assert checkpoint.latest(tmp_path)[0] == {"epochs": 1}
    save(tmp_path, 2)
    assert checkpoint.latest(tmp_path)[0] == {"epochs": 2}


def test_two_damaged_ones_do_not_outlive_what_is_trained_anew(tmp_path):
    for epoch in (7, 8):
        save(tmp_path, epoch)
        (tmp_path / f"epoch-000{epoch}" / "arrays.npz").write_bytes(b"damage")
    assert checkpoint.latest(tmp_path) is None
    for epoch in (1, 2, 3):
        save(tmp_path, epoch)
        assert checkpoint.latest(tmp_path)[0] == {"epochs": epoch}


def test_a_state_that_is_no_state(tmp_path, capsys):
    save(tmp_path, 1)
    (tmp_path / "epoch-0001" / "state.json").write_text("3")
    assert checkpoint.latest(tmp_path) is None
    assert "epoch-0001: damaged" in capsys.readouterr().err


def test_what_a_full_disk_left_is_removed(tmp_path):
    (tmp_path / "epoch-0009.tmp").mkdir()
    save(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-0001"]
