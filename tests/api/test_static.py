"""Static files of a served site."""

from __future__ import annotations

import re
from pathlib import Path

from wisqu.api.static import Storage


def test_modules_and_sheets_name_each_other_by_their_hashed_names(tmp_path: Path) -> None:
    (tmp_path / "b.js").write_text("export const b = 1;\n")
    (tmp_path / "a.js").write_text(
        'import { b } from "./b.js";\nexport { b };\nconst c = () => import("./b.js");\n'
    )
    storage = Storage(location=tmp_path, base_url="/static/")
    files = {name: (storage, name) for name in ("a.js", "b.js")}
    for _, _, failure in storage.post_process(files):
        assert not isinstance(failure, Exception), failure

    text = (tmp_path / storage.hashed_files["a.js"]).read_text()
    assert len(re.findall(r'"\./b\.[0-9a-f]{12}\.js"', text)) == 2
    assert (tmp_path / f"{storage.hashed_files['a.js']}.gz").exists()
