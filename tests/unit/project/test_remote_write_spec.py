"""``remote_write`` of a ``prometheus.yml`` and of ``madang.yml``."""

from pathlib import Path

import pytest

from madang.onward import senders_of
from madang.project import check_directory


def project(folder: Path, config: str, madang: str = "name: x\n") -> Path:
    (folder / "sources").mkdir()
    (folder / "sources/s.yml").write_text("kind: scrape\nconfig: prometheus.yml\n")
    (folder / "prometheus.yml").write_text(config)
    (folder / "madang.yml").write_text(madang)
    return folder


def test_senders_of_both_places(tmp_path: Path) -> None:
    config = """\
global: {external_labels: {region: kr}}
remote_write:
- url: http://a/write
  remote_timeout: 10s
  queue_config: {max_shards: 2, batch_send_deadline: 1s, sample_age_limit: 1h}
  metadata_config: {send: no}
  write_relabel_configs: [{source_labels: [a], regex: 1.10, action: keep}]
  basic_auth: {username: u, password_file: secret}
- url: http://a/write
  name: other
"""
    madang = "metrics: {remote_write: [{url: 'http://b/write', bearer_token_file: token}]}\n"
    result = check_directory(project(tmp_path, config, madang))
    assert result.errors == ()
    said = [one.message.partition(":")[0] for one in result.problems]
    assert sorted(said) == ["bearer_token_file", "password_file"]  # Neither is there.
    ours, first, second = senders_of(result.checked()).values()
    assert ours.bearer_token_file == str(tmp_path / "token")
    assert first.basic_auth is not None
    assert first.basic_auth.password_file == str(tmp_path / "secret")
    assert first.external_labels == {"region": "kr"}
    assert first.queue_config.shards == 2
    assert first.write_relabel_configs[0].regex == "1.10"
    assert second.name == "other"
    groups = list(senders_of(result.checked()))
    assert len(set(groups)) == 3
    assert groups[0].startswith("onward-b-write-")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[{}]", "'remote_write.0.url' is missing"),
        ("[{url: ftp://a}]", "is no HTTP address"),
        ("[{url: 'http://a'}, {url: 'http://a'}]", "two of remote_write have the url 'http://a'"),
        ("[{url: 'http://a', headers: {Authorization: x}}]", "cannot be set"),
        ("[{url: 'http://a', sigv4: {}}]", "sigv4 is not supported"),
        ("[{url: 'http://a', queue_config: {max_shards: 0}}]", "max_shards"),
        ("[{url: 'http://a', queue_config: {min_backoff: 10s}}]", "max_backoff is shorter"),
        ("[{url: 'http://a', remote_timeout: 0s}]", "remote_timeout is 0"),
        ("[{url: 'http://a', protobuf_message: v3}]", "protobuf_message"),
        ("[{url: 'http://a', basic_auth: {}, bearer_token: x}]", "exclude each other"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str, tmp_path: Path) -> None:
    problems = check_directory(project(tmp_path, f"remote_write: {text}\n")).errors
    assert any(said in str(one) for one in problems), problems
    assert all(one.where.name == "prometheus.yml" for one in problems)
