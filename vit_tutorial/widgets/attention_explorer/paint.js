/** Drawing on the canvases: the picture as the model gets it, and a map of numbers over it. */
import { css } from './colours.js';

/** The picture, patch by patch: position i shows patch move[i]; hidden patches are hatched. */
export function paintPicture(pen, display, { rows, columns }, { move, hide }, fine) {
  const { width, height } = pen.canvas, w = width / columns, h = height / rows;
  const sw = display.width / columns, sh = display.height / rows;
  pen.imageSmoothingEnabled = fine;
  pen.imageSmoothingQuality = 'high';
  if (!move) pen.drawImage(display, 0, 0, width, height);
  else {
    move.forEach((from, to) => {
      const [sx, sy] = [(from % columns) * sw, Math.floor(from / columns) * sh];
      pen.drawImage(display, sx, sy, sw, sh, (to % columns) * w, Math.floor(to / columns) * h, w, h);
    });
  }
  for (const patch of hide) hatch(pen, (patch % columns) * w, Math.floor(patch / columns) * h, w, h);
}

function hatch(pen, x, y, w, h) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, w, h);
  pen.clip();
  pen.fillStyle = '#8a8f98';
  pen.fillRect(x, y, w, h);
  pen.strokeStyle = '#5d626b';
  pen.lineWidth = w / 12;
  for (let offset = -h; offset < w; offset += w / 4) {
    pen.beginPath();
    pen.moveTo(x + offset, y + h);
    pen.lineTo(x + offset + h, y);
    pen.stroke();
  }
  pen.restore();
}

/** Numbers [n] as colours, one a patch, with the picture shining through, faintly: what is strong stays so. */
export function paintMap(pen, values, { colour }, { rows, columns, channels }, picture = null) {
  const { width, height } = pen.canvas, w = width / columns, h = height / rows;
  pen.globalCompositeOperation = 'source-over';
  pen.globalAlpha = 1;
  for (let i = 0; i < rows * columns; i++) {
    pen.fillStyle = css(colour(values[i]));
    pen.fillRect((i % columns) * w, Math.floor(i / columns) * h, w, h);
  }
  if (!picture) return;
  pen.globalCompositeOperation = channels === 1 ? 'screen' : 'luminosity'; // strokes on black only lighten
  pen.globalAlpha = channels === 1 ? 0.3 : 0.25;
  pen.imageSmoothingEnabled = channels !== 1;
  pen.drawImage(picture, 0, 0, width, height);
  pen.globalAlpha = 1;
  pen.globalCompositeOperation = 'source-over';
}

/** Numbers [n] as a tiny picture of one pixel a patch; the style sheet enlarges it without smoothing. */
export function paintTiny(pen, values, { colour }, { rows, columns }) {
  const image = pen.createImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) image.data.set([...colour(values[i]), 255], 4 * i);
  pen.putImageData(image, 0, 0);
}
