"""``madang user link``, on the machine where the data is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from madang.cli import main
from madang.core.datadir import DataDir
from madang.operate.accounts import bootstrap, open_accounts


def test_a_link_signs_in_once(tmp_path: Path, capsys: Any) -> None:
    data = DataDir(tmp_path)
    data.run.mkdir(parents=True)
    running = {"url": "http://127.0.0.1:8123", "pid": os.getpid()}
    (data.run / "platform.json").write_text(json.dumps(running))
    accounts = open_accounts(data.metadata)
    try:
        bootstrap(accounts, None)
        assert main(["user", "link", "--data", str(tmp_path)]) == 0
        url, _, code = capsys.readouterr().out.strip().partition("/login?code=")
        assert url == "http://127.0.0.1:8123"
        assert accounts.sessions.redeem(code) is not None
        assert accounts.sessions.redeem(code) is None
        assert main(["user", "link", "amin", "--data", str(tmp_path)]) == 1
        assert "did you mean 'admin'?" in capsys.readouterr().err
    finally:
        accounts.close()


def test_a_directory_without_madang_is_left_alone(tmp_path: Path, capsys: Any) -> None:
    assert main(["user", "link", "--data", str(tmp_path)]) == 1
    assert "there is no Madang in" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
