import pytest

from keras_seqzoo import cli


@pytest.fixture
def seqzoo(capsys):
    """Runs a command in this process; gives its status, output and messages."""

    def run(*arguments):
        status = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run
