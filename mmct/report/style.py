"""The style sheet of a report."""

from .figures import DARK, LIGHT

CSS = f"""
:root {{ color-scheme: light dark; --paper: {LIGHT.paper}; --ink: {LIGHT.ink};
  --faint: {LIGHT.faint}; --quiet: #56606b; --link: #0059a8; --note: #fff6d6; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --paper: {DARK.paper}; --ink: {DARK.ink}; --faint: {DARK.faint}; --quiet: #a5afbb;
    --link: #8cc4ff; --note: #3a3110; }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }}
h1 {{ font-size: 1.6rem; line-height: 1.2; }}
h2 {{ margin-top: 2.5rem; font-size: 1.25rem; border-bottom: 1px solid var(--faint); }}
a {{ color: var(--link); }}
:focus-visible {{ outline: 3px solid var(--link); outline-offset: 2px; }}
.skip {{ position: absolute; left: -100rem; background: var(--paper); padding: .5rem; }}
.skip:focus {{ left: 1rem; top: 1rem; }}
nav ul {{ display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; list-style: none; }}
.note {{ background: var(--note); border-left: 4px solid var(--ink); padding: .5rem 1rem; }}
.scroll {{ overflow-x: auto; max-width: 100%; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }}
caption {{ text-align: left; color: var(--quiet); padding-bottom: .4rem; }}
th, td {{ padding: .3rem .7rem; border-bottom: 1px solid var(--faint); text-align: right;
  vertical-align: top; }}
thead th {{ vertical-align: bottom; min-width: 6rem; }}
th[scope=row], thead td, thead th:first-child {{ text-align: left; }}
th[scope=row] {{ font-weight: normal; min-width: 9rem; }}
th[scope=row], thead td {{ position: sticky; left: 0; background: var(--paper); }}
tr.main > * {{ font-weight: bold; }}
td small {{ display: block; color: var(--quiet); font-weight: normal; white-space: nowrap; }}
.text td {{ text-align: left; }}
dt {{ font-weight: bold; }}
dd {{ margin: 0 0 .5rem 1rem; }}
figure {{ margin: 1rem 0; }}
figure img {{ max-width: 100%; height: auto; }}
.examples {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 1rem;
  padding: 0; list-style: none; }}
.examples img {{ width: 6rem; height: 6rem; object-fit: contain; image-rendering: pixelated;
  border: 1px solid var(--faint); }}
.examples ul {{ margin: 0; padding: 0; list-style: none; font-size: .875rem; }}
summary {{ cursor: pointer; padding: .5rem 0; }}
footer {{ margin-top: 3rem; color: var(--quiet); font-size: .875rem; }}
@media (max-width: 40rem) {{ body {{ padding: .75rem; }} th, td {{ padding: .3rem .45rem; }}
  thead th {{ min-width: 5rem; }} th[scope=row] {{ min-width: 7rem; }} }}
@media print {{
  :root {{ --paper: #fff; --ink: #000; --quiet: #333; --faint: #999; --note: #fff; }}
  body {{ max-width: none; font-size: 9pt; }} nav, .skip {{ display: none; }}
  .scroll {{ overflow: visible; }} figure, tr, li {{ break-inside: avoid-page; }}
  h2 {{ break-after: avoid-page; margin-top: 1.5rem; }}
  details::details-content {{ content-visibility: visible; display: block; }} }}
""".strip()
"""For the screen, light and dark, narrow and wide, and for paper."""
