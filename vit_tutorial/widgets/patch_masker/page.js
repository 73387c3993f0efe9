/** In a built page: what the loader (../attention_explorer/loader.js) calls when a figure comes near the screen. It brings its own engine. */
import { errors, loadAutoencoder } from '../engine/autoencoder.js';
import { createMasker, showFault } from './figure.js';
import { order } from './masks.js';

/** @param figure the element of the page; @param data its JSON; @param assets { models, galleries } as their scripts left them. */
async function mount(figure, data, { models, galleries }) {
  const host = document.createElement('div'), still = figure.querySelector('.vt-still');
  try {
    const { [data.model]: model } = models, { [data.model]: pictures } = galleries;
    if (!model || !pictures?.length) throw new Error(`the weights or pictures of ${data.model} are missing or were cut: the file could not be read`);
    const masker = await createMasker(host, { manifest: model.manifest, data: model.base64, pictures, state: data.state });
    still?.replaceWith(host);
    figure.masker = masker;
  } catch (error) {
    showFault(host, `This figure could not start: ${error.message}. The picture above shows what it does; the rest of the page is not affected.`);
    still?.after(host);
  }
}

(globalThis.vitTutorialFigures ??= {}).patch_masker = { mount, showFault };
globalThis.VitAutoencoder = { errors, loadAutoencoder, order };
