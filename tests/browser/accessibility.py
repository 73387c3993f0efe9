"""axe on an opened page: its serious faults, with a formula judged as one piece of text and not glyph by glyph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is not installed")
AXE = Path(axe.AXE_FILE_PATH).read_text(encoding="utf-8")

# KaTeX draws a formula from dozens of spans that are hidden from screen readers; thousands on a page, which differ in nothing
# that axe judges. Where they all have the formula's own colour and no ground of their own, one span stands for them: as wide and
# high as the formula, in its smallest size and weight, which have to meet the strictest limit, and with several letters, because
# axe leaves single ones to a person. A formula with coloured parts, or with one that the keyboard reaches, stays whole. Colours
# depend on the theme, so every call begins with the formulas as they were.
ONE_SPAN_A_FORMULA = """() => {
  const formulas = [...document.querySelectorAll('.katex-html')];
  for (const formula of formulas) if (formula.whole) formula.replaceChildren(...formula.whole);
  const stands = formulas.map((formula) => {
    const colour = getComputedStyle(formula).color;
    const { width, height } = formula.getBoundingClientRect();
    let size = Infinity, weight = Infinity;
    for (const part of formula.querySelectorAll('*')) {
      const style = getComputedStyle(part);
      const ground = style.backgroundColor !== 'rgba(0, 0, 0, 0)' || style.backgroundImage !== 'none';
      if (style.color !== colour || style.opacity !== '1' || ground || part.tabIndex >= 0) return null;
      if ([...part.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && /[^\\s\\u200b]/.test(node.data))) {
        size = Math.min(size, parseFloat(style.fontSize));
        weight = Math.min(weight, style.fontWeight);
      }
    }
    if (size === Infinity) return null;
    const stand = document.createElement('span');
    stand.textContent = 'formula';
    stand.title = formula.parentElement.querySelector('annotation')?.textContent ?? '';
    stand.style = `display: inline-block; vertical-align: top; overflow: hidden; width: ${Math.max(width, formula.scrollWidth)}px; height: ${height}px; font-size: ${size}px; font-weight: ${weight}`;
    return stand;
  });
  formulas.forEach((formula, i) => {
    if (!stands[i]) return;
    formula.whole ??= [...formula.childNodes];
    formula.replaceChildren(stands[i]);
  });
}"""

# Only faults and what axe could not decide are described: describing every element that passes takes four fifths of the time.
# Of the undecided, single letters with too little contrast count, too: axe asks whether they are letters or icons.
RUN = """async ([where, rules, colours]) => {
  const options = { preload: false, resultTypes: ['violations', 'incomplete'], selectors: false, rules };
  if (colours) options.runOnly = axe.getRules(['cat.color']).filter((rule) => rule.enabled).map((rule) => rule.ruleId);
  const { violations, incomplete } = await axe.run(where, options);
  const bad = violations.filter((rule) => ['serious', 'critical'].includes(rule.impact));
  const letter = (node) => node.any.some((check) => check.data?.messageKey === 'shortTextContent');
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
    page.evaluate(ONE_SPAN_A_FORMULA)
    # The rule is experimental in axe and off by default; the theme's search button broke it, so it is on everywhere.
    wanted = {"label_content_name_mismatch": True, **rules}
    switches = {name.replace("_", "-"): {"enabled": on} for name, on in wanted.items()}
    return list(page.evaluate(RUN, [where, switches, colours_only]))
