"""axe on an opened page: its serious faults, with formulas and code judged by their colours and not span by span."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is not installed")
AXE = Path(axe.AXE_FILE_PATH).read_text(encoding="utf-8")

# KaTeX draws a formula from dozens of spans that are hidden from screen readers, and code has one for every word: many thousands
# on a page, which differ for axe in nothing but their colours, and contrast is what axe takes longest to judge. So while it looks,
# one span a colour stands for those of a formula or a piece of code, in the smallest size and weight of that colour, which have to
# meet the strictest limit, and with several letters, because axe leaves single ones to a person. Whatever has a ground or an
# opacity of its own, or can be reached by the keyboard, keeps its formula or code whole. Colours depend on the theme, so every call
# begins with the page as it was.
ONE_SPAN_A_COLOUR = """() => {
  const blocks = [...document.querySelectorAll('.katex-html, pre')];
  for (const block of blocks) if (block.whole) block.replaceChildren(...block.whole);
  const stands = blocks.map((block) => {
    const range = new Range(), colours = new Map();
    range.selectNodeContents(block);
    const { width, height } = range.getBoundingClientRect();
    for (const part of [block, ...block.querySelectorAll('*')]) {
      const style = getComputedStyle(part);
      if (part !== block) {
        const ground = style.backgroundColor !== 'rgba(0, 0, 0, 0)' || style.backgroundImage !== 'none';
        if (ground || style.opacity !== '1' || part.tabIndex >= 0) return null;
      }
      const text = [...part.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join('');
      if (!/[^\\s\\u200b]/.test(text)) continue;
      const { size, weight, sample } = colours.get(style.color) ?? { size: Infinity, weight: Infinity, sample: text };
      colours.set(style.color, { size: Math.min(size, parseFloat(style.fontSize)), weight: Math.min(weight, style.fontWeight), sample });
    }
    const box = document.createElement('span');
    box.style = `display: inline-block; vertical-align: top; width: ${width}px; min-height: ${height}px`;
    for (const [colour, { size, weight, sample }] of colours) {
      const stand = document.createElement('span');
      stand.title = sample.trim().slice(0, 40);
      stand.textContent = 'letters';
      stand.style = `display: block; overflow: hidden; white-space: nowrap; color: ${colour}; font-size: ${size}px; font-weight: ${weight}`;
      box.append(stand);
    }
    return box;
  });
  blocks.forEach((block, i) => {
    if (!stands[i]) return;
    block.whole ??= [...block.childNodes];
    block.replaceChildren(stands[i]);
  });
}"""

# Only faults and what axe could not decide are described: describing every element that passes takes four fifths of the time.
# Of the undecided, single letters with too little contrast count, too, where a formula or code is whole: axe asks whether they
# are letters or icons. (In a drawing it does not know the ground they stand on.)
RUN = """async ([where, rules, colours]) => {
  const options = { preload: false, resultTypes: ['violations', 'incomplete'], selectors: false, elementRef: true, rules };
  if (colours) options.runOnly = axe.getRules(['cat.color']).filter((rule) => rule.enabled).map((rule) => rule.ruleId);
  const { violations, incomplete } = await axe.run(where, options);
  const bad = violations.filter((rule) => ['serious', 'critical'].includes(rule.impact));
  const letter = (node) => node.element?.closest('.katex-html, pre') && node.any.some((check) => check.data?.messageKey === 'shortTextContent');
  const pale = incomplete.filter((rule) => rule.id === 'color-contrast').map((rule) => ({ ...rule, nodes: rule.nodes.filter(letter) }));
  return [...bad, ...pale].flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)}: ${node.failureSummary}`));
}"""


def serious_faults(page: Any, where: str = "html", colours_only: bool = False, **rules: bool) -> list[str]:
    """What axe finds serious or critical below the first element that matches ``where``: rule, element and reason, one a fault.

    ``colours_only`` asks the rules alone whose answer depends on colours (axe's tag ``cat.color``: ``color-contrast`` and
    ``link-in-text-block``). ``rules`` switches rules on or off that axe has otherwise (``target_size=True``).
    """
    if not page.evaluate("!!globalThis.axe"):
        page.evaluate(AXE)
    page.evaluate(ONE_SPAN_A_COLOUR)
    # The rule is experimental in axe and off by default; the theme's search button broke it, so it is on everywhere.
    wanted = {"label_content_name_mismatch": True, **rules}
    switches = {name.replace("_", "-"): {"enabled": on} for name, on in wanted.items()}
    return list(page.evaluate(RUN, [where, switches, colours_only]))
