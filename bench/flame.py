"""Flame graphs: stacks of `perf script` become one SVG that needs nothing else to be looked at.

Width is time, callers are below what they call, the order of neighbours is that of the alphabet.
"""

import collections
import html
import re
import zlib

WIDTH, ROW, MARGIN = 1400, 17, 10
NARROWEST = 0.4  # pixels; what is narrower is left out
CHARACTER = 6.6  # pixels
# Hues by where a function is: the eye finds ours, the server's, the kernel's.
HUES = {"kernel": 28, "sequin": 150, "postgres": 215, "library": 275}
LOST = ("[[unknown]]", "kernel")  # where a stack could not be followed any further
FRAME = re.compile(r"^\s+[0-9a-f]+\s+(?P<function>.*?)\s+\((?P<object>[^()]*|\[[^\]]*\])\)$")


class Node:
    def __init__(self, name="all", kind="library"):
        self.name, self.kind, self.samples, self.children = name, kind, 0, {}

    def depth(self):
        return 1 + max((child.depth() for child in self.children.values()), default=0)


def kind_of(path):
    base = path.rsplit("/", 1)[-1]
    if "kernel" in path or base.startswith("["):
        return "kernel"
    if base.startswith(("sequin", "bench_http")):
        return "sequin"
    return "postgres" if base == "postgres" else "library"


def frame_of(line):
    """(function, kind) of one line of a stack, or None."""
    found = FRAME.match(line)
    if not found:
        return None
    function, path = found["function"], found["object"]
    # Template arguments and parameters say little for their length.
    function = re.sub(r"\+0x[0-9a-f]+$", "", function)
    function = re.sub(r"\(anonymous namespace\)::", "", function)
    while (shorter := re.sub(r"<[^<>]*>", "", function)) != function:
        function = shorter
    function = (function.split("(", 1)[0].strip() or function).replace("sequin::", "")
    if function.startswith("[unknown]"):
        function = f"[{path.rsplit('/', 1)[-1]}]"
    return function, kind_of(path)


def stacks(text):
    """Stacks of `perf script -F comm,ip,sym,dso`, the outermost function first, with how often each was seen."""
    found = collections.Counter()
    for block in text.split("\n\n"):
        frames = []
        for line in block.splitlines()[1:]:
            frame = frame_of(line)
            if frame == LOST or (frame and frame[0] == "main"):
                break  # what is below is the same for all
            # Functions of a library without symbols are one.
            if frame and not (frames and frames[-1] == frame and frame[0].startswith("[")):
                frames.append(frame)
        if frames:
            found[tuple(reversed(frames))] += 1
    return found


def tree(counted):
    root = Node()
    for frames, samples in counted.items():
        root.samples += samples
        node = root
        for name, kind in frames:
            node = node.children.setdefault(name, Node(name, kind))
            node.samples += samples
    return root


def _colour(node):
    light = 58 + zlib.crc32(node.name.encode()) % 18
    return f"hsl({HUES[node.kind]},62%,{light}%)"


def _draw(node, x, level, pixels, total, height, parts):
    width = node.samples * pixels
    if width < NARROWEST:
        return
    y = height - MARGIN - (level + 1) * ROW
    letters = int((width - 4) / CHARACTER)
    label = node.name if len(node.name) <= letters else node.name[:max(letters - 2, 0)] + ".."
    title = f"{node.name}: {100 * node.samples / total:.1f} % ({node.samples} samples)"
    parts.append(f'<g><title>{html.escape(title)}</title><rect x="{x:.1f}" y="{y}" width="{max(width - 0.5, 0.3):.1f}" '
                 f'height="{ROW - 1}" fill="{_colour(node)}"/>')
    if letters >= 3:
        parts.append(f'<text x="{x + 2:.1f}" y="{y + ROW - 5}">{html.escape(label)}</text>')
    parts.append("</g>")
    for name in sorted(node.children):
        _draw(node.children[name], x, level + 1, pixels, total, height, parts)
        x += node.children[name].samples * pixels


def svg(root, title):
    height = 2 * MARGIN + 40 + root.depth() * ROW
    legend = "".join(f'<tspan fill="hsl({hue},62%,38%)">■ {name}&#160;&#160;</tspan>' for name, hue in HUES.items())
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
             'font-family="monospace" font-size="11">',
             f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
             f'<text x="{MARGIN}" y="18" font-size="14">{html.escape(title)}</text>',
             f'<text x="{MARGIN}" y="36">{root.samples} samples; width is time, callers are below: {legend}</text>']
    _draw(root, MARGIN, 0, (WIDTH - 2 * MARGIN) / max(root.samples, 1), max(root.samples, 1), height, parts)
    return "\n".join(parts) + "\n</svg>\n"


def heaviest(root, most=12):
    """(share, function) of those on top of the stacks: where the time itself is spent."""
    own = collections.Counter()

    def visit(node):
        own[node.name] += node.samples - sum(child.samples for child in node.children.values())
        for child in node.children.values():
            visit(child)
    visit(root)
    return [(samples / root.samples, name) for name, samples in own.most_common(most)] if root.samples else []
