"""A report as one HTML file: pictures inside, no script, nothing fetched, fit for print."""

import base64

from snapgui.report.pages.document import Document, Picture, tied

# The policy forbids every request: a page that tried to fetch something would show a hole instead.
TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="{{ document.text.get('Software', 'SNAP Studio') }}">
<title>{{ document.title }}</title>
<style>
  :root { color-scheme: light; }
  body { font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; color: #111; background: #fff; max-width: 900px; margin: 24px auto; padding: 0 20px; overflow-wrap: break-word; }
  h1 { font-size: 24px; margin: 4px 0 12px; } h2 { font-size: 18px; margin: 30px 0 8px; border-bottom: 1px solid #bbb; padding-bottom: 3px; }
  .notice { font-size: 13px; font-weight: 600; border: 1px solid #111; padding: 4px 10px; display: inline-block; }
  .verdict { font-size: 17px; font-weight: 600; margin: 8px 0; } .beside { margin: 6px 0; }
  .card { border: 1px solid #999; border-radius: 6px; padding: 10px 16px; margin: 12px 0; break-inside: avoid; } .card p { margin: 0; }
  .card .answers { font-size: 24px; font-weight: 650; } .card .chips { display: flex; flex-wrap: wrap; gap: 6px; margin: 8px 0; }
  .card .chips span { border: 1px solid #777; border-radius: 99px; padding: 1px 11px; } .card .chips .on { background: #2b5f8a; border-color: #2b5f8a; color: #fff; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .pictures { display: flex; flex-wrap: wrap; gap: 14px 12px; margin: 10px 0; align-items: flex-start; }
  figure { margin: 0; break-inside: avoid; max-width: 100%; } figure img { display: block; max-width: 100%; height: auto; background: #fff; }
  figure img.exact { image-rendering: pixelated; max-width: none; } figcaption { font-size: 12.5px; color: #333; margin-top: 4px; }
  table { border-collapse: collapse; margin: 8px 0 4px; font-size: 13px; font-variant-numeric: tabular-nums; max-width: 100%; }
  caption { text-align: left; font-weight: 600; padding: 8px 0 4px; } th, td { text-align: left; vertical-align: top; padding: 3px 14px 3px 0; border-bottom: 1px solid #ddd; }
  thead th { border-bottom: 1px solid #555; } tbody th { font-weight: 400; } td { overflow-wrap: anywhere; } td:not(:last-child) { overflow-wrap: normal; } .note { font-size: 12.5px; color: #333; margin: 2px 0 10px; }
  footer { margin: 34px 0 10px; }
  @page { size: A4; margin: 15mm; }
  @media print { body { font-size: 9.5pt; margin: 0; padding: 0; max-width: none; } .pictures { zoom: 0.8; } table { font-size: 8.5pt; } h1 { font-size: 16pt; } h2 { font-size: 12pt; margin-top: 16pt; } .verdict { font-size: 11pt; } table.short, tr { break-inside: avoid; } thead { display: table-header-group; } h2, caption { break-after: avoid; } }
</style>
</head>
<body>
<p class="notice">{{ document.notice }}</p>
<h1>{{ document.title }}</h1>
{%- if document.card %}
<div class="card"><p class="answers">{{ document.card.before }} → {{ document.card.after }}</p>
<p class="chips">{% for chip in document.card.chips %}<span{% if chip.holds %} class="on"{% endif %}>{{ chip.words }}</span> {% endfor %}</p>
<p>{{ document.card.sentence }}</p></div>
{%- endif %}
{%- if document.verdict %}
<p class="verdict">{{ document.verdict }}</p>
{%- endif %}
{%- for sentence in document.beside %}
<p class="beside">{{ sentence }}</p>
{%- endfor %}
{%- for section in document.sections %}
<section>
<h2>{{ section.title }}</h2>
{%- for sentence in section.sentences %}
<p>{{ sentence }}</p>
{%- endfor %}
{%- if section.pictures %}
<div class="pictures">
{%- for picture in section.pictures %}
<figure style="width: {{ picture.width_px }}px"><img{% if picture.exact %} class="exact"{% endif %} width="{{ picture.width_px }}" alt="{{ picture.caption }}" src="{{ uri(picture) }}"><figcaption>{{ picture.caption }}</figcaption></figure>
{%- endfor %}
</div>
{%- endif %}
{%- for table in section.tables %}
<table{% if table.rows|length <= 14 %} class="short"{% endif %}>
{%- if table.title %}<caption>{{ table.title }}</caption>{% endif %}
<thead><tr>{% for column in table.columns %}<th scope="col">{{ column }}</th>{% endfor %}</tr></thead>
<tbody>
{%- for row in table.rows %}
<tr>{% for cell in row %}{% if loop.first %}<th scope="row">{{ cell }}</th>{% else %}<td>{{ cell }}</td>{% endif %}{% endfor %}</tr>
{%- endfor %}
</tbody>
</table>
{%- if table.note %}<p class="note">{{ table.note }}</p>{% endif %}
{%- endfor %}
</section>
{%- endfor %}
<footer><p class="notice">{{ document.notice }}</p></footer>
</body>
</html>
"""


def html_page(document: Document) -> bytes:
    """The report as UTF-8 HTML; whatever a name holds is shown as text."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        finalize=lambda value: tied(value) if isinstance(value, str) else value,
    )
    return environment.from_string(TEMPLATE).render(document=document, uri=_uri).encode("utf-8", "replace")


def _uri(picture: Picture) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.png).decode()
