"""A hook of mkdocs: the pages of `benchmarks/`, which lie beside `docs/`, become pages of the site, and links between the two lead there.

Documents are written to be read on a code host, where `../benchmarks/lewis.md` is right. On the site both folders are one.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

OUT = re.compile(r"\]\(\.\./benchmarks/")  # from a document to a benchmark
IN = re.compile(r"\]\(\.\./docs/")  # and back


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of benchmarks/."""
    for page in sorted(Path(config.config_file_path).parent.glob("benchmarks/*.md")):
        files.append(File.generated(config, f"benchmarks/{page.name}", abs_src_path=str(page)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Make links from one folder to the other those of the site."""
    return IN.sub("](../", markdown) if page.file.src_uri.startswith("benchmarks/") else OUT.sub("](benchmarks/", markdown)
