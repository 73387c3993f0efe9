/** The reader's own ink: strokes on a large sheet, of which a pixel of the scene is the mean. */
import { canvas } from '../attention_explorer/dom.js';

const FINE = 8, PEN = 1.5; // pixels of the sheet a pixel of the scene; the pen's width in pixels of the scene, about that of the digits

export function createDrawing(height, width) {
  const sheet = canvas(width * FINE, height * FINE), ink = new Uint8Array(height * width);
  Object.assign(sheet.pen, { strokeStyle: '#fff', lineWidth: PEN * FINE, lineCap: 'round', lineJoin: 'round' });
  const shrink = () => {
    const { data } = sheet.pen.getImageData(0, 0, sheet.width, sheet.height);
    for (let p = 0; p < ink.length; p++) {
      let sum = 0;
      for (let i = 0; i < FINE * FINE; i++) sum += data[4 * ((Math.floor(p / width) * FINE + Math.floor(i / FINE)) * sheet.width + (p % width) * FINE + (i % FINE)) + 3];
      ink[p] = Math.round(sum / FINE ** 2);
    }
  };
  return {
    ink,
    isEmpty: () => !ink.some(Boolean),
    /** From one place to another, both in 0..1 of the picture. */
    stroke(from, to) {
      sheet.pen.beginPath();
      sheet.pen.moveTo(from.x * sheet.width, from.y * sheet.height);
      sheet.pen.lineTo(to.x * sheet.width + 0.01, to.y * sheet.height);
      sheet.pen.stroke();
      shrink();
    },
    clear() {
      sheet.pen.clearRect(0, 0, sheet.width, sheet.height);
      ink.fill(0);
    },
  };
}
