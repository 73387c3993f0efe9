'use strict';
/* Two small things that only the browser knows. */

/* A box that scrolls sideways must be reachable by keyboard; one that does not scroll must not be a stop on the way. */
(() => {
  const names = { '.vt-scroll': 'Formula', '.pst-scrollable-table-container': 'Table', pre: 'Code', '.cell_output .output': 'Output' };
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

/* Search shows summaries by fetching the pages it found, which a browser forbids to a page opened from a folder. */
if (location.protocol === 'file:' && typeof DOCUMENTATION_OPTIONS === 'object') {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}
