from __future__ import annotations

from madang.operate.banner import Started


def test_ports_of_protocols_are_told_where_there_are_some():
    text = Started("http://h:1", "code", "token", 1.0).text()
    assert "ports of their own" not in text
    with_ports = Started("http://h:1", "code", "token", 1.0, "", {"otlp": "http://h:4318"}).text()
    told = "\n  On ports of their own:\n\n    otlp        http://h:4318\n"
    assert with_ports == text.replace("\n\n  Ctrl-C", f"\n{told}\n  Ctrl-C")
