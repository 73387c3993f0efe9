/** From pixels to the model's input. */

const LUMA = [0.299, 0.587, 0.114]; // ITU-R BT.601, as in PIL's mode L

/** ImageData, or its RGBA bytes, of the model's size -> Float32Array [C, H, W] = (pixel / 255 - mean) / std. Alpha is ignored. */
export function imageToInput(vit, imageData) {
  const rgba = imageData.data ?? imageData;
  const { height, width, channels } = vit.shape, pixels = height * width;
  if (channels !== 1 && channels !== 3) throw new Error(`a picture has 1 or 3 channels, the model takes ${channels}`);
  if (rgba.length !== 4 * pixels || (imageData.width ?? width) !== width) {
    const found = imageData.width ? `${imageData.width}x${imageData.height} pixels` : `${rgba.length} bytes`;
    throw new Error(`the picture has ${found}; the model takes ${width}x${height} (width x height), RGBA: resize it first`);
  }
  const out = new Float32Array(channels * pixels);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < pixels; i++) {
      const p = 4 * i;
      const value = channels === 3 ? rgba[p + c] : LUMA[0] * rgba[p] + LUMA[1] * rgba[p + 1] + LUMA[2] * rgba[p + 2];
      out[c * pixels + i] = (value / 255 - vit.mean[c]) / vit.std[c];
    }
  }
  return out;
}
