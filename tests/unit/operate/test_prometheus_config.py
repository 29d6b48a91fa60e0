"""The project in the form of a prometheus.yml, without what is secret."""

import pytest
from ruamel.yaml import YAML

from madang.operate.prometheus_config import config_text, external_labels
from madang.project import check_directory

SOURCE = """\
kind: scrape
global: {scrape_interval: 90s, external_labels: {region: seoul}}
scrape_configs:
  - job_name: web
    scrape_timeout: 1500ms
    basic_auth: {username: me, password: hidden-word}
    params: {a: ["1", "2"]}
    proxy_url: "http://me:hidden-word@proxy:1"
    static_configs: [{targets: ["a:1"], labels: {zone: x}}]
    metric_relabel_configs: [{regex: "tmp_.*", action: labeldrop}]
  - job_name: token
    authorization: {credentials: hidden-word}
    http_sd_configs: [{url: "http://sd/targets", basic_auth: {username: u, password: hidden-word}}]
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "sources").mkdir()
    (tmp_path / "madang.yml").write_text("name: x\n")
    (tmp_path / "sources/web.yml").write_text(SOURCE)
    found = check_directory(tmp_path)
    assert found.project is not None, found.problems
    return found.project


def test_secrets_do_not_show_and_durations_are_as_written(project):
    text = config_text(project)
    assert "hidden-word" not in text
    config = YAML(typ="safe").load(text)
    assert config["global"] == {"scrape_interval": "1m30s", "external_labels": {"region": "seoul"}}
    web, token = config["scrape_configs"]
    assert web["scrape_timeout"] == "1s500ms"
    assert web["basic_auth"] == {"username": "me", "password": "<secret>"}
    assert web["proxy_url"] == "http://me:<secret>@proxy:1"
    assert web["static_configs"] == [{"targets": ["a:1"], "labels": {"zone": "x"}}]
    assert web["metric_relabel_configs"] == [{"regex": "tmp_.*", "action": "labeldrop"}]
    assert token["authorization"]["credentials"] == "<secret>"
    assert token["http_sd_configs"][0]["basic_auth"]["password"] == "<secret>"


def test_external_labels_are_those_of_the_sources(project):
    assert external_labels(project) == {"region": "seoul"}


def test_a_project_without_sources_has_an_empty_one(project):
    assert config_text(project.model_copy(update={"sources": {}})) == ""
