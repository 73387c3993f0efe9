/** What the reader takes along: a link to this state, and Python code that computes this view. */
import { button, element, show } from './dom.js';
import { toPython } from './python.js';
import { toLink } from './state.js';

/** @param start the author's state; @param model its name; @param address(link) the page's address, or nothing where there is no page. */
export function createSharing(ctx, host, { start, model, address }) {
  /** The reader's own picture as a data address, or null for one of the gallery. */
  const own = () => (['drawn', 'photo'].includes(ctx.state.image) ? ctx.pictures.address(ctx.state.image) : null);
  const link = () => {
    const text = toLink(ctx.state, { ...start, tool: ctx.state.tool }), picture = own();
    return picture ? `${text}&image=${ctx.state.image}&picture=${encodeURIComponent(picture.split(',')[1])}` : text;
  };
  const python = () => toPython({ state: ctx.state, model, shape: ctx.shape, picture: own() });

  const byHand = element('textarea', { class: 'copied', readonly: true, hidden: true, rows: 8, 'aria-label': 'To copy' });
  byHand.addEventListener('blur', () => { byHand.hidden = true; });
  async function copy(text, from) {
    const label = from.textContent;
    try {
      await navigator.clipboard.writeText(text);
      show(from, 'Copied');
      setTimeout(() => show(from, label), 1500);
    } catch { // no permission, or a page opened from a file in some browsers
      byHand.hidden = false;
      byHand.value = text;
      byHand.focus();
      byHand.select();
    }
    host.dispatchEvent(new CustomEvent('vt-copied', { detail: text }));
  }
  const buttons = [button('Python', (event) => copy(python(), event.currentTarget), { title: 'Copy Python code that computes this view' })];
  if (address) buttons.unshift(button('Link', (event) => copy(address(link()), event.currentTarget), { title: 'Copy a link to exactly this state' }));
  return { buttons, byHand, own, link, python };
}
