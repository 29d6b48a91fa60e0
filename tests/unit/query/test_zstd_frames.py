from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from madang.query.zstd_frames import ends_whole

TEXTS = [b"", b"a", b"x" * 400_000, bytes(range(256)) * 2000, b'{"a":1}\n' * 30]


@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("sized", [False, True])
def test_every_cut_is_seen(tmp_path: Path, checksum: bool, sized: bool) -> None:
    path = tmp_path / "a.zst"
    for text in TEXTS:
        compressor = zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=sized)
        whole = compressor.compress(text)
        path.write_bytes(whole + whole)
        assert ends_whole(path)
        cuts = [*range(1, min(len(whole), 40)), *range(max(1, len(whole) - 40), len(whole))]
        for cut in {*cuts, len(whole) // 2} - {0}:
            path.write_bytes(whole + whole[:cut])
            assert not ends_whole(path), (text[:5], len(whole), cut)


def test_frames_to_skip_and_what_is_no_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.zst"
    skipped = b"\x5f\x2a\x4d\x18\x04\x00\x00\x00note"
    path.write_bytes(skipped + zstandard.compress(b"a") + skipped)
    assert ends_whole(path)
    path.write_bytes(skipped[:-1])
    assert not ends_whole(path)
    path.write_bytes(b"no frame")
    assert ends_whole(path)
    path.write_bytes(b"")
    assert ends_whole(path)
