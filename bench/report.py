"""The report: Markdown for people, JSON for programs, plots for eyes."""

import dataclasses
import json


@dataclasses.dataclass
class Look:
    """How the lines of a workload are drawn."""

    file: str
    title: str
    x: str
    y: str
    xscale: str = "linear"
    yscale: str = "linear"


SERIES = {
    "held snapshot": Look("held snapshot over time", "messages per second while a snapshot is held, 1,000 wanted",
                          "seconds", "messages/s"),
    "dead rows": Look("dead rows over time", "dead rows while a snapshot is held", "seconds", "rows", yscale="symlog"),
    "latency": Look("latency distribution", "from the commit to the message", "ms", "% of the messages", xscale="log"),
    "backlog": Look("claims by backlog", "claim and ack of 100 messages", "messages waiting", "ms", xscale="log"),
}


def _number(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def target_table(targets):
    lines = ["| Target | What | Value | Wanted | |", "|---|---|---|---|---|"]
    for target, row in targets:
        bound = "at most" if target.at_most else "at least"
        mark = "not measured" if row["value"] is None else "met" if row["met"] else "missed"
        lines.append(f"| `{target.name}` | {target.what} | {_number(row['value'])} | {bound} {target.target:g} | {mark} |")
    return "\n".join(lines)


def figure_tables(rows):
    """One table a workload: a line for each cell, a column for each side, median and range."""
    parts = []
    for workload in dict.fromkeys(row["workload"] for row in rows):
        mine = [row for row in rows if row["workload"] == workload]
        sides = list(dict.fromkeys(row["side"] for row in mine))
        parts += [f"\n### {workload}\n", "| | unit | " + " | ".join(sides) + " |", "|---" * (len(sides) + 2) + "|"]
        for cell in dict.fromkeys(row["cell"] for row in mine):
            by_side = {row["side"]: row for row in mine if row["cell"] == cell}
            unit = next(iter(by_side.values()))["unit"]
            texts = [f"{_number(by_side[side]['median'])} ({_number(by_side[side]['low'])} to "
                     f"{_number(by_side[side]['high'])})" if side in by_side else "" for side in sides]
            parts.append(f"| {cell} | {unit} | " + " | ".join(texts) + " |")
    return "\n".join(parts)


def _bars(axes, rows, cells, sides, title):
    width = 0.8 / max(len(sides), 1)
    for number, side in enumerate(sides):
        by_cell = {row["cell"]: row for row in rows if row["side"] == side}
        places = [i + number * width for i, cell in enumerate(cells) if cell in by_cell]
        found = [by_cell[cell] for cell in cells if cell in by_cell]
        medians = [row["median"] for row in found]
        spread = [[row["median"] - row["low"] for row in found], [row["high"] - row["median"] for row in found]]
        axes.bar(places, medians, width, yerr=spread, label=side, capsize=2)
    axes.set_xticks([i + 0.4 - width / 2 for i in range(len(cells))], cells, rotation=20, ha="right")
    axes.set_title(title)
    axes.legend(fontsize="small")


def plot(results, folder):
    """Names of the files made; none when matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        return []
    matplotlib.use("Agg")
    from matplotlib import pyplot
    rows, made = results.as_list(), []
    for workload in ("capture", "consume", "latency", "held snapshot", "webhooks", "pull", "application"):
        mine = [row for row in rows if row["workload"] == workload and row["unit"] not in ("B", "rows")]
        if not mine:
            continue
        figure, axes = pyplot.subplots(figsize=(9, 4.5))
        unit = mine[0]["unit"]
        _bars(axes, mine, list(dict.fromkeys(row["cell"] for row in mine)),
              list(dict.fromkeys(row["side"] for row in mine)), workload)
        axes.set_ylabel(unit)
        if workload in ("consume", "latency"):
            axes.set_yscale("log")
        made.append(_save(figure, folder, workload))
    for workload, look in SERIES.items():
        lines = {key: points for key, points in results.series.items() if key[0] == workload}
        if not lines:
            continue
        figure, axes = pyplot.subplots(figsize=(9, 4.5))
        for (_, cell, side), points in lines.items():
            axes.plot([x for x, _ in points], [y for _, y in points], label=f"{side}, {cell}")
        axes.set(title=look.title, xlabel=look.x, ylabel=look.y, xscale=look.xscale, yscale=look.yscale)
        if look.yscale == "linear":
            axes.set_ylim(bottom=0)
        axes.legend(fontsize="small")
        made.append(_save(figure, folder, look.file))
    pyplot.close("all")
    return made


def _save(figure, folder, name):
    file = f"{name.replace(' ', '_')}.svg"
    figure.tight_layout()
    figure.savefig(folder / file)
    return file


def write(folder, results, targets, about):
    """report.md, report.html (the same with its plots) and results.json."""
    folder.mkdir(parents=True, exist_ok=True)
    plots = plot(results, folder)
    machine = about["machine"]
    head = (f"# Benchmark\n\n{machine['cores']} cores of {machine['cpu']}, {machine['memory_mib']} MiB, Postgres "
            f"{machine['postgres']}; {about['rounds']} rounds in turns, medians (lowest to highest). Command: "
            f"`{about['command']}`.\n\n## Targets\n\n")
    text = head + target_table(targets) + "\n\n## Figures\n" + figure_tables(results.as_list()) + "\n"
    text += "".join(f"\n![{name}]({name})\n" for name in plots)
    (folder / "report.md").write_text(text)
    (folder / "report.html").write_text(_html(text, folder, plots))
    (folder / "results.json").write_text(json.dumps(
        {**about, "targets": [row for _, row in targets], "figures": results.as_list()}, indent=1))


def _html(markdown, folder, plots):
    """The few forms that the report uses: headings, tables, paragraphs; plots go in as they are."""
    import html
    out = ["<!doctype html><meta charset='utf-8'><title>Benchmark</title><style>body{font:15px sans-serif;max-width:70em;"
           "margin:2em auto}table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #ccc;padding:.25em .6em;"
           "text-align:left}svg{max-width:100%;height:auto}</style>"]
    in_table = False
    for line in markdown.splitlines():
        if line.startswith("|"):
            if set(line) <= set("|-"):
                continue
            cells = [html.escape(cell.strip().strip("`")) for cell in line.strip("|").split("|")]
            tag = "td" if in_table else "th"
            out.append(("" if in_table else "<table>") + "<tr>" + "".join(f"<{tag}>{c}</{tag}>" for c in cells) + "</tr>")
            in_table = True
            continue
        if in_table:
            out.append("</table>")
            in_table = False
        level = len(line) - len(line.lstrip("#"))
        if level:
            out.append(f"<h{level}>{html.escape(line.strip('# '))}</h{level}>")
        elif line and not line.startswith("!["):
            out.append(f"<p>{html.escape(line)}</p>")
    out += ["</table>"] if in_table else []
    for name in plots:
        svg = (folder / name).read_text()
        out.append(svg[svg.index("<svg"):])
    return "\n".join(out)
