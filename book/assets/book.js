'use strict';
/* A few small things that only the browser knows. */

/* A box that scrolls sideways must be reachable by keyboard; one that does not scroll must not be a stop on the way. */
(() => {
  const names = { '.vt-scroll': 'Formula', '.pst-scrollable-table-container': 'Table', pre: 'Code', '.cell_output .output': 'Output', ':is(.vt-plot, .vt-still)': 'Picture' };
  const update = () => {
    for (const [selector, name] of Object.entries(names)) {
      for (const box of document.querySelectorAll(`.bd-article ${selector}`)) {
        const scrolls = box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== 'visible';
        if (scrolls) {
          box.tabIndex = 0;
          box.setAttribute('role', 'group');
          box.setAttribute('aria-label', `${name}, scrolls sideways`);
        } else if (box.getAttribute('role') === 'group') {
          for (const attribute of ['tabindex', 'role', 'aria-label']) box.removeAttribute(attribute);
        }
      }
    }
  };
  addEventListener('DOMContentLoaded', update);
  addEventListener('load', update);
  addEventListener('resize', update);
  document.addEventListener('click', () => setTimeout(update, 300)); // a solution was opened
})();

/* Paper is white, and nobody can open a box on it. */
(() => {
  const root = document.documentElement;
  let shut = [], theme;
  addEventListener('beforeprint', () => {
    if (shut.length || theme) return;
    shut = [...document.querySelectorAll('.bd-article details:not([open])')];
    theme = root.dataset.theme;
    for (const box of shut) box.open = true;
    root.dataset.theme = 'light';
  });
  addEventListener('afterprint', () => {
    for (const box of shut) box.open = false;
    if (theme) root.dataset.theme = theme;
    [shut, theme] = [[], undefined];
  });
})();

/* Search shows summaries by fetching the pages it found, which a browser forbids to a page opened from a folder. */
if (location.protocol === 'file:' && typeof DOCUMENTATION_OPTIONS === 'object') {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

/* The text of a found page: its article alone, without buttons, and each formula once (KaTeX writes it three times). */
addEventListener('DOMContentLoaded', () => {
  if (typeof Search !== 'object') return;
  Search.htmlToText = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, 'text/html');
    for (const part of page.querySelectorAll('script, style, button, .headerlink, .katex-html, annotation, .vt-still, .vt-time')) part.remove();
    const article = page.querySelector('.bd-article');
    const found = (anchor && article?.querySelector(anchor)) || article;
    return found ? found.textContent.replace(/\s+/g, ' ').trim() : '';
  };
});

/* What a term means and which work is cited, where one points at it or tabs to it; vt-notes.js has the texts. */
addEventListener('DOMContentLoaded', () => {
  const notes = globalThis.vitTutorialNotes;
  if (!notes) return;
  const keyOf = (link) => link.getAttribute('href')?.match(/(?:^|\/)((?:glossary|bibliography)\.html#.+)$/)?.[1];
  const box = document.createElement('div');
  Object.assign(box, { id: 'vt-note', className: 'vt-note', hidden: true });
  box.setAttribute('role', 'tooltip');
  document.body.append(box);
  let current = null, timer;
  const hide = () => {
    clearTimeout(timer);
    current?.removeAttribute('aria-describedby');
    current = null;
    box.hidden = true;
  };
  const show = (link) => {
    clearTimeout(timer);
    if (link === current) return;
    hide();
    current = link;
    box.innerHTML = notes[keyOf(link)];
    box.hidden = false;
    link.setAttribute('aria-describedby', box.id);
    const line = link.getClientRects()[0], { width, height } = box.getBoundingClientRect();
    const left = Math.max(8, Math.min(line.left, innerWidth - width - 8));
    const above = line.bottom + height + 8 > innerHeight && line.top > height + 8;
    box.style.left = `${left + scrollX}px`;
    box.style.top = `${(above ? line.top - height - 4 : line.bottom + 4) + scrollY}px`;
  };
  const soon = (does, wait) => { clearTimeout(timer); timer = setTimeout(does, wait); };
  for (const link of document.querySelectorAll('.bd-article a[href*="#"]')) {
    if (!notes[keyOf(link)]) continue;
    link.addEventListener('pointerenter', (event) => { if (event.pointerType === 'mouse') soon(() => show(link), 200); });
    link.addEventListener('pointerleave', () => soon(hide, 250)); // time to reach the note
    link.addEventListener('focus', () => show(link));
    link.addEventListener('blur', hide);
  }
  box.addEventListener('pointerenter', () => clearTimeout(timer));
  box.addEventListener('pointerleave', () => soon(hide, 250));
  addEventListener('keydown', (event) => { if (event.key === 'Escape') hide(); });
});
