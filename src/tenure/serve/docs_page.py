"""GET /docs: one page that holds all it needs, with the columns of the model and a form to try it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

Json = dict[str, Any]

_TOKEN = '<label>Token <input id="token" type="password" autocomplete="off"></label>'


def docs_page(document: Json) -> tuple[str, str]:
    """Return the page for an OpenAPI document, and its Content-Security-Policy.

    Every text from the model is escaped; the policy lets nothing run or load but what is on the page.
    """
    info = document["info"]
    example = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"].get(
        "example", {}
    )
    page = Template(_template()).substitute(
        title=escape(info["title"]),
        description=escape(info["description"]),
        routes="\n".join(_routes(document)),
        columns="\n".join(_columns(document["components"]["schemas"]["Row"])),
        example=escape(json.dumps(example, indent=2, ensure_ascii=False)),
        curl=escape(_curl(example, has_token="securitySchemes" in document["components"])),
        token=_TOKEN if "securitySchemes" in document["components"] else "",
    )
    return page, _policy(page)


def _template() -> str:
    return files("tenure.serve").joinpath("docs.html").read_text(encoding="utf-8")


def _curl(example: Json, *, has_token: bool) -> str:
    """A command to be pasted into a shell; the page puts its own address in place of ADDRESS."""
    row = json.dumps(example, ensure_ascii=False).replace("'", "'\\''")
    token = '-H "Authorization: Bearer $TENURE_TOKEN" ' if has_token else ""
    return f"curl -s 'ADDRESS/predict?explain=3' -H 'Content-Type: application/json' {token}-d '{row}'"


def _routes(document: Json) -> list[str]:
    return [
        f'<tr><td><span class="method">{method.upper()}</span> <code>{escape(path)}</code></td>'
        f"<td>{escape(operation['summary'])}</td></tr>"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def _columns(row: Json) -> list[str]:
    found = []
    for name, schema in row.get("properties", {}).items():
        types = schema.get("type", [])
        cells = [
            f"<code>{escape(name)}</code>",
            escape(", ".join([types] if isinstance(types, str) else types)),
            escape(schema.get("description", "")),
            ", ".join(
                f"<code>{escape(json.dumps(e, ensure_ascii=False))}</code>"
                for e in schema.get("examples", [])[:6]
            ),
        ]
        found.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return found


def _policy(page: str) -> str:
    def hashes(tag: str) -> str:
        parts = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        return " ".join(
            f"'sha256-{base64.b64encode(hashlib.sha256(p.encode()).digest()).decode()}'" for p in parts
        )

    return (
        f"default-src 'none'; script-src {hashes('script')}; style-src {hashes('style')}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
