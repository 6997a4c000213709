/**
 * A terminal as one picture that changes. Drawn on the alternate screen, so that what was there comes back; only lines
 * that differ are written, between the marks of a synchronized update, so that nothing flickers over a slow line.
 */

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[2J';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const BEGIN = '\x1b[?2026h';
const END = '\x1b[?2026l';

/** Makes the lines of a picture for so much room. */
type Picture = (columns: number, lines: number) => readonly string[];

export interface Screen {
  draw(picture: Picture): void;
  /** Aborted when the user wants to leave: by `q`, Ctrl-C, or a signal. */
  left: AbortSignal;
  /** Gives the terminal back. */
  close(): void;
}

/** The last one is Ctrl-C. */
const LEAVING_KEYS = ['q', 'Q', '\u0003'];
const LEAVING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

export function openScreen(input = process.stdin, output = process.stdout): Screen {
  const leaving = new AbortController();
  let shown: readonly string[] = [];
  let picture: Picture = () => [];
  const paint = () => {
    const lines = picture(output.columns, output.rows).slice(0, output.rows);
    const count = Math.max(lines.length, shown.length);
    let text = '';
    for (let row = 0; row < count; row += 1) {
      if (lines[row] !== shown[row]) text += `\x1b[${row + 1};1H${lines[row] ?? ''}\x1b[K`;
    }
    shown = lines;
    if (text !== '') output.write(`${BEGIN}${text}${END}`);
  };
  const onResize = () => {
    shown = [];
    output.write('\x1b[2J');
    paint();
  };
  // In raw mode Ctrl-C is a key like others.
  const onKey = (keys: Buffer) => {
    if (LEAVING_KEYS.some((key) => keys.includes(key))) leave();
  };
  const leave = () => leaving.abort();
  output.write(ENTER);
  output.on('resize', onResize);
  input.setRawMode(true);
  input.on('data', onKey);
  // The line to the terminal is cut.
  input.on('end', leave);
  for (const signal of LEAVING) process.on(signal, leave);
  return {
    draw(next) {
      picture = next;
      paint();
    },
    left: leaving.signal,
    close() {
      output.off('resize', onResize);
      input.off('data', onKey).off('end', leave);
      for (const signal of LEAVING) process.off(signal, leave);
      input.setRawMode(false);
      input.pause();
      output.write(LEAVE);
    },
  };
}
