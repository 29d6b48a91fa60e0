"""A table of ``prometheus.yml`` files: Madang takes and refuses what ``promtool`` does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from debian_programs import debian_program
from madang.project import Project, ScrapeSourceSpec, check_directory
from madang.project.watch import fingerprint

FOLDER = Path(__file__).parent / "prometheus"
CASES = {path.stem: path for path in sorted(FOLDER.glob("*.yml"))}
BAD = [name for name in CASES if name.startswith("bad-")]
TAKEN = [name for name in CASES if name.startswith(("good-", "newer-"))]
COMPARED = [name for name in CASES if name.startswith(("good-", "bad-"))]


def project_of(folder: Path, config: Path | str) -> Path:
    (folder / "sources").mkdir()
    (folder / "sources/scrape.yml").write_text(f"kind: scrape\nconfig: {config}\n")
    return folder


def inline(folder: Path, text: str) -> Path:
    project_of(folder, "")
    source = folder / "sources/scrape.yml"
    source.write_text(f"kind: scrape\n{text}")
    return folder


@pytest.mark.parametrize("name", TAKEN)
def test_a_good_one_is_taken(name: str, tmp_path: Path) -> None:
    result = check_directory(project_of(tmp_path, CASES[name]))
    assert result.errors == ()
    project = result.checked()
    again = json.loads(json.dumps(project.model_dump(mode="json", by_alias=True)))
    assert Project.model_validate(again) == project


@pytest.mark.parametrize("name", BAD)
def test_a_bad_one_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    said = [str(one) for one in check_directory(project_of(tmp_path, CASES[name])).errors]
    expected = CASES[name].read_text().splitlines()[1].removeprefix("# ")
    line, _, text = expected.partition(": ")
    if not line.isdigit():
        line, text = "", expected
    assert any(text in one for one in said), said
    assert any(f"{CASES[name]}:{line}" in one for one in said), said


@pytest.mark.parametrize("name", ["only-kubernetes", "only-oauth2"])
def test_what_madang_does_not_do_is_said(name: str, tmp_path: Path) -> None:
    (problem,) = check_directory(project_of(tmp_path, CASES[name])).problems
    assert problem.severity == "error"
    assert "is not supported" in problem.message
    assert problem.where.line == 1


@pytest.mark.parametrize("name", COMPARED)
def test_promtool_agrees(name: str) -> None:
    promtool = debian_program("prometheus", "usr/bin/promtool")
    done = subprocess.run(
        [promtool, "check", "config", "--syntax-only", CASES[name]],
        capture_output=True,
        check=False,
    )
    assert (done.returncode == 0) == name.startswith("good-"), done.stderr.decode()


def test_values_and_defaults(tmp_path: Path) -> None:
    project = check_directory(project_of(tmp_path, CASES["good-full"])).checked()
    source = project.sources["scrape"]
    assert isinstance(source, ScrapeSourceSpec)
    (job,) = source.jobs()
    assert (job.scrape_interval, job.scrape_timeout) == (5400.0, 60.5)
    assert (job.honor_labels, job.honor_timestamps) == (True, False)
    assert job.body_size_limit == 10 * 2**20
    assert job.static_configs[0].labels == {"env": "prod", "version": "1.10"}
    assert job.relabel_configs[-1].regex == "12:30"
    assert job.relabel_configs[-1].replacement == "1.10"
    assert job.file_sd_configs[0].files == (str(FOLDER / "targets/*.json"), "/etc/more.yml")
    assert job.basic_auth is not None
    assert "secret" not in repr(project)


def test_jobs_take_over_what_global_says(tmp_path: Path) -> None:
    text = "global: {scrape_interval: 5s, sample_limit: 7}\nscrape_configs: [{job_name: a}, "
    text += "{job_name: b, scrape_interval: 2m, sample_limit: 0}]\n"
    source = check_directory(inline(tmp_path, text)).checked().sources["scrape"]
    assert isinstance(source, ScrapeSourceSpec)
    a, b = source.jobs()
    assert (a.scrape_interval, a.scrape_timeout, a.sample_limit) == (5.0, 5.0, 7)
    assert (b.scrape_interval, b.scrape_timeout, b.sample_limit) == (120.0, 5.0, 0)


def test_other_sections_are_warned_of(tmp_path: Path) -> None:
    problems = check_directory(project_of(tmp_path, CASES["good-full"])).problems
    said = {(one.message.split()[0], one.severity) for one in problems}
    sections = ("alerting", "storage")
    assert said == {(name, "warning") for name in sections}


def test_secrets_that_are_not_there_are_warned_of_until_they_are(tmp_path: Path) -> None:
    text = "scrape_configs:\n- job_name: a\n  authorization:\n    credentials_file: token\n"
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/prometheus.yml").write_text(text)
    secret = tmp_path / "conf/token"
    before = check_directory(project_of(tmp_path, "conf/prometheus.yml"))
    (problem,) = before.problems
    assert (problem.severity, problem.where.line) == ("warning", 4)
    assert f"credentials_file: {secret} does not exist" in problem.message
    assert str(secret) in before.schema_files
    secret.write_text("s3cret")
    assert check_directory(tmp_path).problems == ()


def test_secrets_of_a_source_of_its_own_are_looked_for_in_the_project(tmp_path: Path) -> None:
    text = "scrape_configs: [{job_name: a, basic_auth: {username: u, password_file: p}}]\n"
    text += "global: {query_log_file: /no/queries.log}\n"
    text += "remote_write: [{url: 'http://x', tls_config: {ca_file: /no/ca.pem}}]\n"
    said = [one.message for one in check_directory(inline(tmp_path, text)).problems]
    assert len(said) == 2
    assert any(f"password_file: {tmp_path}/p" in one for one in said)
    assert any("ca_file: /no/ca.pem" in one for one in said)


@pytest.mark.parametrize("path", [r"a\0b", "/dev/null/a", "a" * 5000])
def test_a_secret_at_no_path_is_a_warning(path: str, tmp_path: Path) -> None:
    text = f'scrape_configs: [{{job_name: a, bearer_token_file: "{path}"}}]\n'
    result = check_directory(inline(tmp_path, text))
    assert [one.message.partition(":")[0] for one in result.problems] == ["bearer_token_file"]
    fingerprint(tmp_path, result.schema_files)


def test_the_named_file_is_watched_and_part_of_the_version(tmp_path: Path) -> None:
    config = tmp_path / "prometheus.yml"
    config.write_text("scrape_configs: [{job_name: a}]\n")
    first = check_directory(project_of(tmp_path, "prometheus.yml"))
    assert first.schema_files == (str(config),)
    config.write_text("scrape_configs: [{job_name: b}]\n")
    assert check_directory(tmp_path).checked().version != first.checked().version
    config.unlink()
    (problem,) = check_directory(tmp_path).problems
    assert str(problem) == (
        "sources/scrape.yml:2:9: error: prometheus.yml cannot be read: it does not exist"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("config: a.yml\nscrape_configs: [{job_name: a}]\n", "exclude each other"),
        ("scrape_configs: [{job_name: a, sample_limit: 1.5}]\n", "is not a whole number"),
        ("scrape_configs: [{job_name: a, <<: [1]}]\n", "<< merges mappings alone"),
        ("scrape_configs: &a [{job_name: a, x: *a}]\n", "an alias contains itself"),
        ("scrape_configs: [&a {job_name: a, <<: *a}]\n", "a mapping is merged into itself"),
        ("a: &a {b: 1, c: {<<: *a}}\n", "an alias contains itself"),
        ("scrape_configs: [{job_name: [a]}]\n", "is not text"),
        ("scrape_configs: [{job_name: a, metrics_path: !!binary aGk=}]\n", "is not allowed"),
        ("scrape_configs: [1, {kubernetes_sd_configs: 3}]\n", "is not supported"),
        ("scrape_config_files: [a]\n", "scrape_config_files is not supported"),
    ],
)
def test_hostile_ones(text: str, said: str, tmp_path: Path) -> None:
    problems = [str(one) for one in check_directory(inline(tmp_path, text)).errors]
    assert any(said in one for one in problems), problems
