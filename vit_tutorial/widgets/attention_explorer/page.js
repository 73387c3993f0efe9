/** In a built page: what the loader (loader.js) calls when a figure comes near the screen. The engine is on the page already. */
import { createExplorer, showFault } from './figure.js';
import { fromLink } from './state.js';

/** The state after '#NAME:', where the page was opened by a link to this figure. */
function linked(name) {
  const [, found, text] = location.hash.match(/^#([^:]+):(.*)$/) ?? [];
  if (found !== name) return null;
  const picture = new URLSearchParams(text).get('picture');
  return { state: fromLink(text), picture: picture && `data:image/png;base64,${picture}` };
}

/** @param figure the element of the page; @param data its JSON; @param assets { models, galleries } as their scripts left them. */
async function mount(figure, data, assets) {
  const host = document.createElement('div');
  const still = figure.querySelector('.vt-still');
  const give = (text) => { showFault(host, text); still?.after(host); };
  try {
    const entry = assets.models[data.model], link = linked(figure.id);
    if (!entry) throw new Error(`the weights of ${data.model} are missing or were cut: the file could not be read`);
    const explorer = await createExplorer(host, {
      engine: globalThis.VitEngine,
      model: { name: data.model, manifest: entry?.manifest, data: entry?.base64 },
      gallery: assets.galleries[data.model] ?? [],
      steps: data.steps, state: { ...data.state, ...link?.state }, linked: Boolean(link), picture: link?.picture,
      address: (text) => `${location.href.split('#')[0]}#${figure.id}:${text}`,
    });
    still?.replaceWith(host);
    figure.explorer = explorer;
    if (link) figure.scrollIntoView({ block: 'start' });
    addEventListener('hashchange', async () => {
      const now = linked(figure.id);
      if (!now) return;
      if (now.picture) await explorer.setPicture(now.state.image, now.picture);
      explorer.set({ ...data.state, ...now.state });
      figure.scrollIntoView({ block: 'start' });
    });
  } catch (error) { give(`This figure could not start: ${error.message}. The picture above shows what it does; the rest of the page is not affected.`); }
}

(globalThis.vitTutorialFigures ??= {}).explorer = { mount, showFault };
