/** In a built page: what the loader (../attention_explorer/loader.js) calls when a figure comes near the screen. */
import { createMap, showFault } from './figure.js';

/** @param figure the element of the page; @param given its JSON: { data, state }. */
async function mount(figure, given) {
  const host = document.createElement('div'), still = figure.querySelector('.vt-still');
  try {
    const map = await createMap(host, given);
    still?.replaceWith(host);
    figure.map = map;
  } catch (error) {
    showFault(host, `This figure could not start: ${error.message}. The picture above shows what it does; the rest of the page is not affected.`);
    still?.after(host);
  }
}

(globalThis.vitTutorialFigures ??= {}).feature_map = { mount, showFault };
