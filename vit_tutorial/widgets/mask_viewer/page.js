/** A segmenter's page of its own (../site.py): one file with this script, the model and its pictures in it. */
import { createViewer, showFault } from './viewer.js';

/** @param figure an element; @param data { model }; @param assets { models, galleries } as their scripts left them. */
async function mount(figure, data, { models, galleries }) {
  const host = document.createElement('div');
  try {
    const { manifest, base64 } = models[data.model];
    const viewer = await createViewer(host, { model: { manifest, data: base64 }, gallery: galleries[data.model] });
    figure.querySelector('.vt-still')?.replaceWith(host);
    figure.viewer = viewer;
  } catch (error) {
    showFault(host, `The model could not start: ${error.message}.`);
    figure.querySelector('.vt-still')?.replaceWith(host);
  }
}

(globalThis.vitTutorialFigures ??= {}).masks = { mount, showFault };
