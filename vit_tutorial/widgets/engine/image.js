/** From pixels to the model's input. */

/**
 * ImageData, or its RGBA bytes, of the model's size -> Float32Array [C, H, W] = (pixel / 255 - mean) / std. Alpha is ignored; a model of
 * one channel sees the luma of ITU-R BT.601, as in PIL's mode L.
 */
export function imageToInput({ shape: { height, width, channels }, mean, std }, imageData) {
  const rgba = imageData.data ?? imageData, pixels = height * width, out = new Float32Array(channels * pixels);
  if (rgba.length !== 4 * pixels) {
    throw new Error(`the picture has ${rgba.length / 4} pixels; the model takes ${width}x${height}: resize it`);
  }
  if (channels !== 1 && channels !== 3) throw new Error(`a picture has 1 or 3 channels, the model takes ${channels}`);
  for (let i = 0; i < out.length; i++) {
    const c = (i / pixels) | 0, p = 4 * (i % pixels);
    const value = channels === 3 ? rgba[p + c] : 0.299 * rgba[p] + 0.587 * rgba[p + 1] + 0.114 * rgba[p + 2];
    out[i] = (value / 255 - mean[c]) / std[c];
  }
  return out;
}
